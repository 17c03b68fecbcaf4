import MailCore
import MailStore
import ServerConfig

/// Quota is that of whose mail it is: messages in mailboxes of others count for these. It is about the namespace that has
/// INBOX; what the user keeps in others is not counted.
extension UserMail {
    func quota() async throws(StoreError) -> QuotaStatus { try await self.own.quota() }

    var quotaNow: QuotaStatus { self.own.quotaNow }

    func countsForQuota(_ name: MailboxName) -> Bool {
        if name.isInbox { return self.own.countsForQuota(name) }
        for space in self.spaces.sorted(by: { $0.levels.count > $1.levels.count }) {
            guard space.settings.type != .shared else {
                if space.mayHold(name) { return false }
                continue
            }
            guard let inside = space.inside(name, space.levels) else { continue }
            return space.settings.holdsInbox && self.own.countsForQuota(inside)
        }
        return false
    }

    func apply(_ rules: QuotaRules) { self.own.apply(rules) }

    func setQuotaLimits(_ limits: QuotaLimits?) async throws(StoreError) {
        try await self.own.setQuotaLimits(limits)
    }

    func recalculateQuota() async throws(StoreError) -> QuotaStatus { try await self.own.recalculateQuota() }

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
