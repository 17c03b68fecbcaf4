import Authentication
import MailCore
import MailStore
import ServerConfig
import Synchronization

/// All mail that one user can see, as one account: the user's own, what others share, and public mailboxes, each
/// under the prefix of its namespace. Every call asks the access control lists first.
///
/// Accounts of others are opened when they are first needed and kept for as long as this view lives, or until they move.
final class UserMail: MailAccount {
    /// The account that has the user's INBOX.
    let own: any MailAccount
    let accounts: Accounts
    let user: UserRecord
    let subject: AccessSubject
    /// The one that has INBOX comes first.
    let spaces: [MailSpace]
    /// Has something to say only while somebody listens.
    let relay = FeedRelay()
    private let opened = Mutex<[String: any MailAccount]>([:])

    init(own: any MailAccount, accounts: Accounts, user: UserRecord, spaces: [MailSpace]) {
        self.own = own
        self.accounts = accounts
        self.user = user
        self.spaces = spaces
        let listed = user.fields["acl_groups"].map { $0.split(separator: ",").map { Self.trimmed($0) } }
        self.subject = AccessSubject(
            user: user.fields["acl_user"] ?? user.user, groups: Set(listed ?? accounts.access.groups))
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text
        while text.first == " " { text = text.dropFirst() }
        while text.last == " " { text = text.dropLast() }
        return String(text)
    }

    var identity: AccountIdentity { self.own.identity }
    var isRetired: Bool { self.own.isRetired }
    var namespaces: [Namespace] { self.spaces.map(\.namespace) }
    var enforcesAccessLists: Bool { self.accounts.access.driver != .none }

    // MARK: Where a name leads

    /// A mailbox, existing or not, in an account of the store.
    struct Place {
        var account: any MailAccount
        /// The account's own name of it.
        var name: MailboxName
        var space: MailSpace
        /// The prefix's levels.
        var levels: [String]
        /// `nil`: nobody's.
        var owner: String?

        /// A name of the account as the user sees it; `nil` when it would be too long.
        func seen(_ name: MailboxName) -> MailboxName? { UserMail.seen(name, self.levels) }
    }

    static func seen(_ name: MailboxName, _ levels: [String]) -> MailboxName? {
        levels.isEmpty ? name : MailboxName(levels.joined(separator: "/") + "/" + name.text)
    }

    /// Where a name leads. `.notFound` for one in no namespace or with an owner who shares nothing with this user.
    func place(of name: MailboxName) async throws(StoreError) -> Place {
        let inbox = self.spaces[0]
        if name.isInbox {
            return Place(
                account: self.own, name: name, space: inbox, levels: [], owner: self.own.identity.name)
        }
        // The longest prefix counts: `Public/` before an empty one.
        for space in self.spaces.sorted(by: { $0.levels.count > $1.levels.count }) {
            guard space.settings.type == .shared else {
                guard space.holds(name) else { continue }
                guard let own = space.inside(name, space.levels) else {
                    throw StoreError(.notFound, "mailbox \(name)")
                }
                return Place(
                    account: try await self.account(of: space), name: own, space: space, levels: space.levels,
                    owner: space.settings.type == .public ? nil : self.own.identity.name)
            }
            guard space.mayHold(name) else { continue }
            for owner in try await self.owners() {
                let levels = space.levels(owner: owner)
                guard let own = space.inside(name, levels), let account = try await self.account(owner: owner)
                else { continue }
                return Place(account: account, name: own, space: space, levels: levels, owner: owner)
            }
            throw StoreError(.notFound, "mailbox \(name)")
        }
        throw StoreError(.notFound, "mailbox \(name)")
    }

    /// Users who share something with this one, sorted.
    func owners() async throws(StoreError) -> [String] {
        let own = self.own.identity.name
        return try await self.accounts.store.accountsSharing(with: self.subject.identifiers).filter {
            $0 != own && !$0.hasPrefix(AccountIdentity.namespacePrefix)
        }
    }

    /// The account of a private or public namespace.
    func account(of space: MailSpace) async throws(StoreError) -> any MailAccount {
        if space.settings.holdsInbox { return self.own }
        let identity = try self.accounts.identity(of: space.settings, for: self.user)
        if let known = self.known(identity.name) { return known }
        let account = try await self.open(identity)
        if space.settings.isFurther {
            if let quota = self.accounts.quota {
                account.apply(quota.rules(of: self.user, inNamespace: space.settings.name))
            }
            // It may be another object than the one that counted.
            await self.accounts.applyQuota(of: self.user, to: self.own)
        }
        return account
    }

    /// The account of another user; `nil` when there is no such user any more.
    func account(owner: String) async throws(StoreError) -> (any MailAccount)? {
        if let known = self.known(owner) { return known }
        guard let record = try await self.accounts.record(of: owner) else { return nil }
        let account = try await self.open(try self.accounts.identity(of: record))
        await self.accounts.applyQuota(of: record, to: account)
        return account
    }

    /// An account that is open already; one that has moved is to be opened anew.
    func known(_ name: String) -> (any MailAccount)? {
        guard let known = self.opened.withLock({ $0[name] }), !known.isRetired else { return nil }
        return known
    }

    private func open(_ identity: AccountIdentity) async throws(StoreError) -> any MailAccount {
        if let known = self.known(identity.name) { return known }
        let account = try await self.accounts.store.account(identity)
        self.opened.withLock { $0[identity.name] = account }
        return account
    }

    func owner(of name: MailboxName) -> String? {
        if name.isInbox { return self.own.identity.name }
        for space in self.spaces.sorted(by: { $0.levels.count > $1.levels.count }) {
            switch space.settings.type {
            case .private:
                if space.inside(name, space.levels) != nil { return self.own.identity.name }
            case .public:
                if space.inside(name, space.levels) != nil { return nil }
            case .shared:
                guard space.mayHold(name) else { continue }
                // Of one whose account has not been opened nobody can be told, and it is not this user's.
                let known = self.opened.withLock { Array($0.keys) }
                return known.first { space.inside(name, space.levels(owner: $0)) != nil }
            }
        }
        return nil
    }
}
