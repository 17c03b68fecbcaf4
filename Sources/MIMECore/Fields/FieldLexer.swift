/// Reads the tokens of structured header fields (RFC 5322 section 3.2, RFC 2045 section 5.1), leniently.
///
/// Every method consumes at least one octet or says that it did not, and none looks back, so a walk over a
/// field is linear; comments nest by counting, not by recursion.
struct FieldLexer {
    let octets: Octets
    var position = 0

    init(_ octets: Octets) { self.octets = octets }

    var isAtEnd: Bool { self.position >= self.octets.count }
    /// The next octet, 0 at the end.
    var peek: UInt8 { self.octets[self.position] }

    /// Skips white space and comments; `true` when there was any.
    @discardableResult
    mutating func skipCommentsAndSpace() -> Bool {
        var ignored: [UInt8]?
        return self.skipCommentsAndSpace(lastComment: &ignored)
    }

    /// The same, and keeps the text of the last comment where `lastComment` is not `nil`. A comment without end
    /// reaches to the end of the field; then `lastComment` becomes `nil`.
    @discardableResult
    mutating func skipCommentsAndSpace(lastComment: inout [UInt8]?) -> Bool {
        let start = self.position
        while !self.isAtEnd {
            let byte = self.peek
            if HeaderBody.isSpace(byte) || byte == 0 {
                self.position += 1
            } else if byte == UInt8(ascii: "(") {
                self.skipComment(into: &lastComment)
            } else {
                break
            }
        }
        return self.position > start
    }

    private mutating func skipComment(into text: inout [UInt8]?) {
        let keeps = text != nil
        if keeps { text = [] }
        var depth = 0
        while !self.isAtEnd {
            var byte = self.peek
            self.position += 1
            switch byte {
            case UInt8(ascii: "("):
                depth += 1
                if depth == 1 { continue }
            case UInt8(ascii: ")"):
                depth -= 1
                if depth == 0 { return }
            case UInt8(ascii: "\\") where !self.isAtEnd:
                byte = self.peek
                self.position += 1
            case 0x0D, 0x0A, 0:
                continue
            default: break
            }
            if keeps { text?.append(byte) }
        }
        text = nil
    }

    /// Reads a quoted string whose opening quote is next and appends its text; without a closing quote it
    /// reaches to the end, and the answer is `false`.
    @discardableResult
    mutating func readQuotedString(into out: inout [UInt8]) -> Bool {
        self.position += 1
        while !self.isAtEnd {
            var byte = self.peek
            self.position += 1
            switch byte {
            case UInt8(ascii: "\""): return true
            case UInt8(ascii: "\\") where !self.isAtEnd:
                byte = self.peek
                self.position += 1
                if byte == 0x0D || byte == 0x0A || byte == 0 { continue }
            case 0x0D, 0x0A, 0: continue
            default: break
            }
            out.append(byte)
        }
        return false
    }

    /// Reads a domain literal whose `[` is next and appends it with its brackets.
    mutating func readDomainLiteral(into out: inout [UInt8]) {
        while !self.isAtEnd {
            let byte = self.peek
            self.position += 1
            if HeaderBody.isSpace(byte) || byte == 0 { continue }
            out.append(byte)
            if byte == UInt8(ascii: "]") { return }
        }
    }

    /// Reads an atom in an address, dots included, and appends it: up to an octet that means something there,
    /// but always at least one octet.
    mutating func readAtom(into out: inout [UInt8]) {
        repeat {
            out.append(self.peek)
            self.position += 1
        } while !self.isAtEnd && !Self.endsAtom(self.peek)
    }

    static func endsAtom(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x00...0x20, 0x7F, UInt8(ascii: "("), UInt8(ascii: "<"), UInt8(ascii: ">"),
            UInt8(ascii: "@"), UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: ":"),
            UInt8(ascii: "\""), UInt8(ascii: "\\"):
            true
        default: false
        }
    }

    /// Reads a MIME token (RFC 2045 section 5.1; 8-bit octets too); `nil` when none is next.
    mutating func readToken() -> Octets? {
        let start = self.position
        while !self.isAtEnd, Self.isTokenOctet(self.peek) { self.position += 1 }
        return self.position > start ? self.octets[start..<self.position] : nil
    }

    static func isTokenOctet(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x00...0x20, 0x7F: false
        case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "<"), UInt8(ascii: ">"),
            UInt8(ascii: "@"), UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: ":"),
            UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "/"), UInt8(ascii: "["),
            UInt8(ascii: "]"), UInt8(ascii: "?"), UInt8(ascii: "="):
            false
        default: true
        }
    }
}
