public import MIMECore
public import MailCore

/// FETCH and UID FETCH (RFC 9051 section 6.4.5) with CHANGEDSINCE (RFC 7162 section 3.1.4).
public struct FetchCommand: Hashable, Sendable {
    public var numbering: MessageNumbering
    public var messages: SequenceSet
    /// In the order asked for, macros spelled out; at least one.
    public var items: [FetchItem]
    public var changedSince: ModSeq?
    /// Whether messages that are gone are asked for too (RFC 7162 section 3.2.6); only with `changedSince` and UIDs.
    public var asksForVanished: Bool
    /// Which of the messages are meant, by their place among them (RFC 9394 section 3.3); only with UIDs.
    public var partial: PartialRange?

    public init(
        numbering: MessageNumbering, messages: SequenceSet, items: [FetchItem], changedSince: ModSeq? = nil,
        asksForVanished: Bool = false, partial: PartialRange? = nil
    ) {
        self.numbering = numbering
        self.messages = messages
        self.items = items
        self.changedSince = changedSince
        self.asksForVanished = asksForVanished
        self.partial = partial
    }
}

/// What a FETCH asks of each message.
public enum FetchItem: Hashable, Sendable {
    case uid
    case flags
    case internalDate
    case size
    case modSeq
    /// `SAVEDATE` (RFC 8514)
    case saveDate
    /// `EMAILID` (RFC 8474)
    case emailID
    /// `THREADID` (RFC 8474)
    case threadID
    /// `PREVIEW`, and `PREVIEW (LAZY)`, which may answer NIL (RFC 8970)
    case preview(isLazy: Bool)
    case envelope
    /// `BODY`: the structure without extension data.
    case body
    case bodyStructure
    /// `RFC822`, like `BODY[]` under its own name.
    case rfc822
    /// `RFC822.HEADER`, which does not set \Seen.
    case rfc822Header
    /// `RFC822.TEXT`
    case rfc822Text
    /// `BODY[...]` and `BODY.PEEK[...]`
    case section(FetchSection)
    /// `BINARY[...]` and `BINARY.PEEK[...]`
    case binary(FetchBinary)
    /// `BINARY.SIZE[...]` of the part with these numbers; none mean the whole message.
    case binarySize([Int])
}

/// `BODY[section]<first.count>`.
public struct FetchSection: Hashable, Sendable {
    /// A run of octets of the section. Both are numbers below 2^63 (RFC 9051 section 9).
    public struct Partial: Hashable, Sendable {
        public var first: UInt64
        /// Never 0.
        public var count: UInt64

        public init(first: UInt64, count: UInt64) {
            self.first = first
            self.count = count
        }
    }

    public var section: Section
    public var partial: Partial?
    /// `BODY.PEEK`: leaves \Seen alone.
    public var isPeek: Bool

    public init(section: Section, partial: Partial? = nil, isPeek: Bool) {
        self.section = section
        self.partial = partial
        self.isPeek = isPeek
    }
}

extension FetchItem {
    /// Whether the message becomes \Seen by being asked for this.
    public var setsSeen: Bool {
        switch self {
        case .rfc822, .rfc822Text: true
        case .section(let section): !section.isPeek
        case .binary(let binary): !binary.isPeek
        case .uid, .flags, .internalDate, .size, .modSeq, .saveDate, .emailID, .threadID, .preview, .envelope,
            .body, .bodyStructure, .rfc822Header, .binarySize:
            false
        }
    }
}

extension Cursor {
    mutating func fetch(_ numbering: MessageNumbering) throws(SyntaxError) -> FetchCommand {
        try self.space()
        let messages = try self.sequenceSet()
        try self.space()
        var command = FetchCommand(numbering: numbering, messages: messages, items: [])
        if self.peek() == UInt8(ascii: "(") {
            command.items = try self.fetchItems()
        } else {
            let start = self.position
            let word = self.word()
            if let items = self.fetchMacro(word) {
                command.items = items
            } else {
                self.position = start
                command.items = [try self.fetchItem()]
            }
        }
        if self.take(0x20) { try self.fetchModifiers(&command) }
        return command
    }

    /// Items in parentheses, each once.
    mutating func fetchItems() throws(SyntaxError) -> [FetchItem] {
        var items: [FetchItem] = []
        try self.open()
        repeat {
            let item = try self.fetchItem()
            if !items.contains(item) { items.append(item) }
            // Sections can be told apart only by comparing; more than this no client asks for.
            if items.count > 256 { throw self.tooComplex("Too many items") }
        } while self.take(0x20)
        try self.close()
        return items
    }

    /// `(CHANGEDSINCE 12345 VANISHED PARTIAL -1:-30)`, in any order.
    private mutating func fetchModifiers(_ command: inout FetchCommand) throws(SyntaxError) {
        try self.open()
        repeat {
            let word = self.word()
            if self.matches(word, "CHANGEDSINCE"), command.changedSince == nil {
                try self.space()
                command.changedSince = ModSeq(rawValue: try self.number64("a mod-sequence"))
            } else if self.matches(word, "VANISHED"), command.numbering == .uid {
                command.asksForVanished = true
            } else if self.matches(word, "PARTIAL"), command.numbering == .uid, command.partial == nil {
                try self.space()
                command.partial = try self.partialRange()
            } else {
                throw self.unexpected(word, "CHANGEDSINCE or, in UID FETCH, VANISHED or PARTIAL")
            }
        } while self.take(0x20)
        if command.asksForVanished, command.changedSince == nil {
            throw self.fail("CHANGEDSINCE with VANISHED")
        }
        try self.close()
    }

    private func fetchMacro(_ word: Range<Int>) -> [FetchItem]? {
        if self.matches(word, "ALL") { return [.flags, .internalDate, .size, .envelope] }
        if self.matches(word, "FAST") { return [.flags, .internalDate, .size] }
        if self.matches(word, "FULL") { return [.flags, .internalDate, .size, .envelope, .body] }
        return nil
    }

    private mutating func fetchItem() throws(SyntaxError) -> FetchItem {
        let word = self.word()
        switch self.initial(word) {
        case UInt8(ascii: "B"):
            if self.matches(word, "BODYSTRUCTURE") { return .bodyStructure }
            if let item = try self.binaryItem(word) { return item }
            let isPeek = self.matches(word, "BODY.PEEK")
            guard isPeek || self.matches(word, "BODY") else { break }
            guard self.peek() == UInt8(ascii: "[") else {
                if isPeek { throw self.fail("\"[\"") }
                return .body
            }
            return .section(try self.fetchSection(isPeek: isPeek))
        case UInt8(ascii: "E"):
            if self.matches(word, "ENVELOPE") { return .envelope }
            if self.matches(word, "EMAILID") { return .emailID }
        case UInt8(ascii: "F") where self.matches(word, "FLAGS"): return .flags
        case UInt8(ascii: "I") where self.matches(word, "INTERNALDATE"): return .internalDate
        case UInt8(ascii: "M") where self.matches(word, "MODSEQ"): return .modSeq
        case UInt8(ascii: "P") where self.matches(word, "PREVIEW"): return .preview(isLazy: try self.previewModifiers())
        case UInt8(ascii: "R"):
            if self.matches(word, "RFC822.SIZE") { return .size }
            if self.matches(word, "RFC822") { return .rfc822 }
            if self.matches(word, "RFC822.HEADER") { return .rfc822Header }
            if self.matches(word, "RFC822.TEXT") { return .rfc822Text }
        case UInt8(ascii: "S") where self.matches(word, "SAVEDATE"): return .saveDate
        case UInt8(ascii: "T") where self.matches(word, "THREADID"): return .threadID
        case UInt8(ascii: "U") where self.matches(word, "UID"): return .uid
        default: break
        }
        throw self.unexpected(word, "a FETCH item")
    }

    /// ` (LAZY)` behind PREVIEW. Behind a lone item stand the modifiers of FETCH, in parentheses too.
    private mutating func previewModifiers() throws(SyntaxError) -> Bool {
        let start = self.position
        guard self.take(0x20), self.take(UInt8(ascii: "(")) else {
            self.position = start
            return false
        }
        let word = self.word()
        guard self.matches(word, "LAZY") else {
            self.position = start
            return false
        }
        try self.close()
        return true
    }

    private mutating func fetchSection(isPeek: Bool) throws(SyntaxError) -> FetchSection {
        let section = try self.section()
        return FetchSection(section: section, partial: try self.partial(), isPeek: isPeek)
    }

    /// `<first.count>`, if it stands here.
    mutating func partial() throws(SyntaxError) -> FetchSection.Partial? {
        guard self.take(UInt8(ascii: "<")) else { return nil }
        let first = try self.number64("the first octet")
        guard self.take(UInt8(ascii: ".")) else { throw self.fail("\".\"") }
        let start = self.position
        let count = try self.number64("a count of octets")
        guard count > 0 else { throw SyntaxError(offset: start, expected: "a count of octets over 0") }
        guard self.take(UInt8(ascii: ">")) else { throw self.fail("\">\"") }
        return FetchSection.Partial(first: first, count: count)
    }
}
