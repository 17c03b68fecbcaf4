import IMAPCore
import MailCore
import MailStore
import ServerCore

/// The patterns of one LIST or LSUB, joined with their reference.
private struct ListPatterns {
    private var patterns: [ListPattern] = []
    /// In capitals: INBOX is the one name that matches in any case.
    private var forInbox: [ListPattern] = []
    /// With INBOX as their first level in capitals, as names have it there.
    private var belowInbox: [ListPattern] = []
    /// Comparisons since other sessions had their turn.
    private var comparisons = 0

    init(reference: WireMailboxName, _ patterns: [[UInt8]], _ names: MailboxNames) {
        let separator = names.separator
        for pattern in patterns {
            let joined = reference.bytes + pattern
            // What is not normalized can be the name of a mailbox that another program made, or mean a normal one.
            let normalized = WireMailboxName.pattern(joined, names.encoding)
            for form in joined == normalized ? [joined] : [joined, normalized] {
                self.patterns.append(ListPattern(form, separator: separator))
                self.forInbox.append(ListPattern(form.map(ASCII.uppercased), separator: separator))
                guard ASCII.equalsIgnoringCase(form.prefix(5), "inbox".utf8) else { continue }
                self.belowInbox.append(ListPattern(Array("INBOX".utf8) + form.dropFirst(5), separator: separator))
            }
        }
    }

    /// Lets other sessions have their turn now and then: a client may send thousands of patterns.
    mutating func matches(_ name: MailboxName, _ wire: WireMailboxName) async -> Bool {
        self.comparisons += self.patterns.count
        if self.comparisons > 16_384 {
            self.comparisons = 0
            await Task.yield()
        }
        return self.isMatch(name, wire)
    }

    private func isMatch(_ name: MailboxName, _ wire: WireMailboxName) -> Bool {
        if self.patterns.contains(where: { $0.matches(wire.bytes) }) { return true }
        if name.isInbox { return self.forInbox.contains { $0.matches(wire.bytes) } }
        return wire.bytes.starts(with: "INBOX".utf8) && self.belowInbox.contains { $0.matches(wire.bytes) }
    }
}

/// One line of a LIST response to be.
private struct ListEntry {
    var name: MailboxName
    var listing: MailboxListing?
    var isSubscribed: Bool
    /// Whether a mailbox below is subscribed and this is to be told (RECURSIVEMATCH).
    var hasSubscribedChild = false
}

extension Session {
    /// LIST, plain and extended (RFC 9051 section 6.3.9).
    func list(_ tag: Tag, _ command: ListCommand) async throws(ConnectionError) {
        if !command.isExtended, command.patterns == [[]] {
            let separator = self.names.separator
            self.write { $0.list("LIST", .noSelect, separator: separator, name: WireMailboxName([])) }
            return try await self.finish(tag, "List completed")
        }
        guard let account = self.account else { return self.bad(tag, "Please log in first") }
        if command.statusItems.contains(.highestModSeq) { self.enableCondStore() }
        guard let metadata = self.metadataEntries(command.metadataEntries) else {
            return self.bad(tag, "Not a metadata entry")
        }
        let entries: [ListEntry]
        do throws(StoreError) {
            entries = try await self.entries(command, account)
        } catch {
            return try await self.refuse(tag, error)
        }
        for entry in entries {
            self.write(entry, command)
            // Of mailboxes that meet the selection, not of those that only have a child that does (RFC 9051 section
            // 6.3.9.8 example 11, RFC 8440 section 4).
            guard entry.isSubscribed || !command.selection.contains(.subscribed),
                entry.listing?.isSelectable ?? false
            else {
                try await self.connection.flushIfLarge()
                continue
            }
            if !command.statusItems.isEmpty {
                do throws(StoreError) {
                    var status = try await account.status(of: entry.name)
                    if command.statusItems.contains(.deletedStorage) {
                        status.deletedStorage = try await account.deletedStorage(of: entry.name)
                    }
                    self.writeStatus(entry.name, status, command.statusItems)
                } catch {
                    // Gone since the list was made: no STATUS for it (RFC 5819 section 2).
                    self.logFault(error)
                }
            }
            if !metadata.isEmpty {
                await self.writeMetadata(of: entry.name, metadata, account)
            }
            if command.returns.contains(.myRights), account.enforcesAccessLists {
                do throws(StoreError) { try await self.tellRights(entry.name, account) } catch {
                    self.logFault(error)
                }
            }
            try await self.connection.flushIfLarge()
        }
        try await self.finish(tag, "List completed")
    }

    private func entries(
        _ command: ListCommand, _ account: any MailAccount
    ) async throws(StoreError) -> [ListEntry] {
        var patterns = ListPatterns(
            reference: command.reference, command.patterns, self.names)
        var listings = try await account.mailboxes()
        var listed = Set(listings.map(\.name))
        let beginnings = command.patterns.map { pattern in
            (command.reference.bytes + pattern).prefix { $0 != UInt8(ascii: "*") && $0 != UInt8(ascii: "%") }
        }
        for fixed in Set(beginnings) {
            let text = self.names.insideText(WireMailboxName(Array(fixed)))
            for listing in try await account.unlistedMailboxes(text) where listed.insert(listing.name).inserted {
                listings.append(listing)
            }
        }
        if let trash = listings.first(where: { $0.specialUse == .trash }) { self.trash = trash.name }
        guard command.selection.contains(.subscribed) else {
            var entries: [ListEntry] = []
            for listing in listings {
                if command.selection.contains(.specialUse), listing.specialUse == nil { continue }
                guard await patterns.matches(listing.name, self.names.encode(listing.name)) else { continue }
                entries.append(
                    ListEntry(name: listing.name, listing: listing, isSubscribed: listing.isSubscribed))
            }
            return entries
        }
        var existing: [MailboxName: MailboxListing] = [:]
        for listing in listings { existing[listing.name] = listing }
        var found: [MailboxName: ListEntry] = [:]
        for name in try await account.subscriptions() {
            if command.selection.contains(.specialUse), existing[name]?.specialUse == nil { continue }
            if await patterns.matches(name, self.names.encode(name)) {
                found[name, default: ListEntry(name: name, listing: existing[name], isSubscribed: true)]
                    .isSubscribed = true
                continue
            }
            guard command.selection.contains(.recursiveMatch) else { continue }
            // The nearest ancestor that the patterns show speaks for the hidden mailbox, and so do the others.
            var ancestor = name.parent
            while let parent = ancestor {
                if await patterns.matches(parent, self.names.encode(parent)) {
                    found[
                        parent,
                        default: ListEntry(name: parent, listing: existing[parent], isSubscribed: false)
                    ]
                    .hasSubscribedChild = true
                }
                ancestor = parent.parent
            }
        }
        if command.selection.contains(.recursiveMatch) {
            // A mailbox that shows by itself has CHILDINFO whether or not the child shows too; one that is only above a
            // child that shows stays left out (RFC 9051 section 6.3.9.6).
            for (name, entry) in found where entry.isSubscribed {
                var ancestor = name.parent
                while let parent = ancestor {
                    if found[parent]?.isSubscribed == true { found[parent]?.hasSubscribedChild = true }
                    ancestor = parent.parent
                }
            }
        }
        return found.values.sorted { $0.name < $1.name }
    }

    private func write(_ entry: ListEntry, _ command: ListCommand) {
        var attributes: ResponseEncoder.ListAttributes = []
        if let listing = entry.listing {
            if !listing.isSelectable {
                attributes.insert(command.isExtended || self.knowsRev2 ? .nonExistent : .noSelect)
            }
            attributes.insert(listing.childAttribute)
        } else {
            attributes.insert(.nonExistent)
        }
        let tellsSubscribed =
            command.selection.contains(.subscribed) || command.returns.contains(.subscribed)
        if tellsSubscribed, entry.isSubscribed { attributes.insert(.subscribed) }
        let uses = entry.listing?.uses ?? []
        let separator = self.names.separator
        let wire = self.names.encode(entry.name)
        self.write {
            $0.list(
                "LIST", attributes, uses: uses, separator: separator, name: wire,
                childInfo: entry.hasSubscribedChild ? ["SUBSCRIBED"] : [])
        }
    }

    /// XLIST, by which Outlook and old clients find special mailboxes: LIST with Gmail's names for their uses.
    func xlist(
        _ tag: Tag, _ reference: WireMailboxName, _ pattern: [UInt8]
    ) async throws(ConnectionError) {
        let command = ListCommand(reference: reference, patterns: [pattern])
        guard let account = self.account else { return self.bad(tag, "Please log in first") }
        let entries: [ListEntry]
        do throws(StoreError) {
            entries = try await self.entries(command, account)
        } catch {
            return try await self.refuse(tag, error)
        }
        let separator = self.names.separator
        for entry in entries {
            guard let listing = entry.listing else { continue }
            var attributes: ResponseEncoder.ListAttributes = listing.isSelectable ? [] : .noSelect
            attributes.insert(listing.childAttribute)
            var uses: [StaticString] = entry.name.isInbox ? ["\\Inbox"] : []
            if let use = listing.specialUse { uses.append(use.attribute.xlistName) }
            let wire = self.names.encode(entry.name)
            self.write { $0.list("XLIST", attributes, words: uses, separator: separator, name: wire) }
            try await self.connection.flushIfLarge()
        }
        try await self.finish(tag, "Xlist completed")
    }

    /// LSUB (RFC 3501 section 6.3.9): with `%` a name above a subscribed one shows as \Noselect.
    func lsub(
        _ tag: Tag, _ reference: WireMailboxName, _ pattern: [UInt8]
    ) async throws(ConnectionError) {
        guard let account = self.account else { return self.bad(tag, "Please log in first") }
        var patterns = ListPatterns(reference: reference, [pattern], self.names)
        /// With whether the name is subscribed and not one of a parent without messages.
        var found: [MailboxName: Bool] = [:]
        do throws(StoreError) {
            for name in try await account.subscriptions() {
                if await patterns.matches(name, self.names.encode(name)) {
                    found[name] = true
                    continue
                }
                guard pattern.contains(UInt8(ascii: "%")) else { continue }
                var ancestor = name.parent
                while let parent = ancestor {
                    if found[parent] == nil, await patterns.matches(parent, self.names.encode(parent)) {
                        found[parent] = false
                    }
                    ancestor = parent.parent
                }
            }
            // Thunderbird asks LSUB alone what can be selected.
            for listing in try await account.mailboxes() where !listing.isSelectable && found[listing.name] == true {
                found[listing.name] = false
            }
        } catch {
            return try await self.refuse(tag, error)
        }
        let separator = self.names.separator
        for (name, isSubscribed) in found.sorted(by: { $0.key < $1.key }) {
            let wire = self.names.encode(name)
            self.write { $0.list("LSUB", isSubscribed ? [] : .noSelect, separator: separator, name: wire) }
            try await self.connection.flushIfLarge()
        }
        try await self.finish(tag, "Lsub completed")
    }
}
