internal import LMDB
internal import MailCore
internal import MailStore
internal import VolumeLog

/// Fills an empty index from the last checkpoint of the log, and puts in order at the end what a checkpoint does not
/// hold: who names which body, and sums.
struct CheckpointLoading {
    let schema: IndexSchema
    let log: VolumeLog

    private static let octetsPerTransaction = 32 << 20

    // MARK: Loading it

    struct Loaded {
        var restarts: UInt64 = 0
        /// Parts of rows that cannot be read.
        var missing: UInt64 = 0
    }

    /// Takes in the rows of the checkpoint with that base.
    func load(_ base: LogSequence) throws(StoreError) -> Loaded {
        var loaded = Loaded()
        var found: UInt64 = 0
        var isWhole = false
        var waiting: [(database: Database, entries: [UInt8])] = []
        var octets = 0
        try CheckpointSearch(self.log).visit(from: base.next) { part in
            guard part.base == base else { return .next }
            switch part.content {
            case .begin(let restarts, let version):
                guard UInt64(version) <= IndexSchema.version else {
                    throw StoreError(
                        .damaged,
                        "the log's checkpoint has the index version \(version); this server knows only "
                            + "\(IndexSchema.version): start the newer release again")
                }
                // Rows have been the same in all versions so far.
                loaded = Loaded(restarts: restarts)
                // Begun once more after a crash, under the same name: only its own rows count.
                guard found > 0 else { return .next }
                waiting = []
                octets = 0
                found = 0
                try self.empty()
            case .rows(let name, let entries):
                found += 1
                waiting.append((try self.schema.environment.database(name), entries))
                octets += entries.count
                if octets >= Self.octetsPerTransaction {
                    loaded.missing += try self.write(waiting)
                    waiting = []
                    octets = 0
                }
            case .end(let parts):
                isWhole = true
                loaded.missing += parts > found ? parts - found : 0
                return .stop
            }
            return .next
        }
        do throws(LMDBError) { loaded.missing += try self.write(waiting) } catch { throw StoreError(error) }
        if !isWhole { loaded.missing = max(1, loaded.missing) }
        return loaded
    }

    private func empty() throws(LMDBError) {
        let schema = self.schema
        try schema.environment.write { (transaction) throws(LMDBError) in
            for database in schema.environment.openDatabases { try transaction.deleteAll(database) }
        }
    }

    /// - Returns: how many parts could not be read to their end.
    private func write(_ parts: [(database: Database, entries: [UInt8])]) throws(LMDBError) -> UInt64 {
        guard !parts.isEmpty else { return 0 }
        let schema = self.schema
        return try schema.environment.write { (transaction) throws(LMDBError) -> UInt64 in
            var bodies = BodyAccounting()
            var broken: UInt64 = 0
            for part in parts {
                let isBodies = part.database == schema.bodies
                let isMessages = part.database == schema.messages
                let isOutgoing = part.database == schema.outgoing
                let isWhole = try CheckpointPart.forEachEntry(part.entries) { (key, value) throws(LMDBError) in
                    if isBodies {
                        try Self.putBody(key, value, schema, transaction)
                        return
                    }
                    try transaction.put(part.database, key, value)
                    if isOutgoing, let mail = key.withUnsafeBytes(IndexSchema.outgoingKey),
                        value.withUnsafeBytes({ OutgoingRow($0) })?.hasBody ?? false
                    {
                        try bodies.retain(mail.body, schema, transaction)
                    }
                    guard isMessages, let id = Self.body(key, value) else { return }
                    try bodies.retain(id, schema, transaction)
                }
                if !isWhole { broken += 1 }
            }
            return broken
        }
    }

    /// The names are counted anew, for the rows of messages are of another moment.
    private static func putBody(
        _ key: [UInt8], _ value: [UInt8], _ schema: IndexSchema, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        guard var row = value.withUnsafeBytes({ BodyRow($0) }) else { return }
        row.references = try transaction.get(schema.bodies, key).flatMap { BodyRow($0) }?.references ?? 0
        var bytes: [UInt8] = []
        row.encode(into: &bytes)
        try transaction.put(schema.bodies, key, bytes)
    }

    private static func body(_ key: [UInt8], _ value: [UInt8]) -> BodyID? {
        let uid = key.withUnsafeBytes { UID(rawValue: IndexSchema.lastNumber(of: $0)) }
        guard let uid else { return nil }
        return value.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            return reader.readRow(uid)?.location.bodyID
        }
    }

    // MARK: After the replay

    /// Forgets bodies that nobody names, and sums up segments and mailboxes. Answers how many messages name a body
    /// that the log does not have any more.
    func finish(restarts: UInt64) throws(StoreError) -> Int {
        let schema = self.schema
        do throws(LMDBError) {
            return try schema.environment.write { (transaction) throws(LMDBError) -> Int in
                let lost = try Self.sumUpBodies(schema, transaction)
                try Self.sumUpMailboxes(schema, restarts, transaction)
                try schema.sumUpPrivateFlags(transaction)
                return lost
            }
        } catch {
            throw StoreError(error)
        }
    }

    private static func sumUpBodies(
        _ schema: IndexSchema, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) -> Int {
        var live: [UInt32: UInt64] = [:]
        var lost = 0
        let cursor = try transaction.cursor(schema.bodies)
        var entry = try cursor.first()
        while let found = entry {
            if let row = BodyRow(found.value), row.references > 0 {
                if let location = row.location {
                    live[location.segment, default: 0] += row.span
                } else {
                    lost &+= Int(row.references)
                }
            } else {
                try cursor.delete()
            }
            entry = try cursor.next()
        }
        try transaction.deleteAll(schema.segments)
        for (segment, octets) in live {
            var bytes: [UInt8] = []
            bytes.appendLittleEndian(octets)
            try transaction.put(schema.segments, IndexSchema.key(segment), bytes)
        }
        return lost
    }

    private static func sumUpMailboxes(
        _ schema: IndexSchema, _ restarts: UInt64, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        var heads: [([UInt8], MailboxHead)] = []
        let cursor = try transaction.cursor(schema.mailboxes)
        var entry = try cursor.first()
        while let found = entry {
            if let head = MailboxHead(found.value, restarts: restarts) { heads.append((Array(found.key), head)) }
            entry = try cursor.next()
        }
        for (key, old) in heads {
            var head = old
            head.counters = MailboxCounters()
            let mailbox = key.withUnsafeBytes {
                MailboxKey(account: IndexSchema.number(0, of: $0), mailbox: IndexSchema.number(4, of: $0))
            }
            try schema.forEachMessage(mailbox, transaction.reading) { uid, value in
                var reader = ByteReader(value)
                guard let row = reader.readRow(uid) else { return }
                head.counters.add(uid: uid, flags: row.flags, size: row.size, firstRecent: head.firstRecent)
                head.uidNext = max(head.uidNext, uid.rawValue &+ 1)
                head.highestModSeq = max(head.highestModSeq, row.modSeq)
            }
            try transaction.put(schema.mailboxes, key, head.encode())
        }
    }
}
