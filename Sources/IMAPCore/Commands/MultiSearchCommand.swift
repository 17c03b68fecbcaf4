/// ESEARCH, the search of many mailboxes (RFC 7377).
///
///     C: t1 ESEARCH IN (mailboxes "folder1" subtree "folder2") RETURN (COUNT) unseen
public struct MultiSearchCommand: Hashable, Sendable {
    /// At least one; `selected` when the client named none.
    public var sources: [MailboxFilter]
    /// With UIDs; `returns` is never `nil`.
    public var search: SearchCommand

    public init(_ sources: [MailboxFilter], _ search: SearchCommand) {
        self.sources = sources
        self.search = search
    }
}

extension Cursor {
    mutating func multiSearch() throws(SyntaxError) -> MultiSearchCommand {
        let start = self.position
        var sources: [MailboxFilter] = [.selected]
        try self.space()
        let word = self.word()
        if self.matches(word, "IN") {
            try self.space()
            sources = try self.searchSources()
        } else {
            self.position = start
        }
        var search = try self.search(.uid)
        if search.returns == nil { search.returns = .all }
        return MultiSearchCommand(sources, search)
    }

    private mutating func searchSources() throws(SyntaxError) -> [MailboxFilter] {
        try self.open()
        var sources: [MailboxFilter] = []
        repeat {
            // Scope options are for extensions that do not exist.
            if self.peek() == UInt8(ascii: "(") { throw self.fail("no scope options") }
            if sources.count == self.limits.listLength { throw self.tooComplex("Too many sources") }
            sources.append(try self.mailboxFilter())
        } while self.take(0x20)
        try self.close()
        return sources
    }
}
