import MailCore

/// Parameters of SELECT and EXAMINE (RFC 4466 section 2.1).
public struct SelectParameters: Hashable, Sendable {
    /// `(CONDSTORE)` (RFC 7162 section 3.1.8).
    public var enablesCondStore: Bool

    /// `(QRESYNC (...))`
    public var quickResync: QuickResync?

    public init(enablesCondStore: Bool = false, quickResync: QuickResync? = nil) {
        self.enablesCondStore = enablesCondStore
        self.quickResync = quickResync
    }
}

/// What a mailbox is for (RFC 6154 section 2).
public enum SpecialUseAttribute: Hashable, Sendable, CaseIterable {
    case all, archive, drafts, flagged, junk, sent, trash

    /// The attribute with its backslash.
    public var wireName: StaticString {
        switch self {
        case .all: "\\All"
        case .archive: "\\Archive"
        case .drafts: "\\Drafts"
        case .flagged: "\\Flagged"
        case .junk: "\\Junk"
        case .sent: "\\Sent"
        case .trash: "\\Trash"
        }
    }
}

extension SpecialUseAttribute {
    /// What XLIST calls it.
    public var xlistName: StaticString {
        switch self {
        case .all: "\\AllMail"
        case .flagged: "\\Starred"
        case .junk: "\\Spam"
        case .archive, .drafts, .sent, .trash: self.wireName
        }
    }
}

/// An item of STATUS (RFC 9051 section 6.3.11, RFC 7162, RFC 8438).
public enum StatusItem: Hashable, Sendable, CaseIterable {
    case messages, recent, uidNext, uidValidity, unseen, deleted, size, highestModSeq, deletedStorage
    /// RFC 8474 section 4.3.
    case mailboxID
    /// RFC 7889 section 3.1.
    case appendLimit

    public var wireName: StaticString {
        switch self {
        case .messages: "MESSAGES"
        case .recent: "RECENT"
        case .uidNext: "UIDNEXT"
        case .uidValidity: "UIDVALIDITY"
        case .unseen: "UNSEEN"
        case .deleted: "DELETED"
        case .size: "SIZE"
        case .highestModSeq: "HIGHESTMODSEQ"
        case .deletedStorage: "DELETED-STORAGE"
        case .mailboxID: "MAILBOXID"
        case .appendLimit: "APPENDLIMIT"
        }
    }
}

/// What STATUS answers for an item.
public enum StatusValue: Hashable, Sendable {
    case number(UInt64)
    /// An identifier, which goes in parentheses.
    case objectID([UInt8])
    /// NIL
    case none
}

extension Cursor {
    mutating func mailboxArgument() throws(SyntaxError) -> WireMailboxName {
        try self.space()
        return try self.mailbox()
    }

    mutating func rename() throws(SyntaxError) -> Command {
        let from = try self.mailboxArgument()
        return .rename(from, to: try self.mailboxArgument())
    }

    /// select-params: several in any order. One that is not known is a syntax error, so that a client never
    /// believes in a parameter that was passed over.
    mutating func select() throws(SyntaxError) -> (WireMailboxName, SelectParameters) {
        let mailbox = try self.mailboxArgument()
        var parameters = SelectParameters()
        guard self.take(0x20) else { return (mailbox, parameters) }
        try self.open()
        repeat {
            let word = self.word()
            if self.matches(word, "CONDSTORE") {
                parameters.enablesCondStore = true
            } else if self.matches(word, "QRESYNC"), parameters.quickResync == nil {
                parameters.quickResync = try self.quickResync()
            } else {
                throw self.unexpected(word, "CONDSTORE or QRESYNC, each once")
            }
        } while self.take(0x20)
        try self.close()
        return (mailbox, parameters)
    }

    /// CREATE with `(USE (\Drafts))` (RFC 6154 section 3).
    mutating func create() throws(SyntaxError) -> Command {
        let mailbox = try self.mailboxArgument()
        var uses: [SpecialUseAttribute?] = []
        guard self.take(0x20) else { return .create(mailbox, use: uses) }
        try self.open()
        repeat {
            let word = self.word()
            guard self.matches(word, "USE") else { throw self.unexpected(word, "USE") }
            try self.space()
            try self.open()
            if self.take(UInt8(ascii: ")")) { continue }
            repeat {
                let use = try self.specialUse()
                if !uses.contains(use) { uses.append(use) }
            } while self.take(0x20)
            try self.close()
        } while self.take(0x20)
        try self.close()
        return .create(mailbox, use: uses)
    }

    /// use-attr, be it one that is not known: `\` and an atom.
    private mutating func specialUse() throws(SyntaxError) -> SpecialUseAttribute? {
        let start = self.position
        let isAttribute = self.take(UInt8(ascii: "\\"))
        let word = self.run(ASCII.isAtomCharacter)
        let name = start..<word.upperBound
        guard isAttribute, !word.isEmpty else { throw self.unexpected(name, "a special use such as \\Drafts") }
        for use in SpecialUseAttribute.allCases where self.equals(name, use.wireName) { return use }
        return nil
    }

    /// Like `matches`, for words written in mixed case.
    private func equals(_ range: Range<Int>, _ word: StaticString) -> Bool {
        guard range.count == word.utf8CodeUnitCount else { return false }
        return word.withUTF8Buffer { ASCII.equalsIgnoringCase(self.bytes[range], $0) }
    }

    mutating func status() throws(SyntaxError) -> Command {
        let mailbox = try self.mailboxArgument()
        try self.space()
        return .status(mailbox, try self.statusItems())
    }

    /// `(MESSAGES UNSEEN)`; an item named twice is kept once.
    mutating func statusItems() throws(SyntaxError) -> [StatusItem] {
        try self.open()
        var items: [StatusItem] = []
        repeat {
            let item = try self.statusItem()
            if !items.contains(item) { items.append(item) }
        } while self.take(0x20)
        try self.close()
        return items
    }

    private mutating func statusItem() throws(SyntaxError) -> StatusItem {
        let word = self.word()
        for item in StatusItem.allCases where self.matches(word, item.wireName) { return item }
        throw self.unexpected(word, "a status item such as MESSAGES")
    }
}
