internal import MailCore
internal import MailStore
internal import Synchronization
internal import Threads
internal import VolumeLog

/// Creating, deleting and renaming mailboxes. Each change has the account's gate for itself.
extension StoreAccount {
    // MARK: Create

    func create(_ name: MailboxName, specialUse: SpecialUse?) async throws(StoreError) {
        if let failure = self.volume.committer.failure { throw failure }
        await self.gate.enter()
        defer { self.gate.leave() }
        try self.core.checkInUse()
        let ticket = try await self.volume.threads.run { () throws(StoreError) -> UInt64 in
            try self.refreshDirectory()
            let name = self.canonicalName(name)
            guard self.entry(name) == nil else { throw StoreError(.alreadyExists, "mailbox \(name)") }
            try self.refuseMisplaced(name)
            return try self.makeMailbox(name, specialUse)
        }
        do throws(StoreError) {
            try await self.volume.committer.flushed(ticket)
        } catch {
            try? await self.volume.threads.run { () throws(StoreError) in self.takeBackCreation(name) }
            throw error
        }
        self.feed.post(.created(name))
    }

    /// What was refused is not to be there all the same. Its record stays queued, and the one of its deletion behind it.
    private func takeBackCreation(_ name: MailboxName) {
        let name = self.canonicalName(name)
        guard case .indexed(let state)? = self.entry(name), state.lock.withLock({ state.uidNext == 1 }) else { return }
        _ = try? self.forget(state)
        self.directory.withLock { $0.entries[name] = nil }
        guard self.core.home == .files else { return }
        self.removeFiles(of: name, state.guid)
    }

    /// Removes the files of a mailbox that was just made, unless another program has put mail into it.
    private func removeFiles(of name: MailboxName, _ guid: String) {
        do throws(StoreError) {
            try self.changeList { () throws(StoreError) in
                guard try self.core.files.mailbox(name).scan().messages.isEmpty else { return }
                try self.core.files.deleteMailbox(name)
                try self.core.files.removeAttributes(of: guid)
            }
        } catch {
            self.volume.configuration.log(
                .warning, "\(self.identity.name): mailbox \(name), whose creation was refused, stays: \(error)")
        }
    }

    /// Makes files and record of a mailbox; the ticket of the record. Files first: when they cannot be made,
    /// nothing has happened, and a crash in between leaves an empty mailbox as another program would make it.
    func makeMailbox(_ name: MailboxName, _ specialUse: SpecialUse?) throws(StoreError) -> UInt64 {
        let crashPoint = self.volume.configuration.crashPoint
        crashPoint(.aroundMailboxFiles)
        let now = self.volume.now
        let (header, files) = try self.changeList {
            () throws(StoreError) -> (MailboxHeader, any MailboxFiles) in
            let header = MailboxHeader(
                uidValidity: try self.core.nextUIDValidity(now: now), uidNext: .first,
                guid: Self.makeGUID())
            let files = try self.core.files.createMailbox(name, header)
            do throws(StoreError) {
                if let specialUse {
                    try self.core.files.changeAttributes([StoredAttribute(specialUse, guid: header.guid)])
                }
            } catch {
                if try files.scan().messages.isEmpty { try? self.core.files.deleteMailbox(name) }
                throw error
            }
            return (header, files)
        }
        crashPoint(.aroundMailboxFiles)
        let created = MailboxCreated(
            key: self.takeMailboxKey(), name: name, header: header, highestModSeq: Self.firstModSeq(now),
            specialUse: specialUse)
        return try self.insert(created, files).ticket
    }

    /// Queues the record of a new mailbox and enters it into the directory.
    func insert(
        _ created: MailboxCreated, _ files: any MailboxFiles
    ) throws(StoreError) -> (state: MailboxState, ticket: UInt64) {
        let head = MailboxHead(created, restarts: self.volume.restarts)
        let state = MailboxState(core: self.core, key: created.key, head: head, keywords: [], files: files)
        let fileWork = self.volume.fileWork
        let ticket = try state.lock.withLock { () throws(StoreError) -> UInt64 in
            try state.queue(
                PendingRecord(
                    record: .mailboxCreated(created), isAwaited: false, hasFileWork: self.core.home == .files,
                    completion: { result in
                        // Its directory is on the disk with the next sync; until then the log can make it again.
                        if case .success(let sequence) = result { fileWork.done(sequence, [state]) }
                    }))
        }
        self.directory.withLock { $0.entries[created.name] = .indexed(state) }
        return (state, ticket)
    }

    func takeMailboxKey() -> MailboxKey {
        self.directory.withLock { directory in
            defer { directory.nextMailbox &+= 1 }
            return MailboxKey(account: self.core.id, mailbox: directory.nextMailbox)
        }
    }

    /// Above anything that another server can have told of the same mailbox.
    static func firstModSeq(_ now: Int64) -> ModSeq { ModSeq(rawValue: UInt64(max(1, now)) << 20) }

    static func makeGUID() -> String {
        var random = SystemRandomNumberGenerator()
        var text: [UInt8] = []
        text.reserveCapacity(32)
        let digits = Array("0123456789abcdef".utf8)
        for _ in 0..<2 {
            let value = random.next()
            for shift in stride(from: 60, through: 0, by: -4) {
                text.append(digits[Int(value >> UInt64(shift) & 15)])
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    // MARK: First sight

    /// Indexes a mailbox found among the files: UIDs, flags and order as its files have them.
    func index(_ name: MailboxName) throws(StoreError) -> MailboxState {
        // Each try leaves records that wait for space.
        if let refusal = self.volume.committer.currentRefusal { throw refusal }
        let now = self.volume.now
        let (files, fingerprint, isSettled, scan) = try self.core.asOwner {
            () throws(StoreError) -> (any MailboxFiles, UInt64, Bool, MailboxScan) in
            let files = try self.core.files.mailbox(name)
            let fingerprint = files.fingerprint()
            let isSettled = files.isSettled
            return (files, fingerprint, isSettled, try files.scan())
        }
        var header: MailboxHeader
        var hasHeader = true
        if let known = scan.header {
            header = known
        } else {
            hasHeader = false
            header = MailboxHeader(
                uidValidity: try self.core.asOwner { () throws(StoreError) in
                    try self.core.nextUIDValidity(now: now)
                }, uidNext: .first, guid: Self.makeGUID())
        }
        // The list of UIDs may lag behind its own rows.
        for message in scan.messages {
            guard let uid = message.uid, uid.rawValue < .max - 1 else { continue }
            header.uidNext = max(header.uidNext, UID(nonZero: uid.rawValue + 1))
        }
        let created = MailboxCreated(
            key: self.takeMailboxKey(), name: name, header: header, highestModSeq: Self.firstModSeq(now),
            specialUse: nil)
        let attributes = hasHeader ? try self.storedAttributes(of: header.guid) : []
        let (state, ticket) = try self.insert(created, files)
        state.filesLock.lock()
        defer { state.filesLock.unlock() }
        do throws(StoreError) {
            if !hasHeader {
                try self.core.asOwner { () throws(StoreError) in try files.record([], header: header) }
            }
            state.retainMessages()
            defer { state.release() }
            var last = try self.takeAttributes(attributes, state) ?? ticket
            if let merged = try state.merge(scan, .firstSight, rows: [], tasks: [:]) { last = merged }
            state.knownFingerprint = hasHeader ? fingerprint : nil
            state.isUnsettled = !isSettled
            try self.volume.committer.waitFlushed(last)
            if let failure = state.lock.withLock({ state.refusedChange }) { throw failure }
        } catch {
            // Messages that are missing now would later be new ones, with other UIDs: it is still to be seen.
            self.directory.withLock { $0.entries[name] = .found }
            _ = try self.forget(state)
            throw error
        }
        self.core.quota.indexed(state.lock.withLock { state.charged })
        return state
    }

    /// Brings the directory in line with the mailboxes among the files. With the gate held, on a storage thread.
    func refreshDirectory() throws(StoreError) {
        // Files of an account that has moved may be another's by now, or nobody's: mailboxes are not gone with them.
        guard self.core.home == .files, !self.isRetired else { return }
        let listed = try self.core.asOwner {
            () throws(StoreError) -> (fingerprint: UInt64, isSettled: Bool, names: [MailboxName])? in
            let fingerprint = self.core.files.mailboxListFingerprint()
            if self.isCurrent(fingerprint) { return nil }
            return (fingerprint, self.core.files.isMailboxListSettled, try self.core.files.mailboxes())
        }
        guard let (fingerprint, isSettled, names) = listed else { return }
        let (gone, events) = self.directory.withLock { directory -> ([MailboxState], [AccountEvent]) in
            let present = Set(names.map { directory.misplaced[$0] ?? $0 })
            var events: [AccountEvent] = []
            for name in present where directory.entries[name] == nil {
                directory.entries[name] = .found
                events.append(.created(name))
                self.core.quota.foundMailboxes()
            }
            var gone: [MailboxState] = []
            for (name, entry) in directory.entries where !present.contains(name) && !name.isInbox {
                if case .indexed(let state) = entry { gone.append(state) }
                directory.entries[name] = nil
                events.append(.deleted(name))
            }
            directory.fingerprint = fingerprint
            directory.isUnsettled = !isSettled
            return (gone, events)
        }
        for state in gone { _ = try self.forget(state) }
        for event in events { self.feed.post(event) }
    }

    /// Looks behind the caller's back which mailboxes there are: one seems to be gone.
    func refreshDirectorySoon() {
        self.gate.whenEntered { [self] in
            let isSubmitted = self.volume.threads.submit { [self] in
                defer { self.gate.leave() }
                self.directory.withLock { $0.fingerprint = nil }
                do throws(StoreError) {
                    try self.refreshDirectory()
                    try self.watchList()
                } catch {
                    self.volume.configuration.log(
                        .warning, "\(self.identity.name): mailboxes cannot be listed: \(error)")
                }
            }
            if !isSubmitted { self.gate.leave() }
        }
    }

    /// Has the directories watched in which mailboxes come and go, while somebody wants to be told. With the gate held.
    private func watchList() throws(StoreError) {
        guard let watcher = self.volume.watcher else { return }
        guard self.feed.isWatched else { return watcher.watchList(self, []) }
        try self.core.asOwner { () throws(StoreError) in
            watcher.watchList(self, self.core.files.watchedDirectories)
        }
        // What came between the listing and the watch.
        try self.refreshDirectory()
    }

    /// Queues the deletion of a mailbox whose files are gone or about to go.
    func forget(_ state: MailboxState) throws(StoreError) -> UInt64 {
        let ticket = try state.lock.withLock { () throws(StoreError) -> UInt64 in
            try state.queue(
                PendingRecord(record: .mailboxDeleted(state.key, name: state.name), isAwaited: false))
        }
        state.markDeleted()
        self.volume.accessLists.set(state.key, nil)
        self.volume.fileWork.forget(state.key)
        return ticket
    }

    /// Runs our own change of the set of mailboxes; the list's fingerprint stays known if it was,
    /// and the list is read once more when it has been quiet for a moment.
    func changeList<R>(_ body: () throws(StoreError) -> R) throws(StoreError) -> R {
        if self.core.home == .log { return try body() }
        return try self.core.asOwner { () throws(StoreError) -> R in
            let before = self.core.files.mailboxListFingerprint()
            let agreed = self.directory.withLock { $0.fingerprint == before }
            defer {
                if agreed {
                    let after = self.core.files.mailboxListFingerprint()
                    self.directory.withLock { directory in
                        directory.fingerprint = after
                        // Another program's change in the same tick of the clock left no other times.
                        directory.isUnsettled = true
                    }
                }
            }
            return try body()
        }
    }

    // MARK: Delete

    func delete(_ name: MailboxName) async throws(StoreError) {
        if let failure = self.volume.committer.failure { throw failure }
        guard !name.isInbox else { throw StoreError(.cannot, "INBOX cannot be deleted") }
        try self.refuseAlias(name)
        await self.gate.enter()
        defer { self.gate.leave() }
        try self.core.checkInUse()
        try self.refuseMisplaced(name)
        let state: MailboxState
        do throws(StoreError) {
            state = try await self.stateInGate(name)
        } catch {
            // A name that is there for its children alone goes with the last of them.
            guard error.code == .notFound, self.hasChildren(name) else { throw error }
            throw StoreError(.cannot, "\(name) has children, and no messages")
        }
        let crashPoint = self.volume.configuration.crashPoint
        let sequence: LogSequence
        do throws(StoreError) {
            try await self.awaitCopies(of: state)
            // The log first: a crash before the files are gone finishes the deletion at the next start.
            sequence = try await self.commitDeletion(state)
        } catch {
            state.lock.withLock { state.isDeleting = false }
            throw error
        }
        self.directory.withLock { $0.entries[name] = nil }
        state.markDeleted()
        defer { self.feed.post(.deleted(name)) }
        self.volume.accessLists.set(state.key, nil)
        self.volume.fileWork.forget(state.key)
        guard self.core.home == .files else { return }
        defer {
            self.core.distrustSizeFile()
            self.volume.fileWork.updateSizeFile(self.anyState())
            // Also when the files refuse: who asked for it is told, and the mailbox is there again.
            self.volume.fileWork.done(sequence, [state])
        }
        do throws(StoreError) {
            try await self.volume.threads.run { () throws(StoreError) in
                crashPoint(.aroundMailboxFiles)
                state.filesLock.lock()
                defer { state.filesLock.unlock() }
                try self.changeList { () throws(StoreError) in try self.deleteFiles(of: state, name) }
                crashPoint(.aroundMailboxFiles)
            }
        } catch {
            self.directory.withLock { $0.fingerprint = nil }
            throw error
        }
    }

    /// With the owner's rights and `filesLock` held.
    private func deleteFiles(of state: MailboxState, _ name: MailboxName) throws(StoreError) {
        try self.core.files.deleteMailbox(name)
        do throws(StoreError) {
            try self.core.files.removeAttributes(of: state.guid)
        } catch {
            // They are nobody's: the GUID does not come again.
            self.volume.configuration.log(
                .warning, "\(state.description): attributes of a mailbox that is deleted stay in their file: \(error)")
        }
        // The log has it; but a mailbox that gets the same name must not find the old one's files.
        try? self.flush(state)
    }

    /// Lets no more copies be made of the mailbox's messages, and waits until those made are on the disk.
    private func awaitCopies(of state: MailboxState) async throws(StoreError) {
        state.lock.withLock { state.isDeleting = true }
        guard self.core.home == .files else { return }
        let fileWork = self.volume.fileWork
        try await self.volume.threads.run { () throws(StoreError) in
            guard fileWork.awaitLetGo(of: state.key) else {
                throw StoreError(.inUse, "mailbox \(state.name): copies of its messages cannot be written now")
            }
        }
    }

    private func commitDeletion(_ state: MailboxState) async throws(StoreError) -> LogSequence {
        let result: Result<LogSequence, StoreError> = await withCheckedContinuation { continuation in
            let pending = state.lock.withLock { () -> Bool in
                let record = PendingRecord(
                    record: .mailboxDeleted(state.key, name: state.name), isAwaited: true,
                    hasFileWork: self.core.home == .files,
                    completion: { continuation.resume(returning: $0) })
                return (try? state.queue(record)) != nil
            }
            if !pending { continuation.resume(returning: .failure(StoreError(.temporary, "volume closed"))) }
        }
        return try result.get()
    }

    // MARK: Rename

    func rename(_ name: MailboxName, to target: MailboxName) async throws(StoreError) {
        if let failure = self.volume.committer.failure { throw failure }
        if name.isInbox {
            try await self.renameInbox(to: target)
            return
        }
        guard !target.isInbox else { throw StoreError(.alreadyExists, "mailbox \(target)") }
        try self.refuseAlias(name)
        if self.canonicalName(target) != target { throw StoreError(.alreadyExists, "mailbox \(target)") }
        guard !target.isDescendant(of: name) else {
            throw StoreError(.cannot, "\(target) lies below \(name)")
        }
        await self.gate.enter()
        defer { self.gate.leave() }
        try self.core.checkInUse()
        let moves = try await self.moves(from: name, to: target)
        // The log first: a crash before the files have their names finishes that at the next start. The other way
        // round, the new names would be other mailboxes, which lack what the lists of UIDs do not have yet.
        let sequence = try await self.commitRename(moves)
        do throws(StoreError) {
            try await self.renameAll(moves)
        } catch {
            await self.takeBack(moves, sequence)
            throw error
        }
        self.done(sequence, moves)
        self.feed.post(.renamed(from: name, to: target))
    }

    func commitRename(_ moves: [Move]) async throws(StoreError) -> LogSequence {
        try await self.volume.commit(self.record(of: moves), hasFileWork: self.core.home == .files)
    }

    func record(of moves: [Move]) -> StoreRecord {
        .mailboxesRenamed(
            account: self.core.id,
            moves.map { Renamed(mailbox: $0.state.key.mailbox, old: $0.old, new: $0.new) })
    }

    func done(_ sequence: LogSequence, _ moves: [Move]) {
        guard self.core.home == .files, let first = moves.first else { return }
        self.volume.fileWork.done(sequence, [first.state])
    }

    struct Move: Sendable {
        var state: MailboxState
        var old: MailboxName
        var new: MailboxName
    }

    /// The mailbox and its children with their new names; at least one.
    private func moves(from name: MailboxName, to target: MailboxName) async throws(StoreError) -> [Move] {
        let names = try await self.volume.threads.run { () throws(StoreError) -> [MailboxName] in
            try self.refreshDirectory()
            guard self.entry(target) == nil else { throw StoreError(.alreadyExists, "mailbox \(target)") }
            return self.directory.withLock { directory in
                directory.entries.keys.filter { $0 == name || $0.isDescendant(of: name) }.sorted()
            }
        }
        guard !names.isEmpty else { throw StoreError(.notFound, "mailbox \(name)") }
        var moves: [Move] = []
        for old in names {
            guard let new = old.moved(from: name, to: target) else {
                throw StoreError(.cannot, "a name below \(target) would be too long")
            }
            guard self.entry(new) == nil else { throw StoreError(.alreadyExists, "mailbox \(new)") }
            try self.refuseMisplaced(old)
            try self.refuseMisplaced(new)
            moves.append(Move(state: try await self.stateInGate(old), old: old, new: new))
        }
        return moves
    }

    /// Renames files and mailboxes: when a file cannot be renamed, the others are renamed back and nothing has happened.
    private func renameAll(_ moves: [Move]) async throws(StoreError) {
        let crashPoint = self.volume.configuration.crashPoint
        try await self.volume.threads.run { () throws(StoreError) in
            crashPoint(.aroundMailboxFiles)
            for move in moves.sorted(by: { $0.state.key < $1.state.key }) { move.state.filesLock.lock() }
            defer { for move in moves { move.state.filesLock.unlock() } }
            try self.changeList { () throws(StoreError) in
                var done = 0
                do throws(StoreError) {
                    for move in moves {
                        try self.core.files.renameMailbox(move.old, to: move.new)
                        done += 1
                        let files = try self.core.files.mailbox(move.new)
                        move.state.lock.withLock { move.state.files = files }
                        move.state.knownFingerprint = nil
                    }
                    // Not behind the answer: a disk that has lost the last of several renames and one that has lost
                    // all of them would have to be told apart by names that others may have by then.
                    if let first = moves.first { try self.flush(first.state) }
                } catch {
                    // The one that failed may have been renamed in part.
                    for move in moves.prefix(done + 1).reversed() {
                        do throws(StoreError) { try self.placeBack(move) } catch {
                            self.directory.withLock { $0.misplaced[move.new] = move.old }
                        }
                    }
                    throw error
                }
            }
            crashPoint(.aroundMailboxFiles)
            self.directory.withLock { directory in
                for move in moves { directory.entries[move.old] = nil }
                for move in moves { directory.entries[move.new] = .indexed(move.state) }
            }
            for move in moves {
                move.state.lock.withLock {
                    move.state.name = move.new
                    move.state.quotaNameChanged()
                }
            }
        }
    }

    /// With its owner's rights.
    func flush(_ state: MailboxState) throws(StoreError) {
        guard self.core.home == .files, self.volume.configuration.fsync != .never else { return }
        try state.lock.withLock({ state.files }).flush()
    }

    private func renameInbox(to target: MailboxName) async throws(StoreError) {
        try await self.create(target, specialUse: nil)
        let inbox = try await self.open(.inbox, .readWrite, onChange: {})
        defer { inbox.close() }
        let all = UIDSet(UID.first...UID(nonZero: .max))
        _ = try await inbox.move(all, to: target)
        // INBOX keeps its metadata, and the new mailbox has it too (RFC 5464 section 4.1).
        let metadata = try await self.metadata(of: .mailbox(.inbox)).filter { $0.entry != .specialUse }
        try await self.setMetadata(metadata.map { MetadataChange($0.entry, $0.value) }, of: .mailbox(target))
    }
}
