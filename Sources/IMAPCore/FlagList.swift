public import MailCore

/// The flags that a client names in STORE or APPEND.
///
/// `\Recent` is read and left out: no client may set it, and programs that copy mailboxes send it. So is a system flag
/// that is not known here (flag-extension in RFC 9051 section 9): it is no permanent flag of any mailbox.
public struct FlagList: Hashable, Sendable {
    public var system: MessageFlags
    public var keywords: [Keyword]

    public init(system: MessageFlags = [], keywords: [Keyword] = []) {
        self.system = system
        self.keywords = keywords
    }
}

extension Cursor {
    /// flag-list: `(\Seen $Forwarded)`.
    mutating func flagList() throws(SyntaxError) -> FlagList {
        try self.open()
        var flags = FlagList()
        if self.take(UInt8(ascii: ")")) { return flags }
        try self.flags(into: &flags)
        try self.close()
        return flags
    }

    /// One or more flags separated by spaces.
    mutating func flags(into list: inout FlagList) throws(SyntaxError) {
        repeat {
            try self.flag(into: &list)
        } while self.take(0x20)
    }

    private mutating func flag(into list: inout FlagList) throws(SyntaxError) {
        let start = self.position
        if self.take(UInt8(ascii: "\\")) {
            let word = self.run(ASCII.isAtomCharacter)
            guard !word.isEmpty else {
                throw SyntaxError(
                    offset: start, expected: "\\Answered, \\Flagged, \\Deleted, \\Seen, \\Draft or a keyword")
            }
            list.system.formUnion(self.systemFlag(word))
            return
        }
        if list.keywords.count == self.limits.listLength { throw self.tooComplex("Too many flags") }
        list.keywords.append(try self.keyword())
    }

    /// The flag of a name after `\`; empty for one that no client may set.
    private func systemFlag(_ word: Range<Int>) -> MessageFlags {
        switch self.initial(word) {
        case UInt8(ascii: "A") where self.matches(word, "ANSWERED"): .answered
        case UInt8(ascii: "F") where self.matches(word, "FLAGGED"): .flagged
        case UInt8(ascii: "D") where self.matches(word, "DELETED"): .deleted
        case UInt8(ascii: "D") where self.matches(word, "DRAFT"): .draft
        case UInt8(ascii: "S") where self.matches(word, "SEEN"): .seen
        default: []
        }
    }

    mutating func keyword() throws(SyntaxError) -> Keyword {
        let range = self.run(ASCII.isAtomCharacter)
        guard !range.isEmpty else { throw self.unexpected(range, "a flag") }
        guard let keyword = Keyword(String(decoding: self.bytes[range], as: UTF8.self)) else {
            throw SyntaxError(
                code: .tooComplex, offset: range.lowerBound, expected: "Keywords have at most 250 octets")
        }
        return keyword
    }
}
