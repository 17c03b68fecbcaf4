/// SEARCH and UID SEARCH (RFC 9051 section 6.4.4).
public struct SearchCommand: Hashable, Sendable {
    /// RETURN options (RFC 4731).
    public struct Return: OptionSet, Hashable, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        public static let min = Return(rawValue: 1)
        public static let max = Return(rawValue: 2)
        public static let all = Return(rawValue: 4)
        public static let count = Return(rawValue: 8)
        /// The result is kept for `$` (RFC 5182).
        public static let save = Return(rawValue: 16)
    }

    public var numbering: MessageNumbering
    /// `nil` without RETURN, so the answer is SEARCH and not ESEARCH; `RETURN ()` is `all`.
    public var returns: Return?
    /// The charset's name in capitals, or `nil`.
    public var charset: [UInt8]?
    public var key: SearchKey

    public init(
        numbering: MessageNumbering, returns: Return? = nil, charset: [UInt8]? = nil, key: SearchKey
    ) {
        self.numbering = numbering
        self.returns = returns
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
            command.returns = try self.searchReturn(saving: .allowed)
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
        return command
    }

    /// Whether the result of a command can be kept.
    enum Saving { case allowed, forbidden }

    mutating func searchReturn(saving: Saving) throws(SyntaxError) -> SearchCommand.Return {
        try self.open()
        var options: SearchCommand.Return = []
        if self.take(UInt8(ascii: ")")) { return .all }
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
            } else if self.matches(word, "SAVE"), saving == .allowed {
                options.insert(.save)
            } else {
                throw self.unexpected(word, "MIN, MAX, ALL, COUNT or, in SEARCH, SAVE")
            }
        } while self.take(0x20)
        try self.close()
        return options
    }
}
