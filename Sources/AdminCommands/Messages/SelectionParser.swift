import IMAPCore
import MailCore

/// Reads the search keys of a command line.
///
/// Words are taken as the shell gave them, so an argument with blanks in it is one. Parentheses may stand by themselves
/// or at words. Keys are those of IMAP SEARCH; where these take a date or a size, doveadm's ways to write one will do.
struct SelectionParser {
    /// Those that are left, the next one last.
    private var words: [String]
    /// Seconds since 1970.
    private let now: Int64
    private var depth = 0
    /// Parentheses.
    private var open = 0
    private var budget = CommandLimits().searchKeys

    private init(_ words: some Collection<String>, _ now: Int64) {
        self.words = words.reversed()
        self.now = now
    }

    static func key(_ words: some Collection<String>, now: Int64) throws(AdminError) -> SearchKey {
        var parser = SelectionParser(words, now)
        let key = try parser.keys()
        guard parser.words.isEmpty else { throw Self.mistake("a parenthesis is closed that was not opened") }
        return key
    }

    private static func mistake(_ what: String) -> AdminError {
        AdminError(.usage, "not a search: \(what); the keys are those of IMAP SEARCH, behind MAILBOX and MAILBOX-GUID")
    }

    // MARK: Keys

    /// One or more, up to the end or a closing parenthesis.
    private mutating func keys() throws(AdminError) -> SearchKey {
        var keys = [try self.key()]
        self.splitClosing()
        while let word = self.words.last, word != ")" {
            keys.append(try self.key())
            self.splitClosing()
        }
        return keys.count == 1 ? keys[0] : .and(keys)
    }

    /// Several closing parentheses in one word are as many words.
    private mutating func splitClosing() {
        guard let word = self.words.last, word.count > 1, word.allSatisfy({ $0 == ")" }) else { return }
        self.words.removeLast()
        self.words += repeatElement(")", count: word.count)
    }

    private mutating func key() throws(AdminError) -> SearchKey {
        self.budget -= 1
        guard self.budget >= 0 else { throw Self.mistake("too many keys") }
        guard var word = self.words.popLast() else { throw Self.mistake("a key is missing at the end") }
        if word.hasPrefix("(") {
            word.removeFirst()
            if !word.isEmpty { self.words.append(word) }
            return try self.nested { parser throws(AdminError) in
                parser.open += 1
                let key = try parser.keys()
                guard parser.words.popLast() == ")" else { throw Self.mistake("a parenthesis is not closed") }
                parser.open -= 1
                return key
            }
        }
        word = self.withoutParentheses(word)
        let name = word.lowercased()
        switch name {
        case "not": return .not(try self.nested { parser throws(AdminError) in try parser.key() })
        case "fuzzy": return .fuzzy(try self.nested { parser throws(AdminError) in try parser.key() })
        case "or":
            return try self.nested { parser throws(AdminError) in
                let first = try parser.key()
                guard !parser.words.isEmpty else { throw Self.mistake("OR stands before the two keys that it joins") }
                return .or(first, try parser.key())
            }
        case "before": return .before(try self.date(name))
        case "on": return .on(try self.date(name))
        case "since": return .since(try self.date(name))
        case "sentbefore": return .sentBefore(try self.date(name))
        case "senton": return .sentOn(try self.date(name))
        case "sentsince": return .sentSince(try self.date(name))
        case "savedbefore": return .savedBefore(try self.date(name))
        case "savedon": return .savedOn(try self.date(name))
        case "savedsince": return .savedSince(try self.date(name))
        case "larger": return .larger(try self.size(name))
        case "smaller": return .smaller(try self.size(name))
        case "mailbox", "mailbox-guid":
            throw Self.mistake("\(name.uppercased()) stands at the beginning, before all other keys")
        case "header":
            return try Self.simple(name, [try self.argument(name), try self.argument(name)])
        case "bcc", "body", "cc", "emailid", "filter", "from", "keyword", "modseq", "older", "subject", "text",
            "threadid", "to", "uid", "uidafter", "uidbefore", "unkeyword", "younger":
            return try Self.simple(name, [try self.argument(name)])
        default:
            // A key without argument, or sequence numbers.
            guard word.utf8.allSatisfy(Self.isPlain), word != "$" else { throw Self.mistake("there is no key \(word)") }
            return try Self.simple(word, [])
        }
    }

    private mutating func nested(
        _ body: (inout SelectionParser) throws(AdminError) -> SearchKey
    ) throws(AdminError) -> SearchKey {
        guard self.depth < CommandLimits().nesting else { throw Self.mistake("too many keys inside each other") }
        self.depth += 1
        let key = try body(&self)
        self.depth -= 1
        return key
    }

    /// What IMAP's own parser makes of a key.
    private static func simple(_ name: String, _ arguments: [String]) throws(AdminError) -> SearchKey {
        var octets = Array(name.utf8)
        for argument in arguments {
            octets.append(0x20)
            Self.append(argument, to: &octets)
        }
        guard let key = SearchKey(octets) else {
            guard !arguments.isEmpty else { throw Self.mistake("there is no key \(name)") }
            throw Self.mistake("\(name) cannot be \(arguments.joined(separator: " "))")
        }
        return key
    }

    // MARK: Arguments

    private mutating func argument(_ name: String) throws(AdminError) -> String {
        guard let word = self.words.popLast() else { throw Self.mistake("\(name) needs an argument") }
        return self.withoutParentheses(word)
    }

    private mutating func date(_ name: String) throws(AdminError) -> CivilDate {
        let word = try self.argument(name)
        guard let date = SearchArgument.date(word, now: self.now) else {
            throw AdminError(
                .usage,
                "\(name): not a date: \(word); write 1-Nov-2026, 2026-11-01, 30days (secs, mins, hours, days or weeks "
                    + "ago) or seconds since 1970")
        }
        return date
    }

    private mutating func size(_ name: String) throws(AdminError) -> UInt64 {
        let word = try self.argument(name)
        guard let size = SearchArgument.size(word) else {
            throw AdminError(.usage, "\(name): not a size: \(word); write octets, or 10k, 5M, 1G")
        }
        return size
    }

    /// The word without closing parentheses that belong to those which are open; they are words of their own then.
    private mutating func withoutParentheses(_ word: String) -> String {
        var word = word
        var closed = 0
        while closed < self.open, word.utf8.count > 1, word.hasSuffix(")") {
            word.removeLast()
            closed += 1
        }
        self.words.append(contentsOf: repeatElement(")", count: closed))
        return word
    }

    /// Atoms, sets and dates stand as they are, all else as quoted strings.
    private static func append(_ word: String, to octets: inout [UInt8]) {
        if !word.isEmpty, word.utf8.allSatisfy(Self.isPlain) {
            octets.append(contentsOf: word.utf8)
            return
        }
        octets.append(UInt8(ascii: "\""))
        for byte in word.utf8 where byte != 0x0D && byte != 0x0A && byte != 0x00 {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { octets.append(UInt8(ascii: "\\")) }
            octets.append(byte)
        }
        octets.append(UInt8(ascii: "\""))
    }

    private static func isPlain(_ byte: UInt8) -> Bool { ASCII.isAtomCharacter(byte) || byte == UInt8(ascii: "*") }
}
