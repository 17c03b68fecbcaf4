internal import LMDB
internal import MailCore
internal import MailStore

/// An account that comes from another volume: first under a name of its own, while what it holds comes, then
/// under its own name.
struct AccountArrived: Sendable {
    var id: UInt32
    var row: AccountRow
}

extension AccountIdentity {
    // No user's name has a NUL in it.
    private static let arrivingPrefix = "\u{0}in:"
    private static let leftPrefix = "\u{0}out:"

    /// Whether the row stands for an account that is not, or not any more, in this volume.
    var isInTransit: Bool { self.name.utf8.first == 0 }

    /// The user's name.
    var shownName: String {
        for prefix in [Self.arrivingPrefix, Self.leftPrefix] where self.name.hasPrefix(prefix) {
            return String(self.name.dropFirst(prefix.count))
        }
        return self.name
    }

    var arriving: AccountIdentity {
        var identity = self
        identity.name = Self.arrivingPrefix + self.shownName
        return identity
    }

    var left: AccountIdentity {
        var identity = self
        identity.name = Self.leftPrefix + self.shownName
        return identity
    }

    var isArriving: Bool { self.name.hasPrefix(Self.arrivingPrefix) }
}

extension IndexWriter {
    mutating func arrive(
        _ arrived: AccountArrived, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        self.accounts[arrived.id] = arrived.row
        guard !arrived.row.identity.isInTransit else { return }
        var id: [UInt8] = []
        id.appendLittleEndian(arrived.id)
        try transaction.put(self.schema.accounts, Array(arrived.row.identity.name.utf8), id)
    }

    /// Removes all that an account has here, but for its mails that wait for the MTA: they are sent from here. Its
    /// row stays, so that its number is never another's.
    mutating func leave(_ id: UInt32, _ transaction: borrowing WriteTransaction) throws(LMDBError) {
        guard var row = try self.account(id, transaction) else { return }
        let name = Array(row.identity.name.utf8)
        if let known = try transaction.get(self.schema.accounts, name), known.count == 4,
            UInt32(littleEndian: known.loadUnaligned(as: UInt32.self)) == id
        {
            try transaction.delete(self.schema.accounts, name)
        }
        row.identity = row.identity.left
        self.accounts[id] = row
        for key in self.heads.keys where key.account == id { self.heads[key] = nil }
        let prefix = IndexSchema.key(id)
        for database in [
            self.schema.mailboxes, self.schema.accessLists, self.schema.subscriptions, self.schema.remembered,
        ] {
            _ = try transaction.delete(database, prefix: prefix, limit: .max)
        }
        // Rows of messages go later and in slices.
        try transaction.put(self.schema.garbage, prefix, [])
        self.hasGarbage = true
    }
}

extension IndexSchema {
    /// The accounts with their numbers that are on their way in, or have left.
    func accountsInTransit() throws(StoreError) -> [(id: UInt32, row: AccountRow)] {
        try self.read { (transaction) throws(LMDBError) in
            var found: [(id: UInt32, row: AccountRow)] = []
            let cursor = try transaction.cursor(self.identities)
            var entry = try cursor.first()
            while let row = entry {
                if let account = AccountRow(row.value), account.identity.isInTransit {
                    found.append((IndexSchema.lastNumber(of: row.key), account))
                }
                entry = try cursor.next()
            }
            return found
        }
    }

    /// Up to `limit` messages of a mailbox from a UID on, and through another.
    func rows(
        _ key: MailboxKey, from first: UInt32, through last: UInt32 = .max, limit: Int
    ) throws(StoreError) -> [NewMessage] {
        guard let first = UID(rawValue: max(1, first)) else { return [] }
        return try self.read { (transaction) throws(LMDBError) in
            var rows: [NewMessage] = []
            let prefix = IndexSchema.key(key)
            let cursor = try transaction.cursor(self.messages)
            var entry = try cursor.seek(IndexSchema.key(key, first))
            while let found = entry, rows.count < limit, found.key.starts(with: prefix) {
                var reader = ByteReader(found.value)
                guard let uid = UID(rawValue: IndexSchema.lastNumber(of: found.key)), uid.rawValue <= last else {
                    break
                }
                if let row = reader.readRow(uid) { rows.append(row) }
                entry = try cursor.next()
            }
            return rows
        }
    }

    /// What vanished with a MODSEQ above one, in order.
    func vanishedRuns(
        _ key: MailboxKey, above modSeq: ModSeq, limit: Int
    ) throws(StoreError) -> [(modSeq: ModSeq, uids: UIDSet)] {
        guard modSeq.rawValue < .max else { return [] }
        return try self.read { (transaction) throws(LMDBError) in
            var runs: [(modSeq: ModSeq, uids: UIDSet)] = []
            let prefix = IndexSchema.key(key)
            let cursor = try transaction.cursor(self.vanished)
            var entry = try cursor.seek(IndexSchema.key(key, ModSeq(rawValue: modSeq.rawValue + 1), 0))
            while let found = entry, found.key.starts(with: prefix) {
                if found.key.count == 20, found.value.count == 4,
                    let first = UID(rawValue: IndexSchema.lastNumber(of: found.key)),
                    let last = UID(rawValue: UInt32(littleEndian: found.value.loadUnaligned(as: UInt32.self))),
                    first <= last
                {
                    let modSeq = ModSeq(
                        rawValue: UInt64(bigEndian: found.key.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
                    if runs.last?.modSeq == modSeq {
                        runs[runs.count - 1].uids.insert(first...last)
                    } else {
                        // One MODSEQ is never cut in two.
                        guard runs.count < limit else { break }
                        runs.append((modSeq, UIDSet(first...last)))
                    }
                }
                entry = try cursor.next()
            }
            return runs
        }
    }

    /// What was made from a message, as far as it is there.
    func derived(_ key: MailboxKey, _ uids: [UID]) throws(StoreError) -> [DerivedRows] {
        try self.read { (transaction) throws(LMDBError) in
            var found: [DerivedRows] = []
            for uid in uids {
                let row = IndexSchema.key(key, uid)
                found.append(
                    DerivedRows(
                        cache: try transaction.get(self.caches, row).map { Array($0) } ?? [],
                        signature: try transaction.get(self.signatures, row).map { Array($0) } ?? [],
                        headerKeys: try transaction.get(self.headerKeys, row).map { Array($0) } ?? []))
            }
            return found
        }
    }

    /// What scripts of an account remember.
    func remembered(by account: UInt32) throws(StoreError) -> [(key: RememberedKey, expires: Int64)] {
        try self.read { (transaction) throws(LMDBError) in
            var found: [(key: RememberedKey, expires: Int64)] = []
            let prefix = IndexSchema.key(account)
            let cursor = try transaction.cursor(self.remembered)
            var entry = try cursor.seek(prefix)
            while let row = entry, row.key.starts(with: prefix) {
                if let key = RememberedKey(octets: Array(row.key.dropFirst(prefix.count))), row.value.count == 8 {
                    found.append((key, Int64(littleEndian: row.value.loadUnaligned(as: Int64.self))))
                }
                entry = try cursor.next()
            }
            return found
        }
    }
}
