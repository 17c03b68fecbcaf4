import IMAPCore
import MailCore
import MailStore
import ServerCore

/// What a GETMETADATA or LIST wants of each mailbox.
struct MetadataQuery {
    /// Names of entries, and `/private` or `/shared` for all below them.
    var entries: [String]
    var maximumSize: UInt32?
    var depth = GetMetadataCommand.Depth.zero
}

/// What a query found.
private struct MetadataAnswer {
    var entries: [(name: String, value: [UInt8]?)] = []
    /// Octets of the longest value that was kept back.
    var longest: Int?

    init(_ query: MetadataQuery, _ present: [Metadata]) {
        var told = Set<String>()
        for wanted in query.entries {
            let start = self.entries.count
            for metadata in present where Self.covers(wanted, query.depth, metadata.entry) {
                guard told.insert(metadata.entry.text).inserted else { continue }
                if let maximum = query.maximumSize, metadata.value.count > Int(maximum) {
                    self.longest = max(self.longest ?? 0, metadata.value.count)
                } else {
                    self.entries.append((metadata.entry.text, metadata.value))
                }
            }
            // An entry asked for by its own name is told to be missing; of those below a name only what is there.
            if query.depth == .zero, self.entries.count == start, told.insert(wanted).inserted {
                self.entries.append((wanted, nil))
            }
        }
    }

    private static func covers(
        _ wanted: String, _ depth: GetMetadataCommand.Depth, _ entry: MetadataEntry
    ) -> Bool {
        if entry.text == wanted { return true }
        guard depth != .zero, entry.text.hasPrefix(wanted + "/") else { return false }
        return depth == .infinity || !entry.text.utf8.dropFirst(wanted.utf8.count + 1).contains(0x2F)
    }
}

extension Session {
    /// The administrator's own entries of the server.
    private static let administrators = ["/shared/comment", "/shared/admin"].compactMap { MetadataEntry($0) }

    /// The entries of a command; `nil` when one is none, or for all of them when METADATA is switched off.
    func metadataEntries(_ names: [[UInt8]]) -> [MetadataEntry]? {
        var entries: [MetadataEntry] = []
        for name in names {
            guard self.settings.offersMetadata, let entry = MetadataEntry(name) else { return nil }
            entries.append(entry)
        }
        return entries
    }

    /// GETMETADATA (RFC 5464 section 4.2).
    func getMetadata(_ tag: Tag, _ command: GetMetadataCommand) async throws(ConnectionError) {
        guard self.settings.offersMetadata else { return self.bad(tag, "METADATA is switched off") }
        let roots = ["/private", "/shared"]
        let names = command.entries.map { name in
            MetadataEntry(name)?.text ?? roots.first { ASCII.equalsIgnoringCase(name, $0.utf8) }
        }
        guard !names.contains(nil) else {
            return self.bad(tag, "Entries begin with /private/ or /shared/ and have no wildcards")
        }
        let entries = names.compactMap { $0 }
        guard let account = self.account else { return self.bad(tag, "Please log in first") }
        guard let owner = try await self.metadataOwner(tag, command.mailbox) else { return }
        var present: [Metadata]
        do throws(StoreError) {
            present = try await account.metadata(of: owner)
        } catch {
            return try await self.refuse(tag, error)
        }
        if owner == .server { self.addAdministrators(to: &present) }
        let query = MetadataQuery(entries: entries, maximumSize: command.maximumSize, depth: command.depth)
        let answer = MetadataAnswer(query, present)
        self.write { $0.metadata(command.mailbox, answer.entries) }
        try await self.finish(
            tag, answer.longest.map { .metadataLongEntries($0) }, "Getmetadata completed")
    }

    /// The METADATA responses of LIST (RFC 9590). A mailbox whose metadata cannot be read has none.
    func writeMetadata(of name: MailboxName, _ entries: [MetadataEntry], _ account: any MailAccount) async {
        do throws(StoreError) {
            let answer = MetadataAnswer(
                MetadataQuery(entries: entries.map(\.text)), try await account.metadata(of: .mailbox(name)))
            let wire = self.names.encode(name)
            self.write { $0.metadata(wire, answer.entries) }
        } catch {
            self.logFault(error)
        }
    }

    /// SETMETADATA (RFC 5464 section 4.3).
    func setMetadata(_ tag: Tag, _ command: SetMetadataCommand) async throws(ConnectionError) {
        guard self.settings.offersMetadata else { return self.bad(tag, "METADATA is switched off") }
        guard let entries = self.metadataEntries(command.changes.map(\.entry)) else {
            return self.bad(tag, "Entries begin with /private/ or /shared/ and have no wildcards")
        }
        guard let account = self.account else { return self.bad(tag, "Please log in first") }
        guard let owner = try await self.metadataOwner(tag, command.mailbox) else { return }
        if owner == .server, entries.contains(where: Self.administrators.contains) {
            return try await self.refuse(tag, .noPermission, "This entry is set in the configuration of the server")
        }
        let changes = zip(entries, command.changes).map { MetadataChange($0, $1.value) }
        // RFC 5466 section 3.2.
        let limits = self.settings.commandLimits
        if owner == .server,
            changes.contains(where: { change in
                SearchFilters.name(change.entry) != nil
                    && change.value.map { SearchKey($0, limits: limits) == nil } ?? false
            })
        {
            return try await self.refuse(tag, .cannot, "A filter must be a whole search")
        }
        do throws(StoreError) {
            try await account.setMetadata(changes, of: owner)
        } catch {
            switch error.code {
            case .tooBig:
                return try await self.refuse(tag, .metadataMaximum(MetadataLimits.maximumValue), "Value too large")
            case .limit: return try await self.refuse(tag, .metadataTooMany, "Too many entries")
            case .cannot where Self.isForeign(owner, account) && !entries.allSatisfy(\.isShared):
                return try await self.refuse(tag, .metadataNoPrivate, "No private entries of mailboxes of others")
            case .cannot where entries.contains(.specialUse):
                return try await self.refuse(tag, .useAttribute, "A mailbox cannot have that special use")
            default: return try await self.refuse(tag, error)
            }
        }
        self.forgetOwn { event in
            guard case .metadata(owner, let changed) = event else { return false }
            return Set(changed).isSubset(of: entries)
        }
        try await self.finish(tag, "Setmetadata completed")
    }

    private static func isForeign(_ owner: MetadataOwner, _ account: any MailAccount) -> Bool {
        switch owner {
        case .server: false
        case .mailbox(let name): account.isForeign(name)
        }
    }

    /// Whose metadata is meant; writes the refusal when the name can be none.
    private func metadataOwner(
        _ tag: Tag, _ wire: WireMailboxName
    ) async throws(ConnectionError) -> MetadataOwner? {
        if wire.bytes.isEmpty { return .server }
        return try await self.mailboxName(tag, wire, .nonExistent).map { .mailbox($0) }
    }

    private func addAdministrators(to present: inout [Metadata]) {
        present.removeAll { Self.administrators.contains($0.entry) }
        let texts = [self.settings.serverComment, self.settings.serverAdmin]
        for (entry, text) in zip(Self.administrators, texts) where !text.isEmpty {
            present.append(Metadata(entry, Array(text.utf8)))
        }
        present.sort { $0.entry < $1.entry }
    }
}
