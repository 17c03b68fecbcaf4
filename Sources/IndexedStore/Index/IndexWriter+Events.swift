internal import LMDB
internal import MailCore
internal import MailStore

extension IndexWriter {
    mutating func apply(_ noted: RecordedEvent, _ transaction: borrowing WriteTransaction) throws(LMDBError) {
        var row: [UInt8] = []
        noted.encode(into: &row)
        try transaction.put(self.schema.events, IndexSchema.key(event: noted.id), row)
    }

    mutating func apply(
        eventDone parts: UInt8, of id: UInt64, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        let key = IndexSchema.key(event: id)
        let found = try transaction.get(self.schema.events, key).flatMap { value -> RecordedEvent? in
            var reader = ByteReader(value)
            return RecordedEvent(&reader)
        }
        guard var event = found else { return }
        event.event.parts &= ~parts
        if event.event.parts == 0 {
            try transaction.delete(self.schema.events, key)
        } else {
            try self.apply(event, transaction)
        }
    }
}

extension IndexSchema {
    static func key(event id: UInt64) -> [UInt8] {
        var key: [UInt8] = []
        key.appendBigEndian(id)
        return key
    }

    /// The oldest first.
    func storedEvents() throws(StoreError) -> [NotedEvent] {
        try self.read { (transaction) throws(LMDBError) in
            var events: [NotedEvent] = []
            let cursor = try transaction.cursor(self.events)
            var entry = try cursor.first()
            while let found = entry {
                var reader = ByteReader(found.value)
                if let event = RecordedEvent(&reader) { events.append(event.event) }
                entry = try cursor.next()
            }
            return events
        }
    }
}
