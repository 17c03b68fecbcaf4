internal import LMDB
internal import MailCore
internal import MailStore
internal import VolumeLog

/// The files side of a recovery: what records of the log say must be there, compared with what is there.
struct RecoveredFiles {
    private struct Account {
        var identity: AccountIdentity
        var files: any AccountFiles
        var home: BodyHome
    }

    private struct Message: Hashable {
        var key: MailboxKey
        var uid: UID
    }

    /// A record with message files, found again by its place in the log.
    private struct Noted {
        var sequence: LogSequence
        var location: RecordLocation
    }

    private let configuration: IndexedStore.Configuration
    private let schema: IndexSchema
    private var messages: [Noted] = []
    /// The records that hold the octets of messages, copies included: a copy is a link to the same file, so that
    /// what takes the octets of one takes those of all.
    private var octets: [Message: RecordLocation] = [:]
    /// Of the other copies, which message each is a copy of and where that was.
    private var origins: [Message: (message: Message, location: BodyLocation)] = [:]
    /// Changes of the set of mailboxes, in order.
    private var structure: [(sequence: LogSequence, record: StoreRecord)] = []
    private var accounts: [UInt32: Account] = [:]
    /// Accounts whose mail is away, looked for once in each attempt.
    private var refused: [UInt32: StoreError] = [:]
    private var touched: [MailboxKey: any MailboxFiles] = [:]
    /// Records whose files could not be written, to be tried again while the volume works.
    private var unwritten: [Noted] = []
    /// Changes of mailboxes that could not be done, of accounts that nobody can use until they are: their mail is away, or
    /// a rename is half done.
    private var undone: [(sequence: LogSequence, record: StoreRecord)] = []
    /// Accounts with a rename that is half done.
    private(set) var halfRenamed = Set<UInt32>()
    /// Mailboxes with file work from before the start that was not done at the start.
    private(set) var leftTasks = Set<MailboxKey>()
    /// Messages of those records.
    private(set) var missing: [(key: MailboxKey, uid: UID)] = []
    /// Messages whose files such records need: copies are to be made of them.
    private(set) var sources: [MailboxKey: UIDSet] = [:]

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
        from log: VolumeLog, report: inout IndexedStore.OpenReport,
        _ write: @Sendable (IndexedStore.LogLevel, String) -> Void
    ) throws(StoreError) -> [LogSequence] {
        var failed: [LogSequence] = []
        // Renames first: what was made under the old name would else be made anew under the new one. At most the last of
        // them is not on the disk.
        let isRename = { (record: StoreRecord) -> Bool in
            if case .mailboxesRenamed = record { return true }
            return false
        }
        for (sequence, record) in self.structure.filter({ isRename($0.1) }) + self.structure.filter({ !isRename($0.1) }) {
            do throws(StoreError) {
                try self.repeatStructure(record)
            } catch {
                failed.append(sequence)
                if let id = record.structureAccount, isRename(record) || self.refused[id] != nil || self.halfRenamed.contains(id) {
                    self.undone.append((sequence, record))
                    if isRename(record) { self.halfRenamed.insert(id) }
                }
                write(.error, "after a crash, mailboxes cannot be put in order: \(error)")
            }
        }
        for noted in self.messages {
            do throws(StoreError) {
                try self.restore(noted, from: log, &report)
            } catch {
                failed.append(noted.sequence)
                self.unwritten.append(noted)
                let missing = Self.messages(of: noted, in: log)
                self.missing += missing
                for message in missing { self.noteSources(of: Message(key: message.key, uid: message.uid)) }
                report.uncheckedFiles += 1
                write(
                    .error,
                    "after a crash, a message file cannot be written again: \(error). The message stays in the log; "
                        + "tried again until it succeeds")
            }
        }
        for (key, files) in self.touched {
            do throws(StoreError) {
                guard let identity = try self.account(key.account)?.identity else { continue }
                try identity.asOwner { () throws(StoreError) in try files.flush() }
            } catch {
                write(.error, "restored files cannot be flushed: \(error)")
                failed.append(contentsOf: self.messages.map(\.sequence))
                self.unwritten = self.messages
                break
            }
        }
        return Array(Set(failed))
    }

    /// Once more, for records that failed; whether all of them are on the disk now. What was done to the messages
    /// since is in the index.
    mutating func restoreRest(from log: VolumeLog) -> [LogSequence]? {
        var report = IndexedStore.OpenReport()
        self.refused = [:]
        do throws(StoreError) {
            self.halfRenamed = []
            for (_, record) in self.undone { try self.repeatStructure(record) }
            for noted in self.unwritten { try self.restore(noted, from: log, &report) }
            for (key, files) in self.touched {
                guard let identity = try self.account(key.account)?.identity else { continue }
                try identity.asOwner { () throws(StoreError) in try files.flush() }
            }
        } catch {
            return nil
        }
        return self.undone.map(\.sequence) + self.unwritten.map(\.sequence)
    }

    var isComplete: Bool { self.unwritten.isEmpty && self.undone.isEmpty }

    private mutating func restore(
        _ noted: Noted, from log: VolumeLog, _ report: inout IndexedStore.OpenReport
    ) throws(StoreError) {
        switch try Self.record(at: noted.location, of: log) {
        case .added(let added): try self.restore(added, &report)
        case .copied(let copied): try self.restore(copied, from: log, &report)
        case .relocated(let relocated):
            guard let place = try self.place(relocated.key, relocated.uid) else { return }
            try place.restore(relocated.octets)
            report.checkedFiles += 1
        default: break
        }
    }

    /// The messages that a record put into files.
    private static func messages(of noted: Noted, in log: VolumeLog) -> [(key: MailboxKey, uid: UID)] {
        switch try? Self.record(at: noted.location, of: log) {
        case .added(let added): added.targets.map { ($0.key, $0.message.uid) }
        case .copied(let copied): copied.messages.map { (copied.target, $0.message.uid) }
        case .relocated(let relocated): [(relocated.key, relocated.uid)]
        default: []
        }
    }

    private static func record(at location: RecordLocation, of log: VolumeLog) throws(StoreError)
        -> StoreRecord?
    {
        do throws(VolumeLogError) {
            if Int(location.length) > VolumeLog.largeBody {
                let payload = try log.map(location)
                return StoreRecord(kind: try log.info(at: location).kind, payload.octets, heldBy: payload)
            }
            let (info, payload) = try log.record(at: location)
            return payload.withUnsafeBytes { StoreRecord(kind: info.kind, $0) }
        } catch {
            throw StoreError(error)
        }
    }

    private mutating func restore(
        _ added: MessageAdded, _ report: inout IndexedStore.OpenReport
    ) throws(StoreError) {
        for target in added.targets {
            guard !target.message.location.isInLog,
                let place = try self.place(target.key, target.message.uid)
            else { continue }
            try place.identity.asOwner { () throws(StoreError) in
                try place.files.restore(
                    added.octets, at: place.row.location, flags: place.flags,
                    internalDate: place.row.internalDate)
            }
            report.checkedFiles += 1
        }
    }

    private mutating func restore(
        _ copied: MessagesCopied, from log: VolumeLog, _ report: inout IndexedStore.OpenReport
    ) throws(StoreError) {
        for row in copied.messages {
            guard !row.message.location.isInLog,
                let place = try self.place(copied.target, row.message.uid)
            else { continue }
            let message = Message(key: copied.target, uid: row.message.uid)
            let octets: MessageOctets?
            if let location = self.octets[message] {
                octets = try Self.record(at: location, of: log)?.body
            } else {
                octets = try self.sourceOctets(of: message, place.flags)
            }
            // Without any it is there, or was removed by another program, like any message file may be.
            guard let octets else { continue }
            try place.restore(octets)
            report.checkedFiles += 1
        }
    }

    /// The octets of the file that a copy was made of. They were on the disk before, and that file goes only after the
    /// copy is there (`CopySources`). The source may itself be a copy, and gone again with its row before its file was
    /// written; then its own source is there.
    ///
    /// A copy that is no link may have its name and not its octets.
    private mutating func sourceOctets(
        of copy: Message, _ flags: FileFlags
    ) throws(StoreError) -> MessageOctets? {
        var message = copy
        while let origin = self.origins[message] {
            message = origin.message
            guard let source = try self.mailbox(message.key),
                let owner = try self.account(message.key.account)?.identity
            else { continue }
            do throws(StoreError) {
                return try owner.asOwner { () throws(StoreError) in try source.read(origin.location, flags: flags) }
            } catch {
                guard error.code == .expunged || error.code == .notFound else { throw error }
            }
        }
        return nil
    }

    private mutating func noteSources(of copy: Message) {
        var message = copy
        while let origin = self.origins[message] {
            message = origin.message
            self.sources[message.key, default: []].insert(message.uid)
        }
    }

    private struct Place {
        var identity: AccountIdentity
        var files: any MailboxFiles
        var row: NewMessage
        var flags: FileFlags

        /// Writes the file if it is not there with all its octets.
        func restore(_ octets: MessageOctets) throws(StoreError) {
            try self.identity.asOwner { () throws(StoreError) in
                try self.files.restore(
                    octets, at: self.row.location, flags: self.flags, internalDate: self.row.internalDate)
            }
        }
    }

    /// Where a message belongs, if the index still has it.
    private mutating func place(_ key: MailboxKey, _ uid: UID) throws(StoreError) -> Place? {
        guard let row = try self.schema.rows(key, CollectionOfOne(uid)).first, !row.location.isInLog,
            let files = try self.mailbox(key), let account = try self.account(key.account)
        else { return nil }
        return Place(
            identity: account.identity, files: files, row: row,
            flags: try self.fileFlags(key, row.flags, row.keywords))
    }

    private func fileFlags(
        _ key: MailboxKey, _ flags: MessageFlags, _ numbers: [UInt16]
    ) throws(StoreError) -> FileFlags {
        if numbers.isEmpty { return FileFlags(flags) }
        let schema = self.schema
        let names = try schema.read { (transaction) throws(LMDBError) -> [Keyword] in
            var names: [Keyword] = []
            for number in numbers {
                guard let value = try transaction.get(schema.keywords, IndexSchema.key(key, keyword: number)),
                    let keyword = Keyword(String(decoding: value, as: UTF8.self))
                else { continue }
                names.append(keyword)
            }
            return names
        }
        return FileFlags(flags, names)
    }

    private mutating func account(_ id: UInt32) throws(StoreError) -> Account? {
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
    private mutating func mailbox(_ key: MailboxKey) throws(StoreError) -> (any MailboxFiles)? {
        if let known = self.touched[key] { return known }
        // Made now under its new name, it would be in the way of the one with its messages.
        guard !self.halfRenamed.contains(key.account) else {
            throw StoreError(.temporary, "the account's mailboxes are half renamed")
        }
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

    private func head(_ key: MailboxKey) throws(StoreError) -> MailboxHead? {
        let schema = self.schema
        return try schema.read { (transaction) throws(LMDBError) in
            try transaction.get(schema.mailboxes, IndexSchema.key(key)).flatMap {
                MailboxHead($0, restarts: 0)
            }
        }
    }

    // MARK: Structure

    /// Repeats a change of mailboxes as far as it still holds: later records of the same names decide.
    private mutating func repeatStructure(_ record: StoreRecord) throws(StoreError) {
        switch record {
        case .mailboxCreated(let created):
            // Making it happens when its files are asked for.
            _ = try self.mailbox(created.key)
        case .mailboxDeleted(let key, let name):
            guard let account = try self.account(key.account), account.home == .files,
                try !self.hasMailbox(key.account, name)
            else {
                return
            }
            try account.identity.asOwner { () throws(StoreError) in try account.files.deleteMailbox(name) }
        case .mailboxesRenamed(let id, let mailboxes):
            guard let account = try self.account(id), account.home == .files else { return }
            for renamed in mailboxes {
                let key = MailboxKey(account: id, mailbox: renamed.mailbox)
                guard let head = try self.head(key), head.name == renamed.new,
                    try !self.hasMailbox(id, renamed.old)
                else { continue }
                try account.identity.asOwner { () throws(StoreError) in
                    let names = try account.files.mailboxes()
                    guard names.contains(renamed.old), !names.contains(renamed.new) else { return }
                    try account.files.renameMailbox(renamed.old, to: renamed.new)
                }
            }
        case .subscription(let id, let name, let isSubscribed):
            guard let account = try self.account(id), account.home == .files else { return }
            try account.identity.asOwner { () throws(StoreError) in
                try account.files.setSubscribed(name, isSubscribed)
            }
        case .metadata(let set):
            guard let account = try self.account(set.key.account), account.home == .files,
                let guid = try self.guid(set.key)
            else { return }
            let attributes = StoredAttribute.changes(set.changes, guid: guid, isServer: set.key.mailbox == 0)
            try account.identity.asOwner { () throws(StoreError) in try account.files.changeAttributes(attributes) }
        case .accessList(let set):
            guard set.origin == .store, let account = try self.account(set.key.account),
                account.files.keepsAccessLists, let head = try self.head(set.key)
            else { return }
            try account.identity.asOwner { () throws(StoreError) in
                try account.files.setAccessList(set.text, of: head.name)
            }
        default: break
        }
    }

    /// Under which GUID files keep the metadata of a mailbox or the server; `nil` when that is gone.
    private func guid(_ key: MailboxKey) throws(StoreError) -> String? {
        if key.mailbox != 0 { return try self.head(key)?.guid }
        return try self.schema.mailboxes(of: key.account, restarts: 0).first { $0.head.name.isInbox }?.head.guid
    }

    private func hasMailbox(_ account: UInt32, _ name: MailboxName) throws(StoreError) -> Bool {
        try self.schema.mailboxes(of: account, restarts: 0).contains { $0.head.name == name }
    }

    // MARK: Tasks

    /// Does what was still to be done to message files. What cannot be done now is left for when its mailbox is first used
    /// (`Volume.takeUpTasks`).
    mutating func finishTasks(
        _ write: @Sendable (IndexedStore.LogLevel, String) -> Void
    ) throws(StoreError) {
        let keys = try self.schema.mailboxesWithFileTasks()
        // Files of moved messages may be the only ones as long as their copies are not written.
        guard self.isComplete else {
            self.leftTasks = Set(keys)
            return
        }
        for key in keys {
            do throws(StoreError) {
                try self.finishTasks(key)
            } catch {
                self.leftTasks.insert(key)
                write(.error, "file work left from before the start cannot be done: \(error)")
            }
        }
    }

    private mutating func finishTasks(_ key: MailboxKey) throws(StoreError) {
        guard let account = try self.account(key.account), let files = try self.mailbox(key) else { return }
        let schema = self.schema
        let (tasks, names) = try schema.read { (transaction) throws(LMDBError) in
            let tasks = try schema.fileTasks(of: key, transaction)
            return (tasks, try schema.namesInUse(key, tasks.values, transaction))
        }
        for (uid, task) in tasks.sorted(by: { $0.key < $1.key }) {
            let shown = try self.fileFlags(key, task.flags, task.keywords)
            switch task.kind {
            case .remove:
                // Done already, and a message that was copied back has the name now.
                if names.contains(task.location) { continue }
                try account.identity.asOwner { () throws(StoreError) in
                    try files.remove(task.location, flags: shown)
                }
            case .rename:
                guard let row = try schema.rows(key, CollectionOfOne(uid)).first else { continue }
                let wanted = try self.fileFlags(key, row.flags, row.keywords)
                try account.identity.asOwner { () throws(StoreError) in
                    try files.setFlags(task.location, from: shown, to: wanted)
                }
            }
        }
        try account.identity.asOwner { () throws(StoreError) in try files.flush() }
        do throws(LMDBError) {
            try schema.environment.write { (transaction) throws(LMDBError) in
                _ = try transaction.delete(schema.fileTasks, prefix: IndexSchema.key(key))
            }
        } catch {
            throw StoreError(error)
        }
    }
}

extension StoreRecord {
    /// The account of a change of the set of mailboxes or of what is kept beside them.
    fileprivate var structureAccount: UInt32? {
        switch self {
        case .mailboxCreated(let created): created.key.account
        case .mailboxDeleted(let key, _): key.account
        case .mailboxesRenamed(let id, _): id
        case .subscription(let id, _, _): id
        case .metadata(let set): set.key.account
        case .accessList(let set): set.key.account
        default: nil
        }
    }
}
