import MailCore

/// LIST, plain or extended (RFC 5258, RFC 5819, RFC 6154).
public struct ListCommand: Hashable, Sendable {
    /// Which mailboxes are asked for.
    public struct Selection: OptionSet, Hashable, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        public static let subscribed = Selection(rawValue: 1)
        public static let remote = Selection(rawValue: 2)
        public static let recursiveMatch = Selection(rawValue: 4)
        public static let specialUse = Selection(rawValue: 8)
    }

    /// What is told about each.
    public struct Return: OptionSet, Hashable, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        public static let subscribed = Return(rawValue: 1)
        public static let children = Return(rawValue: 2)
        public static let specialUse = Return(rawValue: 4)
        /// MYRIGHTS (RFC 8440).
        public static let myRights = Return(rawValue: 16)
    }

    public var selection: Selection
    public var reference: WireMailboxName
    /// At least one. In octets, with `%` and `*`.
    public var patterns: [[UInt8]]
    public var returns: Return
    /// RETURN (STATUS (...)); empty when not asked for.
    public var statusItems: [StatusItem]
    /// RETURN (METADATA (...)) (RFC 9590): entry names as the client wrote them; empty when not asked for.
    public var metadataEntries: [[UInt8]]
    /// Whether any extended syntax was used: then the empty pattern has no special meaning (RFC 5258
    /// section 3).
    public var isExtended: Bool

    public init(
        selection: Selection = [], reference: WireMailboxName, patterns: [[UInt8]], returns: Return = [],
        statusItems: [StatusItem] = [], metadataEntries: [[UInt8]] = [], isExtended: Bool = false
    ) {
        self.metadataEntries = metadataEntries
        self.selection = selection
        self.reference = reference
        self.patterns = patterns
        self.returns = returns
        self.statusItems = statusItems
        self.isExtended = isExtended
    }
}

extension Cursor {
    mutating func lsub() throws(SyntaxError) -> Command {
        try self.space()
        let reference = try self.mailbox()
        try self.space()
        return .lsub(reference: reference, pattern: try self.listMailbox())
    }

    mutating func xlist() throws(SyntaxError) -> Command {
        try self.space()
        let reference = try self.mailbox()
        try self.space()
        return .xlist(reference: reference, pattern: try self.listMailbox())
    }

    mutating func list() throws(SyntaxError) -> ListCommand {
        try self.space()
        var command = ListCommand(reference: WireMailboxName([]), patterns: [])
        if self.take(UInt8(ascii: "(")) {
            command.isExtended = true
            command.selection = try self.listSelection()
            try self.space()
        }
        command.reference = try self.mailbox()
        try self.space()
        if self.take(UInt8(ascii: "(")) {
            command.isExtended = true
            repeat {
                if command.patterns.count == self.limits.patternCount {
                    throw self.tooComplex("Too many patterns")
                }
                command.patterns.append(try self.listMailbox())
            } while self.take(0x20)
            try self.close()
        } else {
            command.patterns = [try self.listMailbox()]
        }
        if self.take(0x20) {
            command.isExtended = true
            try self.listReturn(into: &command)
        }
        return command
    }

    /// list-select-opts after its `(`.
    private mutating func listSelection() throws(SyntaxError) -> ListCommand.Selection {
        var selection: ListCommand.Selection = []
        if self.take(UInt8(ascii: ")")) { return selection }
        let start = self.position
        repeat {
            let word = self.word()
            if self.matches(word, "SUBSCRIBED") {
                selection.insert(.subscribed)
            } else if self.matches(word, "REMOTE") {
                selection.insert(.remote)
            } else if self.matches(word, "RECURSIVEMATCH") {
                selection.insert(.recursiveMatch)
            } else if self.matches(word, "SPECIAL-USE") {
                selection.insert(.specialUse)
            } else {
                throw self.unexpected(word, "SUBSCRIBED, REMOTE, RECURSIVEMATCH or SPECIAL-USE")
            }
        } while self.take(0x20)
        try self.close()
        // RFC 5258 section 3: RECURSIVEMATCH alone or with REMOTE only is refused.
        if selection.contains(.recursiveMatch), !selection.contains(.subscribed),
            !selection.contains(.specialUse)
        {
            throw SyntaxError(offset: start, expected: "SUBSCRIBED beside RECURSIVEMATCH")
        }
        return selection
    }

    private mutating func listReturn(into command: inout ListCommand) throws(SyntaxError) {
        let keyword = self.word()
        guard self.matches(keyword, "RETURN") else { throw self.unexpected(keyword, "RETURN") }
        try self.space()
        try self.open()
        if self.take(UInt8(ascii: ")")) { return }
        repeat {
            let word = self.word()
            if self.matches(word, "SUBSCRIBED") {
                command.returns.insert(.subscribed)
            } else if self.matches(word, "CHILDREN") {
                command.returns.insert(.children)
            } else if self.matches(word, "SPECIAL-USE") {
                command.returns.insert(.specialUse)
            } else if self.matches(word, "METADATA") {
                try self.space()
                guard self.peek() == UInt8(ascii: "(") else { throw self.fail("\"(\"") }
                command.metadataEntries = try self.metadataEntries()
            } else if self.matches(word, "MYRIGHTS") {
                command.returns.insert(.myRights)
            } else if self.matches(word, "STATUS") {
                try self.space()
                command.statusItems = try self.statusItems()
            } else {
                throw self.unexpected(word, "SUBSCRIBED, CHILDREN, SPECIAL-USE, STATUS or METADATA")
            }
        } while self.take(0x20)
        try self.close()
    }
}
