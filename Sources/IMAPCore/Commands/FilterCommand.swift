/// FILTER and UID FILTER: a Sieve script over the messages that a search finds (FILTER=SIEVE,
/// draft-bosch-imap-filter-sieve).
public struct FilterCommand: Hashable, Sendable {
    /// Which script.
    public enum Script: Hashable, Sendable {
        /// What runs at delivery.
        case delivery
        /// One of the user's own, by its name.
        case personal([UInt8])
        /// One for all users, by its name.
        case global([UInt8])
        /// Its text.
        case source([UInt8])
    }

    public var script: Script
    /// Without RETURN; the numbering is that of the command.
    public var search: SearchCommand

    public init(script: Script, search: SearchCommand) {
        self.script = script
        self.search = search
    }
}

extension Cursor {
    /// `SIEVE DELIVERY`, `SIEVE PERSONAL name`, `SIEVE GLOBAL name` or `SIEVE SCRIPT string`, then what SEARCH takes.
    mutating func filter(_ numbering: MessageNumbering) throws(SyntaxError) -> FilterCommand {
        try self.space()
        let language = self.word()
        guard self.matches(language, "SIEVE") else { throw self.unexpected(language, "SIEVE") }
        try self.space()
        let kind = self.word()
        let script: FilterCommand.Script
        if self.matches(kind, "DELIVERY") {
            script = .delivery
        } else if self.matches(kind, "PERSONAL") {
            try self.space()
            script = .personal(try self.astring("the name of a script"))
        } else if self.matches(kind, "GLOBAL") {
            try self.space()
            script = .global(try self.astring("the name of a script"))
        } else if self.matches(kind, "SCRIPT") {
            try self.space()
            script = .source(try self.string("a script as a string"))
        } else {
            throw self.unexpected(kind, "DELIVERY, PERSONAL, GLOBAL or SCRIPT")
        }
        let start = self.position + 1
        let search = try self.search(numbering)
        guard search.returns == nil else {
            throw SyntaxError(offset: start, expected: "a search key")
        }
        return FilterCommand(script: script, search: search)
    }
}
