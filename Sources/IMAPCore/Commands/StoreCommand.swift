public import MailCore

/// STORE and UID STORE (RFC 9051 section 6.4.6) with UNCHANGEDSINCE (RFC 7162 section 3.1.3).
public struct StoreCommand: Hashable, Sendable {
    /// What happens to the flags of a message.
    public enum Action: Hashable, Sendable {
        /// `FLAGS`
        case replace
        /// `+FLAGS`
        case add
        /// `-FLAGS`
        case remove
    }

    public var numbering: MessageNumbering
    public var messages: SequenceSet
    public var unchangedSince: ModSeq?
    public var action: Action
    public var isSilent: Bool
    public var flags: FlagList

    public init(
        numbering: MessageNumbering, messages: SequenceSet, unchangedSince: ModSeq? = nil, action: Action,
        isSilent: Bool = false, flags: FlagList
    ) {
        self.numbering = numbering
        self.messages = messages
        self.unchangedSince = unchangedSince
        self.action = action
        self.isSilent = isSilent
        self.flags = flags
    }
}

/// COPY and MOVE, plain or by UID (RFC 9051 sections 6.4.7 and 6.4.8).
public struct CopyCommand: Hashable, Sendable {
    public var numbering: MessageNumbering
    public var messages: SequenceSet
    public var mailbox: WireMailboxName

    public init(numbering: MessageNumbering, messages: SequenceSet, mailbox: WireMailboxName) {
        self.numbering = numbering
        self.messages = messages
        self.mailbox = mailbox
    }
}

extension Cursor {
    mutating func copy(_ numbering: MessageNumbering) throws(SyntaxError) -> CopyCommand {
        try self.space()
        let messages = try self.sequenceSet()
        return CopyCommand(numbering: numbering, messages: messages, mailbox: try self.mailboxArgument())
    }

    mutating func store(_ numbering: MessageNumbering) throws(SyntaxError) -> StoreCommand {
        try self.space()
        let messages = try self.sequenceSet()
        try self.space()
        var unchangedSince: ModSeq?
        if self.take(UInt8(ascii: "(")) {
            let word = self.word()
            guard self.matches(word, "UNCHANGEDSINCE") else {
                throw self.unexpected(word, "UNCHANGEDSINCE")
            }
            try self.space()
            unchangedSince = ModSeq(rawValue: try self.number64("a mod-sequence"))
            try self.close()
            try self.space()
        }
        var action = StoreCommand.Action.replace
        if self.take(UInt8(ascii: "+")) {
            action = .add
        } else if self.take(UInt8(ascii: "-")) {
            action = .remove
        }
        let word = self.word()
        let isSilent = self.matches(word, "FLAGS.SILENT")
        guard isSilent || self.matches(word, "FLAGS") else {
            throw self.unexpected(word, "FLAGS or FLAGS.SILENT")
        }
        try self.space()
        var flags = FlagList()
        if self.peek() == UInt8(ascii: "(") {
            flags = try self.flagList()
        } else {
            try self.flags(into: &flags)
        }
        return StoreCommand(
            numbering: numbering, messages: messages, unchangedSince: unchangedSince, action: action,
            isSilent: isSilent, flags: flags)
    }
}
