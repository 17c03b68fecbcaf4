internal import MailStore
internal import Threads

/// Waiting for files to be as the index says.
extension FileWork {
    /// Whose work somebody waits for.
    enum Extent { case everything, account(UInt32) }

    /// Waits on this thread until all that is queued is done and on the disk. What files refuse is tried again at once, for a
    /// minute; then it throws, and all goes on as before.
    func drain(_ extent: Extent) throws(StoreError) {
        try self.await(extent) { (begun: inout UInt64?) in
            switch extent {
            case .everything:
                return self.queue.isEmpty && !self.isBusy && !self.doneSinceSync && self.retries.isEmpty
            case .account(let account):
                guard !self.queue.has(of: account), !self.retries.has(of: account) else {
                    begun = nil
                    return false
                }
                // A round that is under way may have its work, and put it back.
                guard let first = begun else {
                    begun = self.begunRound + 1
                    self.doneSinceSync = true
                    return false
                }
                if self.syncedRound < first, self.begunRound < first { self.doneSinceSync = true }
                return self.syncedRound >= first
            }
        }
    }

    /// Has what files of an account refused tried again at once; throws when they still do after a minute.
    func awaitSound(_ account: UInt32) throws(StoreError) {
        try self.await(.account(account)) { _ in
            !self.queue.isTroubled(account) && !self.retries.has(of: account)
        }
    }

    /// - Parameter isOver: asked with the lock held; has a place for what it wants to remember.
    private func await(_ extent: Extent, _ isOver: (inout UInt64?) -> Bool) throws(StoreError) {
        let isInTime = self.monitor.lock.withLock {
            let end = SteadyClock.nanoseconds() &+ self.longestDrain
            self.count(extent, 1)
            defer { self.count(extent, -1) }
            var memory: UInt64?
            // What is queued for the account is due from now on.
            var isNews = true
            while true {
                let wantedSync = self.doneSinceSync
                if isOver(&memory) { break }
                guard SteadyClock.nanoseconds() < end, !self.hasLostFiles else { return false }
                self.hurry(isNews: isNews || self.doneSinceSync != wantedSync)
                isNews = false
                self.monitor.wait(until: end)
            }
            return true
        }
        guard isInTime else {
            throw StoreError(
                .temporary,
                "files cannot be brought up to date now; what keeps them from it is in the log of the server")
        }
    }

    private func count(_ extent: Extent, _ change: Int) {
        switch extent {
        case .everything: self.everyone += change
        case .account(let account):
            let count = (self.awaited[account] ?? 0) + change
            self.awaited[account] = count == 0 ? nil : count
        }
    }
}
