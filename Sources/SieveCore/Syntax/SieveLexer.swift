import MailCore

/// Cuts a script into tokens (RFC 5228 section 8.1). Linear; each call consumes at least one octet or is at
/// the end.
///
/// Line ends may be CRLF or, since scripts are files on Unix, a bare LF.
struct SieveLexer {
    /// The longest identifier or tag.
    private static let maximumWord = 32

    let source: [UInt8]
    let limits: SieveLimits
    var diagnostics: SieveDiagnostics
    var index = 0

    private var line = 1
    /// The column is known here; columns of later octets are counted from it.
    private var markedIndex = 0
    private var markedColumn = 1

    init(_ source: [UInt8], limits: SieveLimits) {
        self.source = source
        self.limits = limits
        self.diagnostics = SieveDiagnostics(limit: limits.errors)
        // The mark that some editors put before UTF-8 text.
        if source.starts(with: [0xEF, 0xBB, 0xBF]) {
            self.index = 3
            self.markedIndex = 3
        }
    }

    /// The octet `ahead` of the current one; 0 past the end, which no valid script contains.
    func peek(_ ahead: Int = 0) -> UInt8 {
        let place = self.index + ahead
        return place < self.source.count ? self.source[place] : 0
    }

    var isAtEnd: Bool { self.index >= self.source.count }

    /// The place of the current octet.
    mutating func position() -> SievePosition {
        while self.markedIndex < self.index {
            if self.source[self.markedIndex] & 0xC0 != 0x80 { self.markedColumn += 1 }
            self.markedIndex += 1
        }
        return SievePosition(line: self.line, column: self.markedColumn)
    }

    /// Consumes LF or CRLF if one is next.
    mutating func takeLineEnd() -> Bool {
        if self.peek() == 0x0A {
            self.index += 1
        } else if self.peek() == 0x0D, self.peek(1) == 0x0A {
            self.index += 2
        } else {
            return false
        }
        self.line += 1
        self.markedIndex = self.index
        self.markedColumn = 1
        return true
    }

    mutating func next() -> SieveToken {
        guard self.skipWhiteSpace() else { return SieveToken(kind: .invalid, position: self.position()) }
        let position = self.position()
        guard !self.isAtEnd else { return SieveToken(kind: .end, position: position) }
        let byte = self.peek()
        return SieveToken(kind: self.kind(beginning: byte, position), position: position)
    }

    private mutating func kind(beginning byte: UInt8, _ position: SievePosition) -> SieveToken.Kind {
        if Self.beginsWord(byte) {
            let word = self.takeWord()
            guard word.utf8.count <= Self.maximumWord else {
                self.diagnostics.error(position, "a word is longer than \(Self.maximumWord) characters")
                return .invalid
            }
            if word == "text", self.peek() == UInt8(ascii: ":") { return self.multiLine(position) }
            return .identifier(word)
        }
        if ASCII.isDigit(byte) { return self.number(position) }
        self.index += 1
        switch byte {
        case UInt8(ascii: "\""): return self.quotedString(position)
        case UInt8(ascii: ":"):
            guard Self.beginsWord(self.peek()) else {
                self.diagnostics.error(position, "\":\" must be followed by the name of a tag, such as :is")
                return .invalid
            }
            let word = self.takeWord()
            guard word.utf8.count <= Self.maximumWord else {
                self.diagnostics.error(position, "a tag is longer than \(Self.maximumWord) characters")
                return .invalid
            }
            return .tag(word)
        case UInt8(ascii: "["): return .openBracket
        case UInt8(ascii: "]"): return .closeBracket
        case UInt8(ascii: "("): return .openParenthesis
        case UInt8(ascii: ")"): return .closeParenthesis
        case UInt8(ascii: "{"): return .openBrace
        case UInt8(ascii: "}"): return .closeBrace
        case UInt8(ascii: ","): return .comma
        case UInt8(ascii: ";"): return .semicolon
        default:
            self.index -= 1
            return self.unexpected(position)
        }
    }

    /// Skips a run of octets that can begin no token, and complains once.
    private mutating func unexpected(_ position: SievePosition) -> SieveToken.Kind {
        let start = self.index
        let first = self.peek()
        repeat { self.index += 1 } while !self.isAtEnd && self.peek() & 0xC0 == 0x80
        let text: String
        switch first {
        case 0: text = "a NUL octet is not allowed in scripts"
        case 0x0D: text = "a carriage return without a line feed is not allowed"
        case 0x01..<0x20, 0x7F: text = "a control character is not allowed here"
        case UInt8(ascii: "'"): text = "strings are written with double quotes, not with \"'\""
        default: text = "unexpected character \(quoted(self.source[start..<self.index]))"
        }
        self.diagnostics.error(position, text)
        return .invalid
    }

    // MARK: White space and comments

    /// `false` when a comment was wrong and has been complained of.
    private mutating func skipWhiteSpace() -> Bool {
        while true {
            if self.takeLineEnd() { continue }
            switch self.peek() {
            case 0x20, 0x09: self.index += 1
            case UInt8(ascii: "#"): self.skipToLineEnd()
            case UInt8(ascii: "/") where self.peek(1) == UInt8(ascii: "*"):
                guard self.skipBracketComment() else { return false }
            default: return true
            }
        }
    }

    /// Up to the line end, which is left.
    mutating func skipToLineEnd() {
        while !self.isAtEnd, self.peek() != 0x0A {
            if self.peek() == 0x0D, self.peek(1) == 0x0A { return }
            self.index += 1
        }
    }

    private mutating func skipBracketComment() -> Bool {
        let start = self.position()
        self.index += 2
        while !self.isAtEnd {
            if self.takeLineEnd() { continue }
            if self.peek() == UInt8(ascii: "*"), self.peek(1) == UInt8(ascii: "/") {
                self.index += 2
                return true
            }
            self.index += 1
        }
        self.diagnostics.error(start, "this comment is not closed by \"*/\"")
        return false
    }

    // MARK: Words and numbers

    private static func beginsWord(_ byte: UInt8) -> Bool {
        ASCII.isLetter(byte) || byte == UInt8(ascii: "_")
    }

    private mutating func takeWord() -> String {
        var word: [UInt8] = []
        while Self.beginsWord(self.peek()) || ASCII.isDigit(self.peek()) {
            word.append(ASCII.lowercased(self.peek()))
            self.index += 1
        }
        return String(decoding: word, as: UTF8.self)
    }

    private mutating func number(_ position: SievePosition) -> SieveToken.Kind {
        var value: UInt64 = 0
        var isTooBig = false
        while ASCII.isDigit(self.peek()) {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(self.peek() - 0x30))
            if overflow || carry { isTooBig = true }
            value = sum
            self.index += 1
        }
        var shift: UInt64 = 0
        switch ASCII.lowercased(self.peek()) {
        case UInt8(ascii: "k"): shift = 10
        case UInt8(ascii: "m"): shift = 20
        case UInt8(ascii: "g"): shift = 30
        default: break
        }
        if shift > 0 { self.index += 1 }
        if Self.beginsWord(self.peek()) || ASCII.isDigit(self.peek()) {
            _ = self.takeWord()
            self.diagnostics.error(position, "a number consists of digits and may end in K, M or G only")
            return .invalid
        }
        let (scaled, overflow) = value.multipliedReportingOverflow(by: 1 << shift)
        guard !isTooBig, !overflow else {
            self.diagnostics.error(position, "this number is too big")
            return .invalid
        }
        return .number(scaled)
    }
}
