import MailCore
import MailStore
import ServerConfig

/// Quota is that of whose mail it is: messages in mailboxes of others count for these. It is about all private namespaces
/// of the user; each is an account of its own in the store, and that with INBOX counts for all of them.
extension UserMail {
    func quota() async throws(StoreError) -> QuotaStatus {
        // Without limits nothing had them counted so far.
        await self.accounts.shareQuota(of: self.user, self.own)
        return try await self.own.quota()
    }

    var quotaNow: QuotaStatus { self.own.quotaNow }

    func countsForQuota(_ name: MailboxName) -> Bool {
        if name.isInbox { return self.own.countsForQuota(name) }
        for space in self.spaces.sorted(by: { $0.levels.count > $1.levels.count }) {
            guard space.settings.type != .shared else {
                if space.mayHold(name) { return false }
                continue
            }
            guard let inside = space.inside(name, space.levels) else { continue }
            if space.settings.holdsInbox { return self.own.countsForQuota(inside) }
            return space.settings.isFurther && self.counts(inside, in: space)
        }
        return false
    }

    /// Whether a mailbox of a further private namespace counts, the account of which may not have been opened.
    private func counts(_ name: MailboxName, in space: MailSpace) -> Bool {
        if let known = self.known(Accounts.accountName(of: space.settings, for: self.user)) {
            return known.countsForQuota(name)
        }
        let rules = self.accounts.quota?.rules(of: self.user, inNamespace: space.settings.name)
        return rules?.rule(of: name)?.isIgnored != true
    }

    func apply(_ rules: QuotaRules) { self.own.apply(rules) }

    func setQuotaLimits(_ limits: QuotaLimits?) async throws(StoreError) {
        try await self.own.setQuotaLimits(limits)
        await self.accounts.shareQuota(of: self.user, self.own)
    }

    func recalculateQuota() async throws(StoreError) -> QuotaStatus {
        await self.accounts.shareQuota(of: self.user, self.own)
        return try await self.own.recalculateQuota()
    }

    func checkQuota(
        octets: UInt64, in mailbox: MailboxName, _ strictness: QuotaStrictness
    ) async throws(StoreError) {
        let place = try await self.place(of: mailbox)
        try await place.account.checkQuota(octets: octets, in: place.name, strictness)
    }

    func deletedStorage(of name: MailboxName) async throws(StoreError) -> UInt64 {
        let place = try await self.place(of: name)
        try await self.require(.read, at: place)
        return try await place.account.deletedStorage(of: place.name)
    }
}
