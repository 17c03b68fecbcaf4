internal import MailCore
internal import MailStore
internal import Threads

/// COPY and MOVE between accounts that keep octets in different places.
extension OpenMailbox {
    /// Goes through the messages in steps, each of which is done or not done, so that any number of any size can go.
    ///
    /// A COPY of which a later step fails takes the earlier ones back (RFC 9051 section 6.4.7); of a MOVE they stay moved.
    func converted(
        _ uids: UIDSet, to target: MailboxState, _ kind: TransferKind,
        _ transfer: (UIDSet) async throws(StoreError) -> CopyResult
    ) async throws(StoreError) -> CopyResult {
        var whole = CopyResult(uidValidity: target.uidValidity, source: [], target: [])
        let budget = self.volume.budget
        let octets = self.volume.configuration.conversionStep
        for step in self.steps(uids, octets) {
            await budget.take(octets)
            defer { budget.giveBack(octets) }
            do throws(StoreError) {
                let done = try await transfer(step)
                for uid in done.source { whole.source.insert(uid) }
                for uid in done.target { whole.target.insert(uid) }
            } catch {
                if kind == .copy, !whole.target.isEmpty { try await self.takeBack(whole.target, target) }
                throw error
            }
        }
        return whole
    }

    private func takeBack(_ uids: UIDSet, _ target: MailboxState) async throws(StoreError) {
        target.retainMessages()
        defer { target.release() }
        try await self.volume.threads.run { () throws(StoreError) in
            try target.filesLock.withLock { () throws(StoreError) in try target.load() }
        }
        _ = try target.remove(uids, .any)
    }

    private func steps(_ uids: UIDSet, _ limit: Int) -> [UIDSet] {
        var steps: [UIDSet] = []
        var step = UIDSet()
        var octets = 0
        self.state.lock.withLock {
            self.state.forEachVisible(uids) { record in
                if !step.isEmpty, octets + Int(record.size) > limit {
                    steps.append(step)
                    step = []
                    octets = 0
                }
                step.insert(record.uid)
                octets += Int(record.size)
            }
        }
        // Also for nothing, so that it is answered as everywhere.
        if !step.isEmpty || steps.isEmpty { steps.append(step) }
        return steps
    }
}
