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
                if kind == .copy, !whole.target.isEmpty { await target.takeBack(whole.target) }
                throw error
            }
        }
        return whole
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

extension MailboxState {
    /// Removes copies that are not to be there after all, and waits until that is on the disk: they must not come back
    /// behind the refusal. By the object, since another mailbox may have its name by now.
    func takeBack(_ uids: UIDSet) async {
        let volume = self.core.volume
        self.retainMessages()
        defer { self.release() }
        do throws(StoreError) {
            try await volume.threads.run { () throws(StoreError) in
                try self.filesLock.withLock { () throws(StoreError) in try self.load() }
            }
            guard let ticket = try self.remove(uids, .any).ticket else { return }
            await volume.flushRemovals(through: ticket)
        } catch {
            volume.configuration.log(.warning, "\(self.description): copies of a COPY that failed stay: \(error)")
        }
    }
}
