public import MailCore

/// What SEARCH looks for (RFC 9051 section 6.4.4, the rev1 keys of RFC 3501, MODSEQ of RFC 7162, and those of other
/// extensions).
///
/// The depth and the number of keys are bounded by the parser's `CommandLimits`. Strings are octets in the
/// command's charset. Dates have no time.
public indirect enum SearchKey: Hashable, Sendable {
    case all
    /// Every one matches; at least one.
    case and([SearchKey])
    case or(SearchKey, SearchKey)
    case not(SearchKey)

    /// The message has every one of these flags.
    case flags(MessageFlags)
    /// The message has none of these flags.
    case notFlags(MessageFlags)
    case recent
    case keyword(Keyword)

    case sequence(SequenceSet)
    case uid(SequenceSet)
    /// The message's MODSEQ is this or higher. Makes the session CONDSTORE-aware.
    case modSeq(ModSeq)

    /// INTERNALDATE, its time and zone disregarded.
    case before(CivilDate)
    case on(CivilDate)
    case since(CivilDate)
    /// INTERNALDATE is so many seconds ago, or more (RFC 5032).
    case older(UInt32)
    /// INTERNALDATE is so many seconds ago, or less.
    case younger(UInt32)
    /// The Date field, its time and zone disregarded.
    case sentBefore(CivilDate)
    case sentOn(CivilDate)
    case sentSince(CivilDate)

    /// Strictly over.
    case larger(UInt64)
    /// Strictly under.
    case smaller(UInt64)

    /// A field with this name whose unfolded, decoded value contains the octets; an empty string matches
    /// every message that has the field. FROM, TO, CC, BCC and SUBJECT are read as this.
    case header(name: [UInt8], contains: [UInt8])
    case body([UInt8])
    case text([UInt8])

    /// Strings inside are looked for word by word (RFC 6203).
    case fuzzy(SearchKey)
    /// When the message came into its mailbox, time and zone disregarded (RFC 8514).
    case savedBefore(CivilDate)
    case savedOn(CivilDate)
    case savedSince(CivilDate)
    /// Whether the mailbox knows when messages came into it.
    case saveDateSupported
    /// Object identifiers (RFC 8474 section 6).
    case emailID([UInt8])
    case threadID([UInt8])
    /// The keys that are stored under this name (RFC 5466); to be replaced by them before the search.
    case filter([UInt8])
}

extension SearchKey {
    /// Reads keys that stand alone, as in the value of a filter (search-criteria, RFC 5466 section 4); `nil` for what is
    /// not whole and right.
    public init?(_ octets: [UInt8], limits: CommandLimits = CommandLimits()) {
        var cursor = Cursor(octets, limits: limits)
        var budget = limits.searchKeys
        do throws(SyntaxError) {
            self = try cursor.searchKeys(&budget)
            try cursor.end()
        } catch {
            return nil
        }
    }
}

extension Cursor {
    static func upper(_ byte: UInt8) -> UInt8 { ASCII.uppercased(byte) }

    /// One or more keys separated by spaces, joined by AND.
    mutating func searchKeys(_ budget: inout Int) throws(SyntaxError) -> SearchKey {
        let first = try self.searchKey(&budget)
        guard self.peek() == 0x20 else { return first }
        var keys = [first]
        while self.take(0x20) { keys.append(try self.searchKey(&budget)) }
        return .and(keys)
    }

    private mutating func searchKey(_ budget: inout Int) throws(SyntaxError) -> SearchKey {
        budget -= 1
        if budget < 0 { throw self.tooComplex("Too many search keys") }
        guard let byte = self.peek() else { throw self.fail("a search key") }
        if byte == UInt8(ascii: "(") {
            self.position += 1
            try self.descend()
            let key = try self.searchKeys(&budget)
            self.ascend()
            try self.close()
            return key
        }
        if ASCII.isDigit(byte) || byte == UInt8(ascii: "*") || byte == UInt8(ascii: "$") {
            return .sequence(try self.sequenceSet())
        }
        let word = self.word()
        if let key = self.simpleSearchKey(word) { return key }
        return try self.searchKey(named: word, &budget)
    }

    /// Keys without argument.
    private func simpleSearchKey(_ word: Range<Int>) -> SearchKey? {
        switch self.initial(word) {
        case UInt8(ascii: "A"):
            if self.matches(word, "ALL") { return .all }
            if self.matches(word, "ANSWERED") { return .flags(.answered) }
        case UInt8(ascii: "D"):
            if self.matches(word, "DELETED") { return .flags(.deleted) }
            if self.matches(word, "DRAFT") { return .flags(.draft) }
        case UInt8(ascii: "F"):
            if self.matches(word, "FLAGGED") { return .flags(.flagged) }
        case UInt8(ascii: "N"):
            if self.matches(word, "NEW") { return .and([.recent, .notFlags(.seen)]) }
        case UInt8(ascii: "O"):
            if self.matches(word, "OLD") { return .not(.recent) }
        case UInt8(ascii: "R"):
            if self.matches(word, "RECENT") { return .recent }
        case UInt8(ascii: "S"):
            if self.matches(word, "SEEN") { return .flags(.seen) }
            if self.matches(word, "SAVEDATESUPPORTED") { return .saveDateSupported }
        case UInt8(ascii: "U"):
            if self.matches(word, "UNSEEN") { return .notFlags(.seen) }
            if self.matches(word, "UNDELETED") { return .notFlags(.deleted) }
            if self.matches(word, "UNFLAGGED") { return .notFlags(.flagged) }
            if self.matches(word, "UNANSWERED") { return .notFlags(.answered) }
            if self.matches(word, "UNDRAFT") { return .notFlags(.draft) }
        default: break
        }
        return nil
    }

    /// Keys with arguments.
    private mutating func searchKey(
        named word: Range<Int>, _ budget: inout Int
    ) throws(SyntaxError) -> SearchKey {
        switch self.initial(word) {
        case UInt8(ascii: "B"):
            if self.matches(word, "BODY") { return .body(try self.searchString()) }
            if self.matches(word, "BEFORE") { return .before(try self.searchDate()) }
            if self.matches(word, "BCC") { return try self.fieldKey("bcc") }
        case UInt8(ascii: "C"):
            if self.matches(word, "CC") { return try self.fieldKey("cc") }
        case UInt8(ascii: "E"):
            if self.matches(word, "EMAILID") { return .emailID(try self.objectID()) }
        case UInt8(ascii: "F"):
            if self.matches(word, "FROM") { return try self.fieldKey("from") }
            if self.matches(word, "FILTER") { return .filter(try self.filterName()) }
            if self.matches(word, "FUZZY") {
                try self.space()
                try self.descend()
                defer { self.ascend() }
                return .fuzzy(try self.searchKey(&budget))
            }
        case UInt8(ascii: "H"):
            if self.matches(word, "HEADER") {
                try self.space()
                let name = try self.astring("a header field name")
                return .header(name: name, contains: try self.searchString())
            }
        case UInt8(ascii: "K"):
            if self.matches(word, "KEYWORD") { return try self.keywordKey() }
        case UInt8(ascii: "L"):
            if self.matches(word, "LARGER") { return .larger(try self.searchNumber()) }
        case UInt8(ascii: "M"):
            if self.matches(word, "MODSEQ") { return try self.modSeqKey() }
        case UInt8(ascii: "N"):
            if self.matches(word, "NOT") {
                try self.space()
                try self.descend()
                defer { self.ascend() }
                return .not(try self.searchKey(&budget))
            }
        case UInt8(ascii: "O"):
            if self.matches(word, "OLDER") { return .older(try self.interval()) }
            if self.matches(word, "ON") { return .on(try self.searchDate()) }
            if self.matches(word, "OR") {
                try self.space()
                try self.descend()
                defer { self.ascend() }
                let first = try self.searchKey(&budget)
                try self.space()
                return .or(first, try self.searchKey(&budget))
            }
        case UInt8(ascii: "S"):
            if self.matches(word, "SUBJECT") { return try self.fieldKey("subject") }
            if self.matches(word, "SINCE") { return .since(try self.searchDate()) }
            if self.matches(word, "SMALLER") { return .smaller(try self.searchNumber()) }
            if self.matches(word, "SENTSINCE") { return .sentSince(try self.searchDate()) }
            if self.matches(word, "SENTBEFORE") { return .sentBefore(try self.searchDate()) }
            if self.matches(word, "SENTON") { return .sentOn(try self.searchDate()) }
            if self.matches(word, "SAVEDBEFORE") { return .savedBefore(try self.searchDate()) }
            if self.matches(word, "SAVEDON") { return .savedOn(try self.searchDate()) }
            if self.matches(word, "SAVEDSINCE") { return .savedSince(try self.searchDate()) }
        case UInt8(ascii: "T"):
            if self.matches(word, "TEXT") { return .text(try self.searchString()) }
            if self.matches(word, "TO") { return try self.fieldKey("to") }
            if self.matches(word, "THREADID") { return .threadID(try self.objectID()) }
        case UInt8(ascii: "U"):
            if self.matches(word, "UID") {
                try self.space()
                return .uid(try self.sequenceSet())
            }
            if self.matches(word, "UNKEYWORD") { return .not(try self.keywordKey()) }
            // RFC 9738 section 3.2.
            if self.matches(word, "UIDAFTER") {
                let uid = try self.uniqueID()
                return .uid(SequenceSet(uid < .max ? [uid + 1...UInt32.max] : []))
            }
            if self.matches(word, "UIDBEFORE") {
                let uid = try self.uniqueID()
                return .uid(SequenceSet(uid > 1 ? [1...uid - 1] : []))
            }
        case UInt8(ascii: "Y"):
            if self.matches(word, "YOUNGER") { return .younger(try self.interval()) }
        default: break
        }
        throw self.unexpected(word, "a search key")
    }

    private mutating func uniqueID() throws(SyntaxError) -> UInt32 {
        try self.space()
        let start = self.position
        let uid = try self.number("a UID")
        guard uid > 0 else { throw SyntaxError(offset: start, expected: "a UID over 0") }
        return uid
    }

    private mutating func searchString() throws(SyntaxError) -> [UInt8] {
        try self.space()
        return try self.astring("a string to search for")
    }

    private mutating func searchDate() throws(SyntaxError) -> CivilDate {
        try self.space()
        return try self.date()
    }

    private mutating func interval() throws(SyntaxError) -> UInt32 {
        try self.space()
        let start = self.position
        let seconds = try self.number("a count of seconds")
        guard seconds > 0 else { throw SyntaxError(offset: start, expected: "a count of seconds over 0") }
        return seconds
    }

    private mutating func searchNumber() throws(SyntaxError) -> UInt64 {
        try self.space()
        return try self.number64("a count of octets")
    }

    private mutating func fieldKey(_ name: StaticString) throws(SyntaxError) -> SearchKey {
        var bytes: [UInt8] = []
        bytes.append(name)
        return .header(name: bytes, contains: try self.searchString())
    }

    /// objectid: 1 to 255 letters, digits, `_` and `-` (RFC 8474 section 7).
    private mutating func objectID() throws(SyntaxError) -> [UInt8] {
        try self.space()
        let range = self.run {
            ASCII.isLetter($0) || ASCII.isDigit($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
        }
        guard (1...255).contains(range.count) else { throw self.unexpected(range, "an object identifier") }
        return Array(self.bytes[range])
    }

    /// filter-name (RFC 5466 section 4).
    private mutating func filterName() throws(SyntaxError) -> [UInt8] {
        try self.space()
        let range = self.run { ASCII.isAtomCharacter($0) && $0 != UInt8(ascii: "/") }
        guard !range.isEmpty else { throw self.fail("the name of a filter") }
        return Array(self.bytes[range])
    }

    private mutating func keywordKey() throws(SyntaxError) -> SearchKey {
        try self.space()
        return .keyword(try self.keyword())
    }

    /// `MODSEQ 620162338` or `MODSEQ "/flags/\\draft" all 620162338`: MODSEQ is kept per message, so the
    /// entry is read and has no effect (RFC 7162 section 3.1.5).
    private mutating func modSeqKey() throws(SyntaxError) -> SearchKey {
        try self.space()
        if self.peek() == UInt8(ascii: "\"") {
            _ = try self.string("an entry name")
            try self.space()
            let word = self.word()
            guard self.matches(word, "ALL") || self.matches(word, "PRIV") || self.matches(word, "SHARED")
            else {
                throw self.unexpected(word, "ALL, PRIV or SHARED")
            }
            try self.space()
        }
        return .modSeq(ModSeq(rawValue: try self.number64("a mod-sequence")))
    }
}
