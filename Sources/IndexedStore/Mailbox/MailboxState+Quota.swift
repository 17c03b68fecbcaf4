internal import MailCore
internal import MailStore

/// A mailbox's part of its account's quota. All of this with `lock` held.
extension MailboxState {
    /// Whether the account's quota counts what lies here.
    var isCounted: Bool {
        let generation = self.core.quota.generation
        if self.quotaGeneration != generation {
            self.quotaGeneration = generation
            self.countsForQuota = self.core.quota.counts(self.name)
        }
        return self.countsForQuota
    }

    /// The name has changed: another rule may hold.
    func quotaNameChanged() {
        self.quotaGeneration = 0
        self.settleQuota()
    }

    /// What the ledger is to be told of: the counters against what it knows of them, and reservations that end.
    func quotaChange(ending reserved: QuotaUsage = .zero) -> QuotaLedger.Change {
        // In an account that moves, messages go on counting: nothing was removed.
        let isThere = !self.isDeleted || self.isRetired
        let now = self.isCounted && isThere ? QuotaUsage(self.counters) : .zero
        defer { self.charged = now }
        return QuotaLedger.Change(used: now - self.charged, reserved: .zero - reserved)
    }

    func settleQuota() { self.core.quota.apply(self.quotaChange()) }
}
