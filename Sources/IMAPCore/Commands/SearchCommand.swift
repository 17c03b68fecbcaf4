/// SEARCH and UID SEARCH (RFC 9051 section 6.4.4).
public struct SearchCommand: Hashable, Sendable {
    /// RETURN options (RFC 4731); PARTIAL stands in `partial`.
    public struct Return: OptionSet, Hashable, Sendable {
        public let rawValue: UInt16
        public init(rawValue: UInt16) { self.rawValue = rawValue }

        public static let min = Return(rawValue: 1)
        public static let max = Return(rawValue: 2)
        public static let all = Return(rawValue: 4)
        public static let count = Return(rawValue: 8)
        /// The result is kept for `$` (RFC 5182).
        public static let save = Return(rawValue: 16)
        /// The client will ask for parts of the result (RFC 5267 section 4.2).
        public static let context = Return(rawValue: 32)
        /// The client is told how the result changes (RFC 5267 section 4.3).
        public static let update = Return(rawValue: 64)
        /// How relevant each result is; only with FUZZY (RFC 6203 section 4).
        public static let relevancy = Return(rawValue: 128)
    }

    public var numbering: MessageNumbering
    /// `nil` without RETURN, so the answer is SEARCH and not ESEARCH; `RETURN ()` is `all`.
    public var returns: Return?
    /// Which part of the result is asked for (RFC 9394); never beside `all`.
    public var partial: PartialRange?
    /// The charset's name in capitals, or `nil`.
    public var charset: [UInt8]?
    public var key: SearchKey
    /// What UPDATE is to tell of new messages in the result (RFC 5465 section 7).
    public var updateItems: [FetchItem] = []

    public init(
        numbering: MessageNumbering, returns: Return? = nil, partial: PartialRange? = nil,
        charset: [UInt8]? = nil, key: SearchKey
    ) {
        self.numbering = numbering
        self.returns = returns
        self.partial = partial
        self.charset = charset
        self.key = key
    }
}

extension Cursor {
    mutating func search(_ numbering: MessageNumbering) throws(SyntaxError) -> SearchCommand {
        try self.space()
        var command = SearchCommand(numbering: numbering, key: .all)
        var start = self.position
        var word = self.word()
        if self.matches(word, "RETURN") {
            try self.space()
            try self.searchReturn(into: &command, saving: .allowed)
            try self.space()
            start = self.position
            word = self.word()
        }
        if self.matches(word, "CHARSET") {
            try self.space()
            command.charset = try self.astring("a charset").map { Self.upper($0) }
            try self.space()
        } else {
            self.position = start
        }
        var budget = self.limits.searchKeys
        command.key = try self.searchKeys(&budget)
        try self.checkRelevancy(command)
        return command
    }

    /// RELEVANCY must not be asked for without FUZZY (RFC 6203 section 4).
    func checkRelevancy(_ command: SearchCommand) throws(SyntaxError) {
        guard command.returns?.contains(.relevancy) != true || command.key.isFuzzy else {
            throw self.fail("FUZZY with RELEVANCY")
        }
    }

    mutating func cancelledTags() throws(SyntaxError) -> [[UInt8]] {
        var tags: [[UInt8]] = []
        repeat {
            if tags.count == self.limits.listLength { throw self.tooComplex("Too many tags") }
            try self.space()
            tags.append(try self.string("a tag in quotation marks"))
        } while !self.isAtEnd
        return tags
    }

    /// Whether the result of a command can be kept.
    enum Saving { case allowed, forbidden }

    mutating func searchReturn(into command: inout SearchCommand, saving: Saving) throws(SyntaxError) {
        try self.open()
        if self.take(UInt8(ascii: ")")) {
            command.returns = .all
            return
        }
        var options: SearchCommand.Return = []
        repeat {
            let word = self.word()
            if self.matches(word, "MIN") {
                options.insert(.min)
            } else if self.matches(word, "MAX") {
                options.insert(.max)
            } else if self.matches(word, "ALL") {
                options.insert(.all)
            } else if self.matches(word, "COUNT") {
                options.insert(.count)
            } else if self.matches(word, "CONTEXT") {
                options.insert(.context)
            } else if self.matches(word, "UPDATE") {
                options.insert(.update)
                // RFC 5465 section 7.
                if self.peek() == 0x20, self.peek(1) == UInt8(ascii: "(") {
                    self.position += 1
                    command.updateItems = try self.fetchItems()
                }
            } else if self.matches(word, "RELEVANCY") {
                options.insert(.relevancy)
            } else if self.matches(word, "PARTIAL"), command.partial == nil {
                try self.space()
                command.partial = try self.partialRange()
            } else if self.matches(word, "SAVE"), saving == .allowed {
                options.insert(.save)
            } else {
                throw self.unexpected(
                    word,
                    "MIN, MAX, ALL, COUNT, one PARTIAL, CONTEXT, UPDATE, RELEVANCY or, in SEARCH, SAVE")
            }
        } while self.take(0x20)
        if command.partial != nil, options.contains(.all) { throw self.fail("only one of ALL and PARTIAL") }
        command.returns = options
        try self.close()
    }
}
