import MailCore

/// AUTHENTICATE (RFC 9051 section 6.2.2) with SASL-IR (RFC 4959).
public struct AuthenticateCommand: Hashable, Sendable {
    /// The mechanism's name in capitals.
    public var mechanism: [UInt8]
    /// The initial response, decoded; `nil` when there was none, empty for `=`.
    public var initialResponse: [UInt8]?

    public init(mechanism: [UInt8], initialResponse: [UInt8]? = nil) {
        self.mechanism = mechanism
        self.initialResponse = initialResponse
    }
}

/// What a client says about itself with ID (RFC 2971); empty for NIL.
public struct IDParameters: Hashable, Sendable {
    /// One name and its value.
    public struct Field: Hashable, Sendable {
        public var name: [UInt8]
        /// `nil` for NIL.
        public var value: [UInt8]?

        public init(name: [UInt8], value: [UInt8]?) {
            self.name = name
            self.value = value
        }
    }

    /// At most `maximumFields`.
    public var fields: [Field]

    /// RFC 2971 section 3.3.
    public static let maximumFields = 30

    public init(fields: [Field] = []) { self.fields = fields }
}

extension Cursor {
    mutating func login() throws(SyntaxError) -> Command {
        try self.space()
        let user = try self.astring("a user name")
        try self.space()
        return .login(user: user, password: try self.astring("a password"))
    }

    mutating func authenticate() throws(SyntaxError) -> Command {
        try self.space()
        let mechanism = try self.atom("a SASL mechanism").map(ASCII.uppercased)
        guard self.take(0x20) else { return .authenticate(AuthenticateCommand(mechanism: mechanism)) }
        let start = self.position
        if self.take(UInt8(ascii: "=")) {
            return .authenticate(AuthenticateCommand(mechanism: mechanism, initialResponse: []))
        }
        let range = self.run { $0 > 0x20 && $0 < 0x7F }
        guard !range.isEmpty, let response = Base64.decode(self.bytes[range]) else {
            throw SyntaxError(offset: start, expected: "an initial response in base64")
        }
        return .authenticate(AuthenticateCommand(mechanism: mechanism, initialResponse: response))
    }

    mutating func id() throws(SyntaxError) -> IDParameters {
        try self.space()
        guard self.take(UInt8(ascii: "(")) else {
            let word = self.word()
            guard self.matches(word, "NIL") else { throw self.unexpected(word, "NIL or \"(\"") }
            return IDParameters()
        }
        var parameters = IDParameters()
        if self.take(UInt8(ascii: ")")) { return parameters }
        repeat {
            if parameters.fields.count == IDParameters.maximumFields {
                // No limit of ours: clients must not send more (RFC 2971 section 3.3).
                throw self.fail("at most 30 fields in ID")
            }
            let name = try self.string("a quoted field name")
            try self.space()
            let value = try self.nstring("a quoted field value or NIL")
            parameters.fields.append(IDParameters.Field(name: name, value: value))
        } while self.take(0x20)
        try self.close()
        return parameters
    }

    mutating func compress() throws(SyntaxError) -> Command {
        try self.space()
        let algorithm = self.word()
        guard self.matches(algorithm, "DEFLATE") else { throw self.unexpected(algorithm, "DEFLATE") }
        return .compress
    }

    mutating func enable() throws(SyntaxError) -> Command {
        var names: [[UInt8]] = []
        repeat {
            try self.space()
            if names.count == self.limits.listLength { throw self.tooComplex("Too many names in ENABLE") }
            names.append(try self.atom("a capability").map(ASCII.uppercased))
        } while !self.isAtEnd
        return .enable(names)
    }
}

extension Cursor {
    /// LANGUAGE with its language ranges; without any it asks for a list (RFC 5255 section 3.5).
    mutating func language() throws(SyntaxError) -> Command {
        var ranges: [[UInt8]] = []
        while self.take(0x20) {
            if ranges.count == self.limits.listLength { throw self.tooComplex("Too many languages") }
            let start = self.position
            let range = try self.astring("a language range")
            guard Self.isLanguageRange(range) else {
                throw SyntaxError(offset: start, expected: "a language range such as en or de-CH")
            }
            ranges.append(range)
        }
        return .language(ranges)
    }

    /// Subtags of one to eight letters or digits, or `*` (RFC 4647 section 2.1).
    private static func isLanguageRange(_ range: [UInt8]) -> Bool {
        range.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false).allSatisfy { subtag in
            subtag.elementsEqual("*".utf8)
                || (1...8).contains(subtag.count)
                    && subtag.allSatisfy { ASCII.isLetter($0) || ASCII.isDigit($0) }
        }
    }
}
