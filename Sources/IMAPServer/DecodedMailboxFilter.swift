import IMAPCore
import MailCore
import MailStore

/// A client's filter with its names decoded: which mailboxes of the account it means.
enum DecodedMailboxFilter {
    case personal
    case subscribed
    /// Normalized.
    case subtree(Set<MailboxName>)
    /// Normalized.
    case subtreeOne(Set<MailboxName>)
    case mailboxes(Set<MailboxName>)

    /// `nil` for the selected mailbox, which a name does not tell.
    ///
    /// - Parameter decode: the mailbox that a client means; names that none can have are passed over.
    init?(_ filter: MailboxFilter, _ decode: (WireMailboxName) -> MailboxName?) {
        switch filter {
        case .selected: return nil
        // A script may file mail into any mailbox, so all are inboxes (RFC 5465 section 6.3).
        case .inboxes, .personal: self = .personal
        case .subscribed: self = .subscribed
        case .subtree(let names): self = .subtree(Set(names.compactMap { decode($0)?.normalized }))
        case .subtreeOne(let names): self = .subtreeOne(Set(names.compactMap { decode($0)?.normalized }))
        case .mailboxes(let names): self = .mailboxes(Set(names.compactMap(decode)))
        }
    }

    /// Takes in the mailboxes of a filter of the same kind; `false` for one of another.
    mutating func take(_ other: DecodedMailboxFilter) -> Bool {
        switch (self, other) {
        case (.personal, .personal), (.subscribed, .subscribed): break
        case (.subtree(let names), .subtree(let more)): self = .subtree(names.union(more))
        case (.subtreeOne(let names), .subtreeOne(let more)): self = .subtreeOne(names.union(more))
        case (.mailboxes(let names), .mailboxes(let more)): self = .mailboxes(names.union(more))
        case (.personal, _), (.subscribed, _), (.subtree, _), (.subtreeOne, _), (.mailboxes, _): return false
        }
        return true
    }

    /// - Parameter isPersonal: whether it is in a namespace of the user's own (RFC 5465 section 6.2).
    func matches(
        _ name: MailboxName, isSubscribed: @autoclosure () -> Bool, isPersonal: @autoclosure () -> Bool
    ) -> Bool {
        switch self {
        case .personal: isPersonal()
        case .subscribed: isSubscribed()
        case .subtree(let roots): name.normalized.isOneOfOrBelow(roots)
        case .subtreeOne(let roots):
            roots.contains(name.normalized) || name.normalized.parent.map { roots.contains($0) } ?? false
        case .mailboxes(let names): names.contains(name)
        }
    }
}

extension MailAccount {
    /// Whether a mailbox is somebody else's, or nobody's: whether the client may know of it can change.
    func isForeign(_ name: MailboxName) -> Bool { self.owner(of: name) != self.identity.name }
}

extension Session {
    /// The mailboxes that a filter names, in whatever normal form (RFC 9051 section 5.1).
    func mailboxes(namedIn filter: MailboxFilter) async throws(StoreError) -> [WireMailboxName: MailboxName] {
        var found: [WireMailboxName: MailboxName] = [:]
        for wire in filter.names { found[wire] = try await self.mailbox(wire) }
        return found
    }
}

extension MailboxName {
    /// Whether this is one of some names or lies below one. Takes time for the levels of the name, not for the names: a
    /// client may send thousands.
    fileprivate func isOneOfOrBelow(_ names: Set<MailboxName>) -> Bool {
        var name: MailboxName? = self
        while let current = name {
            if names.contains(current) { return true }
            name = current.parent
        }
        return false
    }
}
