import MailCore

/// What a reference such as `${name}` stands for (RFC 5229 section 3).
enum SieveVariable: Sendable, Hashable {
    /// A match variable, from 0.
    case match(Int)
    /// A variable of the script, by its number in the script.
    case local(Int)
    /// A variable that scripts share through `include` (RFC 6609 section 3.4).
    case global(String)
    /// An item of the environment (namespace `env`, `tst`).
    case item(String)
}

/// A namespace of variables that an extension brings.
struct VariableNamespace: Sendable {
    /// In lower case.
    var name: String
    /// What must be required before it may be used.
    var capability: String
    var isAssignable: Bool
    /// Whether names in it may have dots.
    var hasLevels = false
    /// The variable behind `namespace.name`.
    var variable: @Sendable (String) -> SieveVariable
}

/// The syntax of references in strings.
enum VariableReference {
    /// The longest name taken; RFC 5229 section 6 asks for 32 at least.
    static let maximumName = 64
    /// Parts of a name with its namespace.
    static let maximumParts = 8
    /// Match variables go from 0 to this.
    static let maximumMatch = 32

    enum Token {
        case octets([UInt8])
        /// In lower case; at least one part.
        case reference([String])
    }

    /// Cuts a string into octets and references; what is no well-formed reference stays as it is.
    static func tokens(_ text: [UInt8]) -> [Token] {
        var tokens: [Token] = []
        var plain: [UInt8] = []
        var index = 0
        while index < text.count {
            if text[index] == UInt8(ascii: "$"), index + 1 < text.count, text[index + 1] == UInt8(ascii: "{"),
                let (parts, end) = self.name(text, index + 2), end < text.count,
                text[end] == UInt8(ascii: "}")
            {
                if !plain.isEmpty { tokens.append(.octets(plain)) }
                plain = []
                tokens.append(.reference(parts))
                index = end + 1
                continue
            }
            plain.append(text[index])
            index += 1
        }
        if !plain.isEmpty { tokens.append(.octets(plain)) }
        return tokens
    }

    /// A whole text as a name with its namespace: `global.x`; `nil` when it is none.
    static func name(of text: [UInt8]) -> [String]? {
        guard let (parts, end) = self.name(text, 0), end == text.count else { return nil }
        return parts
    }

    private static func name(_ text: [UInt8], _ start: Int) -> (parts: [String], end: Int)? {
        var parts: [String] = []
        var index = start
        while true {
            var part: [UInt8] = []
            let isNumber = index < text.count && ASCII.isDigit(text[index])
            while index < text.count, part.count <= self.maximumName,
                ASCII.isDigit(text[index])
                    || (!isNumber && (ASCII.isLetter(text[index]) || text[index] == UInt8(ascii: "_")))
            {
                part.append(ASCII.lowercased(text[index]))
                index += 1
            }
            // A namespace begins with an identifier.
            guard !part.isEmpty, part.count <= self.maximumName, parts.count < self.maximumParts else { return nil }
            if isNumber, parts.isEmpty, index < text.count, text[index] == UInt8(ascii: ".") { return nil }
            parts.append(String(decoding: part, as: UTF8.self))
            guard index < text.count, text[index] == UInt8(ascii: ".") else { return (parts, index) }
            index += 1
        }
    }
}
