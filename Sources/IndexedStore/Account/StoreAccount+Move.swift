internal import LMDB
internal import MailCore
internal import MailStore
internal import Synchronization
internal import Threads
internal import VolumeLog

/// Moving an account from one body format to another, while it is in use.
///
/// A message keeps its row: UID, flags, MODSEQ, GUID. Only where its octets are changes, by a record for each. In
/// between, the account is one with files, and some of its messages are in the log; such an account works like any
/// other, also after a crash in the middle, and the move can be repeated. Sessions and deliveries are shut out only
/// while the last messages follow and the account changes its format.
extension StoreAccount {
    /// Moves the account's messages into the log, and enters its new identity; answers how many.
    ///
    /// - Parameter opening: those who open the account wait here.
    func moveIntoLog(_ identity: AccountIdentity, opening: AsyncGate) async throws(StoreError) -> Int {
        guard self.core.home == .files else { return 0 }
        try await self.awaitSoundFiles()
        // Lists that others wrote into the files are then in the index, which alone counts afterwards.
        _ = try await self.accessLists()
        var count = 0
        for name in try await self.mailboxes().filter(\.isSelectable).map(\.name) {
            let state = try await self.state(of: name)
            count += try await self.volume.threads.run { () throws(StoreError) in try state.moveIntoLog() }
        }
        await opening.enter()
        defer { opening.leave() }
        await self.gate.enter()
        defer { self.gate.leave() }
        // What was delivered meanwhile follows, and nothing more can come.
        try await self.volume.threads.run { () throws(StoreError) in try self.refreshDirectory() }
        for name in self.directory.withLock({ Array($0.entries.keys) }) { _ = try await self.stateInGate(name) }
        let states = self.retire()
        defer { self.volume.accounts.remove(self) }
        try await Self.settled(states)
        let subscriptions = try await self.subscriptions()
        count += try await self.volume.threads.run { () throws(StoreError) -> Int in
            try self.volume.waitApplied(self.volume.committer.lastTicket)
            var count = 0
            for state in states { count += try state.moveIntoLog() }
            // Files of moved messages must be gone for good before nobody looks at files any more.
            try self.volume.waitApplied(self.volume.committer.lastTicket)
            try self.drainFiles()
            return count
        }
        let known = try self.volume.schema.subscriptions(of: self.core.id)
        for name in known.subtracting(subscriptions) {
            _ = try await self.volume.commit(.subscription(account: self.core.id, name, isSubscribed: false))
        }
        for name in subscriptions where !known.contains(name) {
            _ = try await self.volume.commit(.subscription(account: self.core.id, name, isSubscribed: true))
        }
        try await self.enter(identity)
        return count
    }

    /// Throws when files of the account refuse what is to be done to them: it could not leave them, and is not to be shut
    /// for that.
    func awaitSoundFiles() async throws(StoreError) {
        guard self.core.home == .files else { return }
        try await self.volume.threads.run { () throws(StoreError) in
            try self.explained { () throws(StoreError) in
                try self.refuseMissingFiles()
                try self.volume.fileWork.awaitSound(self.core.id)
            }
        }
    }

    /// Waits until nothing is left to be done to files of the account; on a storage thread.
    func drainFiles() throws(StoreError) {
        try self.explained { () throws(StoreError) in
            try self.volume.fileWork.drain(.account(self.core.id))
            try self.refuseMissingFiles()
        }
    }

    private func refuseMissingFiles() throws(StoreError) {
        guard !self.volume.missingFiles.has(of: self.core.id) else {
            throw StoreError(.temporary, "message files are still to be written from the log")
        }
    }

    private func explained(_ body: () throws(StoreError) -> Void) throws(StoreError) {
        do throws(StoreError) {
            try body()
        } catch {
            throw StoreError(
                .temporary, "account \(self.identity.name) cannot move now and stays where it is: \(error.detail)")
        }
    }

    /// Enters how the account is from now on; who opens it sees it so.
    private func enter(_ identity: AccountIdentity) async throws(StoreError) {
        _ = try await self.volume.commit(.account(AccountSet(id: self.core.id, identity: identity)))
    }

    /// Makes files for all mailboxes of an account without, and enters its new identity; the messages follow when it is
    /// open again.
    ///
    /// - Parameter opening: those who open the account wait here.
    func makeFiles(
        _ files: any AccountFiles, _ identity: AccountIdentity, opening: AsyncGate
    ) async throws(StoreError) {
        await opening.enter()
        defer { opening.leave() }
        await self.gate.enter()
        defer { self.gate.leave() }
        let states = self.retire()
        defer { self.volume.accounts.remove(self) }
        try await Self.settled(states)
        let subscriptions = try await self.subscriptions()
        try await self.volume.threads.run { () throws(StoreError) in
            try self.volume.waitApplied(self.volume.committer.lastTicket)
            try identity.asOwner { () throws(StoreError) in
                for state in states.sorted(by: { $0.key < $1.key }) {
                    let name = state.lock.withLock { state.name }
                    let made = try files.createMailbox(name, state.header)
                    var changes = try self.volume.schema.metadata(state.key).map { MetadataChange($0.entry, $0.value) }
                    if case .use(let use) = state.lock.withLock({ state.specialUse }) {
                        changes.append(MetadataChange(.specialUse, Array(use.rawValue.utf8)))
                    }
                    try files.changeAttributes(
                        StoredAttribute.changes(changes, guid: state.guid, isServer: false))
                    // From now on the files count; one of former times says something else, perhaps.
                    try files.setAccessList(self.volume.accessLists.text(of: state.key), of: name)
                    if name.isInbox {
                        let server = try self.volume.schema.metadata(
                            MailboxKey(account: state.key.account, mailbox: 0))
                        try files.changeAttributes(
                            StoredAttribute.changes(
                                server.map { MetadataChange($0.entry, $0.value) }, guid: state.guid, isServer: true))
                    }
                    try made.flush()
                }
                try files.setSubscriptions(subscriptions)
            }
        }
        try await self.enter(identity)
    }

    /// Takes the messages of an account with files out of the log; answers how many.
    func moveIntoFiles() async throws(StoreError) -> Int {
        var count = 0
        for name in try await self.mailboxes().filter(\.isSelectable).map(\.name) {
            let state = try await self.state(of: name)
            count += try await self.volume.threads.run { () throws(StoreError) in try state.moveIntoFiles() }
        }
        return count
    }

    /// Ends the use of all mailboxes through this object: sessions hear that they are to come again, deliveries that they
    /// are to try again, and nobody that anything is gone.
    ///
    /// With the gate held; whatever comes of the move, the volume must then forget this object, whose mailboxes stay shut.
    func retire() -> [MailboxState] {
        self.core.retire()
        let states = self.directory.withLock { directory in
            directory.entries.values.compactMap { entry -> MailboxState? in
                if case .indexed(let state) = entry { return state }
                return nil
            }
        }
        for state in states {
            state.lock.withLock { state.isRetired = !state.isDeleted }
            state.markDeleted()
        }
        // Nothing more is heard of the account through this object.
        self.feed.overflow()
        return states
    }

    /// Waits until what was on its way into retired mailboxes is in place: a message whose record is flushed is in the
    /// index before its file has its name.
    static func settled(_ states: [MailboxState]) async throws(StoreError) {
        // Nothing new comes, and what there is needs one flush and a few names: an event for it is not worth its keep.
        for _ in 0..<2_000 {
            guard states.contains(where: { state in state.lock.withLock { !state.pending.isEmpty } }) else { return }
            do {
                try await Task.sleep(for: .milliseconds(5))
            } catch {
                break
            }
        }
        throw StoreError(.temporary, "messages on their way into the account that moves are not in place")
    }
}

extension MailboxState {
    /// Whether its files are gone or about to go.
    var isGone: Bool { self.lock.withLock { self.isDeleted && !self.isRetired } }

    /// Why messages of a mailbox that is no longer there cannot be had or changed.
    var expungedError: StoreError {
        self.isRetired ? StoreError(.temporary, "account moves") : StoreError(.expunged, "mailbox deleted")
    }

    /// Why a message cannot come into a mailbox that is no longer there.
    var goneError: StoreError {
        self.isRetired ? StoreError(.temporary, "account moves") : StoreError(.notFound, "mailbox deleted")
    }

    private func messages(_ wanted: (NewMessage) -> Bool) throws(StoreError) -> [UID] {
        let schema = self.core.volume.schema
        let key = self.key
        return try schema.read { (transaction) throws(LMDBError) in
            var uids: [UID] = []
            try schema.forEachMessage(key, transaction) { uid, value in
                var reader = ByteReader(value)
                if let row = reader.readRow(uid), wanted(row) { uids.append(uid) }
            }
            return uids
        }
    }

    /// Messages, and their octets, that are taken along at once.
    private static let movedAtOnce = 64
    private static let movedOctets = 4 << 20

    func moveIntoLog() throws(StoreError) -> Int {
        let ticket = self.lock.withLock { self.lastTicket }
        try self.core.volume.waitApplied(ticket)
        var count = 0
        var rest = try self.messages { !$0.location.isInLog }[...]
        while !rest.isEmpty {
            var octets = 0
            var records: [PendingRecord] = []
            while let uid = rest.first, records.count < Self.movedAtOnce, octets < Self.movedOctets {
                rest = rest.dropFirst()
                guard let row = try self.core.volume.schema.rows(self.key, CollectionOfOne(uid)).first,
                    !row.location.isInLog
                else { continue }
                let body: MessageOctets
                switch self.readOctets(row) {
                case .success(let read): body = read
                case .failure(let error):
                    // Removed by another program: the next look at the files says so.
                    guard error.code == .expunged else { throw error }
                    continue
                }
                octets += body.count
                records.append(self.relocation(of: row, to: .thisRecord, body))
            }
            count += records.count
            try self.commit(records)
        }
        return count
    }

    fileprivate func moveIntoFiles() throws(StoreError) -> Int {
        let ticket = self.lock.withLock { self.lastTicket }
        try self.core.volume.waitApplied(ticket)
        var count = 0
        var rest = try self.messages { $0.location.isInLog }[...]
        while !rest.isEmpty {
            var octets = 0
            var moved: [Moved] = []
            while let uid = rest.first, moved.count < Self.movedAtOnce, octets < Self.movedOctets {
                rest = rest.dropFirst()
                guard let row = try self.core.volume.schema.rows(self.key, CollectionOfOne(uid)).first,
                    let id = row.location.bodyID
                else { continue }
                let body = try self.core.volume.readBody(id)
                let flags = self.fileFlags(row.flags, row.keywords)
                let prepared = try self.withFiles { (files) throws(StoreError) in
                    try files.prepare(body, flags: flags, internalDate: row.internalDate)
                }
                octets += body.count
                moved.append(Moved(row: row, body: body, flags: flags, prepared: prepared))
            }
            count += try self.place(moved)
        }
        return count
    }

    private struct Moved {
        var row: NewMessage
        var body: MessageOctets
        var flags: FileFlags
        var prepared: PreparedBody
    }

    /// Enters messages whose files are prepared, and publishes those that are still there.
    private func place(_ moved: [Moved]) throws(StoreError) -> Int {
        guard !moved.isEmpty else { return 0 }
        // Nobody may compare index and files between the records and the files' names.
        self.filesLock.lock()
        defer { self.filesLock.unlock() }
        // Rows name the files before these have their names.
        var named = moved.map(\.row.uid)
        self.lock.withLock { for item in moved { self.placing[item.row.uid] = item.body } }
        defer { self.lock.withLock { for uid in named { self.placing[uid] = nil } } }
        let records = moved.map { item in
            var record = self.relocation(of: item.row, to: item.prepared.location, item.body)
            record.hasFileWork = true
            return record
        }
        let flushed: Flushed
        do throws(StoreError) {
            flushed = try self.flush(records)
        } catch {
            for item in moved { self.discard(item.prepared) }
            throw error
        }
        let placed: Set<BodyLocation>
        do throws(StoreError) {
            try self.core.volume.waitApplied(flushed.ticket)
            placed = Set(try self.core.volume.schema.rows(self.key, moved.map(\.row.uid)).map(\.location))
        } catch {
            // The rows name the files as soon as the records are in the index.
            for (item, sequence) in zip(moved, flushed.sequences) { self.placeLater(item, sequence, flushed.ticket) }
            named = []
            throw error
        }
        var listed: [UIDListRow] = []
        var failure: StoreError?
        for (item, sequence) in zip(moved, flushed.sequences) {
            guard placed.contains(item.prepared.location) else {
                // Removed meanwhile.
                self.discard(item.prepared)
                self.core.volume.fileWork.done(sequence, [self])
                continue
            }
            do throws(StoreError) {
                try self.core.asOwner { () throws(StoreError) in
                    try self.files.publish(item.prepared, flags: item.flags)
                }
                listed.append(self.listing(of: item))
                self.core.volume.fileWork.done(sequence, [self])
            } catch {
                // Its row names the file already.
                failure = error
                named.removeAll { $0 == item.row.uid }
                self.placeLater(item, sequence, flushed.ticket)
            }
        }
        self.knownFingerprint = nil
        self.core.volume.fileWork.add(rows: listed, self)
        if let failure {
            self.core.volume.configuration.log(
                .error,
                "\(self.description): files of messages from the log cannot be placed now: \(failure). Tried again until it "
                    + "succeeds; the log keeps all that is behind them")
            throw failure
        }
        return listed.count
    }

    private func listing(of item: Moved) -> UIDListRow {
        UIDListRow(item.row.uid, item.prepared.location, guid: self.core.volume.guid(of: item.row))
    }

    /// Writes a message's file as soon as that is possible. Until then nobody takes the message for removed, and the
    /// log keeps it.
    ///
    /// - Parameter ticket: of the record, which may not be in the index yet.
    private func placeLater(_ item: Moved, _ sequence: LogSequence, _ ticket: UInt64) {
        let volume = self.core.volume
        volume.missingFiles.add(self.key, item.row.uid)
        volume.fileWork.setAside(sequence)
        volume.fileWork.retry(of: self.key.account) { _ in
            guard volume.applier.hasApplied(ticket) else { return false }
            var isPlaced = false
            do throws(StoreError) {
                try self.changeFiles(of: CollectionOfOne(item.prepared.location)) { (files) throws(StoreError) in
                    // With the flags that it has now: renames found no file.
                    guard let row = try volume.schema.rows(self.key, CollectionOfOne(item.row.uid)).first,
                        row.location == item.prepared.location
                    else { return }
                    try files.restore(
                        item.body, at: row.location, flags: self.fileFlags(row.flags, row.keywords),
                        internalDate: row.internalDate)
                    isPlaced = true
                }
            } catch {
                return false
            }
            self.lock.withLock { self.placing[item.row.uid] = nil }
            self.discard(item.prepared)
            if isPlaced { volume.fileWork.add(rows: [self.listing(of: item)], self) }
            volume.missingFiles.remove(self.key, item.row.uid)
            volume.fileWork.done(sequence, [self])
            return true
        }
    }

    private func relocation(of row: NewMessage, to location: BodyLocation, _ body: MessageOctets) -> PendingRecord {
        PendingRecord(
            record: .relocated(
                MessageRelocated(
                    key: self.key, uid: row.uid, old: row.location, new: location, flags: row.flags,
                    keywords: row.keywords, internalDate: row.internalDate, guid: self.core.volume.guid(of: row),
                    octets: body)), isAwaited: true)
    }

    /// Records that are in the log: their numbers, and the ticket of the last one.
    private struct Flushed {
        var sequences: [LogSequence]
        var ticket: UInt64
    }

    /// Queues records as one change and waits until they are in the log; throws when none of them is.
    private func flush(_ records: [PendingRecord]) throws(StoreError) -> Flushed {
        let outcomes = Mutex<[Result<LogSequence, StoreError>]>([])
        let joined = records.enumerated().map { index, record in
            var record = record
            record.joinsNext = index + 1 < records.count
            record.completion = { result in outcomes.withLock { $0.append(result) } }
            return record
        }
        let ticket = try self.lock.withLock { () throws(StoreError) in
            self.lastRelocation = try self.queue(joined)
            return self.lastRelocation
        }
        try self.core.volume.committer.waitFlushed(ticket)
        var sequences: [LogSequence] = []
        for outcome in outcomes.withLock({ $0 }) { sequences.append(try outcome.get()) }
        return Flushed(sequences: sequences, ticket: ticket)
    }

    /// Enters records, and waits until they are in the index.
    private func commit(_ records: [PendingRecord]) throws(StoreError) {
        guard !records.isEmpty else { return }
        try self.core.volume.waitApplied(try self.flush(records).ticket)
    }
}
