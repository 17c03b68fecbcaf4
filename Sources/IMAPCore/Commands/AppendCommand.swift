/// APPEND up to its first message (RFC 9051 section 6.3.12). The message's octets follow.
public struct AppendCommand: Hashable, Sendable {
    public var tag: Tag
    public var mailbox: WireMailboxName
    public var message: AppendMessage

    public init(tag: Tag, mailbox: WireMailboxName, message: AppendMessage) {
        self.tag = tag
        self.mailbox = mailbox
        self.message = message
    }
}

/// What APPEND says of one message before its octets.
public struct AppendMessage: Hashable, Sendable {
    public var flags: FlagList
    public var date: InternalDate?
    /// Octets of the literal.
    public var size: UInt64
    /// Whether the client waits for `+` before it sends the octets.
    public var isSynchronizing: Bool
    /// `~{n}`: the message may hold NUL (RFC 3516).
    public var isBinary: Bool
    /// `UTF8 (~{n} ...)`: the header may be in UTF-8 (RFC 6855 section 4).
    public var isUTF8: Bool

    public init(
        flags: FlagList = FlagList(), date: InternalDate? = nil, size: UInt64, isSynchronizing: Bool,
        isBinary: Bool = false, isUTF8: Bool = false
    ) {
        self.flags = flags
        self.date = date
        self.size = size
        self.isSynchronizing = isSynchronizing
        self.isBinary = isBinary
        self.isUTF8 = isUTF8
    }
}

extension Cursor {
    /// After the tag and its space: whether the command is APPEND; the cursor then stands behind the word.
    mutating func takeAppend() -> Bool {
        let start = self.position
        if self.matches(self.word(), "APPEND") { return true }
        self.position = start
        return false
    }

    /// Flags, date and the message's literal, each after a space. Ends with the literal pending.
    mutating func appendMessage() throws(SyntaxError) -> AppendMessage {
        var flags = FlagList()
        var date: InternalDate?
        try self.space()
        if self.peek() == UInt8(ascii: "(") {
            flags = try self.flagList()
            try self.space()
        }
        if self.peek() == UInt8(ascii: "\"") {
            date = try self.dateTime()
            try self.space()
        }
        let isUTF8 = try self.takeUTF8()
        guard self.peek() == UInt8(ascii: "~") || !isUTF8 && self.peek() == UInt8(ascii: "{") else {
            throw self.fail(isUTF8 ? "the message as a literal8" : "the message as a literal")
        }
        let header = try self.literalHeader()
        guard self.pendingLiteral != nil else { throw self.fail("the end of the line") }
        return AppendMessage(
            flags: flags, date: date, size: header.size, isSynchronizing: header.isSynchronizing,
            isBinary: header.isBinary && !isUTF8, isUTF8: isUTF8)
    }

    /// `UTF8 (` before a message's literal.
    private mutating func takeUTF8() throws(SyntaxError) -> Bool {
        let start = self.position
        guard self.matches(self.word(), "UTF8") else {
            self.position = start
            return false
        }
        try self.space()
        try self.open()
        return true
    }
}
