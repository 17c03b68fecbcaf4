import MailCore
import MailStore
import ServerConfig

/// Lists, subscriptions, and the use of mailboxes.
extension UserMail {
    func mailboxes() async throws(StoreError) -> [MailboxListing] {
        try await self.listings { $0.settings.listing != .no }
    }

    func unlistedMailboxes(_ text: String) async throws(StoreError) -> [MailboxListing] {
        func isAsked(_ space: MailSpace) -> Bool {
            let prefix = space.fixedLevels.joined(separator: "/")
            return space.settings.listing == .no && !prefix.isEmpty && text.hasPrefix(prefix + "/")
        }
        guard self.spaces.contains(where: isAsked) else { return [] }
        return try await self.listings(isAsked)
    }

    private func listings(_ isWanted: (MailSpace) -> Bool) async throws(StoreError) -> [MailboxListing] {
        // Before the look, so that nothing falls between the two.
        self.relayAccess()
        var found: [MailboxName: MailboxListing] = [:]
        var parents: Set<MailboxName> = []
        for space in self.spaces where isWanted(space) {
            if space.settings.type == .shared {
                for owner in try await self.owners() {
                    // What is wrong with one owner's mail is no reason to show nothing of the others'.
                    guard let account = try? await self.account(owner: owner) else { continue }
                    try await self.add(account, space, space.levels(owner: owner), owner, to: &found)
                }
            } else {
                let account = try await self.account(of: space)
                let owner = space.settings.type == .public ? nil : self.own.identity.name
                try await self.add(account, space, space.levels, owner, to: &found)
            }
            // The prefix is a name by itself, without messages.
            if space.settings.listing == .yes, let name = MailboxName(space.fixedLevels.joined(separator: "/")),
                !name.isInbox
            {
                parents.insert(name)
            }
        }
        for name in Array(found.keys) + Array(parents) {
            var above = name.parent
            while let parent = above {
                parents.insert(parent)
                above = parent.parent
            }
        }
        let withChildren = Set((Array(found.keys) + Array(parents)).compactMap(\.parent))
        let subscribed = Set(try await self.subscriptions())
        for name in parents where found[name] == nil {
            found[name] = MailboxListing(
                name: name, isSelectable: false, hasChildren: false, isSubscribed: false, specialUse: nil)
        }
        return found.values.map { listing in
            var listing = listing
            listing.hasChildren = withChildren.contains(listing.name)
            listing.isSubscribed = subscribed.contains(listing.name)
            return listing
        }
        .sorted { $0.name < $1.name }
    }

    /// Adds those mailboxes of an account that this user may see.
    private func add(
        _ account: any MailAccount, _ space: MailSpace, _ levels: [String], _ owner: String?,
        to found: inout [MailboxName: MailboxListing]
    ) async throws(StoreError) {
        // Before the look, so that nothing falls between the two.
        self.relay(account, space, levels, owner)
        let listings = try await account.mailboxes()
        let lists = self.enforcesAccessLists ? try await account.accessLists() : [:]
        let fallback = try await self.fallback(space, account)
        for listing in listings where listing.isSelectable {
            let isOwn = listing.name.isInbox && space.settings.holdsInbox
            if listing.name.isInbox, !isOwn, space.settings.type != .shared { continue }
            guard let name = isOwn ? .inbox : Self.seen(listing.name, levels) else { continue }
            let rights = self.rights(
                lists[listing.name] ?? AccessList(), fallback, space, of: name, isOwner: self.isOwner(owner))
            guard rights.contains(.lookup) else { continue }
            var seen = listing
            seen.name = name
            // What is one user's drafts is not another's.
            if space.settings.type == .shared { seen.specialUse = nil }
            found[name] = seen
        }
    }

    // MARK: Subscriptions

    func subscriptions() async throws(StoreError) -> [MailboxName] {
        let inbox = self.spaces[0]
        let foreign = self.spaces.filter { !$0.keepsSubscriptions && !$0.settings.holdsInbox }
        var names: Set<MailboxName> = []
        for name in try await self.own.subscriptions() {
            if name.isInbox || foreign.contains(where: { $0.mayHold(name) }) {
                names.insert(name)
            } else if let seen = Self.seen(name, inbox.levels) {
                names.insert(seen)
            }
        }
        for space in self.spaces where space.keepsSubscriptions && !space.settings.holdsInbox {
            for name in try await self.account(of: space).subscriptions() {
                if let seen = Self.seen(name, space.levels) { names.insert(seen) }
            }
        }
        return names.sorted()
    }

    /// The account whose file has a subscription, and the name there.
    private func subscription(_ name: MailboxName) async throws(StoreError) -> (any MailAccount, MailboxName) {
        if name.isInbox { return (self.own, name) }
        for space in self.spaces.sorted(by: { $0.levels.count > $1.levels.count }) {
            guard space.mayHold(name) else { continue }
            if !space.keepsSubscriptions, !space.settings.holdsInbox { return (self.own, name) }
            if let own = space.inside(name, space.levels) { return (try await self.account(of: space), own) }
        }
        throw StoreError(.cannot, "\(name) is in no namespace")
    }

    func subscribe(_ name: MailboxName) async throws(StoreError) {
        let (account, own) = try await self.subscription(name)
        try await account.subscribe(own)
    }

    func unsubscribe(_ name: MailboxName) async throws(StoreError) {
        let (account, own) = try await self.subscription(name)
        try await account.unsubscribe(own)
    }

    // MARK: Use

    func status(of name: MailboxName) async throws(StoreError) -> MailboxStatus {
        let place = try await self.place(of: name)
        try await self.require(.read, at: place)
        return try await place.account.status(of: place.name, as: self.privateFlags(in: place.space))
    }

    func guid(of name: MailboxName) async throws(StoreError) -> String {
        let place = try await self.place(of: name)
        let rights = try await self.rights(at: place)
        guard !rights.isDisjoint(with: .knowing) else { throw Self.refusal(rights, place) }
        return try await place.account.guid(of: place.name)
    }

    /// What the user has of his own in a namespace that others use, too.
    private func privateFlags(in space: MailSpace) -> PrivateFlags? {
        guard space.settings.type != .private else { return nil }
        return switch space.settings.privateFlags {
        case .none: nil
        case .seen: PrivateFlags(of: self.own, .seen, includesKeywords: false)
        case .seenAndKeywords: PrivateFlags(of: self.own, .seen, includesKeywords: true)
        }
    }

    func open(
        _ name: MailboxName, _ access: MailboxAccess, onChange: @escaping @Sendable () -> Void
    ) async throws(StoreError) -> any Mailbox {
        let place = try await self.place(of: name)
        let rights = try await self.require(.read, at: place)
        let isReadOnly = rights.isDisjoint(with: .changing)
        let mailbox = try await place.account.open(
            place.name, isReadOnly ? .readOnly : access, as: self.privateFlags(in: place.space), onChange: onChange)
        return UserMailbox(mailbox, view: self, place, rights)
    }

    func resync(_ name: MailboxName) async throws(StoreError) {
        let place = try await self.place(of: name)
        try await self.require(.administer, at: place)
        try await place.account.resync(place.name)
    }

    func destination(
        of name: MailboxName, _ missing: Deposit.MissingMailbox
    ) async throws(StoreError) -> DepositDestination {
        let place = try await self.place(of: name)
        // A user's own INBOX takes mail whatever lists say: it is where mail goes that can go nowhere else.
        if self.accounts.purpose == .delivery, name.isInbox {
            return DepositDestination(account: place.account, name: place.name, rights: .all)
        }
        let rights: MailRights
        do throws(StoreError) {
            rights = try await self.rights(at: place)
            if !self.enforcesAccessLists { _ = try await place.account.status(of: place.name) }
        } catch {
            guard missing == .create, error.code == .notFound else { throw error }
            do throws(StoreError) {
                try await self.create(name, specialUse: nil)
            } catch {
                // Another delivery may have been faster.
                guard error.code == .alreadyExists else { throw error }
            }
            return try await self.destination(of: name, .fail)
        }
        let needed: MailRights = self.accounts.purpose == .delivery ? [.post, .insert] : .insert
        guard !rights.isDisjoint(with: needed) else { throw Self.refusal(rights, place) }
        return DepositDestination(
            account: place.account, name: place.name, rights: rights,
            privateFlags: self.privateFlags(in: place.space))
    }
}
