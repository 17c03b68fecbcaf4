internal import MailCore
internal import MailStore
internal import Synchronization
internal import Threads
internal import VolumeLog

/// Renaming mailboxes. Each change has the account's gate for itself.
extension StoreAccount {
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
            guard target.isNetUnicode else { throw StoreError(.cannot, "\(target) is no name in Net-Unicode") }
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
