import MailCore

/// GETMETADATA (RFC 5464 section 4.2).
public struct GetMetadataCommand: Hashable, Sendable {
    /// How far below a named entry others are asked for, too.
    public enum Depth: Hashable, Sendable {
        case zero, one, infinity
    }

    /// Empty for the server's entries.
    public var mailbox: WireMailboxName
    /// As the client wrote them; at least one.
    public var entries: [[UInt8]]
    /// Longer values are not wanted, in octets.
    public var maximumSize: UInt32?
    public var depth: Depth

    public init(
        mailbox: WireMailboxName, entries: [[UInt8]], maximumSize: UInt32? = nil, depth: Depth = .zero
    ) {
        self.mailbox = mailbox
        self.entries = entries
        self.maximumSize = maximumSize
        self.depth = depth
    }
}

/// SETMETADATA (RFC 5464 section 4.3).
public struct SetMetadataCommand: Hashable, Sendable {
    /// An entry and its new value.
    public struct Change: Hashable, Sendable {
        /// As the client wrote it.
        public var entry: [UInt8]
        /// `nil`: to be removed.
        public var value: [UInt8]?

        public init(entry: [UInt8], value: [UInt8]?) {
            self.entry = entry
            self.value = value
        }
    }

    /// Empty for the server's entries.
    public var mailbox: WireMailboxName
    /// At least one.
    public var changes: [Change]

    public init(mailbox: WireMailboxName, changes: [Change]) {
        self.mailbox = mailbox
        self.changes = changes
    }
}

extension Cursor {
    /// The options stand before the mailbox by the grammar and behind it in the RFC's examples: both are taken.
    mutating func getMetadata() throws(SyntaxError) -> GetMetadataCommand {
        var command = GetMetadataCommand(mailbox: WireMailboxName([]), entries: [])
        try self.space()
        if self.peek() == UInt8(ascii: "(") {
            try self.metadataOptions(&command)
            try self.space()
        }
        command.mailbox = try self.mailbox()
        try self.space()
        if self.peek() == UInt8(ascii: "("), self.startsOption {
            try self.metadataOptions(&command)
            try self.space()
        }
        command.entries = try self.metadataEntries()
        return command
    }

    /// Whether the parenthesis here is that of options: entries begin with `/` or stand in quotes.
    private var startsOption: Bool {
        let next = self.position + 1
        return next < self.bytes.count && ASCII.isLetter(self.bytes[next])
    }

    private mutating func metadataOptions(_ command: inout GetMetadataCommand) throws(SyntaxError) {
        try self.open()
        repeat {
            let word = self.word()
            if self.matches(word, "MAXSIZE") {
                try self.space()
                command.maximumSize = try self.number("a count of octets")
            } else if self.matches(word, "DEPTH") {
                try self.space()
                let depth = self.word()
                if self.matches(depth, "0") {
                    command.depth = .zero
                } else if self.matches(depth, "1") {
                    command.depth = .one
                } else if self.matches(depth, "INFINITY") {
                    command.depth = .infinity
                } else {
                    throw self.unexpected(depth, "0, 1 or INFINITY")
                }
            } else {
                throw self.unexpected(word, "MAXSIZE or DEPTH")
            }
        } while self.take(0x20)
        try self.close()
    }

    /// One entry, or several in parentheses.
    mutating func metadataEntries() throws(SyntaxError) -> [[UInt8]] {
        guard self.take(UInt8(ascii: "(")) else { return [try self.astring("an entry name")] }
        var entries: [[UInt8]] = []
        repeat {
            if entries.count == self.limits.listLength { throw self.tooComplex("Too many entries") }
            entries.append(try self.astring("an entry name"))
        } while self.take(0x20)
        try self.close()
        return entries
    }

    /// A value: NIL, a string, or a literal8 (`~{n}`), which may hold NUL.
    private mutating func metadataValue() throws(SyntaxError) -> [UInt8]? {
        guard self.peek() == UInt8(ascii: "~") else { return try self.nstring("a value or NIL") }
        return try self.literal8()
    }

    /// After a tag: whether the command is SETMETADATA.
    mutating func takeSetMetadata() -> Bool {
        let isPastTag = self.position
        self.position = 0
        defer { self.position = isPastTag }
        _ = self.run(Tag.isTagCharacter)
        return self.take(0x20) && self.matches(self.word(), "SETMETADATA")
    }

    mutating func setMetadata() throws(SyntaxError) -> SetMetadataCommand {
        var command = SetMetadataCommand(mailbox: try self.mailboxArgument(), changes: [])
        try self.space()
        try self.open()
        repeat {
            if command.changes.count == self.limits.listLength { throw self.tooComplex("Too many entries") }
            let entry = try self.astring("an entry name")
            try self.space()
            command.changes.append(SetMetadataCommand.Change(entry: entry, value: try self.metadataValue()))
        } while self.take(0x20)
        try self.close()
        return command
    }
}
