internal import LMDB
internal import MailCore
internal import MailStore
internal import VolumeLog

/// The files side of a recovery: what records of the log say must be there, compared with what is there.
struct RecoveredFiles {
    struct Account {
        var identity: AccountIdentity
        var files: any AccountFiles
        var home: BodyHome
    }

    struct Message: Hashable {
        var key: MailboxKey
        var uid: UID
    }

    /// A record with message files, found again by its place in the log.
    struct Noted {
        var sequence: LogSequence
        var location: RecordLocation
    }

    private struct Unwritten {
        var noted: Noted
        var messages: [(key: MailboxKey, uid: UID)]
    }

    private struct Undone {
        var sequence: LogSequence
        var record: StoreRecord
        var account: UInt32
    }

    let configuration: IndexedStore.Configuration
    let schema: IndexSchema
    private var messages: [Noted] = []
    /// The records that hold the octets of messages, copies included: a copy is a link to the same file, so that
    /// what takes the octets of one takes those of all.
    var octets: [Message: RecordLocation] = [:]
    /// Of the other copies, which message each is a copy of and where that was.
    var origins: [Message: (message: Message, location: BodyLocation)] = [:]
    /// Changes of the set of mailboxes, in order.
    private var structure: [(sequence: LogSequence, record: StoreRecord)] = []
    private var accounts: [UInt32: Account] = [:]
    /// Accounts whose mail is away, looked for once in each attempt.
    private var refused: [UInt32: StoreError] = [:]
    private var touched: [MailboxKey: any MailboxFiles] = [:]
    /// Records whose files could not be written, to be tried again while the volume works.
    private var unwritten: [Unwritten] = []
    /// Changes of mailboxes that could not be done, in order, of accounts that are barred.
    private var undone: [Undone] = []
    /// Accounts that nobody can use before all changes of their mailboxes are on the disk, and what keeps these from it:
    /// their mail is away, a rename is half done, a mailbox with messages cannot be made.
    private(set) var barred: [UInt32: StoreError] = [:]
    /// Mailboxes with file work from before the start that was not done at the start.
    var leftTasks = Set<MailboxKey>()
    /// Messages whose files unwritten records need: copies are to be made of them.
    var sources: [MailboxKey: UIDSet] = [:]

    init(_ configuration: IndexedStore.Configuration, _ schema: IndexSchema) {
        self.configuration = configuration
        self.schema = schema
    }

    /// Remembers a record whose files may not be on the disk.
    mutating func note(_ record: StoreRecord, _ sequence: LogSequence, _ location: RecordLocation) {
        switch record {
        case .added(let added):
            guard added.hasFiles else { return }
            self.messages.append(Noted(sequence: sequence, location: location))
            for target in added.targets where !target.message.location.isInLog {
                self.octets[Message(key: target.key, uid: target.message.uid)] = location
            }
        case .relocated(let relocated):
            guard !relocated.new.isInLog else { return }
            self.messages.append(Noted(sequence: sequence, location: location))
            self.octets[Message(key: relocated.key, uid: relocated.uid)] = location
        case .copied(let copied):
            guard copied.messages.contains(where: { !$0.message.location.isInLog }) else { return }
            self.messages.append(Noted(sequence: sequence, location: location))
            for row in copied.messages where !row.message.location.isInLog {
                let source = Message(key: copied.source, uid: row.source)
                let target = Message(key: copied.target, uid: row.message.uid)
                if let octets = self.octets[source] {
                    self.octets[target] = octets
                } else {
                    self.origins[target] = (source, row.sourceLocation)
                }
            }
        case .mailboxCreated, .mailboxDeleted, .mailboxesRenamed, .subscription, .metadata, .accessList:
            self.structure.append((sequence, record))
        case .account, .found, .flagged, .vanished, .recent, .keywords, .bodyMoved, .checkpoint, .closed, .restarted,
            .quotaLimits, .outgoingChanged, .traced, .privateFlagged, .eventNoted, .eventDone, .accountArrived,
            .accountLeft:
            break
        }
    }

    // MARK: Restoring

    /// Writes what is missing; answers the records for which that failed.
    mutating func restore(
        from log: VolumeLog, report: inout IndexedStore.OpenReport
    ) throws(StoreError) -> Set<LogSequence> {
        var failed = Set<LogSequence>()
        // Renames first: what was made under the old name would else be made anew under the new one. At most the last of
        // them is not on the disk.
        let renames = self.structure.filter { $0.record.isRename }
        for (sequence, record) in renames + self.structure.filter({ !$0.record.isRename }) {
            guard let account = record.structureAccount else { continue }
            if !self.repeatOrKeep(Undone(sequence: sequence, record: record, account: account)) {
                failed.insert(sequence)
            }
        }
        for cause in self.barred.values { self.configuration.log(.error, "after a crash: \(cause)") }
        for noted in self.messages {
            do throws(StoreError) {
                try self.restore(noted, from: log, &report)
            } catch {
                failed.insert(noted.sequence)
                self.keep(noted, from: log)
                report.uncheckedFiles += 1
                self.configuration.log(
                    .error,
                    "after a crash, a message file cannot be written again: \(error). The message stays in the log; "
                        + "tried again until it succeeds")
            }
        }
        let unflushed = self.flush()
        for error in unflushed.values {
            self.configuration.log(.error, "restored files cannot be flushed: \(error)")
        }
        guard !unflushed.isEmpty else { return failed }
        for noted in self.messages where !failed.contains(noted.sequence) {
            let messages = Self.messages(of: noted, in: log)
            guard messages.contains(where: { unflushed[$0.key.account] != nil }) else { continue }
            failed.insert(noted.sequence)
            self.keep(noted, from: log)
        }
        return failed
    }

    private mutating func keep(_ noted: Noted, from log: VolumeLog) {
        let messages = Self.messages(of: noted, in: log)
        self.unwritten.append(Unwritten(noted: noted, messages: messages))
        for message in messages { self.noteSources(of: Message(key: message.key, uid: message.uid)) }
    }

    /// What one more attempt has put on the disk.
    struct Progress {
        var done: [LogSequence] = []
        /// Messages whose files are there now.
        var written: [(key: MailboxKey, uid: UID)] = []
    }

    /// Once more, for records that failed: each that can be done now, whatever is with the others. What was done to the
    /// messages since is in the index.
    mutating func restoreRest(from log: VolumeLog) -> Progress {
        var report = IndexedStore.OpenReport()
        // What was opened then may have another name by now, or be gone.
        self.refused = [:]
        self.accounts = [:]
        self.touched = [:]
        let undone = self.undone
        self.undone = []
        self.barred = [:]
        var progress = Progress()
        var made: [Undone] = []
        for change in undone {
            // An account that is barred cannot be in use: an old change is not put over a newer one.
            if self.repeatOrKeep(change) || self.barred[change.account] == nil { made.append(change) }
        }
        var written: [Unwritten] = []
        var unwritten: [Unwritten] = []
        for record in self.unwritten {
            do throws(StoreError) {
                try self.restore(record.noted, from: log, &report)
                written.append(record)
            } catch {
                unwritten.append(record)
            }
        }
        let unflushed = self.flush()
        for change in made {
            if let cause = unflushed[change.account] {
                self.keep(change, Self.unfinished(cause))
            } else {
                progress.done.append(change.sequence)
            }
        }
        for record in written {
            if record.messages.contains(where: { unflushed[$0.key.account] != nil }) {
                unwritten.append(record)
            } else {
                progress.done.append(record.noted.sequence)
                progress.written += record.messages
            }
        }
        self.unwritten = unwritten
        return progress
    }

    var isComplete: Bool { self.unwritten.isEmpty && self.undone.isEmpty }

    /// Messages of unwritten records.
    var missing: [(key: MailboxKey, uid: UID)] { self.unwritten.flatMap(\.messages) }

    /// Whether the change is done. One that bars its account is kept, and those of the account behind it with it.
    private mutating func repeatOrKeep(_ change: Undone) -> Bool {
        if let cause = self.barred[change.account] {
            self.keep(change, cause)
            return false
        }
        do throws(StoreError) {
            try self.repeatStructure(change.record)
            return true
        } catch {
            if self.refused[change.account] != nil {
                self.keep(change, error)
            } else if self.bars(change.record, error) {
                self.keep(change, Self.unfinished(error))
            } else {
                self.configuration.log(.error, "after a crash, mailboxes cannot be put in order: \(error)")
            }
            return false
        }
    }

    private mutating func keep(_ change: Undone, _ cause: StoreError) {
        self.undone.append(change)
        self.barred[change.account] = cause
    }

    private static func unfinished(_ cause: StoreError) -> StoreError {
        StoreError(
            .temporary,
            "a change of mailboxes from before the last crash cannot be finished on the disk: \(cause). Tried again each "
                + "second until it succeeds")
    }

    /// Whether nobody may use the account before the change is made. A mailbox that is not among the files is taken for
    /// removed by another program, and its messages with it.
    private func bars(_ record: StoreRecord, _ error: StoreError) -> Bool {
        switch record {
        case .mailboxesRenamed: return true
        case .mailboxCreated(let created):
            if error.code == .diskFull || error.code == .temporary { return true }
            return ((try? self.head(created.key)) ?? nil).map { $0.counters.messages > 0 } ?? false
        default: return false
        }
    }

    /// Flushes the mailboxes in which something was written; the accounts for which that failed.
    private mutating func flush() -> [UInt32: StoreError] {
        var failed: [UInt32: StoreError] = [:]
        for (key, files) in self.touched where failed[key.account] == nil {
            do throws(StoreError) {
                guard let identity = try self.account(key.account)?.identity else { continue }
                try identity.asOwner { () throws(StoreError) in try files.flush() }
            } catch {
                failed[key.account] = error
            }
        }
        return failed
    }

    // MARK: Accounts and mailboxes

    mutating func account(_ id: UInt32) throws(StoreError) -> Account? {
        if let known = self.accounts[id] { return known }
        // The files of one that has left are another volume's.
        guard let row = try self.schema.accountRow(id), !row.identity.isInTransit else { return nil }
        if let refusal = self.refused[id] { throw refusal }
        let identity = row.identity
        let format = try self.configuration.format(of: identity)
        let known = format.home == .log ? [] : try self.knownMail(id)
        do throws(StoreError) {
            try format.refuseMissing(known, of: identity)
        } catch {
            self.refused[id] = error
            throw error
        }
        let files =
            format.home == .log
            ? try format.openAccount(identity)
            : try identity.asOwner { () throws(StoreError) in try format.openAccount(identity) }
        files.expect(known)
        let account = Account(identity: identity, files: files, home: format.home)
        self.accounts[id] = account
        return account
    }

    /// What was among an account's files before the records that are noted: those of a new account, its root included,
    /// may be lost with the power, and are made again.
    private func knownMail(_ id: UInt32) throws(StoreError) -> KnownMail {
        var noted: [MailboxKey: Set<UID>] = [:]
        for message in self.octets.keys where message.key.account == id {
            noted[message.key, default: []].insert(message.uid)
        }
        for message in self.origins.keys where message.key.account == id {
            noted[message.key, default: []].insert(message.uid)
        }
        var made = Set<MailboxKey>()
        for case (_, .mailboxCreated(let created)) in self.structure { made.insert(created.key) }
        var heads: [MailboxHead] = []
        for (key, row, _) in try self.schema.mailboxes(of: id, restarts: 0) {
            var head = row
            let messages = Int(head.counters.messages)
            if messages > 0, let new = noted[key], messages <= new.count {
                let rows = try self.schema.rows(key, new.sorted())
                if rows.count == messages { head.counters.messages = 0 }
            }
            if head.counters.messages == 0, made.contains(key) { continue }
            heads.append(head)
        }
        return KnownMail(heads, madeBySettings: self.configuration.mailboxDefaults)
    }

    /// A mailbox's files, made when they are missing; `nil` when the index does not have it.
    mutating func mailbox(_ key: MailboxKey) throws(StoreError) -> (any MailboxFiles)? {
        if let known = self.touched[key] { return known }
        // Made now under its new name, it would be in the way of the one with its messages.
        if let cause = self.barred[key.account] { throw cause }
        guard let account = try self.account(key.account), account.home == .files,
            let head = try self.head(key)
        else { return nil }
        let files = try account.identity.asOwner { () throws(StoreError) -> any MailboxFiles in
            do throws(StoreError) {
                return try account.files.mailbox(head.name)
            } catch {
                guard error.code == .notFound else { throw error }
                let header = MailboxHeader(
                    uidValidity: head.uidValidity, uidNext: UID(rawValue: head.uidNext) ?? .first,
                    guid: head.guid)
                return try account.files.createMailbox(head.name, header)
            }
        }
        self.touched[key] = files
        return files
    }

    func head(_ key: MailboxKey) throws(StoreError) -> MailboxHead? {
        let schema = self.schema
        return try schema.read { (transaction) throws(LMDBError) in
            try transaction.get(schema.mailboxes, IndexSchema.key(key)).flatMap {
                MailboxHead($0, restarts: 0)
            }
        }
    }
}
