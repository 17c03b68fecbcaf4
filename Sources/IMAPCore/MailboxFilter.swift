/// Which mailboxes a command is about: filter-mailboxes (RFC 5465 section 6, RFC 7377 section 2.2).
public enum MailboxFilter: Hashable, Sendable {
    case selected
    /// Where delivery may put messages.
    case inboxes
    case personal
    case subscribed
    /// The mailboxes and all below them.
    case subtree([WireMailboxName])
    /// The mailboxes and their children.
    case subtreeOne([WireMailboxName])
    /// Names, without wildcards.
    case mailboxes([WireMailboxName])

    /// The names in it.
    public var names: [WireMailboxName] {
        switch self {
        case .selected, .inboxes, .personal, .subscribed: []
        case .subtree(let names), .subtreeOne(let names), .mailboxes(let names): names
        }
    }
}

extension Cursor {
    /// filter-mailboxes with the additions of RFC 7377: SELECTED-DELAYED is none.
    mutating func mailboxFilter() throws(SyntaxError) -> MailboxFilter {
        let word = self.word()
        if self.matches(word, "SELECTED") { return .selected }
        if self.matches(word, "SUBTREE-ONE") { return .subtreeOne(try self.filterNames()) }
        if let filter = try self.otherMailboxes(word) { return filter }
        throw self.unexpected(
            word, "SELECTED, INBOXES, PERSONAL, SUBSCRIBED, SUBTREE, SUBTREE-ONE or MAILBOXES")
    }

    /// The rest of filter-mailboxes-other (RFC 5465 section 8) behind its first word; `nil` when that begins none.
    mutating func otherMailboxes(_ word: Range<Int>) throws(SyntaxError) -> MailboxFilter? {
        if self.matches(word, "INBOXES") { return .inboxes }
        if self.matches(word, "PERSONAL") { return .personal }
        if self.matches(word, "SUBSCRIBED") { return .subscribed }
        if self.matches(word, "SUBTREE") { return .subtree(try self.filterNames()) }
        if self.matches(word, "MAILBOXES") { return .mailboxes(try self.filterNames()) }
        return nil
    }

    /// one-or-more-mailbox.
    private mutating func filterNames() throws(SyntaxError) -> [WireMailboxName] {
        try self.space()
        guard self.take(UInt8(ascii: "(")) else { return [try self.mailbox()] }
        var names: [WireMailboxName] = []
        repeat {
            if names.count == self.limits.listLength { throw self.tooComplex("Too many mailboxes") }
            names.append(try self.mailbox())
        } while self.take(0x20)
        try self.close()
        return names
    }
}
