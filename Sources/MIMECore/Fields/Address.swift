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
    static let syntaxErrorHost = Array("SYNTAX_ERROR".utf8)
    static let invalidRoute = Array("INVALID_ROUTE".utf8)
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
    /// Where in the phrase blanks stand beside a dot, in ascending order.
    private var blanksAtDots: [Int] = []
    private var domain: [UInt8] = []
    private var hasDomain = false
    /// How many words the phrase has; words joined by dots are one.
    private var words = 0
    /// Whether the phrase begins with a quoted string: alone it is a name, not a local part.
    private var isQuoted = false
    /// What was understood before something came that belongs to no address without angle brackets: the element
    /// after all, when no angle brackets follow.
    private var complete: Address?
    /// `nil` behind a comment without end.
    private var comment: [UInt8]?

    public init(_ body: Octets) { self.lexer = FieldLexer(body) }

    /// The next mailbox, group start or group end; `nil` at the end of the field.
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
            case UInt8(ascii: ":") where self.hasPhrase && !self.hasDomain && self.complete == nil:
                // Groups do not nest: nothing behind this can be relied on.
                self.lexer.position = self.lexer.octets.count
                self.owesGroupEnd = true
                return .mailbox(name: nil, route: nil, mailbox: self.phrase, host: nil)
            case UInt8(ascii: ">"), UInt8(ascii: "\\"), 0x01..<0x20, 0x7F:
                self.foldAddressIntoPhrase()
                self.complete = self.complete ?? self.bareAddress()
                self.hasPhrase = true
                self.lexer.position += 1
            case UInt8(ascii: "<"):
                return self.readAngleAddress()
            case UInt8(ascii: "@"):
                self.lexer.position += 1
                self.beginPhrase()
                self.foldAddressIntoPhrase()
                if self.words > 1 { self.complete = self.complete ?? self.bareAddress() }
                self.hasDomain = true
                self.domain = self.readDomain()
            default:
                if self.hasDomain {
                    self.foldAddressIntoPhrase()
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
        self.blanksAtDots.removeAll()
        self.domain.removeAll()
        self.hasDomain = false
        self.words = 0
        self.isQuoted = false
        self.complete = nil
        self.comment = []
    }

    /// A comment in front of an address is no name.
    private mutating func beginPhrase() {
        if !self.hasPhrase { self.comment = [] }
        self.hasPhrase = true
    }

    /// Text after an address without angle brackets: all of it is a name when brackets follow.
    private mutating func foldAddressIntoPhrase() {
        guard self.hasDomain else { return }
        self.complete = self.complete ?? self.bareAddress()
        self.phrase.append(UInt8(ascii: "@"))
        self.phrase.append(contentsOf: self.domain)
        self.domain.removeAll()
        self.hasDomain = false
    }

    /// Appends the next word to the phrase, behind one space when white space preceded it.
    private mutating func readWord(spaced: Bool) {
        self.beginPhrase()
        let before = self.phrase.count
        let isJoined = self.lexer.peek == UInt8(ascii: ".") || self.phrase.last == UInt8(ascii: ".")
        if self.words == 0 || (spaced && !isJoined) { self.words += 1 }
        if spaced, !self.phrase.isEmpty {
            if isJoined { self.blanksAtDots.append(before) }
            self.phrase.append(0x20)
        }
        if self.lexer.peek == UInt8(ascii: "\"") {
            if before == 0 { self.isQuoted = true }
            // Without an end it is no word.
            if !self.lexer.readQuotedString(into: &self.phrase) {
                self.phrase.removeLast(self.phrase.count - before)
                if self.blanksAtDots.last == before { self.blanksAtDots.removeLast() }
            }
        } else {
            self.lexer.readAtom(into: &self.phrase)
        }
    }

    private mutating func takeBareAddress() -> Address? {
        self.hasPhrase ? self.complete ?? self.bareAddress() : nil
    }

    private func bareAddress() -> Address {
        let name = self.comment.flatMap { $0.isEmpty ? nil : $0 }
        if !self.hasDomain, self.words > 1 || self.isQuoted, !self.phrase.isEmpty {
            return .mailbox(name: name ?? self.phrase, route: nil, mailbox: nil, host: nil)
        }
        // Without a domain it may be a name (`J. R. Doe`), whose blanks are kept.
        let local = self.hasDomain ? self.localPart : self.phrase
        return .mailbox(
            name: name, route: nil, mailbox: local.isEmpty ? nil : local,
            host: self.comment == nil || self.domain.isEmpty ? nil : self.domain)
    }

    /// The phrase as a local part: blanks beside its dots mean nothing (obs-local-part in RFC 5322 section 4.4).
    private var localPart: [UInt8] {
        guard !self.blanksAtDots.isEmpty else { return self.phrase }
        var out: [UInt8] = []
        var start = 0
        for blank in self.blanksAtDots {
            out.append(contentsOf: self.phrase[start..<blank])
            start = blank + 1
        }
        out.append(contentsOf: self.phrase[start...])
        return out
    }

    /// A domain without its comments and white space (RFC 5322 section 4.4 allows both around its dots); empty when
    /// it is none, or has an empty label.
    private mutating func readDomain() -> [UInt8] {
        let domain = self.readDomainAsWritten()
        let hasEmptyLabel = zip(domain, domain.dropFirst()).contains {
            $0 == UInt8(ascii: ".") && $1 == UInt8(ascii: ".")
        }
        return hasEmptyLabel ? [] : domain
    }

    private mutating func readDomainAsWritten() -> [UInt8] {
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
        var host: [UInt8] = []
        self.lexer.skipCommentsAndSpace()
        if self.lexer.peek == UInt8(ascii: "@") { route = self.readRoute() }
        var local: [UInt8] = []
        var isValid = self.readLocalPart(into: &local)
        if isValid, self.lexer.peek == UInt8(ascii: "@") {
            self.lexer.position += 1
            host = self.readDomain()
            isValid = !host.isEmpty
            self.lexer.skipCommentsAndSpace()
        }
        if isValid, self.lexer.peek == UInt8(ascii: ">") {
            self.lexer.position += 1
        } else {
            isValid = false
        }
        self.skipToSeparator()
        return .mailbox(
            name: self.phrase.isEmpty ? nil : self.phrase, route: route,
            mailbox: local.isEmpty ? nil : local,
            host: isValid ? (host.isEmpty ? nil : host) : Address.syntaxErrorHost)
    }

    /// Words joined by dots, with the comments and white space that obsolete syntax allows around them. `false`
    /// when something else is there; nothing at all is valid.
    private mutating func readLocalPart(into local: inout [UInt8]) -> Bool {
        while true {
            self.lexer.skipCommentsAndSpace()
            if self.lexer.peek == UInt8(ascii: "\"") {
                guard self.lexer.readQuotedString(into: &local) else { return false }
            } else if self.lexer.isAtEnd || FieldLexer.endsAtom(self.lexer.peek) {
                return !local.isEmpty || self.lexer.peek == UInt8(ascii: ">")
            } else {
                self.lexer.readAtom(into: &local)
            }
            self.lexer.skipCommentsAndSpace()
            if self.lexer.peek != UInt8(ascii: "."), local.last != UInt8(ascii: ".") { return true }
        }
    }

    /// `@a,@b:`; the colon is consumed. Without one it is no route.
    private mutating func readRoute() -> [UInt8] {
        var route: [UInt8] = []
        while self.lexer.peek == UInt8(ascii: "@") {
            self.lexer.position += 1
            if !route.isEmpty { route.append(UInt8(ascii: ",")) }
            route.append(UInt8(ascii: "@"))
            route.append(contentsOf: self.readDomain())
            self.lexer.skipCommentsAndSpace()
            while self.lexer.peek == UInt8(ascii: ",") {
                self.lexer.position += 1
                self.lexer.skipCommentsAndSpace()
            }
        }
        guard self.lexer.peek == UInt8(ascii: ":") else { return Address.invalidRoute }
        self.lexer.position += 1
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
