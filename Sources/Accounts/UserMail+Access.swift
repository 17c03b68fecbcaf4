import MailCore
import MailStore
import ServerConfig

/// Rights, and the lists they come from.
extension UserMail {
    /// Whether lists say nothing there: when there are none, and to the administrator, who has the user's own mail
    /// and public mail but sees of others what the user sees.
    private func isFree(_ space: MailSpace) -> Bool {
        !self.enforcesAccessLists
            || self.accounts.purpose == .administration && space.settings.type != .shared
    }

    /// What a list means for this user. A mailbox without one has that of its namespace.
    ///
    /// - Parameter name: of the mailbox, as the user sees it.
    func rights(
        _ list: AccessList, _ fallback: AccessList, _ space: MailSpace, of name: MailboxName?, isOwner: Bool
    ) -> MailRights {
        if self.isFree(space) { return .all }
        return self.listedRights(list.isEmpty ? fallback : list, space, of: name, isOwner: isOwner)
    }

    private func listedRights(
        _ list: AccessList, _ space: MailSpace, of name: MailboxName?, isOwner: Bool
    ) -> MailRights {
        let access = self.accounts.access
        let own = (access.globalsOnly ? AccessList() : list).rights(of: self.subject, isOwner: isOwner)
        guard let globals = self.accounts.globalLists, let name else { return own }
        let separator = Character(Unicode.Scalar(space.namespace.separator))
        return globals.rights(
            in: name.levels.joined(separator: String(separator)), of: self.subject, isOwner: isOwner, own: own)
    }

    func isOwner(_ place: Place) -> Bool { self.isOwner(place.owner) }

    /// Somebody who logged in as this user but acts as another (`acl_user`) is not the owner.
    func isOwner(_ owner: String?) -> Bool { owner != nil && owner == self.subject.user }

    /// The list of mailboxes that have none.
    func fallback(_ space: MailSpace, _ account: any MailAccount) async throws(StoreError) -> AccessList {
        guard self.enforcesAccessLists else { return AccessList() }
        // A public namespace has no INBOX: what lies in its root is about all of it.
        guard space.settings.type == .public || self.accounts.access.defaultsFromInbox else { return AccessList() }
        do throws(StoreError) {
            return try await account.accessList(of: .inbox)
        } catch {
            // In packs the root of a namespace is no mailbox, and so has no list.
            guard error.code == .notFound else { throw error }
            return AccessList()
        }
    }

    /// What this user may do at a place. `.notFound` when there is no such mailbox.
    func rights(at place: Place) async throws(StoreError) -> MailRights {
        if self.isFree(place.space) { return .all }
        return try await self.listedRights(at: place)
    }

    private func listedRights(at place: Place) async throws(StoreError) -> MailRights {
        // Rows for all users know mailboxes by their own names.
        var place = place
        place.name = try await place.account.canonicalName(of: place.name)
        var list = try await place.account.accessList(of: place.name)
        if list.isEmpty { list = try await self.fallback(place.space, place.account) }
        let seen = place.name.isInbox && place.space.settings.holdsInbox ? place.name : place.seen(place.name)
        return self.listedRights(list, place.space, of: seen, isOwner: self.isOwner(place))
    }

    /// Fails without all of `needed`: `.noPermission` to those who may know of the mailbox, and as if it were not
    /// there to all others. Answers all rights.
    @discardableResult
    func require(_ needed: MailRights, at place: Place) async throws(StoreError) -> MailRights {
        let rights = try await self.rights(at: place)
        guard rights.isSuperset(of: needed) else { throw Self.refusal(rights, place) }
        return rights
    }

    /// No detail with `.noPermission`: it is no fault of the server.
    static func refusal(_ rights: MailRights, _ place: Place) -> StoreError {
        rights.isDisjoint(with: .knowing)
            ? StoreError(.notFound, "mailbox \(place.name)") : StoreError(.noPermission)
    }

    /// Those of the user also to the administrator, who asks for them.
    func rights(of name: MailboxName) async throws(StoreError) -> MailRights {
        let place = try await self.place(of: name)
        guard self.enforcesAccessLists else { return .all }
        let rights = try await self.listedRights(at: place)
        guard self.accounts.purpose != .administration else { return rights }
        guard !rights.isDisjoint(with: .knowing) else { throw Self.refusal(rights, place) }
        return rights
    }

    func canonicalName(of name: MailboxName) async throws(StoreError) -> MailboxName {
        let place = try await self.place(of: name)
        let own = try await place.account.canonicalName(of: place.name)
        return own == place.name ? name : place.seen(own) ?? name
    }

    // MARK: Lists

    func accessList(of name: MailboxName) async throws(StoreError) -> AccessList {
        let place = try await self.place(of: name)
        try await self.require(.administer, at: place)
        let list = try await place.account.accessList(of: place.name)
        return list.isEmpty ? try await self.fallback(place.space, place.account) : list
    }

    /// By the names as this user sees them. For administrators: rights are not asked for.
    func accessLists() async throws(StoreError) -> [MailboxName: AccessList] {
        var lists: [MailboxName: AccessList] = [:]
        for space in self.spaces where space.settings.type == .private {
            for (name, list) in try await self.account(of: space).accessLists() {
                if name.isInbox, !space.settings.holdsInbox { continue }
                if let seen = name.isInbox ? name : Self.seen(name, space.levels) { lists[seen] = list }
            }
        }
        return lists
    }

    func changeAccessList(
        of name: MailboxName, _ body: @Sendable (inout AccessList) throws(StoreError) -> Void
    ) async throws(StoreError) {
        guard self.enforcesAccessLists else {
            throw StoreError(.cannot, "access control lists are off; write acl_driver = vfile")
        }
        if self.accounts.access.globalsOnly {
            throw StoreError(.cannot, "lists of mailboxes mean nothing (acl_globals_only)")
        }
        let place = try await self.place(of: name)
        try await self.require(.administer, at: place)
        // Nobody else locks them out either, whom they have given the right to.
        let keeper = self.accounts.purpose != .administration ? place.owner : nil
        let fallback = try await self.fallback(place.space, place.account)
        let before = try await place.account.accessList(of: place.name)
        try await place.account.changeAccessList(of: place.name) { (list) throws(StoreError) in
            // What held until now must not end because one row is added.
            if list.isEmpty { list = fallback }
            try body(&list)
            if let keeper { list.keepAdministration(for: keeper) }
        }
        // Done is done, whether or not it can be read again.
        let now = (try? await place.account.accessList(of: place.name)) ?? AccessList()
        self.tellAccess(from: before.isEmpty ? fallback : before, to: now.isEmpty ? fallback : now)
    }
}

extension AccessList {
    /// Owners may always change lists.
    fileprivate mutating func keepAdministration(for user: String) {
        let subject = AccessSubject(user: user)
        guard !self.rights(of: subject, isOwner: true).contains(.administer) else { return }
        for identifier in [AccessIdentifier.user(user), .owner, .authenticated, .anyone] {
            self.set(identifier, isNegative: true, .remove, .administer)
        }
        guard !self.rights(of: subject, isOwner: true).contains(.administer) else { return }
        let hasOwn = self.rows.contains { $0.identifier == .user(user) && !$0.isNegative }
        self.set(hasOwn ? .user(user) : .owner, isNegative: false, .add, .administer)
    }
}
