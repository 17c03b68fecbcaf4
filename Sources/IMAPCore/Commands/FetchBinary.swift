import MailCore

/// `BINARY[path]<first.count>`: a part without its transfer encoding (RFC 3516 section 4.2).
public struct FetchBinary: Hashable, Sendable {
    /// Part numbers, counted from 1; none mean the whole message.
    public var path: [Int]
    /// Counts decoded octets.
    public var partial: FetchSection.Partial?
    /// `BINARY.PEEK`: leaves \Seen alone.
    public var isPeek: Bool

    public init(path: [Int], partial: FetchSection.Partial? = nil, isPeek: Bool) {
        self.path = path
        self.partial = partial
        self.isPeek = isPeek
    }
}

extension FetchBinary {
    /// Appends the section with its brackets.
    static func encode(_ path: [Int], into out: inout [UInt8]) {
        out.append(UInt8(ascii: "["))
        for (index, number) in path.enumerated() {
            if index > 0 { out.append(UInt8(ascii: ".")) }
            out.appendDecimal(UInt64(clamping: number))
        }
        out.append(UInt8(ascii: "]"))
    }
}

extension Cursor {
    /// The item that `word` begins, if it is one of BINARY.
    mutating func binaryItem(_ word: Range<Int>) throws(SyntaxError) -> FetchItem? {
        if self.matches(word, "BINARY.SIZE") { return .binarySize(try self.sectionBinary()) }
        let isPeek = self.matches(word, "BINARY.PEEK")
        guard isPeek || self.matches(word, "BINARY") else { return nil }
        let path = try self.sectionBinary()
        return .binary(FetchBinary(path: path, partial: try self.partial(), isPeek: isPeek))
    }

    /// section-binary: part numbers in brackets, or none.
    private mutating func sectionBinary() throws(SyntaxError) -> [Int] {
        guard self.take(UInt8(ascii: "[")) else { throw self.fail("\"[\"") }
        var path: [Int] = []
        if self.take(UInt8(ascii: "]")) { return path }
        repeat {
            if path.count == self.limits.nesting { throw self.tooComplex("Nested too deeply") }
            let start = self.position
            let number = try self.number("a part number")
            guard number > 0 else { throw SyntaxError(offset: start, expected: "a part number over 0") }
            path.append(Int(number))
        } while self.take(UInt8(ascii: "."))
        guard self.take(UInt8(ascii: "]")) else { throw self.fail("\".\" or \"]\"") }
        return path
    }
}
