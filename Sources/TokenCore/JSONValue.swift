import MailCore

/// A value of a JSON text (RFC 8259).
package indirect enum JSONValue: Hashable, Sendable {
    case null
    case boolean(Bool)
    /// Finite.
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// Deeper ones are refused. Tokens and key sets need four levels.
    package static let maximumDepth = 16

    /// Reads a whole text in UTF-8.
    ///
    /// Stricter than the RFC asks for: an object that has a name twice, a `\u` escape of half a surrogate pair, numbers that
    /// no `Double` holds and values below `maximumDepth` are errors. What this holds in memory is bounded by the text's
    /// length, which the caller bounds.
    package init(_ text: [UInt8]) throws(TokenError) {
        var reader = JSONReader(text)
        self = try reader.document()
    }

    /// The text of a string; `nil` for anything else.
    package var string: String? {
        if case .string(let text) = self { text } else { nil }
    }

    /// The texts of a string or of an array of strings; `nil` for anything else.
    package var strings: [String]? {
        switch self {
        case .string(let text): return [text]
        case .array(let values):
            let texts = values.compactMap(\.string)
            return texts.count == values.count ? texts : nil
        case .null, .boolean, .number, .object: return nil
        }
    }
}

private struct JSONReader {
    private let text: [UInt8]
    private var index = 0

    init(_ text: [UInt8]) { self.text = text }

    private var next: UInt8? { self.index < self.text.count ? self.text[self.index] : nil }

    mutating func document() throws(TokenError) -> JSONValue {
        let value = try self.value(depth: 1)
        self.skipBlanks()
        guard self.next == nil else { throw self.error }
        return value
    }

    private var error: TokenError { TokenError("is no JSON at octet \(self.index)") }

    private mutating func skipBlanks() {
        while let octet = self.next, octet == 0x20 || octet == 0x0A || octet == 0x0D || octet == 0x09 { self.index += 1 }
    }

    private mutating func take(_ octet: UInt8) -> Bool {
        guard self.next == octet else { return false }
        self.index += 1
        return true
    }

    private mutating func value(depth: Int) throws(TokenError) -> JSONValue {
        guard depth <= JSONValue.maximumDepth else { throw TokenError("is JSON of too many levels") }
        self.skipBlanks()
        switch self.next {
        case UInt8(ascii: "{"): return .object(try self.object(depth))
        case UInt8(ascii: "["): return .array(try self.array(depth))
        case UInt8(ascii: "\""): return .string(try self.string())
        case UInt8(ascii: "t"): return try self.word("true", .boolean(true))
        case UInt8(ascii: "f"): return try self.word("false", .boolean(false))
        case UInt8(ascii: "n"): return try self.word("null", .null)
        default: return .number(try self.number())
        }
    }

    private mutating func word(_ word: StaticString, _ value: JSONValue) throws(TokenError) -> JSONValue {
        let count = word.utf8CodeUnitCount
        let isThere = word.withUTF8Buffer { self.text[self.index...].starts(with: $0) }
        guard isThere else { throw self.error }
        self.index += count
        return value
    }

    private mutating func object(_ depth: Int) throws(TokenError) -> [String: JSONValue] {
        var members: [String: JSONValue] = [:]
        self.index += 1
        self.skipBlanks()
        if self.take(UInt8(ascii: "}")) { return members }
        while true {
            self.skipBlanks()
            guard self.next == UInt8(ascii: "\"") else { throw self.error }
            let name = try self.string()
            self.skipBlanks()
            guard self.take(UInt8(ascii: ":")) else { throw self.error }
            // Two readers may disagree about which of two counts (RFC 7519 section 4 lets a reader refuse).
            guard members.updateValue(try self.value(depth: depth + 1), forKey: name) == nil else {
                throw TokenError("is JSON with a name twice")
            }
            self.skipBlanks()
            if self.take(UInt8(ascii: "}")) { return members }
            guard self.take(UInt8(ascii: ",")) else { throw self.error }
        }
    }

    private mutating func array(_ depth: Int) throws(TokenError) -> [JSONValue] {
        var values: [JSONValue] = []
        self.index += 1
        self.skipBlanks()
        if self.take(UInt8(ascii: "]")) { return values }
        while true {
            values.append(try self.value(depth: depth + 1))
            self.skipBlanks()
            if self.take(UInt8(ascii: "]")) { return values }
            guard self.take(UInt8(ascii: ",")) else { throw self.error }
        }
    }

    private mutating func string() throws(TokenError) -> String {
        var octets: [UInt8] = []
        self.index += 1
        while let octet = self.next {
            self.index += 1
            switch octet {
            case UInt8(ascii: "\""):
                guard let text = String(validating: octets, as: UTF8.self) else { throw self.error }
                return text
            case UInt8(ascii: "\\"): try self.escape(into: &octets)
            case 0..<0x20: throw self.error
            default: octets.append(octet)
            }
        }
        throw self.error
    }

    private mutating func escape(into octets: inout [UInt8]) throws(TokenError) {
        guard let octet = self.next else { throw self.error }
        self.index += 1
        switch octet {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): octets.append(octet)
        case UInt8(ascii: "b"): octets.append(0x08)
        case UInt8(ascii: "f"): octets.append(0x0C)
        case UInt8(ascii: "n"): octets.append(0x0A)
        case UInt8(ascii: "r"): octets.append(0x0D)
        case UInt8(ascii: "t"): octets.append(0x09)
        case UInt8(ascii: "u"):
            var value = try self.codeUnit()
            if (0xD800..<0xDC00).contains(value), self.take(UInt8(ascii: "\\")), self.take(UInt8(ascii: "u")) {
                let low = try self.codeUnit()
                guard (0xDC00..<0xE000).contains(low) else { throw self.error }
                value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(value) else { throw self.error }
            octets.append(contentsOf: UTF8.encode(scalar).map(Array.init) ?? [])
        default: throw self.error
        }
    }

    private mutating func codeUnit() throws(TokenError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let octet = self.next, let digit = ASCII.hexValue(octet) else { throw self.error }
            self.index += 1
            value = value << 4 | UInt32(digit)
        }
        return value
    }

    private mutating func number() throws(TokenError) -> Double {
        let start = self.index
        _ = self.take(UInt8(ascii: "-"))
        if !self.take(UInt8(ascii: "0")) { try self.digits() }
        if self.take(UInt8(ascii: ".")) { try self.digits() }
        if self.take(UInt8(ascii: "e")) || self.take(UInt8(ascii: "E")) {
            if !self.take(UInt8(ascii: "+")) { _ = self.take(UInt8(ascii: "-")) }
            try self.digits()
        }
        guard let number = Double(String(decoding: self.text[start..<self.index], as: UTF8.self)), number.isFinite else {
            throw self.error
        }
        return number
    }

    /// One digit at least.
    private mutating func digits() throws(TokenError) {
        let start = self.index
        while let octet = self.next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(octet) { self.index += 1 }
        guard self.index > start else { throw self.error }
    }
}
