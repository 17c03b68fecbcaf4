import IMAPCore
import MailCore
import MailStore
import ServerCore

extension Session {
    /// The most mailboxes whose messages one session may watch.
    private static let maximumWatched = 2000

    private var supportedEvents: NotifyRequest.Events {
        var events: NotifyRequest.Events = [
            .messageNew, .messageExpunge, .flagChange, .mailboxName, .subscriptionChange,
        ]
        if self.settings.offersMetadata { events.formUnion([.mailboxMetadataChange, .serverMetadataChange]) }
        return events
    }

    /// NOTIFY (RFC 5465 section 3.1).
    func notify(_ tag: Tag, _ command: NotifyCommand) async throws(ConnectionError) {
        switch command {
        case .none:
            self.notifications?.end()
            if self.selected?.untoldFlags.isEmpty == false {
                // What was kept back is told before nothing is told any more.
                self.notifications = nil
                try await self.tellChanges(.allowed)
            }
            self.notifications = Notifications()
            self.write { $0.tagged(tag, .ok, "Notify completed") }
        case .set(let request):
            let supported = self.supportedEvents
            guard request.events.isSubset(of: supported) else {
                return try await self.refuse(tag, .badEvent(supported: supported), "Unsupported event")
            }
            try await self.notify(tag, request)
        }
    }

    private func notify(_ tag: Tag, _ request: NotifyRequest) async throws(ConnectionError) {
        guard let account = self.account else { return self.bad(tag, "Please log in first") }
        let connection = self.connection
        // Before the first look, so that nothing falls between the two.
        let watch = account.feed.watch { connection.signal() }
        let notifications: Notifications
        let isBounded: Bool
        do throws(StoreError) {
            var found: [WireMailboxName: MailboxName] = [:]
            for group in request.groups {
                found.merge(try await self.mailboxes(namedIn: group.filter)) { first, _ in first }
            }
            notifications = Notifications(request, watch, of: account) { found[$0] }
            isBounded = try await self.readBaseline(notifications, account)
        } catch {
            watch.stop()
            return try await self.refuse(tag, error)
        }
        guard isBounded else {
            watch.stop()
            return try await self.refuse(tag, .notificationOverflow, "Too many mailboxes to watch")
        }
        do throws(ConnectionError) {
            try await self.tellBaseline(notifications, wantsStatus: request.wantsStatus)
        } catch {
            // The session ends without having taken the watch over.
            watch.stop()
            throw error
        }
        self.notifications = notifications
        self.write { $0.tagged(tag, .ok, "Notify completed") }
    }

    /// Tells what comes before the first notification.
    private func tellBaseline(
        _ notifications: Notifications, wantsStatus: Bool
    ) async throws(ConnectionError) {
        // It implies NOOP, whatever was wanted before.
        self.notifications?.end()
        self.notifications = nil
        try await self.tellChanges(.allowed)
        for listing in notifications.barred {
            var attributes = listing.childAttribute.union(.noAccess)
            if listing.isSubscribed { attributes.insert(.subscribed) }
            self.writeList(listing.name, attributes, uses: listing.uses)
        }
        notifications.barred = []
        if wantsStatus {
            let selected = self.selected?.mailbox.name
            for (name, status) in notifications.told.sorted(by: { $0.key < $1.key }) where name != selected {
                var items: [StatusItem] = [.messages, .uidNext, .uidValidity]
                if self.knowsCondStore || notifications.events(of: name).contains(.flagChange) {
                    items.append(.highestModSeq)
                }
                self.writeStatus(name, status, items)
                try await self.connection.flushIfLarge()
            }
        }
    }

    /// Reads the counters of all mailboxes whose messages are wanted; `false` when there are too many.
    private func readBaseline(
        _ notifications: Notifications, _ account: any MailAccount
    ) async throws(StoreError) -> Bool {
        notifications.subscribed = Set(try await account.subscriptions())
        var wanted: [MailboxListing] = []
        for listing in try await account.mailboxes() where listing.isSelectable {
            let events = notifications.events(of: listing.name)
            if account.isForeign(listing.name) {
                notifications.foreign.insert(listing.name)
                if !events.isDisjoint(with: .ofContent), try await !self.mayWatch(listing.name, account) {
                    notifications.barred.append(listing)
                    continue
                }
            }
            guard !events.isDisjoint(with: .ofMessages) else { continue }
            wanted.append(listing)
            if wanted.count > Self.maximumWatched { return false }
        }
        for listing in wanted {
            let name = listing.name
            await self.watchFiles(of: name, notifications, account)
            if let status = try await self.statusIfThere(name, account) {
                notifications.told[name] = status
            } else if try await !self.mayWatch(name, account) {
                notifications.barred.append(listing)
            }
        }
        return true
    }

    /// Whether this user has the rights that every event of a mailbox's content asks for (RFC 5465 section 5). They
    /// may be others each time.
    func mayWatch(_ name: MailboxName, _ account: any MailAccount) async throws(StoreError) -> Bool {
        guard account.enforcesAccessLists else { return true }
        do throws(StoreError) {
            return try await account.rights(of: name).isSuperset(of: [.lookup, .read])
        } catch {
            switch error.code {
            case .notFound, .cannot, .noPermission: return false
            default: throw error
            }
        }
    }

    /// Hears of what other programs do to a mailbox's files. Without, it is seen when the mailbox is opened.
    func watchFiles(of name: MailboxName, _ notifications: Notifications, _ account: any MailAccount) async {
        guard notifications.fileWatches[name] == nil, notifications.fileWatches.count < Self.maximumWatched else {
            return
        }
        do throws(StoreError) {
            notifications.fileWatches[name] = try await account.watchFiles(of: name)
        } catch {
            self.logFault(error)
        }
    }

    func statusIfThere(
        _ name: MailboxName, _ account: any MailAccount
    ) async throws(StoreError) -> MailboxStatus? {
        do throws(StoreError) {
            return try await account.status(of: name)
        } catch {
            switch error.code {
            case .notFound, .cannot, .noPermission: return nil
            default: throw error
            }
        }
    }
}
