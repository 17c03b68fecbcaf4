internal import MailCore
internal import MailStore
internal import Threads
internal import VolumeLog

/// COPY and MOVE within a volume: one record for all messages; links are made before the flush and become
/// visible after it. Between accounts of different formats each message has a record with its octets.
extension OpenMailbox {
    func copy(_ uids: UIDSet, to target: MailboxName) async throws(StoreError) -> CopyResult {
        try await self.transfer(uids, to: self.place(target), .copy)
    }

    private func place(_ name: MailboxName) -> DepositDestination {
        DepositDestination(account: self.account, name: name, rights: .all)
    }

    func move(_ uids: UIDSet, to target: MailboxName) async throws(StoreError) -> CopyResult {
        try await self.transfer(uids, to: self.place(target), .move)
    }

    func move(
        _ uids: UIDSet, to target: MailboxName, clearing flags: MessageFlags
    ) async throws(StoreError) -> CopyResult {
        try await self.transfer(uids, to: self.place(target), .move, clearing: flags)
    }

    func transfer(
        _ uids: UIDSet, to target: DepositDestination, _ kind: TransferKind
    ) async throws(StoreError) -> CopyResult {
        try await self.transfer(uids, to: target, kind, clearing: [])
    }

    private func transfer(
        _ uids: UIDSet, to goal: DepositDestination, _ kind: TransferKind, clearing flags: MessageFlags
    ) async throws(StoreError) -> CopyResult {
        if kind == .move { try self.checkWritable() }
        // A move into the trash may be the first step to more room.
        let committer = self.volume.committer
        if let failure = kind == .copy ? committer.refusalOfAdditions : committer.failure { throw failure }
        guard let account = goal.account as? StoreAccount else { throw StoreError(.cannot, "account of another store") }
        guard account.volume === self.volume else {
            return try await self.transferAcross(uids, to: goal, of: account, kind, clearing: flags)
        }
        let target = try await account.state(of: goal.name)
        let own = (source: self.view, target: goal.privateFlags?.readerFlags)
        try await self.awaitAppended()
        let source = self.state
        let volume = self.volume
        func transfer(_ uids: UIDSet) async throws(StoreError) -> CopyResult {
            do throws(StoreError) {
                return try await Self.result { continuation in
                    let copying = Copying(
                        (self.account, account), source, target, kind, goal.rights, clearing: flags, own, continuation)
                    if !volume.threads.submit({ copying.start(uids) }) {
                        continuation.resume(returning: .failure(StoreError(.limit, "storage threads")))
                    }
                }
            } catch {
                // Copies that were taken back.
                await volume.flushRemovals(through: target.lock.withLock { target.lastTicket })
                throw error
            }
        }
        if source.core.home == target.core.home { return try await transfer(uids) }
        return try await self.converted(uids, to: target, kind, transfer)
    }

    private static func result(
        _ body: (CheckedContinuation<Result<CopyResult, StoreError>, Never>) -> Void
    ) async throws(StoreError) -> CopyResult {
        try await withCheckedContinuation { body($0) }.get()
    }
}
