/// A token of a script (RFC 5228 section 8.1).
struct SieveToken: Equatable {
    enum Kind: Equatable {
        /// In lower case.
        case identifier(String)
        /// In lower case, without the colon.
        case tag(String)
        case number(UInt64)
        /// The value, escapes and dot-stuffing undone, line ends as CRLF.
        case string([UInt8])
        case openBracket, closeBracket, openParenthesis, closeParenthesis, openBrace, closeBrace
        case comma, semicolon
        /// Could not be read; an error has been noted.
        case invalid
        case end
    }

    var kind: Kind
    var position: SievePosition

    /// As an error message names it.
    var description: String {
        switch self.kind {
        case .identifier(let name): "the word \(quoted(name))"
        case .tag(let name): "the tag \(quoted(":" + name))"
        case .number(let value): "the number \(value)"
        case .string(let value): "the string \(quoted(value))"
        case .openBracket: "\"[\""
        case .closeBracket: "\"]\""
        case .openParenthesis: "\"(\""
        case .closeParenthesis: "\")\""
        case .openBrace: "\"{\""
        case .closeBrace: "\"}\""
        case .comma: "\",\""
        case .semicolon: "\";\""
        case .invalid: "something that is no Sieve"
        case .end: "the end of the script"
        }
    }
}
