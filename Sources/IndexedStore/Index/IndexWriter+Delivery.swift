internal import LMDB
internal import MailCore
internal import MailStore
internal import VolumeLog

/// Rows of mails that wait for the MTA, and of what is remembered.
extension IndexWriter {
    /// With the record's body as the current one.
    mutating func apply(
        _ effects: RecordedEffects, _ delivery: LogSequence, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        for (number, mail) in effects.outgoing.enumerated() {
            let id = OutgoingID(delivery: delivery.rawValue, number: UInt32(clamping: number))
            let key = OutgoingKey(account: mail.account, id: id)
            let octets = IndexSchema.key(key)
            // A checkpoint may have the row already, and counted its name of the body.
            let isKnown = try transaction.get(self.schema.outgoing, octets) != nil
            try transaction.put(self.schema.outgoing, octets, mail.row.encode())
            if mail.row.hasBody, !isKnown { try self.bodies.retain(key.body, self.schema, transaction) }
        }
        for memory in effects.remembered {
            var expires: [UInt8] = []
            expires.appendLittleEndian(memory.expires)
            try transaction.put(
                self.schema.remembered, IndexSchema.key(memory.account, memory.key), expires)
        }
    }

    mutating func apply(
        _ changed: OutgoingChanged, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        let octets = IndexSchema.key(changed.key)
        guard var row = try transaction.get(self.schema.outgoing, octets).flatMap({ OutgoingRow($0) }) else { return }
        guard let state = changed.state else {
            try transaction.delete(self.schema.outgoing, octets)
            if row.hasBody { try self.bodies.release(changed.key.body, self.schema, transaction) }
            return
        }
        row.attempts = state.attempts
        row.nextAttempt = state.nextAttempt
        row.lastError = state.lastError
        row.isHandedOver = state.isHandedOver
        try transaction.put(self.schema.outgoing, octets, row.encode())
    }
}
