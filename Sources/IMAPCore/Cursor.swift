import MailCore

/// A place where a complete command does not follow the grammar.
struct SyntaxError: Error {
    var code: CommandError.Code = .syntax
    var offset: Int
    var expected: StaticString
}

/// A literal that a line announces at its end.
struct LiteralHeader: Hashable {
    var size: UInt64
    var isSynchronizing: Bool
    /// `~{n}`: the octets may hold NUL.
    var isBinary: Bool
}

/// Reads the pieces of the grammar from one command, its literals in place and its last CRLF cut off.
///
/// A command may be looked at before a literal has arrived: `bytes` then end with the literal's header and
/// CRLF, and reading that literal sets `pendingLiteral` and throws.
struct Cursor {
    let bytes: [UInt8]
    let limits: CommandLimits
    /// Whether `bytes` end behind the header of a literal that has not arrived.
    let isPartial: Bool
    /// Whether octets over 127 in quoted strings have to be UTF-8.
    let checksUTF8: Bool
    var position = 0
    var depth = 0
    var pendingLiteral: LiteralHeader?

    init(_ bytes: [UInt8], limits: CommandLimits, isPartial: Bool = false, checksUTF8: Bool = false) {
        self.bytes = bytes
        self.limits = limits
        self.isPartial = isPartial
        self.checksUTF8 = checksUTF8
    }

    // MARK: Octets

    var isAtEnd: Bool { self.position >= self.bytes.count }

    func peek() -> UInt8? { self.position < self.bytes.count ? self.bytes[self.position] : nil }

    /// The octet so many places behind the next one.
    func peek(_ offset: Int) -> UInt8? {
        let place = self.position + offset
        return place < self.bytes.count ? self.bytes[place] : nil
    }

    func fail(_ expected: StaticString) -> SyntaxError {
        SyntaxError(offset: self.position, expected: expected)
    }

    func tooComplex(_ text: StaticString) -> SyntaxError {
        SyntaxError(code: .tooComplex, offset: self.position, expected: text)
    }

    /// Whether the next octet is `byte`; it is then taken.
    mutating func take(_ byte: UInt8) -> Bool {
        guard self.peek() == byte else { return false }
        self.position += 1
        return true
    }

    mutating func space() throws(SyntaxError) {
        guard self.take(0x20) else { throw self.fail("a space") }
    }

    mutating func open() throws(SyntaxError) {
        guard self.take(UInt8(ascii: "(")) else { throw self.fail("\"(\"") }
    }

    mutating func close() throws(SyntaxError) {
        guard self.take(UInt8(ascii: ")")) else { throw self.fail("\")\"") }
    }

    func end() throws(SyntaxError) {
        guard self.isAtEnd else { throw self.fail("the end of the command") }
    }

    mutating func descend() throws(SyntaxError) {
        self.depth += 1
        if self.depth > self.limits.nesting { throw self.tooComplex("Nested too deeply") }
    }

    mutating func ascend() { self.depth -= 1 }

    // MARK: Words

    /// The longest run of octets that `matches`.
    mutating func run(_ matches: (UInt8) -> Bool) -> Range<Int> {
        let start = self.position
        while self.position < self.bytes.count, matches(self.bytes[self.position]) { self.position += 1 }
        return start..<self.position
    }

    /// A keyword: letters, digits, `.`, `-`, `=`; empty when there is none.
    mutating func word() -> Range<Int> {
        self.run {
            ASCII.isLetter($0) || ASCII.isDigit($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-")
                || $0 == UInt8(ascii: "=")
        }
    }

    /// Whether the octets of `range` are `word`, which is in capitals, in any case.
    func matches(_ range: Range<Int>, _ word: StaticString) -> Bool {
        guard range.count == word.utf8CodeUnitCount else { return false }
        let expected = word.utf8Start
        for i in 0..<range.count
        where ASCII.uppercased(self.bytes[range.lowerBound + i]) != expected[i] { return false }
        return true
    }

    /// The first octet of `range` in capitals; 0 when it is empty.
    func initial(_ range: Range<Int>) -> UInt8 {
        range.isEmpty ? 0 : ASCII.uppercased(self.bytes[range.lowerBound])
    }

    /// Goes back to the start of a word, so that an error names its place.
    func unexpected(_ range: Range<Int>, _ expected: StaticString) -> SyntaxError {
        SyntaxError(offset: range.lowerBound, expected: expected)
    }

    mutating func atom(_ expected: StaticString) throws(SyntaxError) -> [UInt8] {
        let range = self.run(ASCII.isAtomCharacter)
        guard !range.isEmpty else { throw self.fail(expected) }
        return Array(self.bytes[range])
    }

    // MARK: Numbers

    /// number: 0...2^32-1.
    mutating func number(_ expected: StaticString = "a number") throws(SyntaxError) -> UInt32 {
        let start = self.position
        let value = try self.number64(expected)
        guard let small = UInt32(exactly: value) else {
            throw SyntaxError(offset: start, expected: "a number below 4294967296")
        }
        return small
    }

    /// number64: 0...2^63-1.
    mutating func number64(_ expected: StaticString = "a number") throws(SyntaxError) -> UInt64 {
        let start = self.position
        var value: UInt64 = 0
        while let byte = self.peek(), ASCII.isDigit(byte) {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(byte - 0x30))
            guard !overflow, !carry, sum <= UInt64(Int64.max) else {
                throw SyntaxError(offset: start, expected: "a number below 9223372036854775808")
            }
            value = sum
            self.position += 1
        }
        guard self.position > start else { throw self.fail(expected) }
        return value
    }
}
