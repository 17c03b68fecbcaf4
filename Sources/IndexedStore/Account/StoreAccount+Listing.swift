internal import MailCore
internal import MailStore
internal import Synchronization
internal import Threads

/// Which mailboxes are among the files: other programs create, rename and remove them, too.
extension StoreAccount {
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
                }, uidNext: .first, guid: MailboxGUID.make())
        }
        // The list of UIDs may lag behind its own rows.
        for message in scan.messages {
            guard let uid = message.uid, uid.rawValue < .max - 1 else { continue }
            header.uidNext = max(header.uidNext, UID(nonZero: uid.rawValue + 1))
        }
        let highestGone = self.directory.withLock { $0.highestGone }
        let created = MailboxCreated(
            key: self.takeMailboxKey(), name: name, header: header,
            highestModSeq: max(Self.firstModSeq(now), highestGone), specialUse: nil)
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
            if let merged = try state.merge(scan, .firstSight, MessageRows()) { last = merged }
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
        self.tellUnnamed()
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

    /// Has the administrator know of mail that nobody sees.
    private func tellUnnamed() {
        for directory in self.core.files.unnamedDirectories {
            guard self.volume.unnamedDirectories.isNew("\(self.identity.name) \(directory)") else { continue }
            self.volume.configuration.log(
                .warning,
                "\(self.identity.name): directory \(directory) has messages and is not shown: no mailbox can have its name"
            )
        }
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
        self.markDeleted(state)
        self.volume.accessLists.set(state.key, nil)
        self.volume.fileWork.forget(state.key)
        return ticket
    }

    /// Ends the use of a mailbox that is no longer among those of the account.
    func markDeleted(_ state: MailboxState) {
        state.markDeleted()
        let last = state.lock.withLock { state.highestModSeq }
        self.directory.withLock { $0.highestGone = max($0.highestGone, last) }
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
}
