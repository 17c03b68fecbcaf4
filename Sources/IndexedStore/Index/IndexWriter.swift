internal import LMDB
internal import MailCore
internal import MailStore

/// Turns records into rows, inside one write transaction. The live volume and replay after a crash use the same.
///
/// Heads are read once and written once per transaction. What is to be done to files is collected in `fileTasks`
/// for who does it after the commit.
struct IndexWriter {
    /// File work that a record asked for.
    struct PendingFileTask {
        var key: MailboxKey
        var uid: UID
        var kind: FileTask.Kind
        var location: BodyLocation
        var oldFlags: MessageFlags
        var oldKeywords: [UInt16]
        var newFlags: MessageFlags
        var newKeywords: [UInt16]
        var modSeq: ModSeq
    }

    let schema: IndexSchema
    private let restarts: UInt64
    var heads: [MailboxKey: MailboxHead] = [:]
    var accounts: [UInt32: AccountRow] = [:]
    private var buffer: [UInt8] = []
    var fileTasks: [PendingFileTask] = []
    var bodies = BodyAccounting()
    /// Octets of trace rows put in this transaction.
    var traced: UInt64 = 0
    /// Whether rows of deleted mailboxes are left.
    var hasGarbage = false

    /// What the records are applied to.
    enum Purpose {
        /// The state that the record before left.
        case apply
        /// Rows of a checkpoint, which are of later moments than its base (see `CheckpointPart`).
        case rebuild
    }

    private let purpose: Purpose

    init(_ schema: IndexSchema, restarts: UInt64, _ purpose: Purpose = .apply) {
        self.schema = schema
        self.restarts = restarts
        self.purpose = purpose
        self.bodies.unreferenced = purpose == .rebuild ? .keep : .forget
    }

    /// Writes what was held back. Must come last in the transaction.
    mutating func finish(_ transaction: borrowing WriteTransaction) throws(LMDBError) {
        for (key, head) in self.heads {
            try transaction.put(self.schema.mailboxes, IndexSchema.key(key), head.encode())
        }
        for (id, row) in self.accounts {
            try transaction.put(self.schema.identities, IndexSchema.key(id), row.encode())
        }
        self.heads = [:]
        self.accounts = [:]
        try self.bodies.finish(self.schema, transaction)
        try self.finishTrace(transaction)
    }

    // MARK: Records

    /// - Parameter derived: what is made from a new message, made beforehand.
    mutating func apply(
        _ record: StoreRecord, derived: DerivedRows, at place: PlacedRecord, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        switch record {
        case .account(let set):
            var row = try self.account(set.id, transaction) ?? AccountRow(identity: set.identity)
            row.identity = set.identity
            self.accounts[set.id] = row
            var id: [UInt8] = []
            id.appendLittleEndian(set.id)
            try transaction.put(self.schema.accounts, Array(set.identity.name.utf8), id)
        case .mailboxCreated(let created):
            guard try self.head(created.key, transaction) == nil else { return }
            self.heads[created.key] = MailboxHead(created, restarts: self.restarts)
            if var row = try self.account(created.key.account, transaction) {
                row.nextMailbox = max(row.nextMailbox, created.key.mailbox &+ 1)
                row.lastUIDValidity = max(row.lastUIDValidity, created.header.uidValidity.rawValue)
                self.accounts[created.key.account] = row
            }
        case .mailboxDeleted(let key, _):
            self.heads[key] = nil
            let prefix = IndexSchema.key(key)
            _ = try transaction.delete(self.schema.accessLists, prefix)
            // A checkpoint may have rows of a mailbox that it has no head of.
            guard try transaction.delete(self.schema.mailboxes, prefix) || self.purpose == .rebuild else { return }
            // The number is never used again, so the rows may go later and in slices.
            try transaction.put(self.schema.garbage, prefix, [])
            self.hasGarbage = true
        case .mailboxesRenamed(let account, let mailboxes):
            for renamed in mailboxes {
                let key = MailboxKey(account: account, mailbox: renamed.mailbox)
                guard var head = try self.head(key, transaction) else { continue }
                head.name = renamed.new
                self.heads[key] = head
            }
        case .subscription(let account, let name, let isSubscribed):
            let key = IndexSchema.key(account, subscription: name)
            if isSubscribed {
                try transaction.put(self.schema.subscriptions, key, Array(name.text.utf8))
            } else {
                try transaction.delete(self.schema.subscriptions, key)
            }
        case .metadata(let set):
            try self.apply(set, transaction)
        case .accessList(let set):
            guard try self.head(set.key, transaction) != nil else { return }
            if set.text.isEmpty {
                _ = try transaction.delete(self.schema.accessLists, IndexSchema.key(set.key))
            } else {
                try transaction.put(self.schema.accessLists, IndexSchema.key(set.key), set.text)
            }
        case .added(let added):
            self.bodies.current = (
                BodyID(place.sequence), place.location, UInt32(clamping: added.count), added.isPacked
            )
            if !added.isForFilesOnly || added.effects.namesBody {
                try self.bodies.introduce(self.schema, transaction)
            }
            for target in added.targets {
                guard var head = try self.head(target.key, transaction) else { continue }
                try self.put(target.newKeywords, target.key, transaction)
                try self.put(target.message, target.key, &head, transaction)
                try self.put(derived, target.key, target.message.uid, transaction)
                self.heads[target.key] = head
            }
            try self.apply(added.effects, place.sequence, transaction)
        case .found(let found):
            guard var head = try self.head(found.key, transaction) else { return }
            try self.put(found.newKeywords, found.key, transaction)
            for message in found.messages {
                try self.put(message, found.key, &head, transaction)
                // Made beforehand or later; a note brings it.
                try self.put(DerivedRows.none, found.key, message.uid, transaction)
            }
            head.uidNext = max(head.uidNext, found.uidNext.rawValue)
            self.heads[found.key] = head
        case .copied(let copied):
            try self.apply(copied, transaction)
        case .flagged(let change):
            try self.apply(change, transaction)
        case .privateFlagged(let change):
            try self.apply(change, transaction)
        case .vanished(let key, let modSeq, let uids):
            try self.vanish(key, modSeq, uids, .now, transaction)
        case .recent(let key, let firstRecent):
            guard var head = try self.head(key, transaction), firstRecent > head.firstRecent else { return }
            head.counters.recent = try self.count(key, from: firstRecent, transaction)
            head.firstRecent = firstRecent
            self.heads[key] = head
        case .keywords(let key, let keywords):
            guard try self.head(key, transaction) != nil else { return }
            try self.put(keywords, key, transaction)
        case .bodyMoved(let moved):
            try self.bodies.move(
                moved.id, to: place.location, count: UInt32(clamping: moved.count), isPacked: moved.isPacked,
                self.schema,
                transaction)
        case .relocated(let relocated):
            if relocated.new.isInLog {
                self.bodies.current = (
                    BodyID(place.sequence), place.location, UInt32(clamping: relocated.count), false
                )
                try self.bodies.introduce(self.schema, transaction)
            }
            try self.apply(relocated, transaction)
        case .outgoingChanged(let changed):
            try self.apply(changed, transaction)
        case .eventNoted(let noted): try self.apply(noted, transaction)
        case .eventDone(let id, let parts): try self.apply(eventDone: parts, of: id, transaction)
        case .traced(let octets): try self.trace(octets, at: place.sequence, transaction)
        case .checkpoint, .closed, .restarted: break
        case .quotaLimits(let id, let limits):
            guard var row = try self.account(id, transaction) else { return }
            row.quotaLimits = limits
            self.accounts[id] = row
        case .accountArrived(let arrived): try self.arrive(arrived, transaction)
        case .accountLeft(let id): try self.leave(id, transaction)
        }
    }

    private mutating func apply(
        _ relocated: MessageRelocated, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        let rowKey = IndexSchema.key(relocated.key, relocated.uid)
        guard try self.head(relocated.key, transaction) != nil else { return }
        let known = try transaction.get(self.schema.messages, rowKey).flatMap { value -> NewMessage? in
            var reader = ByteReader(value)
            return reader.readRow(relocated.uid)
        }
        guard var row = known, row.location == relocated.old else {
            // Gone, or taken elsewhere by another record. A checkpoint's row may be of later than this record, and the
            // file still be there.
            if self.purpose == .rebuild, !relocated.old.isInLog {
                let task = FileTask(.remove, relocated.old, relocated.flags, relocated.keywords)
                try transaction.put(self.schema.fileTasks, rowKey, task.encode())
            }
            return
        }
        row.location = relocated.new
        if row.location == .thisRecord, let id = self.bodies.current?.id { row.location = BodyLocation(id) }
        row.guid = relocated.guid
        if let id = row.location.bodyID { try self.bodies.retain(id, self.schema, transaction) }
        self.buffer.removeAll(keepingCapacity: true)
        self.buffer.append(row: row)
        try transaction.put(self.schema.messages, rowKey, self.buffer)
        if let id = relocated.old.bodyID { try self.bodies.release(id, self.schema, transaction) }
        var task: FileTask?
        if !relocated.old.isInLog {
            let shown = try transaction.get(self.schema.fileTasks, rowKey).flatMap { FileTask($0) }
            task = FileTask(
                .remove, relocated.old, shown?.flags ?? row.flags, shown?.keywords ?? row.keywords)
        } else if !row.location.isInLog {
            // Flags may have changed since the file was written.
            task = FileTask(.rename, row.location, relocated.flags, relocated.keywords)
        }
        guard let task else { return }
        try transaction.put(self.schema.fileTasks, rowKey, task.encode())
        self.fileTasks.append(
            PendingFileTask(
                key: relocated.key, uid: relocated.uid, kind: task.kind, location: task.location,
                oldFlags: task.flags, oldKeywords: task.keywords, newFlags: row.flags, newKeywords: row.keywords,
                modSeq: row.modSeq))
    }

    private mutating func apply(
        _ set: MetadataSet, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        if set.key.mailbox != 0 {
            guard var head = try self.head(set.key, transaction) else { return }
            for change in set.changes where change.entry == .specialUse {
                head.specialUse = SpecialUseChoice(change.value)
                self.heads[set.key] = head
            }
        }
        for change in set.changes where set.key.mailbox == 0 || change.entry != .specialUse {
            let key = IndexSchema.key(set.key, change.entry)
            if let value = change.value {
                try transaction.put(self.schema.metadata, key, value)
            } else {
                try transaction.delete(self.schema.metadata, key)
            }
        }
    }

    private mutating func apply(
        _ copied: MessagesCopied, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        if var head = try self.head(copied.target, transaction) {
            try self.put(copied.newKeywords, copied.target, transaction)
            for row in copied.messages {
                let message = row.message
                try self.put(message, copied.target, &head, transaction)
                let sourceKey = IndexSchema.key(copied.source, row.source)
                // Copied out first: a change invalidates what was read.
                let derived = DerivedRows(
                    cache: try transaction.get(self.schema.caches, sourceKey).map { Array($0) } ?? [],
                    signature: try transaction.get(self.schema.signatures, sourceKey).map { Array($0) } ?? [],
                    headerKeys: try transaction.get(self.schema.headerKeys, sourceKey).map { Array($0) } ?? [])
                try self.put(derived, copied.target, message.uid, transaction)
            }
            self.heads[copied.target] = head
        }
        guard let modSeq = copied.vanishedModSeq else { return }
        var sources = UIDSet()
        for row in copied.messages { sources.insert(row.source) }
        // Their files are removed only when those of the copies are in place; the mover says when.
        try self.vanish(copied.source, modSeq, sources, .later, transaction)
    }

    private mutating func apply(
        _ change: FlagsChanged, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        guard var head = try self.head(change.key, transaction) else { return }
        try self.put(change.newKeywords, change.key, transaction)
        for row in change.rows {
            let key = IndexSchema.key(change.key, row.uid)
            guard let value = try transaction.get(self.schema.messages, key) else { continue }
            var reader = ByteReader(value)
            guard var message = reader.readRow(row.uid) else { continue }
            let oldFlags = message.flags
            let oldKeywords = message.keywords
            message.flags = row.flags
            message.keywords = row.keywords
            message.modSeq = max(message.modSeq, change.modSeq)
            head.counters.change(from: oldFlags, to: row.flags)
            self.buffer.removeAll(keepingCapacity: true)
            self.buffer.append(row: message)
            try transaction.put(self.schema.messages, key, self.buffer)
            guard change.origin == .store, !message.location.isInLog else { continue }
            var shown = FileTask(.rename, message.location, oldFlags, oldKeywords)
            if let known = try transaction.get(self.schema.fileTasks, key).flatMap({ FileTask($0) }) {
                // The file still shows what it did before an earlier change.
                shown = known
            } else {
                try transaction.put(self.schema.fileTasks, key, shown.encode())
            }
            self.fileTasks.append(
                PendingFileTask(
                    key: change.key, uid: row.uid, kind: .rename, location: message.location,
                    oldFlags: shown.flags, oldKeywords: shown.keywords, newFlags: row.flags,
                    newKeywords: row.keywords, modSeq: message.modSeq))
        }
        head.highestModSeq = max(head.highestModSeq, change.modSeq)
        self.heads[change.key] = head
    }

    // MARK: Rows

    private mutating func put(
        _ message: NewMessage, _ key: MailboxKey, _ head: inout MailboxHead,
        _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        let rowKey = IndexSchema.key(key, message.uid)
        var message = message
        if message.location == .thisRecord, let id = self.bodies.current?.id { message.location = BodyLocation(id) }
        if let id = message.location.bodyID { try self.bodies.retain(id, self.schema, transaction) }
        let isCounted = message.uid.rawValue < head.uidNext
        // A checkpoint has its mailboxes from before its messages.
        if isCounted || self.purpose == .rebuild, let value = try transaction.get(self.schema.messages, rowKey) {
            var reader = ByteReader(value)
            if let old = reader.readRow(message.uid) {
                if isCounted {
                    head.counters.remove(
                        uid: message.uid, flags: old.flags, size: old.size, firstRecent: head.firstRecent)
                }
                if let id = old.location.bodyID { try self.bodies.release(id, self.schema, transaction) }
            }
        }
        self.buffer.removeAll(keepingCapacity: true)
        self.buffer.append(row: message)
        try transaction.put(self.schema.messages, rowKey, self.buffer)
        head.counters.add(
            uid: message.uid, flags: message.flags, size: message.size, firstRecent: head.firstRecent)
        if message.uid.rawValue >= head.uidNext { head.uidNext = message.uid.rawValue &+ 1 }
        head.highestModSeq = max(head.highestModSeq, message.modSeq)
    }

    private func put(
        _ keywords: NewKeywords, _ key: MailboxKey, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        var number = keywords.first
        for keyword in keywords.names {
            try transaction.put(
                self.schema.keywords, IndexSchema.key(key, keyword: number), Array(keyword.name.utf8))
            number &+= 1
        }
    }

    private func count(
        _ key: MailboxKey, from uid: UInt32, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) -> Int {
        guard let uid = UID(rawValue: uid) else { return 0 }
        let prefix = IndexSchema.key(key)
        let cursor = try transaction.cursor(self.schema.messages)
        var count = 0
        var entry = try cursor.seek(IndexSchema.key(key, uid))
        while let found = entry, found.key.starts(with: prefix) {
            count += 1
            entry = try cursor.next()
        }
        return count
    }

    /// Notes a MODSEQ that was given; whether there is such a mailbox.
    mutating func raise(
        _ key: MailboxKey, to modSeq: ModSeq, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) -> Bool {
        guard var head = try self.head(key, transaction) else { return false }
        head.highestModSeq = max(head.highestModSeq, modSeq)
        self.heads[key] = head
        return true
    }

    func head(
        _ key: MailboxKey, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) -> MailboxHead? {
        if let known = self.heads[key] { return known }
        guard let value = try transaction.get(self.schema.mailboxes, IndexSchema.key(key)) else { return nil }
        return MailboxHead(value, restarts: self.restarts)
    }

    func account(
        _ id: UInt32, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) -> AccountRow? {
        if let known = self.accounts[id] { return known }
        guard let value = try transaction.get(self.schema.identities, IndexSchema.key(id)) else { return nil }
        return AccountRow(value)
    }
}
