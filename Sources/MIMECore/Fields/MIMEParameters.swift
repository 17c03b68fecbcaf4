import MailCore

/// A parameter of `Content-Type` or `Content-Disposition`, its RFC 2231 pieces joined.
public struct MIMEParameter: Equatable, Sendable {
    /// As written, without the `*` forms of RFC 2231.
    public var name: [UInt8]
    /// Quoting undone. Where `isExtended`, still `charset'language'percent-encoded`.
    public var value: [UInt8]
    public var isExtended: Bool

    /// The value as UTF-8: RFC 2231 decoded; else encoded words decoded, which many clients write here.
    public func decodedValue(converter: CharsetConverter = .builtIn) -> [UInt8] {
        guard self.isExtended else {
            return self.value.withUnsafeBytes { EncodedWord.decode(Octets($0), converter: converter) }
        }
        let pieces = self.value.split(
            separator: UInt8(ascii: "'"), maxSplits: 2, omittingEmptySubsequences: false)
        let charset = pieces.count == 3 ? Array(pieces[0]) : []
        let text = pieces.count == 3 ? Array(pieces[2]) : self.value
        var octets: [UInt8] = []
        var i = 0
        while i < text.count {
            if text[i] == UInt8(ascii: "%"), i + 2 < text.count,
                let high = ASCII.hexValue(text[i + 1]), let low = ASCII.hexValue(text[i + 2])
            {
                octets.append(high << 4 | low)
                i += 3
            } else {
                octets.append(text[i])
                i += 1
            }
        }
        return converter.utf8(octets, charset: charset)
    }
}

/// A `Content-Type` or `Content-Disposition` value and its parameters.
///
/// At most `maximumParameters` parameters and `maximumOctets` octets of the field are looked at; the rest
/// is as if it were not there.
public struct MIMEValue: Equatable, Sendable {
    public static let maximumParameters = 256
    public static let maximumOctets = 64 * 1024

    /// The type or disposition as written.
    public var value: [UInt8]
    /// The subtype as written; `nil` when there is none.
    public var subtype: [UInt8]?
    public var parameters: [MIMEParameter]

    /// Whether this is message/global: a message whose header may be in UTF-8 (RFC 6532 section 3.7).
    var isGlobalMessage: Bool {
        ASCII.equalsIgnoringCase(self.value, "message".utf8)
            && self.subtype.map { ASCII.equalsIgnoringCase($0, "global".utf8) } == true
    }

    /// The parameter of that lower-case name.
    public func parameter(_ name: StaticString) -> MIMEParameter? {
        self.parameters.first { parameter in
            parameter.name.withUnsafeBytes { Octets($0).equals(lowercase: name) }
        }
    }

    /// Reads `type/subtype; name=value ...` (RFC 2045 section 5.1). `nil` when no token is there.
    public static func contentType(_ body: Octets) -> MIMEValue? { self.read(body, hasSubtype: true) }

    /// Reads `disposition; name=value ...` (RFC 2183 section 2). `nil` when no token is there.
    public static func disposition(_ body: Octets) -> MIMEValue? { self.read(body, hasSubtype: false) }

    private static func read(_ body: Octets, hasSubtype: Bool) -> MIMEValue? {
        var lexer = FieldLexer(body[0..<Self.maximumOctets])
        lexer.skipCommentsAndSpace()
        guard let type = lexer.readToken() else { return nil }
        lexer.skipCommentsAndSpace()
        var subtype: [UInt8]?
        if hasSubtype, lexer.peek == UInt8(ascii: "/") {
            lexer.position += 1
            lexer.skipCommentsAndSpace()
            subtype = lexer.readToken().map { Array($0.buffer) }
        }
        return MIMEValue(
            value: Array(type.buffer), subtype: subtype, parameters: self.readParameters(&lexer))
    }

    private struct Piece {
        var name: [UInt8]
        var index: Int?
        var isExtended: Bool
        var value: [UInt8]
    }

    private static func readParameters(_ lexer: inout FieldLexer) -> [MIMEParameter] {
        var pieces: [Piece] = []
        while pieces.count < Self.maximumParameters {
            // To the next semicolon, over anything that should not be there.
            lexer.skipCommentsAndSpace()
            while !lexer.isAtEnd, lexer.peek != UInt8(ascii: ";") {
                if lexer.peek == UInt8(ascii: "\"") {
                    var ignored: [UInt8] = []
                    lexer.readQuotedString(into: &ignored)
                } else {
                    lexer.position += 1
                }
                lexer.skipCommentsAndSpace()
            }
            guard !lexer.isAtEnd else { break }
            lexer.position += 1
            lexer.skipCommentsAndSpace()
            guard let name = lexer.readToken() else { continue }
            lexer.skipCommentsAndSpace()
            guard lexer.peek == UInt8(ascii: "=") else { continue }
            lexer.position += 1
            lexer.skipCommentsAndSpace()
            var value: [UInt8] = []
            if lexer.peek == UInt8(ascii: "\"") {
                lexer.readQuotedString(into: &value)
            } else {
                self.readBareValue(&lexer, into: &value)
            }
            pieces.append(self.piece(named: name, value: value))
        }
        return self.join(pieces)
    }

    /// An unquoted value: up to a semicolon, white space or a quote. Wider than a token, because clients
    /// leave values with `/`, `=` or `:` unquoted.
    private static func readBareValue(_ lexer: inout FieldLexer, into value: inout [UInt8]) {
        while !lexer.isAtEnd {
            let byte = lexer.peek
            if byte == UInt8(ascii: ";") || HeaderBody.isSpace(byte) || byte == UInt8(ascii: "\"") { return }
            lexer.position += 1
            if byte != 0 { value.append(byte) }
        }
    }

    /// Takes apart `name`, `name*`, `name*0`, `name*0*` (RFC 2231 sections 3 and 4).
    private static func piece(named text: Octets, value: [UInt8]) -> Piece {
        let name = Array(text.buffer)
        guard let star = name.firstIndex(of: UInt8(ascii: "*")), star > 0 else {
            return Piece(name: name, index: nil, isExtended: false, value: value)
        }
        var rest = name[(star + 1)...]
        var isExtended = rest.isEmpty
        if rest.last == UInt8(ascii: "*") {
            isExtended = true
            rest = rest.dropLast()
        }
        var index: Int?
        if !rest.isEmpty {
            guard rest.count <= 4, rest.allSatisfy(ASCII.isDigit) else {
                return Piece(name: name, index: nil, isExtended: false, value: value)
            }
            index = rest.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        }
        return Piece(name: Array(name[..<star]), index: index, isExtended: isExtended, value: value)
    }

    private static func join(_ pieces: [Piece]) -> [MIMEParameter] {
        var out: [MIMEParameter] = []
        var isDone = [Bool](repeating: false, count: pieces.count)
        for (position, piece) in pieces.enumerated() where !isDone[position] {
            guard piece.index != nil else {
                out.append(
                    MIMEParameter(name: piece.name, value: piece.value, isExtended: piece.isExtended))
                continue
            }
            var group: [Piece] = []
            for other in position..<pieces.count
            where pieces[other].index != nil
                && ASCII.equalsIgnoringCase(pieces[other].name, piece.name)
            {
                isDone[other] = true
                group.append(pieces[other])
            }
            out.append(self.joined(group))
        }
        return out
    }

    /// Sections 0, 1, 2, ... up to the first gap. With any extended section the whole becomes extended and
    /// plain sections are percent-encoded, so that decoding gives them back.
    private static func joined(_ group: [Piece]) -> MIMEParameter {
        let sorted = group.enumerated().sorted {
            ($0.element.index ?? 0, $0.offset) < ($1.element.index ?? 0, $1.offset)
        }
        let isExtended = group.contains { $0.isExtended }
        var value: [UInt8] = []
        var expected = 0
        for (_, piece) in sorted {
            if piece.index == expected - 1 { continue }
            guard piece.index == expected else { break }
            if isExtended, !piece.isExtended {
                if expected == 0 { value.append("''") }
                for byte in piece.value { Self.appendPercentEncoded(byte, to: &value) }
            } else {
                value.append(contentsOf: piece.value)
            }
            expected += 1
        }
        return MIMEParameter(name: group.first?.name ?? [], value: value, isExtended: isExtended)
    }

    /// Letters, digits and `.-_` as they are, all else as `%XX` (RFC 2231 section 7 would let more stand).
    static func appendPercentEncoded(_ byte: UInt8, to out: inout [UInt8]) {
        if ASCII.isDigit(byte) || ASCII.isLetter(byte) || byte == UInt8(ascii: ".")
            || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
        {
            out.append(byte)
        } else {
            out.append(UInt8(ascii: "%"))
            out.appendCapitalHex(byte)
        }
    }
}
