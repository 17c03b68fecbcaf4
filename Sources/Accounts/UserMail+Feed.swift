import MailCore
import MailStore
import ServerConfig

/// What happens to all mail that the user sees: for NOTIFY.
extension UserMail {
    var feed: AccountFeed { self.relay.feed }

    func watchFiles(of name: MailboxName) async throws(StoreError) -> FileWatch? {
        let place = try await self.place(of: name)
        try await self.require(.lookup, at: place)
        return try await place.account.watchFiles(of: place.name)
    }

    /// Has what happens in an account passed on, if anybody wants to know.
    ///
    /// What others may not know is for who tells it to leave out: rights change.
    func relay(_ account: any MailAccount, _ space: MailSpace, _ levels: [String], _ owner: String?) {
        guard self.relay.feed.isWatched else { return }
        let holdsInbox = space.settings.holdsInbox
        let isShared = space.settings.type == .shared
        let isOwn = owner == self.own.identity.name
        let keepsSubscriptions = space.keepsSubscriptions
        let foreign = self.spaces.filter { !$0.keepsSubscriptions && !$0.settings.holdsInbox }
        let name: @Sendable (MailboxName) -> MailboxName? = { name in
            if name.isInbox, !isShared { return holdsInbox ? name : nil }
            return UserMail.seen(name, levels)
        }
        self.relay.attach(
            account.feed, FeedRelay.Source(account: account.identity.name, levels: levels),
            reader: self.own.identity.name, name: name
        ) { event in
            switch event {
            case .accessChanged: return nil
            case .metadata(.server, _): return holdsInbox ? event : nil
            case .metadata(.mailbox, let entries) where !isOwn && !entries.contains(where: \.isShared): return nil
            case .metadata(let owner, let entries) where !isOwn:
                return AccountEvent.metadata(owner, entries.filter(\.isShared)).renamed(name)
            // The user's account has the subscriptions of what others share, under the names that the user sees.
            case .subscribed(let whole) where holdsInbox && foreign.contains { $0.mayHold(whole) },
                .unsubscribed(let whole) where holdsInbox && foreign.contains { $0.mayHold(whole) }:
                return event
            case .subscribed, .unsubscribed: return holdsInbox || keepsSubscriptions ? event.renamed(name) : nil
            case .created, .deleted, .renamed, .metadata: return event.renamed(name)
            }
        }
    }

    /// The same with changes of access control lists that are about this user, whosever they are.
    func relayAccess() {
        guard self.enforcesAccessLists, self.relay.feed.isWatched, let origin = self.accounts.store.accessFeed else {
            return
        }
        let identifiers = Set(self.subject.identifiers)
        self.relay.attach(origin, .access, reader: self.own.identity.name, name: { _ in nil }) { event in
            guard case .accessChanged(let changed) = event, !identifiers.isDisjoint(with: changed) else { return nil }
            return .accessChanged([])
        }
    }

    /// Tells those whom the rows of a list are about that it is another now.
    func tellAccess(from before: AccessList, to now: AccessList) {
        guard before != now else { return }
        let identifiers = Set((before.rows + now.rows).map(\.identifier))
        self.accounts.store.accessFeed?.post(.accessChanged(Array(identifiers)))
    }
}
