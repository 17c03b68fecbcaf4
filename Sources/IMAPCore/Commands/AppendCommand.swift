public import MIMECore

/// APPEND (RFC 9051 section 6.3.12) or REPLACE (RFC 8508) up to its first message. The message's octets follow.
public struct AppendCommand: Hashable, Sendable {
    /// The message that REPLACE removes.
    public struct Replaced: Hashable, Sendable {
        public var numbering: MessageNumbering
        /// `SequenceSet.Element.star` for `*`.
        public var number: UInt32

        public init(_ number: UInt32, _ numbering: MessageNumbering) {
            self.numbering = numbering
            self.number = number
        }
    }

    public var tag: Tag
    public var mailbox: WireMailboxName
    public var message: AppendMessage
    /// `nil` for APPEND.
    public var replaced: Replaced?

    public init(
        tag: Tag, mailbox: WireMailboxName, message: AppendMessage, replaced: Replaced? = nil
    ) {
        self.tag = tag
        self.mailbox = mailbox
        self.message = message
        self.replaced = replaced
    }
}

/// What APPEND says of one message before its octets.
public struct AppendMessage: Hashable, Sendable {
    public var flags: FlagList
    /// What is to become the INTERNALDATE.
    public var date: MessageDate?
    /// Octets of the literal.
    public var size: UInt64
    /// Whether the client waits for `+` before it sends the octets.
    public var isSynchronizing: Bool
    /// `~{n}`: the message may hold NUL (RFC 3516).
    public var isBinary: Bool
    /// `UTF8 (~{n} ...)`: the header may be in UTF-8 (RFC 6855 section 4).
    public var isUTF8: Bool
    /// The beginning of a message that CATENATE puts together; `nil` for one whole literal. Then the fields above that
    /// speak of a literal are zero.
    public var catenated: AppendPart?

    public init(
        flags: FlagList = FlagList(), date: MessageDate? = nil, size: UInt64, isSynchronizing: Bool,
        isBinary: Bool = false, isUTF8: Bool = false, catenated: AppendPart? = nil
    ) {
        self.flags = flags
        self.date = date
        self.size = size
        self.isSynchronizing = isSynchronizing
        self.isBinary = isBinary
        self.isUTF8 = isUTF8
        self.catenated = catenated
    }
}

/// A piece of a message that CATENATE puts together (RFC 4469): URLs, then a literal.
public struct AppendPart: Hashable, Sendable {
    /// A literal of CATENATE.
    public struct Text: Hashable, Sendable {
        /// Octets of the literal.
        public var size: UInt64
        /// Whether the client waits for `+` before it sends the octets.
        public var isSynchronizing: Bool
        /// `UTF8 (~{n} ...)` (RFC 6855 section 4).
        public var isUTF8: Bool

        public init(size: UInt64, isSynchronizing: Bool, isUTF8: Bool = false) {
            self.size = size
            self.isSynchronizing = isSynchronizing
            self.isUTF8 = isUTF8
        }
    }

    public var urls: [[UInt8]]
    /// `nil`: the message ends behind the URLs.
    public var text: Text?

    public init(urls: [[UInt8]] = [], text: Text? = nil) {
        self.urls = urls
        self.text = text
    }
}

/// Where in the arguments of APPEND a line begins.
struct AppendState: Hashable {
    enum Place: Hashable {
        /// A message has to follow.
        case message
        /// A message may follow, or the end.
        case behindMessage
        /// Behind a literal inside the parentheses of CATENATE.
        case catenation
    }

    var place = Place.message
    /// Whether a parenthesis must close what the last literal was in.
    var owesParenthesis = false
    /// REPLACE has one message only.
    var isReplace = false
}

extension Cursor {
    /// After the tag and its space: the start of APPEND, REPLACE or UID REPLACE. `nil`, with nothing taken, for any other
    /// command.
    mutating func takeAppend() -> AppendForm? {
        let start = self.position
        var word = self.word()
        if self.matches(word, "APPEND") { return .append }
        var numbering = MessageNumbering.sequenceNumber
        if self.matches(word, "UID"), self.take(0x20) {
            word = self.word()
            numbering = .uid
        }
        if self.matches(word, "REPLACE") { return .replace(numbering) }
        self.position = start
        return nil
    }

    /// Which command has messages as its last arguments.
    enum AppendForm {
        case append
        case replace(MessageNumbering)
    }

    /// The arguments before the first message.
    mutating func appendHead(
        _ form: AppendForm
    ) throws(SyntaxError) -> (mailbox: WireMailboxName, replaced: AppendCommand.Replaced?) {
        var replaced: AppendCommand.Replaced?
        if case .replace(let numbering) = form {
            try self.space()
            let start = self.position
            var number = SequenceSet.Element.star
            if !self.take(UInt8(ascii: "*")) {
                number = try self.number("a message number")
                guard number > 0 else { throw SyntaxError(offset: start, expected: "a message number over 0") }
            }
            replaced = AppendCommand.Replaced(number, numbering)
        }
        return (try self.mailboxArgument(), replaced)
    }

    /// What a line of APPEND says from `state` on.
    enum AppendWord {
        case message(AppendMessage)
        case part(AppendPart)
        case end
    }

    /// Reads to the end of the command, or to the literal of a message at the end of the line, which is then pending.
    mutating func appendLine(_ state: inout AppendState) throws(SyntaxError) -> [AppendWord] {
        var words: [AppendWord] = []
        while true {
            guard !state.owesParenthesis || self.take(UInt8(ascii: ")")) else {
                throw self.fail(
                    state.place == .catenation || self.isPartial
                        ? "\")\"" : "\")\" and the end of the line after the message")
            }
            state.owesParenthesis = false
            switch state.place {
            case .message: words.append(.message(try self.appendMessage(&state)))
            case .catenation: words.append(.part(try self.catenation(isFirst: false, &state)))
            case .behindMessage:
                if self.isAtEnd { return words + [.end] }
                if state.isReplace || self.peek() != 0x20 {
                    throw self.fail("the end of the line after the message")
                }
                state.place = .message
                continue
            }
            if self.pendingLiteral != nil { return words }
        }
    }

    /// Flags, date and the message's literal, each after a space. Ends with the literal pending.
    private mutating func appendMessage(_ state: inout AppendState) throws(SyntaxError) -> AppendMessage {
        var flags = FlagList()
        var date: MessageDate?
        try self.space()
        if self.peek() == UInt8(ascii: "(") {
            flags = try self.flagList()
            try self.space()
        }
        if self.peek() == UInt8(ascii: "\"") {
            date = try self.dateTime()
            try self.space()
        }
        let start = self.position
        let word = self.word()
        if self.matches(word, "CATENATE") {
            try self.space()
            try self.open()
            let part = try self.catenation(isFirst: true, &state)
            return AppendMessage(flags: flags, date: date, size: 0, isSynchronizing: false, catenated: part)
        }
        let isUTF8 = self.matches(word, "UTF8")
        if isUTF8 {
            try self.space()
            try self.open()
        } else {
            self.position = start
        }
        guard self.peek() == UInt8(ascii: "~") || !isUTF8 && self.peek() == UInt8(ascii: "{") else {
            throw self.fail(isUTF8 ? "the message as a literal8" : "the message as a literal")
        }
        let header = try self.messageLiteral()
        state.place = .behindMessage
        state.owesParenthesis = isUTF8
        return AppendMessage(
            flags: flags, date: date, size: header.size, isSynchronizing: header.isSynchronizing,
            isBinary: header.isBinary && !isUTF8, isUTF8: isUTF8)
    }

    /// cat-parts up to a literal of text, which is then pending, or to the closing parenthesis.
    private mutating func catenation(
        isFirst: Bool, _ state: inout AppendState
    ) throws(SyntaxError) -> AppendPart {
        var part = AppendPart()
        var isFirst = isFirst
        while true {
            if !isFirst, self.take(UInt8(ascii: ")")) {
                state.place = .behindMessage
                return part
            }
            if !isFirst { try self.space() }
            isFirst = false
            let word = self.word()
            if self.matches(word, "URL") {
                try self.space()
                if part.urls.count == self.limits.listLength { throw self.tooComplex("Too many URLs") }
                part.urls.append(try self.astring("a URL"))
                continue
            }
            let isUTF8 = self.matches(word, "UTF8")
            guard isUTF8 || self.matches(word, "TEXT") else { throw self.unexpected(word, "URL or TEXT") }
            try self.space()
            if isUTF8 { try self.open() }
            guard self.peek() == (isUTF8 ? UInt8(ascii: "~") : UInt8(ascii: "{")) else {
                throw self.fail("a literal")
            }
            let header = try self.messageLiteral()
            state.place = .catenation
            state.owesParenthesis = isUTF8
            part.text = AppendPart.Text(
                size: header.size, isSynchronizing: header.isSynchronizing, isUTF8: isUTF8)
            return part
        }
    }

    private mutating func messageLiteral() throws(SyntaxError) -> LiteralHeader {
        let header = try self.literalHeader()
        guard self.pendingLiteral != nil else { throw self.fail("the end of the line") }
        return header
    }
}
