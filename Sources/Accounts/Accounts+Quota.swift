import Authentication
import MailCore
import MailStore
import ServerConfig

/// One quota for all private mail of a user.
extension Accounts {
    /// Puts the rules for the user into force. Where the user's mail is limited, that of further private namespaces counts
    /// from now on, though nobody has opened them.
    ///
    /// - Parameter account: the one with the user's INBOX.
    func applyQuota(of user: UserRecord, to account: any MailAccount) async {
        if let quota = self.quota { account.apply(quota.rules(of: user)) }
        guard self.hasFurtherNamespaces, !account.quotaNow.limits.isUnlimited else { return }
        await self.shareQuota(of: user, account)
    }

    /// Has the accounts of the user's further private namespaces count in the quota of the one with INBOX.
    func shareQuota(of user: UserRecord, _ account: any MailAccount) async {
        guard self.hasFurtherNamespaces else { return }
        let further = self.namespaces.filter(\.isFurther)
        let members = further.map { namespace in
            QuotaMember(
                name: Self.accountName(of: namespace, for: user),
                rules: self.quota?.rules(of: user, inNamespace: namespace.name))
        }
        await account.shareQuota(with: members) { (member) async throws(StoreError) -> any MailAccount in
            guard let namespace = further.first(where: { Self.accountName(of: $0, for: user) == member.name }) else {
                throw StoreError(.notFound, "account \(member.name)")
            }
            return try await self.store.account(self.identity(of: namespace, for: user))
        }
    }

    var hasFurtherNamespaces: Bool { self.namespaces.contains(where: \.isFurther) }
}

extension NamespaceSettings {
    /// Whether it is a private one beside that of INBOX.
    var isFurther: Bool { self.type == .private && !self.holdsInbox }
}
