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

    /// A record whose files could not be written.
    struct Unwritten {
        var noted: Noted
        var messages: [(key: MailboxKey, uid: UID)]
        /// Messages whose files it needs: copies are to be made of them.
        var sources: [MailboxKey: UIDSet]

        var sequence: LogSequence { self.noted.sequence }
    }

    private struct Change {
        var sequence: LogSequence
        var record: StoreRecord
        var account: UInt32
    }

    /// Has a change that the disk will never take taken back in log and index.
    typealias Commit = (StoreRecord) throws(StoreError) -> Void

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
    /// What the records say of each account's mailboxes, for `knownMail`.
    var noted: [UInt32: NotedMail] = [:]
    var accounts: [UInt32: Account] = [:]
    /// Accounts whose mail is away, looked for once in each attempt.
    var refused: [UInt32: StoreError] = [:]
    /// What was written in since the last flush.
    var touched: [MailboxKey: any MailboxFiles] = [:]
    /// Records to be tried again while the volume works.
    private(set) var unwritten: [Unwritten] = []
    /// Changes of mailboxes that are made and not flushed.
    private var unflushed: [Change] = []
    /// Changes of mailboxes that could not be done, in order, of accounts that are barred.
    private var undone: [Change] = []
    /// Accounts that nobody can use before all changes of their mailboxes are on the disk, and what keeps these from it:
    /// their mail is away, a rename is half done, a mailbox cannot be made.
    private(set) var barred: [UInt32: StoreError] = [:]
    /// Mailboxes with file work from before the start that was not done at the start.
    var leftTasks = Set<MailboxKey>()

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
                self.noted[target.key.account, default: NotedMail()].add(target.key, target.message.uid)
            }
        case .relocated(let relocated):
            guard !relocated.new.isInLog else { return }
            self.messages.append(Noted(sequence: sequence, location: location))
            self.octets[Message(key: relocated.key, uid: relocated.uid)] = location
            self.noted[relocated.key.account, default: NotedMail()].add(relocated.key, relocated.uid)
        case .copied(let copied):
            guard copied.messages.contains(where: { !$0.message.location.isInLog }) else { return }
            self.messages.append(Noted(sequence: sequence, location: location))
            for row in copied.messages where !row.message.location.isInLog {
                let source = Message(key: copied.source, uid: row.source)
                let target = Message(key: copied.target, uid: row.message.uid)
                self.noted[copied.target.account, default: NotedMail()].add(copied.target, row.message.uid)
                if let octets = self.octets[source] {
                    self.octets[target] = octets
                } else {
                    self.origins[target] = (source, row.sourceLocation)
                }
            }
        case .mailboxCreated(let created):
            self.noted[created.key.account, default: NotedMail()].made.insert(created.key)
            self.structure.append((sequence, record))
        case .mailboxDeleted, .mailboxesRenamed, .subscription, .metadata, .accessList:
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
        from log: VolumeLog, report: inout IndexedStore.OpenReport, _ commit: Commit
    ) -> Set<LogSequence> {
        var failed = Set<LogSequence>()
        var made: [Change] = []
        // Renames first: what was made under the old name would else be made anew under the new one. At most the last of
        // them is not on the disk.
        let renames = self.structure.filter { $0.record.isRename }
        for (sequence, record) in renames + self.structure.filter({ !$0.record.isRename }) {
            guard let account = record.structureAccount else { continue }
            let change = Change(sequence: sequence, record: record, account: account)
            switch self.make(change, commit) {
            case .made: made.append(change)
            case .kept: failed.insert(sequence)
            case .impossible: break
            }
        }
        for (id, cause) in self.barred { self.configuration.log(.error, "after a crash: \(self.name(of: id)): \(cause)") }
        var left = 0
        for noted in self.messages {
            do throws(StoreError) {
                try self.restore(noted, from: log, &report)
            } catch {
                failed.insert(noted.sequence)
                self.keep(noted, from: log)
                left += 1
                guard left <= Self.maximumTold else { continue }
                self.configuration.log(
                    .error,
                    "after a crash, a message file cannot be written again: \(error). The message stays in the log; "
                        + "tried again until it succeeds")
            }
        }
        report.uncheckedFiles += left
        if left > Self.maximumTold {
            self.configuration.log(.error, "after a crash, \(left) message files cannot be written again")
        }
        let unflushed = self.flush(Set(made.map(\.account)))
        guard !unflushed.isEmpty else { return failed }
        for (id, error) in unflushed {
            self.configuration.log(.error, "\(self.name(of: id)): restored files cannot be flushed: \(error)")
        }
        for change in made where unflushed[change.account] != nil {
            failed.insert(change.sequence)
            self.unflushed.append(change)
        }
        for noted in self.messages where !failed.contains(noted.sequence) {
            let messages = Self.messages(of: noted, in: log)
            guard messages.contains(where: { unflushed[$0.key.account] != nil }) else { continue }
            failed.insert(noted.sequence)
            self.keep(noted, from: log)
        }
        return failed
    }

    /// Message files of which the log is told one by one.
    private static let maximumTold = 10

    private mutating func keep(_ noted: Noted, from log: VolumeLog) {
        let messages = Self.messages(of: noted, in: log)
        var sources: [MailboxKey: UIDSet] = [:]
        for message in messages { self.addSources(of: Message(key: message.key, uid: message.uid), to: &sources) }
        self.unwritten.append(Unwritten(noted: noted, messages: messages, sources: sources))
    }

    /// What one more attempt has put on the disk.
    struct Progress {
        /// Changes of mailboxes.
        var changes: [LogSequence] = []
        var written: [Unwritten] = []
    }

    /// Once more, for records that failed: each that can be done now, whatever is with the others. What was done to the
    /// messages since is in the index.
    mutating func restoreRest(from log: VolumeLog, _ commit: Commit) -> Progress {
        var report = IndexedStore.OpenReport()
        // What was opened then may have another name by now, or be gone.
        self.refused = [:]
        self.accounts = [:]
        self.touched = [:]
        let undone = self.undone
        self.undone = []
        self.barred = [:]
        var progress = Progress()
        var made = self.unflushed
        for change in undone {
            // An account that is barred cannot be in use: an old change is not put over a newer one.
            switch self.make(change, commit) {
            case .made: made.append(change)
            case .kept: break
            case .impossible: progress.changes.append(change.sequence)
            }
        }
        var written: [Unwritten] = []
        var unwritten: [Unwritten] = []
        for record in self.unwritten {
            do throws(StoreError) {
                // Before the record is read, which has the message.
                for message in record.messages { try self.checkUsable(message.key.account) }
                try self.restore(record.noted, from: log, &report)
                written.append(record)
            } catch {
                unwritten.append(record)
            }
        }
        let unflushed = self.flush(Set(made.map(\.account)))
        self.unflushed = made.filter { unflushed[$0.account] != nil }
        progress.changes += made.filter { unflushed[$0.account] == nil }.map(\.sequence)
        for record in written {
            if record.messages.contains(where: { unflushed[$0.key.account] != nil }) {
                unwritten.append(record)
            } else {
                progress.written.append(record)
            }
        }
        self.unwritten = unwritten
        return progress
    }

    /// Forgets the changes that an account waits for; their records.
    mutating func giveUp(_ account: UInt32) -> [LogSequence] {
        let given = self.undone.filter { $0.account == account }
        self.undone.removeAll { $0.account == account }
        self.barred[account] = nil
        return given.map(\.sequence)
    }

    var isComplete: Bool { self.unwritten.isEmpty && self.undone.isEmpty && self.unflushed.isEmpty }

    private enum Outcome { case made, kept, impossible }

    /// A change that cannot be made and bars its account is kept, and those of the account behind it with it.
    private mutating func make(_ change: Change, _ commit: Commit) -> Outcome {
        if let cause = self.barred[change.account] {
            self.keep(change, cause)
            return .kept
        }
        do throws(StoreError) {
            try self.repeatStructure(change.record, commit)
            return .made
        } catch {
            if self.refused[change.account] != nil {
                self.keep(change, error)
            } else if self.bars(change.record, error) {
                self.keep(change, Self.unfinished(error))
            } else {
                self.configuration.log(
                    .error, "after a crash: \(self.name(of: change.account)): mailboxes cannot be put in order: \(error)")
                return .impossible
            }
            return .kept
        }
    }

    private mutating func keep(_ change: Change, _ cause: StoreError) {
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
            // A name that the files cannot have was answered with an error, or was to be.
            guard error.code == .cannot else { return true }
            return ((try? self.schema.head(created.key)) ?? nil).map { $0.counters.messages > 0 } ?? false
        default: return false
        }
    }
}
