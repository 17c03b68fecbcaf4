import MailCore

extension Cursor {
    /// ASTRING-CHAR of RFC 9051 section 9: ATOM-CHAR or `]`.
    static func isAStringCharacter(_ byte: UInt8) -> Bool {
        ASCII.isAtomCharacter(byte) || byte == UInt8(ascii: "]")
    }

    /// list-char: what stands unquoted in a pattern of LIST.
    static func isListCharacter(_ byte: UInt8) -> Bool {
        isAStringCharacter(byte) || byte == UInt8(ascii: "%") || byte == UInt8(ascii: "*")
    }

    /// astring: an atom, a quoted string or a literal.
    mutating func astring(_ expected: StaticString) throws(SyntaxError) -> [UInt8] {
        switch self.peek() {
        case UInt8(ascii: "\""), UInt8(ascii: "{"): return try self.string(expected)
        default:
            let range = self.run(Self.isAStringCharacter)
            guard !range.isEmpty else { throw self.fail(expected) }
            return Array(self.bytes[range])
        }
    }

    /// list-mailbox: an astring that may hold wildcards without quotes.
    mutating func listMailbox() throws(SyntaxError) -> [UInt8] {
        switch self.peek() {
        case UInt8(ascii: "\""), UInt8(ascii: "{"): return try self.string("a mailbox pattern")
        default:
            let range = self.run(Self.isListCharacter)
            guard !range.isEmpty else { throw self.fail("a mailbox pattern") }
            return Array(self.bytes[range])
        }
    }

    /// string: quoted or literal.
    mutating func string(_ expected: StaticString) throws(SyntaxError) -> [UInt8] {
        switch self.peek() {
        case UInt8(ascii: "\""): return try self.quoted()
        case UInt8(ascii: "{"): return try self.literal()
        default: throw self.fail(expected)
        }
    }

    /// nstring: a string, or `nil` for NIL.
    mutating func nstring(_ expected: StaticString) throws(SyntaxError) -> [UInt8]? {
        switch self.peek() {
        case UInt8(ascii: "\""), UInt8(ascii: "{"): return try self.string(expected)
        default:
            let word = self.word()
            guard self.matches(word, "NIL") else { throw self.unexpected(word, expected) }
            return nil
        }
    }

    private mutating func quoted() throws(SyntaxError) -> [UInt8] {
        let start = self.position
        self.position += 1
        var out: [UInt8] = []
        while let byte = self.peek() {
            switch byte {
            case UInt8(ascii: "\""):
                // RFC 6855 section 3, RFC 9051 section 4.3.
                if self.checksUTF8, out.contains(where: { $0 >= 0x80 }),
                    String(validating: out, as: UTF8.self) == nil
                {
                    throw SyntaxError(offset: start, expected: "UTF-8 in the quoted string")
                }
                self.position += 1
                return out
            case UInt8(ascii: "\\"):
                self.position += 1
                guard let escaped = self.peek(),
                    escaped == UInt8(ascii: "\"") || escaped == UInt8(ascii: "\\")
                else { throw self.fail("\"\\\" or a quotation mark after \"\\\"") }
                out.append(escaped)
            case 0x00, 0x0A, 0x0D:
                throw self.fail("no NUL, CR or LF in a quoted string")
            default:
                out.append(byte)
            }
            self.position += 1
        }
        throw self.fail("a closing quotation mark")
    }

    private mutating func literal() throws(SyntaxError) -> [UInt8] {
        let octets = try self.literal8()
        if let nul = octets.firstIndex(of: 0) {
            throw SyntaxError(offset: self.position - octets.count + nul, expected: "no NUL in a literal")
        }
        return octets
    }

    /// literal8: octets that may be NUL.
    mutating func literal8() throws(SyntaxError) -> [UInt8] {
        let header = try self.literalHeader()
        guard self.pendingLiteral == nil else { throw self.fail("a literal") }
        guard header.size <= UInt64(self.bytes.count - self.position) else {
            throw self.fail("the octets of the literal")
        }
        let end = self.position + Int(header.size)
        let octets = self.bytes[self.position..<end]
        self.position = end
        return Array(octets)
    }

    /// `{n}` or `{n+}` and its CRLF. When the input ends there, the literal is pending.
    mutating func literalHeader() throws(SyntaxError) -> LiteralHeader {
        let isBinary = self.take(UInt8(ascii: "~"))
        guard self.take(UInt8(ascii: "{")) else { throw self.fail("a literal") }
        let size = try self.number64("the literal's size")
        let isSynchronizing = !self.take(UInt8(ascii: "+"))
        guard self.take(UInt8(ascii: "}")), self.take(0x0D), self.take(0x0A) else {
            throw self.fail("\"}\" and a line end")
        }
        let header = LiteralHeader(size: size, isSynchronizing: isSynchronizing, isBinary: isBinary)
        if self.isPartial, self.isAtEnd { self.pendingLiteral = header }
        return header
    }
}
