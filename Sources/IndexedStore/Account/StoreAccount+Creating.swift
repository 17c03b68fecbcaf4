internal import MailCore
internal import MailStore
internal import Synchronization
internal import Threads

/// Creating mailboxes. Each change has the account's gate for itself.
extension StoreAccount {
    func create(_ name: MailboxName, specialUse: SpecialUse?) async throws(StoreError) {
        if let failure = self.volume.committer.failure { throw failure }
        await self.gate.enter()
        defer { self.gate.leave() }
        try self.core.checkInUse()
        let ticket = try await self.volume.threads.run { () throws(StoreError) -> UInt64 in
            try self.refreshDirectory()
            let name = self.canonicalName(name)
            guard self.entry(name) == nil else { throw StoreError(.alreadyExists, "mailbox \(name)") }
            guard name.isNetUnicode else { throw StoreError(.cannot, "\(name) is no name in Net-Unicode") }
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
                guid: MailboxGUID.make())
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
}
