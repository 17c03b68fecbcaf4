import IMAPCore
import MailCore
import MailSearch
import MailStore
import ServerCore

extension Session {
    /// Mailboxes that one ESEARCH looks into at most (RFC 7377 section 2.4).
    private static let maximumMailboxes = 10_000

    /// ESEARCH: the search of many mailboxes, one after the other, each in slices (RFC 7377).
    func multiSearch(_ tag: Tag, _ command: MultiSearchCommand) async throws(ConnectionError) {
        let search = command.search
        let returns = search.returns ?? .all
        if command.sources.contains(.selected) || returns.contains(.update), self.selected == nil {
            return self.bad(tag, "No mailbox selected")
        }
        if returns.contains(.save) || search.key.hasSavedResult, command.sources != [.selected] {
            return self.bad(tag, "A saved result is only of the selected mailbox")
        }
        guard self.mayUpdate(tag, search), self.mayNameCharset(tag, search) else { return }
        guard let key = try await self.searchKey(tag, search, ExpungeTelling(search)) else { return }
        var decoded = search
        decoded.key = key
        decoded.charset = nil
        let names: [MailboxName?]
        do throws(StoreError) {
            names = try await self.mailboxes(command.sources)
        } catch {
            return try await self.refuse(tag, error)
        }
        guard names.count <= Self.maximumMailboxes else {
            return try await self.refuse(tag, .limit, "Too many mailboxes")
        }
        if key.hasModSeq { self.enableCondStore() }
        var reached: LimitReached?
        let stages = returns.contains(.relevancy) ? 2 : 1
        self.beginProgress(tag, stages: names.count * stages)
        for (index, name) in names.enumerated() {
            self.progress?.skip(to: index * stages)
            guard self.connection.shutdownReason == nil else { break }
            do throws(StoreError) {
                let found =
                    if let name {
                        try await self.search(mailbox: name, tag, decoded)
                    } else {
                        try await self.searchSelected(tag, decoded)
                    }
                reached = found?.reached ?? reached
            } catch {
                // What is gone, or may not be read, is as if it were not there.
                guard error.code != .notFound, error.code != .expunged, error.code != .noPermission,
                    error.code != .cannot
                else { continue }
                return try await self.refuse(tag, error)
            }
            try await self.connection.flushIfLarge()
        }
        // The limit counts for each mailbox. A UID says nothing when there are several.
        let code = names.count == 1 ? reached?.code : reached.map { .messageLimit($0.limit, nil) }
        try await self.finish(tag, code, "Search completed", ExpungeTelling(search))
    }

    private func searchSelected(_ tag: Tag, _ command: SearchCommand) async throws(StoreError) -> Found? {
        guard let selected = self.selected else { return nil }
        let found = try await self.find(command, selected.mailbox, selected.view, selected.recent)
        if command.returns?.contains(.save) == true { self.save(found, command) }
        try await self.tell(found, tag, command, selected.mailbox)
        if command.returns?.contains(.update) == true {
            var update = SearchUpdate(tag, command, inMailboxOrder: found)
            update.namesMailbox = true
            self.update(update, found.view)
        }
        return found
    }

    private func search(
        mailbox name: MailboxName, _ tag: Tag, _ command: SearchCommand
    ) async throws(StoreError) -> Found? {
        guard let account = self.account else { return nil }
        let mailbox = try await account.open(name, .readOnly) {}
        defer { mailbox.close() }
        let found = try await self.find(command, mailbox, mailbox.snapshot(), [])
        try await self.tell(found, tag, command, mailbox)
        return found
    }

    private func find(
        _ command: SearchCommand, _ mailbox: any Mailbox, _ view: MailboxSnapshot, _ recent: UIDSet
    ) async throws(StoreError) -> Found {
        var key = command.key
        var reached: LimitReached?
        if self.settings.messageLimit != nil {
            var candidates = key.candidates(view)
            reached = self.limit(&candidates, in: view)
            if let reached { key = reached.limiting(key) }
        }
        guard let plan = SearchPlan(key, view, recent: recent, now: UnixTime.now().seconds, bounds: .clamped) else {
            throw StoreError(.cannot)
        }
        let search = self.search(mailbox, view)
        self.beginStage(of: view.count)
        let places = try await search.matches(plan, command.extent) { self.goesOn(after: $0) }
        try self.checkGoesOn()
        return Found(
            search: search, plan: plan, key: key, view: view, places: places, hasModSeq: key.hasModSeq,
            reached: reached)
    }

    /// A mailbox without a match has no response (RFC 7377 section 2.1).
    private func tell(
        _ found: Found, _ tag: Tag, _ command: SearchCommand, _ mailbox: any Mailbox
    ) async throws(StoreError) {
        guard !found.places.isEmpty else { return }
        let correlator = SearchCorrelator(
            tag, mailbox: self.names.encode(mailbox.name), uidValidity: found.view.uidValidity)
        try await self.answer(correlator, command, found.places, found, [])
    }

    // MARK: Sources

    /// The mailboxes that some sources mean, each once; `nil` stands for the selected one.
    private func mailboxes(_ sources: [MailboxFilter]) async throws(StoreError) -> [MailboxName?] {
        guard let account = self.account else { return [] }
        var wanted: [MailboxName?] = []
        var known: Set<MailboxName> = []
        func add(_ name: MailboxName) {
            if known.insert(name).inserted { wanted.append(name) }
        }
        if sources.contains(.selected), let selected = self.selected {
            wanted.append(nil)
            known.insert(selected.mailbox.name)
        }
        var listings: [MailboxListing]?
        for source in sources {
            let found = try await self.mailboxes(namedIn: source)
            guard let filter = DecodedMailboxFilter(source, { found[$0] }) else { continue }
            if case .mailboxes = filter {
                for name in source.names.compactMap({ found[$0] }) { add(name) }
                continue
            }
            let all: [MailboxListing]
            if let listings { all = listings } else { all = try await account.mailboxes() }
            listings = all
            for listing in all where listing.isSelectable {
                let isMatch = filter.matches(
                    listing.name, isSubscribed: listing.isSubscribed, isPersonal: !account.isForeign(listing.name))
                if isMatch { add(listing.name) }
            }
        }
        return wanted
    }
}
