import MailCore

/// NOTIFY (RFC 5465).
public enum NotifyCommand: Hashable, Sendable {
    case none
    case set(NotifyRequest)
}

/// What a client wants to be told of.
public struct NotifyRequest: Hashable, Sendable {
    /// What can happen to mailboxes, their messages and the account.
    public struct Events: OptionSet, Hashable, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        public static let messageNew = Events(rawValue: 1)
        public static let messageExpunge = Events(rawValue: 2)
        public static let flagChange = Events(rawValue: 4)
        public static let mailboxName = Events(rawValue: 8)
        public static let subscriptionChange = Events(rawValue: 16)
        public static let mailboxMetadataChange = Events(rawValue: 32)
        public static let serverMetadataChange = Events(rawValue: 64)
        /// One that this server does not know, or does not have: AnnotationChange.
        public static let unsupported = Events(rawValue: 128)

        static let names: [(Events, StaticString)] = [
            (.messageNew, "MessageNew"), (.messageExpunge, "MessageExpunge"), (.flagChange, "FlagChange"),
            (.mailboxName, "MailboxName"), (.subscriptionChange, "SubscriptionChange"),
            (.mailboxMetadataChange, "MailboxMetadataChange"), (.serverMetadataChange, "ServerMetadataChange"),
        ]

        public static let ofMessages: Events = [.messageNew, .messageExpunge, .flagChange]
        /// Of what is in a mailbox, for which it must be readable.
        public static let ofContent: Events = [.messageNew, .messageExpunge, .flagChange, .mailboxMetadataChange]
    }

    /// Events of mailboxes other than the selected one.
    public struct Group: Hashable, Sendable {
        /// Neither `selected` nor `subtreeOne`.
        public var filter: MailboxFilter
        public var events: Events

        public init(_ filter: MailboxFilter, _ events: Events) {
            self.filter = filter
            self.events = events
        }
    }

    /// The selected mailbox, whichever that is.
    public struct Selected: Hashable, Sendable {
        public var events: Events
        /// What is told of each new message.
        public var items: [FetchItem]
        /// SELECTED-DELAYED: expunged messages are told where commands allow it.
        public var delaysExpunges: Bool

        public init(events: Events, items: [FetchItem] = [], delaysExpunges: Bool = false) {
            self.events = events
            self.items = items
            self.delaysExpunges = delaysExpunges
        }
    }

    /// Whether the mailboxes' STATUS is wanted at once.
    public var wantsStatus: Bool
    /// `nil`: nothing is wanted of the selected mailbox's messages.
    public var selected: Selected?
    public var groups: [Group]

    public init(wantsStatus: Bool = false, selected: Selected? = nil, groups: [Group] = []) {
        self.wantsStatus = wantsStatus
        self.selected = selected
        self.groups = groups
    }

    /// All events of all groups.
    public var events: Events {
        self.groups.reduce(into: self.selected?.events ?? []) { $0.formUnion($1.events) }
    }
}

extension Cursor {
    mutating func notify() throws(SyntaxError) -> NotifyCommand {
        try self.space()
        let word = self.word()
        if self.matches(word, "NONE") { return .none }
        guard self.matches(word, "SET") else { throw self.unexpected(word, "SET or NONE") }
        var request = NotifyRequest()
        try self.space()
        if self.peek() != UInt8(ascii: "(") {
            let status = self.word()
            guard self.matches(status, "STATUS") else { throw self.unexpected(status, "STATUS or \"(\"") }
            request.wantsStatus = true
            try self.space()
        }
        repeat {
            if request.groups.count == self.limits.listLength { throw self.tooComplex("Too many event groups") }
            try self.eventGroup(into: &request)
        } while self.take(0x20)
        return .set(request)
    }

    private mutating func eventGroup(into request: inout NotifyRequest) throws(SyntaxError) {
        try self.open()
        let word = self.word()
        if self.matches(word, "SELECTED") || self.matches(word, "SELECTED-DELAYED") {
            guard request.selected == nil else { throw self.unexpected(word, "the selected mailbox named once") }
            var items: [FetchItem] = []
            try self.space()
            let start = self.position
            let events = try self.events(&items)
            guard events.isSubset(of: [.ofMessages, .unsupported]) else {
                throw SyntaxError(offset: start, expected: "events of messages for the selected mailbox")
            }
            request.selected = NotifyRequest.Selected(
                events: events, items: items, delaysExpunges: self.matches(word, "SELECTED-DELAYED"))
        } else {
            guard let filter = try self.otherMailboxes(word) else {
                throw self.unexpected(
                    word, "SELECTED, SELECTED-DELAYED, INBOXES, PERSONAL, SUBSCRIBED, SUBTREE or MAILBOXES")
            }
            try self.space()
            var items: [FetchItem] = []
            let start = self.position
            let events = try self.events(&items)
            guard items.isEmpty else {
                throw SyntaxError(offset: start, expected: "FETCH items for the selected mailbox only")
            }
            request.groups.append(NotifyRequest.Group(filter, events))
        }
        try self.close()
    }

    /// `NONE`, or events in parentheses; MessageNew may bring FETCH items.
    private mutating func events(_ items: inout [FetchItem]) throws(SyntaxError) -> NotifyRequest.Events {
        let start = self.position
        guard self.take(UInt8(ascii: "(")) else {
            let word = self.word()
            guard self.matches(word, "NONE") else { throw self.unexpected(word, "NONE or \"(\"") }
            return []
        }
        var events: NotifyRequest.Events = []
        var needsBoth = false
        repeat {
            let range = self.run { ASCII.isAtomCharacter($0) }
            guard !range.isEmpty else { throw self.fail("an event such as MessageNew") }
            let event = self.event(range)
            needsBoth = needsBoth || event == .flagChange || self.matches(range, "ANNOTATIONCHANGE")
            events.insert(event)
            if event == .messageNew, self.peek() == 0x20, self.peek(1) == UInt8(ascii: "(") {
                self.position += 1
                items = try self.fetchItems()
            }
        } while self.take(0x20)
        try self.close()
        let both: NotifyRequest.Events = [.messageNew, .messageExpunge]
        if needsBoth || !events.isDisjoint(with: both), !events.isSuperset(of: both) {
            throw SyntaxError(offset: start, expected: "MessageNew and MessageExpunge together")
        }
        return events
    }

    private func event(_ range: Range<Int>) -> NotifyRequest.Events {
        if self.matches(range, "MESSAGENEW") { return .messageNew }
        if self.matches(range, "MESSAGEEXPUNGE") { return .messageExpunge }
        if self.matches(range, "FLAGCHANGE") { return .flagChange }
        if self.matches(range, "MAILBOXNAME") { return .mailboxName }
        if self.matches(range, "SUBSCRIPTIONCHANGE") { return .subscriptionChange }
        if self.matches(range, "MAILBOXMETADATACHANGE") { return .mailboxMetadataChange }
        if self.matches(range, "SERVERMETADATACHANGE") { return .serverMetadataChange }
        return .unsupported
    }
}
