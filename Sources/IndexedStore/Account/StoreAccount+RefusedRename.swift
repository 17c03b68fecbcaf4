internal import MailCore
internal import MailStore
internal import Synchronization
internal import Threads
internal import VolumeLog

/// Renames that files refused, as a full disk does, are taken back; where the disk refuses that, too, as soon as it lets
/// them. Until then mailboxes keep their names for all who use them, whatever names their files have.
extension StoreAccount {
    /// Takes a rename back that is in the log as `sequence`.
    func takeBack(_ moves: [Move], _ sequence: LogSequence) async {
        let back = moves.reversed().map { Move(state: $0.state, old: $0.new, new: $0.old) }
        let misplaced = self.directory.withLock { directory in
            moves.filter { directory.misplaced[$0.new] == $0.old }
        }
        let finish: @Sendable (LogSequence) -> Void = { [self] undone in
            guard !misplaced.isEmpty else {
                self.done(undone, moves)
                self.done(sequence, moves)
                return
            }
            self.volume.fileWork.setAside(sequence)
            self.volume.fileWork.setAside(undone)
            let names = misplaced.map { "\($0.old) (\($0.new) on the disk)" }.joined(separator: ", ")
            self.volume.configuration.log(
                .error,
                "\(self.identity.name): a rename that was refused cannot be taken back now: \(names). Tried again until it "
                    + "succeeds; the log keeps all that is behind it")
            self.volume.fileWork.retry(of: self.core.id) { [self] _ in
                guard self.placeBack(misplaced) else { return false }
                self.volume.configuration.log(
                    .notice, "\(self.identity.name): the rename that was refused is taken back")
                self.done(undone, moves)
                self.done(sequence, moves)
                return true
            }
        }
        do throws(StoreError) {
            finish(try await self.commitRename(back))
        } catch {
            // As soon as there is space. When the process ends before, the next start finishes the rename.
            let record = PendingRecord(
                record: self.record(of: back), isAwaited: false, hasFileWork: self.core.home == .files,
                completion: { result in
                    if case .success(let undone) = result { finish(undone) }
                })
            _ = self.volume.committer.enqueue(record)
        }
    }

    /// Throws for names that files have or are to get back.
    func refuseMisplaced(_ name: MailboxName) throws(StoreError) {
        let isMisplaced = self.directory.withLock { directory in
            directory.misplaced.contains { $0.key == name || $0.value == name }
        }
        guard !isMisplaced else {
            throw StoreError(.inUse, "mailbox \(name): a rename that was refused is still to be taken back")
        }
    }

    /// With `filesLock` held and the owner's rights.
    func placeBack(_ move: Move) throws(StoreError) {
        do throws(StoreError) {
            try self.core.files.renameMailbox(move.new, to: move.old)
            let files = try self.core.files.mailbox(move.old)
            move.state.lock.withLock { move.state.files = files }
        } catch {
            // Another program has removed it, or has its place: the next look at the files takes that in.
            guard error.code == .notFound || error.code == .alreadyExists else { throw error }
        }
        move.state.knownFingerprint = nil
        self.directory.withLock { $0.misplaced[move.new] = nil }
    }

    /// Whether all of them have their names on the disk.
    private func placeBack(_ moves: [Move]) -> Bool {
        for move in moves.sorted(by: { $0.state.key < $1.state.key }) { move.state.filesLock.lock() }
        defer { for move in moves { move.state.filesLock.unlock() } }
        do throws(StoreError) {
            try self.changeList { () throws(StoreError) in
                for move in moves.reversed() { try self.placeBack(move) }
                if let first = moves.first { try self.flush(first.state) }
            }
            return true
        } catch {
            return false
        }
    }
}
