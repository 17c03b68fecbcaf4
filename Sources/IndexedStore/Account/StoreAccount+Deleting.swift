internal import MailCore
internal import MailStore
internal import Synchronization
internal import Threads
internal import VolumeLog

/// Deleting mailboxes. Each change has the account's gate for itself.
extension StoreAccount {
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
        self.markDeleted(state)
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
}
