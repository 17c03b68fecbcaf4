import IMAPCore
import MailCore
import MailStore
import ServerCore

extension Session {
    /// Whether the selected mailbox's view is to stay as it is: NOTIFY wants nothing of its messages.
    var holdsSelectedBack: Bool {
        guard let notifications = self.notifications else { return false }
        return notifications.selected == nil && !notifications.tellsRemoval
    }

    /// Whether flags that others changed are told.
    var tellsFlagChanges: Bool {
        guard let selected = self.notifications?.selected else { return true }
        return selected.events.contains(.flagChange)
    }

    /// Waits for input, telling between commands what NOTIFY asks for.
    func readMoreNotified() async throws(ConnectionError) {
        let clock = ContinuousClock()
        let end = clock.now + self.connection.inactivityTimeout
        while try await !self.connection.readMoreOrSignal(within: end - clock.now) {
            if self.endIfMoved() { return }
            // With SELECTED the client uses no sequence numbers, and may hear of EXPUNGE at any time.
            let delays = self.notifications?.selected?.delaysExpunges ?? false
            try await self.tellChanges(delays ? .forbidden : .allowed, .event)
            try await self.tellAccountChanges()
            try await self.connection.flush()
        }
    }

    /// Tells what happened outside of the selected mailbox, as far as NOTIFY asks for it.
    func tellAccountChanges() async throws(ConnectionError) {
        guard let notifications = self.notifications, let watch = notifications.watch, let account = self.account
        else { return }
        let changes = watch.take()
        if changes.isEmpty { return }
        do throws(StoreError) {
            guard !changes.hasOverflowed else { return self.overflow() }
            try await self.tell(changes.events, notifications, account)
            try await self.tellStatus(changes.touched, notifications, account)
        } catch {
            // What can be told no more is not passed over in silence.
            self.logFault(error)
            self.overflow()
        }
        try await self.connection.flushIfLarge()
    }

    /// Notifications end; the client has to look for itself, and may ask again.
    private func overflow() {
        self.notifications?.end()
        self.notifications = Notifications()
        self.write { $0.untagged(.ok, .notificationOverflow, "Notifications have been switched off") }
    }

    private func tellStatus(
        _ touched: Set<MailboxName>, _ notifications: Notifications, _ account: any MailAccount
    ) async throws(StoreError) {
        for name in touched.sorted() where name != self.selected?.mailbox.name {
            guard !notifications.events(of: name).isDisjoint(with: .ofMessages),
                try await self.mayWatch(name, account), let status = try await self.statusIfThere(name, account)
            else { continue }
            let items = notifications.news(of: name, status, knowsCondStore: self.knowsCondStore)
            if !items.isEmpty { self.writeStatus(name, status, items) }
        }
    }

    // MARK: Mailboxes

    private func tell(
        _ events: [AccountEvent], _ notifications: Notifications, _ account: any MailAccount
    ) async throws(StoreError) {
        guard !events.isEmpty else { return }
        var listings: [MailboxName: MailboxListing] = [:]
        for listing in try await account.mailboxes() { listings[listing.name] = listing }
        for event in events {
            guard let event = self.known(event, notifications, account, listings) else { continue }
            switch event {
            case .created(let name): try await self.tellCreated(name, notifications, account, listings)
            case .deleted(let name): self.tellDeleted(name, notifications, account, listings)
            case .accessChanged:
                // Who may see a mailbox now has it as if it were made, who may not any more as if it were deleted.
                var seen: Set<MailboxName> = []
                for listing in listings.values where listing.isSelectable && account.isForeign(listing.name) {
                    seen.insert(listing.name)
                }
                let known = notifications.foreign
                notifications.foreign = seen
                for name in known.subtracting(seen).sorted() {
                    self.tellDeleted(name, notifications, account, listings)
                }
                for name in seen.subtracting(known).sorted() {
                    try await self.tellCreated(name, notifications, account, listings)
                }
            case .renamed(let old, let new):
                notifications.rename(old, to: new)
                let wanted = notifications.events(of: old).union(notifications.events(of: new))
                guard wanted.contains(.mailboxName) else { continue }
                self.writeListing(new, listings[new], oldName: old)
            case .subscribed(let name):
                notifications.subscribed.insert(name)
                self.tellName(name, .subscriptionChange, notifications, listings)
            case .unsubscribed(let name):
                self.tellName(name, .subscriptionChange, notifications, listings)
                notifications.subscribed.remove(name)
            case .metadata(.server, let entries):
                guard notifications.wantsServerMetadata else { continue }
                self.write { $0.metadataChanged(WireMailboxName([]), entries.map(\.text)) }
            case .metadata(.mailbox(let name), let entries):
                guard notifications.events(of: name).contains(.mailboxMetadataChange),
                    try await self.mayWatch(name, account)
                else { continue }
                let wire = self.names.encode(name)
                self.write { $0.metadataChanged(wire, entries.map(\.text)) }
            }
        }
    }

    private func tellCreated(
        _ name: MailboxName, _ notifications: Notifications, _ account: any MailAccount,
        _ listings: [MailboxName: MailboxListing]
    ) async throws(StoreError) {
        // Its counters are news only when they change.
        if !notifications.events(of: name).isDisjoint(with: .ofMessages),
            let status = try await self.statusIfThere(name, account)
        {
            notifications.told[name] = status
            await self.watchFiles(of: name, notifications, account)
        }
        self.tellName(name, .mailboxName, notifications, listings)
        self.tellParent(of: name, notifications, account, listings)
    }

    private func tellDeleted(
        _ name: MailboxName, _ notifications: Notifications, _ account: any MailAccount,
        _ listings: [MailboxName: MailboxListing]
    ) {
        notifications.told[name] = nil
        notifications.fileWatches[name] = nil
        self.tellName(name, .mailboxName, notifications, listings)
        self.tellParent(of: name, notifications, account, listings)
    }

    /// What of an event is told: of mailboxes that are not the user's own nothing that the user may not know. The names
    /// below a renamed one are told with it.
    private func known(
        _ event: AccountEvent, _ notifications: Notifications, _ account: any MailAccount,
        _ listings: [MailboxName: MailboxListing]
    ) -> AccountEvent? {
        func isSeen(_ name: MailboxName) -> Bool {
            !account.isForeign(name) || listings[name]?.isSelectable == true
        }
        switch event {
        case .created(let name):
            guard isSeen(name) else { return nil }
            if account.isForeign(name) { notifications.foreign.insert(name) }
            return event
        case .deleted(let name):
            return !account.isForeign(name) || notifications.foreign.remove(name) != nil ? event : nil
        case .renamed(let old, let new):
            let wasSeen = !account.isForeign(old) || notifications.foreign.contains(old)
            // What of it is seen under one of the names alone, and what below it, is found by a look at all.
            return wasSeen && isSeen(new) ? event : .accessChanged([])
        case .metadata(.mailbox(let name), _): return isSeen(name) ? event : nil
        case .metadata(.server, _), .subscribed, .unsubscribed, .accessChanged: return event
        }
    }

    /// A mailbox that has children now, or has none any more.
    private func tellParent(
        of name: MailboxName, _ notifications: Notifications, _ account: any MailAccount,
        _ listings: [MailboxName: MailboxListing]
    ) {
        guard let parent = name.parent, listings[parent] != nil || !account.isForeign(parent) else { return }
        // The name before the mailboxes of an owner is none of the user's own, though it is nobody else's.
        let isPrefix = account.isForeign(name) && !account.isForeign(parent)
        if isPrefix, !notifications.events(of: name).contains(.mailboxName) { return }
        self.tellName(parent, .mailboxName, notifications, listings)
    }

    private func tellName(
        _ name: MailboxName, _ event: NotifyRequest.Events, _ notifications: Notifications,
        _ listings: [MailboxName: MailboxListing]
    ) {
        guard notifications.events(of: name).contains(event) else { return }
        self.writeListing(
            name, listings[name],
            isSubscribed: notifications.subscribed.contains(name) && listings[name] == nil
                && event == .subscriptionChange)
    }

    /// LIST of a mailbox as it is now.
    ///
    /// - Parameter isSubscribed: of a name that has no mailbox.
    private func writeListing(
        _ name: MailboxName, _ listing: MailboxListing?, oldName: MailboxName? = nil, isSubscribed: Bool = false
    ) {
        var attributes: ResponseEncoder.ListAttributes = []
        if let listing {
            if !listing.isSelectable { attributes.insert(.nonExistent) }
            attributes.insert(listing.childAttribute)
            if listing.isSubscribed { attributes.insert(.subscribed) }
        } else {
            attributes.insert(.nonExistent)
            if isSubscribed { attributes.insert(.subscribed) }
        }
        self.writeList(
            name, attributes, uses: listing?.uses ?? [], oldName: oldName.map { self.names.encode($0) })
    }

    // MARK: The session's own changes, of which it is not told

    /// Forgets what this session has just done to the account.
    func forgetOwn(_ isOwn: (AccountEvent) -> Bool) { self.notifications?.watch?.forget(isOwn) }

    /// Takes a mailbox as known that this session has just made.
    func noteCreated(_ name: MailboxName, _ account: any MailAccount) async {
        guard let notifications = self.notifications, notifications.watch != nil else { return }
        // Where something cannot be found out it is told, which does no harm.
        if let status = try? await account.status(of: name) { notifications.told[name] = status }
        guard account.isForeign(name), let rights = try? await account.rights(of: name), rights.contains(.lookup) else {
            return
        }
        notifications.foreign.insert(name)
    }

    /// Takes the counters of a mailbox as told, into which this session has just put messages; of the selected one
    /// the new messages.
    func noteOwn(_ uids: UIDSet, in name: MailboxName) async {
        guard let notifications = self.notifications, notifications.watch != nil, let account = self.account else {
            return
        }
        if name == self.selected?.mailbox.name {
            for range in uids.ranges {
                guard let first = UID(rawValue: range.lowerBound), let last = UID(rawValue: range.upperBound) else {
                    continue
                }
                notifications.own.insert(first...last)
            }
            return
        }
        guard notifications.told[name] != nil else { return }
        do throws(StoreError) {
            notifications.told[name] = try await account.status(of: name)
        } catch {
            // It is told then, which does no harm.
            self.logFault(error)
        }
    }
}
