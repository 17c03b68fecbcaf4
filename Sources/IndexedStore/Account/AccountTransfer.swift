internal import LMDB
internal import MailCore
internal import MailStore
internal import Threads
internal import VolumeLog

/// Brings what an account holds into another volume, under a number that nobody knows there yet.
///
/// Everything is brought by the records that would have made it: mailboxes under their numbers, messages with UIDs,
/// flags, MODSEQs and GUIDs, what has vanished, keywords, metadata, access control lists, subscriptions, what scripts
/// remember. Of a message in files only its row comes, for the files stay where they are. A pass compares with what
/// the one before has brought, so that the last one, while nobody can change anything, is short.
final class AccountTransfer: @unchecked Sendable {
    // Proof of Sendable: one task works with it, on one storage thread after the other.

    private let source: Volume
    private let target: Volume
    private let account: UInt32
    let id: UInt32
    /// Bodies that several messages name, by where they are now.
    private var bodies: [BodyID: BodyID] = [:]
    private var vanishedThrough: [UInt32: ModSeq] = [:]
    /// Messages that the passes have brought.
    private(set) var messages = 0
    /// Whether it is known only at the next start in which volume the account is.
    var isUndecided = false

    enum Pass {
        /// Others change the account meanwhile: what is gone when its turn comes is left out.
        case online
        case last
    }

    private static let rowsAtOnce = 512
    private static let octetsAtOnce = 4 << 20
    private static let runsAtOnce = 1000
    private static let memoriesAtOnce = 1000

    init(from source: Volume, _ account: UInt32, to target: Volume, as id: UInt32) {
        self.source = source
        self.account = account
        self.target = target
        self.id = id
    }

    /// Brings what is not there yet or otherwise. On a storage thread, with all records of the source applied.
    func run(_ pass: Pass) throws(StoreError) {
        let boxes = try self.source.schema.mailboxes(of: self.account, restarts: self.source.restarts)
        var known: [UInt32: (key: MailboxKey, head: MailboxHead, keywords: [Keyword])] = [:]
        for box in try self.target.schema.mailboxes(of: self.id, restarts: self.target.restarts) {
            known[box.key.mailbox] = box
        }
        let present = Set(boxes.map(\.key.mailbox))
        var records: [StoreRecord] = []
        for (number, box) in known where !present.contains(number) {
            records.append(.mailboxDeleted(box.key, name: box.head.name))
        }
        try self.commit(records)
        for box in boxes { try self.bring(box, known[box.key.mailbox], pass) }
        try self.commit(try self.metadata(of: 0))
        guard pass == .last else { return }
        try self.bringSubscriptions()
        try self.bringMemories()
    }

    /// The lists of all mailboxes, by their keys here and there.
    func accessLists() throws(StoreError) -> [MovedList] {
        try self.source.schema.mailboxes(of: self.account, restarts: self.source.restarts).map { box in
            MovedList(
                source: box.key, target: self.key(box.key.mailbox), text: self.source.accessLists.text(of: box.key))
        }
    }

    /// An access control list here and there.
    struct MovedList: Sendable {
        var source: MailboxKey
        var target: MailboxKey
        var text: [UInt8]
    }

    private func key(_ mailbox: UInt32) -> MailboxKey { MailboxKey(account: self.id, mailbox: mailbox) }

    // MARK: Mailboxes

    private func bring(
        _ box: (key: MailboxKey, head: MailboxHead, keywords: [Keyword]),
        _ known: (key: MailboxKey, head: MailboxHead, keywords: [Keyword])?, _ pass: Pass
    ) throws(StoreError) {
        let key = self.key(box.key.mailbox)
        let head = box.head
        var records: [StoreRecord] = []
        if known == nil {
            records.append(
                .mailboxCreated(
                    MailboxCreated(
                        key: key, name: head.name,
                        header: MailboxHeader(uidValidity: head.uidValidity, uidNext: .first, guid: head.guid),
                        highestModSeq: head.forgottenModSeq, specialUse: nil)))
        } else if let old = known?.head.name, old != head.name {
            records.append(
                .mailboxesRenamed(account: self.id, [Renamed(mailbox: key.mailbox, old: old, new: head.name)]))
        }
        if known?.head.specialUse ?? .byDefault != head.specialUse {
            let value: [UInt8]? =
                switch head.specialUse {
                case .byDefault: nil
                case .noUse: []
                case .use(let use): Array(use.rawValue.utf8)
                }
            records.append(.metadata(MetadataSet(key: key, changes: [MetadataChange(.specialUse, value)])))
        }
        let first = known?.keywords.count ?? 0
        if box.keywords.count > first {
            records.append(
                .keywords(
                    key,
                    NewKeywords(first: UInt16(truncatingIfNeeded: first), names: Array(box.keywords[first...]))))
        }
        records += try self.metadata(of: box.key.mailbox)
        let list = self.source.accessLists.text(of: box.key)
        if pass == .last {
            records.append(.accessList(AccessListSet(key: key, origin: .file, text: list)))
        }
        try self.commit(records)
        try self.bringMessages(box.key, key, head, isNew: known == nil, pass)
        try self.bringVanished(box.key, key, head)
        try self.bringPrivateFlags(box.key, key)
        let next = UID(rawValue: head.uidNext) ?? .first
        try self.commit([
            .found(MessagesFound(key: key, newKeywords: NewKeywords(), uidNext: next, messages: [])),
            .recent(key, firstRecent: head.firstRecent),
            .vanished(key, head.highestModSeq, []),
        ])
    }

    /// What readers have of their own; what they have there already counts, too.
    private func bringPrivateFlags(_ from: MailboxKey, _ key: MailboxKey) throws(StoreError) {
        let source = self.source.schema
        let readers = try source.read { (transaction) throws(LMDBError) in try source.readers(of: from, transaction) }
        for reader in readers {
            var known: [UID: PrivateFlagRow] = [:]
            for (uid, row) in try self.target.schema.privateFlags(key, reader: reader) { known[uid] = row }
            var changed: [ModSeq: [PrivateFlagsChanged.Row]] = [:]
            for (uid, row) in try source.privateFlags(from, reader: reader) where known[uid] != row {
                changed[row.modSeq, default: []].append(
                    PrivateFlagsChanged.Row(uid: uid, flags: row.flags, keywords: row.keywords))
            }
            try self.commit(
                changed.sorted { $0.key < $1.key }.map { modSeq, rows in
                    .privateFlagged(PrivateFlagsChanged(key: key, reader: reader, modSeq: modSeq, rows: rows))
                })
        }
    }

    private func metadata(of mailbox: UInt32) throws(StoreError) -> [StoreRecord] {
        let wanted = try self.source.schema.metadata(MailboxKey(account: self.account, mailbox: mailbox))
        var present: [MetadataEntry: [UInt8]] = [:]
        for known in try self.target.schema.metadata(self.key(mailbox)) { present[known.entry] = known.value }
        var changes: [MetadataChange] = []
        for entry in wanted where present.removeValue(forKey: entry.entry) != entry.value {
            changes.append(MetadataChange(entry.entry, entry.value))
        }
        changes += present.keys.map { MetadataChange($0, nil) }
        return changes.isEmpty ? [] : [.metadata(MetadataSet(key: self.key(mailbox), changes: changes))]
    }

    // MARK: Messages

    private func bringVanished(
        _ from: MailboxKey, _ key: MailboxKey, _ head: MailboxHead
    ) throws(StoreError) {
        var since = self.vanishedThrough[key.mailbox] ?? head.forgottenModSeq
        while true {
            let runs = try self.source.schema.vanishedRuns(from, above: since, limit: Self.runsAtOnce)
            guard let last = runs.last?.modSeq else { return }
            try self.commit(runs.map { .vanished(key, $0.modSeq, $0.uids) })
            since = last
            self.vanishedThrough[key.mailbox] = last
        }
    }

    private func bringMessages(
        _ from: MailboxKey, _ key: MailboxKey, _ head: MailboxHead, isNew: Bool, _ pass: Pass
    ) throws(StoreError) {
        var next: UInt32 = 1
        while true {
            let rows = try self.source.schema.rows(from, from: next, limit: Self.rowsAtOnce)
            let isLast = rows.count < Self.rowsAtOnce
            let through = isLast ? UInt32.max : rows[rows.count - 1].uid.rawValue
            var present: [UID: NewMessage] = [:]
            if !isNew {
                for row in try self.target.schema.rows(key, from: next, through: through, limit: .max) {
                    present[row.uid] = row
                }
            }
            var new: [NewMessage] = []
            var changed: [ModSeq: [FlagsChanged.Row]] = [:]
            for row in rows {
                guard let known = present.removeValue(forKey: row.uid) else {
                    new.append(row)
                    continue
                }
                guard known.modSeq != row.modSeq || known.flags != row.flags || known.keywords != row.keywords
                else { continue }
                changed[row.modSeq, default: []].append(
                    FlagsChanged.Row(uid: row.uid, flags: row.flags, keywords: row.keywords))
            }
            var records: [StoreRecord] = changed.sorted { $0.key < $1.key }.map { modSeq, rows in
                .flagged(
                    FlagsChanged(key: key, modSeq: modSeq, origin: .file, newKeywords: NewKeywords(), rows: rows))
            }
            if !present.isEmpty {
                records.append(.vanished(key, head.highestModSeq, UIDSet(present.keys.sorted())))
            }
            try self.commit(records)
            try self.add(new, from, key, pass)
            guard !isLast, through < .max else { return }
            next = through + 1
        }
    }

    /// Messages on their way.
    private struct Load {
        var records: [StoreRecord] = []
        var derived: [DerivedRows] = []
        /// The body that each of the records brings, where others may name it too.
        var shared: [BodyID?] = []
        /// Of messages whose bodies are there already or in files.
        var rows: [NewMessage] = []
        var notes: [(uid: UID, derived: DerivedRows)] = []
        var octets = 0
    }

    private func add(
        _ rows: [NewMessage], _ from: MailboxKey, _ key: MailboxKey, _ pass: Pass
    ) throws(StoreError) {
        guard !rows.isEmpty else { return }
        let derived = try self.source.schema.derived(from, rows.map(\.uid))
        var load = Load()
        for (row, made) in zip(rows, derived) {
            guard let body = row.location.bodyID else {
                load.rows.append(row)
                load.notes.append((row.uid, made))
                continue
            }
            var message = row
            message.guid = self.source.guid(of: row)
            if load.shared.contains(body) { try self.unload(&load, key) }
            // One that came is gone again when all that named it there has vanished between two passes.
            if let there = self.bodies[body], (try self.target.schema.body(there)?.references ?? 0) > 0 {
                message.location = BodyLocation(there)
                load.rows.append(message)
                load.notes.append((row.uid, made))
                continue
            }
            let octets: MessageOctets
            let isShared: Bool
            do throws(StoreError) {
                isShared = (try self.source.schema.body(body)?.references ?? 0) > 1
                octets = try self.source.readBody(body)
            } catch {
                guard pass == .online, error.code == .expunged else { throw error }
                continue
            }
            message.location = .thisRecord
            let packed = self.target.packed(octets)
            load.records.append(
                .added(
                    MessageAdded(
                        targets: [MessageAdded.Target(key: key, newKeywords: NewKeywords(), message: message)],
                        octets: packed ?? octets, isPacked: packed != nil)))
            load.derived.append(made.isEmpty ? CacheBuilder.build(octets) : made)
            load.shared.append(isShared ? body : nil)
            load.octets += octets.count
            if load.octets >= Self.octetsAtOnce { try self.unload(&load, key) }
        }
        try self.unload(&load, key)
    }

    private func unload(_ load: inout Load, _ key: MailboxKey) throws(StoreError) {
        if !load.rows.isEmpty {
            load.records.append(
                .found(
                    MessagesFound(key: key, newKeywords: NewKeywords(), uidNext: .first, messages: load.rows)))
        }
        let sequences = try self.commit(load.records, load.derived)
        for (sequence, body) in zip(sequences, load.shared) {
            if let body { self.bodies[body] = BodyID(sequence) }
        }
        for note in load.notes where !note.derived.isEmpty {
            self.target.applier.add(.derived(key, note.uid, note.derived))
        }
        self.messages += load.shared.count + load.rows.count
        load = Load()
    }

    // MARK: Of the account as a whole

    private func bringSubscriptions() throws(StoreError) {
        let wanted = try self.source.schema.subscriptions(of: self.account)
        let present = try self.target.schema.subscriptions(of: self.id)
        try self.commit(
            wanted.subtracting(present).sorted().map { .subscription(account: self.id, $0, isSubscribed: true) }
                + present.subtracting(wanted).sorted().map {
                    .subscription(account: self.id, $0, isSubscribed: false)
                })
    }

    private func bringMemories() throws(StoreError) {
        var rest = try self.source.schema.remembered(by: self.account)[...]
        while !rest.isEmpty {
            var effects = RecordedEffects()
            for memory in rest.prefix(Self.memoriesAtOnce) {
                effects.remembered.append(
                    RecordedEffects.Memory(account: self.id, key: memory.key, expires: memory.expires))
            }
            rest = rest.dropFirst(Self.memoriesAtOnce)
            try self.commit([.added(MessageAdded(targets: [], effects: effects, octets: MessageOctets([])))])
        }
    }

    @discardableResult
    private func commit(
        _ records: [StoreRecord], _ derived: [DerivedRows] = []
    ) throws(StoreError) -> [LogSequence] {
        try self.target.commitAndApply(records, derived)
    }
}

extension Volume {
    /// Queues records, waits on this thread until they are in the index, and answers their numbers.
    ///
    /// An error does not say that they are not in the log.
    @discardableResult
    func commitAndApply(
        _ records: [StoreRecord], _ derived: [DerivedRows] = []
    ) throws(StoreError) -> [LogSequence] {
        guard !records.isEmpty else { return [] }
        switch self.commit(records, derived) {
        case .durable(let sequences, let ticket):
            try self.waitApplied(ticket)
            return sequences
        case .refused(let failure), .undecided(let failure): throw failure
        }
    }

    /// What became of records that were to be written.
    enum Commitment {
        /// They are in the log, and will be in the index, at the next start if not before.
        case durable([LogSequence], ticket: UInt64)
        /// They are not.
        case refused(StoreError)
        /// The volume stopped over them: the next start says which it is.
        case undecided(StoreError)
    }

    /// Queues records and waits on this thread for the log.
    func commit(_ records: [StoreRecord], _ derived: [DerivedRows] = []) -> Commitment {
        let outcomes = Outcomes(records.count)
        let pending = records.enumerated().map { index, record in
            PendingRecord(
                record: record, derived: index < derived.count ? derived[index] : .none, isAwaited: true,
                completion: { outcomes.add($0) })
        }
        guard let ticket = self.committer.enqueue(pending) else { return .refused(StoreError(.temporary, "volume closed")) }
        var sequences: [LogSequence] = []
        for outcome in outcomes.wait() {
            switch outcome {
            case .success(let sequence): sequences.append(sequence)
            case .failure(let failure):
                return self.committer.failure == nil ? .refused(failure) : .undecided(failure)
            }
        }
        return .durable(sequences, ticket: ticket)
    }

    private final class Outcomes: @unchecked Sendable {
        // Touched only with `monitor.lock` held.
        private let monitor = Monitor()
        private let count: Int
        private var outcomes: [Result<LogSequence, StoreError>] = []

        init(_ count: Int) { self.count = count }

        func add(_ outcome: Result<LogSequence, StoreError>) {
            self.monitor.lock.withLock {
                self.outcomes.append(outcome)
                self.monitor.wakeAll()
            }
        }

        func wait() -> [Result<LogSequence, StoreError>] {
            self.monitor.lock.lock()
            defer { self.monitor.lock.unlock() }
            while self.outcomes.count < self.count { self.monitor.wait() }
            return self.outcomes
        }
    }
}
