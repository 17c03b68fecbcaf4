/// One element of an address list, as ENVELOPE shows them (RFC 9051 section 7.5.2). Octets as written:
/// quoting undone, encoded words not decoded.
public enum Address: Equatable, Sendable {
    /// The name is `nil` when there is none; the route (`@a,@b`) is obsolete syntax. Where the text has no
    /// local part or domain, `mailbox` or `host` is `nil`.
    case mailbox(name: [UInt8]?, route: [UInt8]?, mailbox: [UInt8]?, host: [UInt8]?)
    case groupStart(name: [UInt8])
    case groupEnd

    /// What stands for a missing local part or domain where a string is needed: a NIL host would announce
    /// a group. The words are those that Dovecot uses, since clients' filters know them.
    public static let missingMailbox = Array("MISSING_MAILBOX".utf8)
    public static let missingHost = Array("MISSING_DOMAIN".utf8)
}

/// Reads the addresses of a `From`, `To`, ... field body one at a time (RFC 5322 section 3.4, with the
/// obsolete forms of section 4.4), making the best of what real mail contains.
///
/// Linear in the field's length; a group that is not closed is closed at the end.
public struct AddressParser: Sequence, IteratorProtocol {
    private var lexer: FieldLexer
    private var isInGroup = false
    /// Set when an address ended at a `;` that also ends a group.
    private var owesGroupEnd = false

    // The element being read. `phrase` is what precedes a `<`, or the local part while no `<` was seen.
    private var phrase: [UInt8] = []
    private var hasPhrase = false
    private var domain: [UInt8] = []
    private var hasDomain = false
    private var comment: [UInt8]?

    public init(_ body: Octets) { self.lexer = FieldLexer(body) }

    public mutating func next() -> Address? {
        if self.owesGroupEnd {
            self.owesGroupEnd = false
            self.isInGroup = false
            return .groupEnd
        }
        self.reset()
        var spaced = self.lexer.skipCommentsAndSpace(lastComment: &self.comment)
        while !self.lexer.isAtEnd {
            switch self.lexer.peek {
            case UInt8(ascii: ","):
                self.lexer.position += 1
                if let address = self.takeBareAddress() { return address }
                self.reset()
            case UInt8(ascii: ";"):
                self.lexer.position += 1
                if let address = self.takeBareAddress() {
                    self.owesGroupEnd = self.isInGroup
                    return address
                }
                if self.isInGroup {
                    self.isInGroup = false
                    return .groupEnd
                }
                self.reset()
            case UInt8(ascii: ":") where !self.isInGroup && !self.hasDomain:
                self.lexer.position += 1
                self.isInGroup = true
                return .groupStart(name: self.phrase)
            case UInt8(ascii: "<"):
                return self.readAngleAddress()
            case UInt8(ascii: "@"):
                self.lexer.position += 1
                if self.hasDomain {
                    self.phrase.append(UInt8(ascii: "@"))
                    self.phrase.append(contentsOf: self.domain)
                }
                self.hasDomain = true
                self.hasPhrase = true
                self.domain = self.readDomain()
            default:
                if self.hasDomain {
                    // Text after an address without angle brackets: all of it was a name.
                    self.phrase.append(UInt8(ascii: "@"))
                    self.phrase.append(contentsOf: self.domain)
                    self.domain.removeAll()
                    self.hasDomain = false
                    spaced = true
                }
                self.readWord(spaced: spaced)
            }
            spaced = self.lexer.skipCommentsAndSpace(lastComment: &self.comment)
        }
        if let address = self.takeBareAddress() {
            self.owesGroupEnd = self.isInGroup
            return address
        }
        if self.isInGroup {
            self.isInGroup = false
            return .groupEnd
        }
        return nil
    }

    private mutating func reset() {
        self.phrase.removeAll()
        self.hasPhrase = false
        self.domain.removeAll()
        self.hasDomain = false
        self.comment = []
    }

    /// Appends the next word to the phrase, behind one space when white space preceded it.
    private mutating func readWord(spaced: Bool) {
        if spaced, !self.phrase.isEmpty { self.phrase.append(0x20) }
        self.hasPhrase = true
        if self.lexer.peek == UInt8(ascii: "\"") {
            self.lexer.readQuotedString(into: &self.phrase)
        } else {
            self.lexer.readAtom(into: &self.phrase)
        }
    }

    private mutating func takeBareAddress() -> Address? {
        guard self.hasPhrase else { return nil }
        let name = self.comment.flatMap { $0.isEmpty ? nil : $0 }
        return .mailbox(
            name: name, route: nil, mailbox: self.phrase.isEmpty ? nil : self.phrase,
            host: self.domain.isEmpty ? nil : self.domain)
    }

    /// A domain without its comments and white space (RFC 5322 section 4.4 allows both around its dots).
    private mutating func readDomain() -> [UInt8] {
        var out: [UInt8] = []
        self.lexer.skipCommentsAndSpace(lastComment: &self.comment)
        while !self.lexer.isAtEnd {
            let byte = self.lexer.peek
            if byte == UInt8(ascii: "[") {
                self.lexer.readDomainLiteral(into: &out)
            } else if FieldLexer.endsAtom(byte) {
                return out
            } else {
                self.lexer.readAtom(into: &out)
            }
            let before = self.lexer
            // White space inside a domain only where a dot follows or precedes it.
            if self.lexer.skipCommentsAndSpace(lastComment: &self.comment),
                self.lexer.peek != UInt8(ascii: "."), out.last != UInt8(ascii: ".")
            {
                self.lexer.position = before.position
                return out
            }
        }
        return out
    }

    /// Reads `<@route:local@domain>` and on to the comma or the end of the group.
    private mutating func readAngleAddress() -> Address {
        self.lexer.position += 1
        if self.hasDomain {
            self.phrase.append(UInt8(ascii: "@"))
            self.phrase.append(contentsOf: self.domain)
        }
        var route: [UInt8]?
        var local: [UInt8] = []
        var host: [UInt8] = []
        var hasHost = false
        var ignored: [UInt8]?
        self.lexer.skipCommentsAndSpace(lastComment: &ignored)
        if self.lexer.peek == UInt8(ascii: "@") { route = self.readRoute() }
        inside: while !self.lexer.isAtEnd {
            let spaced = self.lexer.skipCommentsAndSpace(lastComment: &ignored)
            switch self.lexer.peek {
            case UInt8(ascii: ">"):
                self.lexer.position += 1
                break inside
            case UInt8(ascii: ",") where hasHost, UInt8(ascii: ";") where hasHost: break inside
            case UInt8(ascii: "@"):
                self.lexer.position += 1
                if hasHost {
                    local.append(UInt8(ascii: "@"))
                    local.append(contentsOf: host)
                }
                hasHost = true
                host = self.readDomain()
            case UInt8(ascii: "\"") where !hasHost:
                self.lexer.readQuotedString(into: &local)
            default:
                if self.lexer.isAtEnd { break inside }
                if hasHost {
                    self.lexer.position += 1
                } else {
                    if spaced, !local.isEmpty, local.last != UInt8(ascii: "."),
                        self.lexer.peek != UInt8(ascii: ".")
                    {
                        local.append(0x20)
                    }
                    self.lexer.readAtom(into: &local)
                }
            }
        }
        self.skipToSeparator()
        return .mailbox(
            name: self.phrase.isEmpty ? nil : self.phrase, route: route,
            mailbox: local.isEmpty ? nil : local, host: host.isEmpty ? nil : host)
    }

    /// `@a,@b:`; the colon is consumed.
    private mutating func readRoute() -> [UInt8] {
        var route: [UInt8] = []
        while !self.lexer.isAtEnd {
            self.lexer.skipCommentsAndSpace()
            let byte = self.lexer.peek
            if byte == UInt8(ascii: ":") {
                self.lexer.position += 1
                return route
            }
            if byte == UInt8(ascii: ">") || self.lexer.isAtEnd { return route }
            if byte == UInt8(ascii: "@"), !route.isEmpty, route.last != UInt8(ascii: ",") {
                route.append(UInt8(ascii: ","))
            }
            if byte != UInt8(ascii: ",") || (!route.isEmpty && route.last != byte) { route.append(byte) }
            self.lexer.position += 1
        }
        return route
    }

    /// Skips what follows a closing `>`; leaves the lexer behind the comma, or notes the group's end.
    private mutating func skipToSeparator() {
        var ignored: [UInt8]?
        var quoted: [UInt8] = []
        while !self.lexer.isAtEnd {
            self.lexer.skipCommentsAndSpace(lastComment: &ignored)
            switch self.lexer.peek {
            case UInt8(ascii: ","):
                self.lexer.position += 1
                return
            case UInt8(ascii: ";"):
                self.lexer.position += 1
                self.owesGroupEnd = self.isInGroup
                return
            case UInt8(ascii: "\""):
                self.lexer.readQuotedString(into: &quoted)
                quoted.removeAll()
            default: self.lexer.position += 1
            }
        }
        self.owesGroupEnd = self.isInGroup
    }
}
