internal import LMDB
internal import MailCore
internal import MailStore

/// Reads of the index; each is one short read transaction.
extension IndexSchema {
    /// Runs `body` in a read transaction; the library's errors become the store's.
    func read<R>(
        _ body: (borrowing ReadTransaction) throws(LMDBError) -> R
    ) throws(StoreError) -> R {
        do throws(LMDBError) {
            return try self.environment.read(body)
        } catch {
            throw StoreError(error)
        }
    }

    func accountID(_ name: String) throws(StoreError) -> UInt32? {
        try self.read { (transaction) throws(LMDBError) in
            guard let value = try transaction.get(self.accounts, Array(name.utf8)), value.count == 4 else {
                return nil
            }
            return UInt32(littleEndian: value.loadUnaligned(as: UInt32.self))
        }
    }

    func accountRow(_ id: UInt32) throws(StoreError) -> AccountRow? {
        try self.read { (transaction) throws(LMDBError) in
            try transaction.get(self.identities, IndexSchema.key(id)).flatMap { AccountRow($0) }
        }
    }

    /// Of a mailbox; MODSEQs are those of before this start.
    func head(_ key: MailboxKey) throws(StoreError) -> MailboxHead? {
        try self.read { (transaction) throws(LMDBError) in try self.head(key, transaction) }
    }

    func head(_ key: MailboxKey, _ transaction: borrowing ReadTransaction) throws(LMDBError) -> MailboxHead? {
        try transaction.get(self.mailboxes, IndexSchema.key(key)).flatMap { MailboxHead($0, restarts: 0) }
    }

    func highestAccountID() throws(StoreError) -> UInt32 {
        try self.read { (transaction) throws(LMDBError) in
            try transaction.cursor(self.identities).last().map { IndexSchema.lastNumber(of: $0.key) } ?? 0
        }
    }

    func accountNames() throws(StoreError) -> [String] {
        try self.read { (transaction) throws(LMDBError) in
            var names: [String] = []
            let cursor = try transaction.cursor(self.accounts)
            var entry = try cursor.first()
            while let found = entry {
                names.append(String(decoding: found.key, as: UTF8.self))
                entry = try cursor.next()
            }
            return names
        }
    }

    /// Of all accounts, sorted by name.
    func accountIdentities() throws(StoreError) -> [AccountIdentity] {
        let all = try self.read { (transaction) throws(LMDBError) in
            var all: [AccountIdentity] = []
            let cursor = try transaction.cursor(self.identities)
            var entry = try cursor.first()
            while let found = entry {
                if let row = AccountRow(found.value), !row.identity.isInTransit { all.append(row.identity) }
                entry = try cursor.next()
            }
            return all
        }
        return all.sorted { $0.name < $1.name }
    }

    /// Whether the volume has an account, those on their way into it not counted.
    func hasAccounts() throws(StoreError) -> Bool {
        try self.read { (transaction) throws(LMDBError) in
            let cursor = try transaction.cursor(self.accounts)
            var entry = try cursor.first()
            while let found = entry {
                if found.value.count == 4, found.key.first != 0 { return true }
                entry = try cursor.next()
            }
            return false
        }
    }

    /// The numbers of all accounts.
    func accountNumbers() throws(StoreError) -> [String: UInt32] {
        try self.read { (transaction) throws(LMDBError) in
            var numbers: [String: UInt32] = [:]
            let cursor = try transaction.cursor(self.accounts)
            var entry = try cursor.first()
            while let found = entry {
                if found.value.count == 4 {
                    numbers[String(decoding: found.key, as: UTF8.self)] = UInt32(
                        littleEndian: found.value.loadUnaligned(as: UInt32.self))
                }
                entry = try cursor.next()
            }
            return numbers
        }
    }

    /// All mailboxes of an account with their keywords in the order of their numbers.
    func mailboxes(
        of account: UInt32, restarts: UInt64
    ) throws(StoreError) -> [(key: MailboxKey, head: MailboxHead, keywords: [Keyword])] {
        try self.read { (transaction) throws(LMDBError) in
            var result: [(key: MailboxKey, head: MailboxHead, keywords: [Keyword])] = []
            let prefix = IndexSchema.key(account)
            let cursor = try transaction.cursor(self.mailboxes)
            var entry = try cursor.seek(prefix)
            while let found = entry, found.key.starts(with: prefix) {
                let key = MailboxKey(account: account, mailbox: IndexSchema.lastNumber(of: found.key))
                if let head = MailboxHead(found.value, restarts: restarts) {
                    result.append((key, head, try self.keywords(of: key, transaction)))
                }
                entry = try cursor.next()
            }
            return result
        }
    }

    private func keywords(
        of key: MailboxKey, _ transaction: borrowing ReadTransaction
    ) throws(LMDBError) -> [Keyword] {
        var names: [Keyword] = []
        let prefix = IndexSchema.key(key)
        let cursor = try transaction.cursor(self.keywords)
        var entry = try cursor.seek(prefix)
        while let found = entry, found.key.starts(with: prefix) {
            guard let keyword = Keyword(String(decoding: found.value, as: UTF8.self)) else { break }
            // A number without a name must not take that of the next one.
            let number = IndexSchema.keywordNumber(of: found.key)
            while names.count < number, let stand = Keyword("unnamed-\(names.count)") { names.append(stand) }
            names.append(keyword)
            entry = try cursor.next()
        }
        return names
    }

    /// Octets of rows after which a scan tells of its pages.
    private static let scanAtOnce = 1 << 20

    /// Calls `visit` with every message of a mailbox, in the order of UIDs.
    func forEachMessage(
        _ key: MailboxKey, _ transaction: borrowing ReadTransaction,
        _ visit: (UID, UnsafeRawBufferPointer) -> Void
    ) throws(LMDBError) {
        let prefix = IndexSchema.key(key)
        let cursor = try transaction.cursor(self.messages)
        var entry = try cursor.seek(prefix)
        var octets = 0
        defer { self.environment.look(atScattered: octets) }
        while let found = entry, found.key.starts(with: prefix) {
            octets += found.value.count
            // Large mailboxes let go of pages in between, too.
            if octets > Self.scanAtOnce {
                self.environment.look(atScattered: octets)
                octets = 0
            }
            if let uid = UID(rawValue: IndexSchema.lastNumber(of: found.key)) { visit(uid, found.value) }
            entry = try cursor.next()
        }
    }

    /// The rows of some messages; those that are not there are left out.
    func rows(
        _ key: MailboxKey, _ uids: some Sequence<UID>
    ) throws(StoreError) -> [NewMessage] {
        try self.read { (transaction) throws(LMDBError) in try self.rows(key, uids, transaction) }
    }

    func rows(
        _ key: MailboxKey, _ uids: some Sequence<UID>, _ transaction: borrowing ReadTransaction
    ) throws(LMDBError) -> [NewMessage] {
        var rows: [NewMessage] = []
        for uid in uids {
            guard let value = try transaction.get(self.messages, IndexSchema.key(key, uid)) else { continue }
            var reader = ByteReader(value)
            if let row = reader.readRow(uid) { rows.append(row) }
        }
        return rows
    }

    func body(_ id: BodyID) throws(StoreError) -> BodyRow? {
        try self.read { (transaction) throws(LMDBError) in
            try transaction.get(self.bodies, IndexSchema.key(id)).flatMap { BodyRow($0) }
        }
    }

    /// Octets that are needed for their bodies, by segment.
    func liveSegments() throws(StoreError) -> [UInt32: UInt64] {
        try self.read { (transaction) throws(LMDBError) in
            var live: [UInt32: UInt64] = [:]
            let cursor = try transaction.cursor(self.segments)
            var entry = try cursor.first()
            while let found = entry {
                if found.value.count == 8 {
                    live[IndexSchema.number(0, of: found.key)] = UInt64(
                        littleEndian: found.value.loadUnaligned(as: UInt64.self))
                }
                entry = try cursor.next()
            }
            return live
        }
    }

    /// The subscriptions of an account as its records tell them.
    func subscriptions(of account: UInt32) throws(StoreError) -> Set<MailboxName> {
        try self.read { (transaction) throws(LMDBError) in
            var names = Set<MailboxName>()
            let prefix = IndexSchema.key(account)
            let cursor = try transaction.cursor(self.subscriptions)
            var entry = try cursor.seek(prefix)
            while let found = entry, found.key.starts(with: prefix) {
                if let name = MailboxName(String(decoding: found.value, as: UTF8.self)) { names.insert(name) }
                entry = try cursor.next()
            }
            return names
        }
    }

    /// All metadata of an account by the mailbox's number, 0 for the server's.
    func metadata(of account: UInt32) throws(StoreError) -> [UInt32: [MetadataEntry: [UInt8]]] {
        try self.read { (transaction) throws(LMDBError) in
            var found: [UInt32: [MetadataEntry: [UInt8]]] = [:]
            let prefix = IndexSchema.key(account)
            let cursor = try transaction.cursor(self.metadata)
            var row = try cursor.seek(prefix)
            while let entry = row, entry.key.starts(with: prefix) {
                if let name = MetadataEntry(entry.key.dropFirst(8)) {
                    found[IndexSchema.number(4, of: entry.key), default: [:]][name] = Array(entry.value)
                }
                row = try cursor.next()
            }
            return found
        }
    }

    /// The metadata of a mailbox, or of the server where the key's mailbox is 0, sorted by entry.
    func metadata(_ key: MailboxKey) throws(StoreError) -> [Metadata] {
        try self.read { (transaction) throws(LMDBError) in
            var found: [Metadata] = []
            let prefix = IndexSchema.key(key)
            let cursor = try transaction.cursor(self.metadata)
            var row = try cursor.seek(prefix)
            while let entry = row, entry.key.starts(with: prefix) {
                if let name = MetadataEntry(entry.key.dropFirst(prefix.count)) {
                    found.append(Metadata(name, Array(entry.value)))
                }
                row = try cursor.next()
            }
            return found
        }
    }

    /// The messages of a mailbox that have a place in POP3's order.
    func pop3Orders(of key: MailboxKey) throws(StoreError) -> [UID: UInt32] {
        try self.read { (transaction) throws(LMDBError) in
            var orders: [UID: UInt32] = [:]
            try self.forEachMessage(key, transaction) { uid, value in
                var reader = ByteReader(value)
                if let order = reader.readRow(uid)?.pop3Order { orders[uid] = order }
            }
            return orders
        }
    }

    /// The messages removed with a MODSEQ above `modSeq`; `nil` when that is not remembered so far back.
    func vanished(_ key: MailboxKey, since modSeq: ModSeq) throws(StoreError) -> UIDSet? {
        let ranges = try self.read { (transaction) throws(LMDBError) -> [ClosedRange<UID>]? in
            let prefix = IndexSchema.key(key)
            guard let head = try self.head(key, transaction), head.forgottenModSeq <= modSeq else { return nil }
            guard modSeq.rawValue < .max else { return [] }
            var ranges: [ClosedRange<UID>] = []
            let cursor = try transaction.cursor(self.vanished)
            let start = IndexSchema.key(key, ModSeq(rawValue: modSeq.rawValue + 1), 0)
            var entry = try cursor.seek(start)
            while let found = entry, found.key.starts(with: prefix) {
                if found.value.count == 4, let first = UID(rawValue: IndexSchema.lastNumber(of: found.key)),
                    let last = UID(
                        rawValue: UInt32(littleEndian: found.value.loadUnaligned(as: UInt32.self))),
                    first <= last
                {
                    ranges.append(first...last)
                }
                entry = try cursor.next()
            }
            return ranges
        }
        guard let ranges else { return nil }
        // They come in the order of time; a set grows cheaply at its end only.
        var uids = UIDSet()
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) { uids.insert(range) }
        return uids
    }

    /// Which files that are to be removed are named by messages. A copy takes its source's name where that is free, and so
    /// it may be that of a message which was there before, whose file is gone and whose task is not.
    func namesInUse(
        _ key: MailboxKey, _ tasks: some Sequence<FileTask>, _ transaction: borrowing ReadTransaction
    ) throws(LMDBError) -> Set<BodyLocation> {
        let removed = Set(tasks.lazy.filter { $0.kind == .remove }.map(\.location))
        var names = Set<BodyLocation>()
        if removed.isEmpty { return names }
        try self.forEachMessage(key, transaction) { uid, value in
            var reader = ByteReader(value)
            guard let row = reader.readRow(uid), removed.contains(row.location) else { return }
            names.insert(row.location)
        }
        return names
    }

    /// What is still to be done to a mailbox's files.
    func fileTasks(
        of key: MailboxKey, _ transaction: borrowing ReadTransaction
    ) throws(LMDBError) -> [UID: FileTask] {
        var tasks: [UID: FileTask] = [:]
        let prefix = IndexSchema.key(key)
        let cursor = try transaction.cursor(self.fileTasks)
        var entry = try cursor.seek(prefix)
        while let found = entry, found.key.starts(with: prefix) {
            if let uid = UID(rawValue: IndexSchema.lastNumber(of: found.key)),
                let task = FileTask(found.value)
            {
                tasks[uid] = task
            }
            entry = try cursor.next()
        }
        return tasks
    }

    /// The mailboxes that have file work left, over all accounts.
    func mailboxesWithFileTasks() throws(StoreError) -> [MailboxKey] {
        try self.read { (transaction) throws(LMDBError) in
            var keys: [MailboxKey] = []
            let cursor = try transaction.cursor(self.fileTasks)
            var entry = try cursor.first()
            while let found = entry {
                let key = MailboxKey(
                    account: IndexSchema.number(0, of: found.key),
                    mailbox: IndexSchema.number(4, of: found.key))
                keys.append(key)
                guard key.mailbox < .max else { break }
                entry = try cursor.seek(
                    IndexSchema.key(MailboxKey(account: key.account, mailbox: key.mailbox + 1)))
            }
            return keys
        }
    }
}
