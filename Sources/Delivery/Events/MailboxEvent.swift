public import MailCore
public import MailStore

/// Something that an IMAP client did to messages, after it is done and durable.
public struct MailboxEvent: Sendable {
    /// The words of RFC 6785 section 4.3.
    public enum Cause: String, Sendable, Hashable {
        case append = "APPEND"
        /// Also a move.
        case copy = "COPY"
        case flag = "FLAG"
    }

    /// Where copied messages came from.
    public struct Source: Sendable {
        public var mailbox: MailboxName
        /// As many as the event's, in the same order; gone after a move.
        public var uids: UIDSet
        public var isMove: Bool

        public init(mailbox: MailboxName, uids: UIDSet, isMove: Bool) {
            self.mailbox = mailbox
            self.uids = uids
            self.isMove = isMove
        }
    }

    /// What is to be done about an event.
    struct Parts: OptionSet, Sendable {
        let rawValue: UInt8
        static let scripts = Parts(rawValue: 1)
        static let lesson = Parts(rawValue: 2)
    }

    public var cause: Cause
    /// Who did it, as at the login.
    public var user: String
    /// What the user sees.
    public var account: any MailAccount
    /// The user's home directory; `nil`: none.
    public var home: String?
    /// The name that tells the session apart in logs.
    public var session: String
    /// Where the messages are now.
    public var mailbox: MailboxName
    public var uids: UIDSet
    public var source: Source?
    /// The flags that changed on each of the messages, set or taken away.
    public var changedFlags: [String] = []
    /// The store's number of it; `nil`: it is in memory only.
    var id: UInt64?
    /// What is still to be done.
    var parts: Parts = [.scripts, .lesson]
    /// How often its scripts were tried.
    var attempts = 0

    public init(
        _ cause: Cause, user: String, account: any MailAccount, home: String?, session: String,
        mailbox: MailboxName, uids: UIDSet
    ) {
        self.cause = cause
        self.user = user
        self.account = account
        self.home = home
        self.session = session
        self.mailbox = mailbox
        self.uids = uids
    }

    /// As the store noted it, where that has.
    public func noted(as event: NotedEvent) -> MailboxEvent {
        var copy = self
        copy.id = event.id
        copy.parts = Parts(rawValue: event.parts)
        copy.uids = event.uids
        // Between volumes the store does not say them.
        if !event.sources.isEmpty { copy.source?.uids = event.sources }
        copy.changedFlags = event.changedFlags
        return copy
    }
}

/// What the note of an event says beside what the store knows: octets for the log, so that another process can go on.
struct MailboxEventNote: Sendable {
    var cause: MailboxEvent.Cause
    var user: String
    var home: String?
    var session: String
    var mailbox: MailboxName
    var source: (mailbox: MailboxName, isMove: Bool)?

    private static let version: UInt8 = 1

    init(
        _ cause: MailboxEvent.Cause, user: String, home: String?, session: String, mailbox: MailboxName,
        source: (mailbox: MailboxName, isMove: Bool)?
    ) {
        self.cause = cause
        self.user = user
        self.home = home
        self.session = session
        self.mailbox = mailbox
        self.source = source
    }

    func encode() -> [UInt8] {
        let number: UInt8 =
            switch self.cause {
            case .append: 1
            case .copy: self.source?.isMove ?? false ? 4 : 2
            case .flag: 3
            }
        var out: [UInt8] = [Self.version, number]
        for text in [
            self.user, self.home ?? "", self.session, self.mailbox.text, self.source?.mailbox.text ?? "",
        ] { out.appendText(text) }
        return out
    }

    init?(_ octets: [UInt8]) {
        let parsed = octets.withUnsafeBytes { bytes -> MailboxEventNote? in
            var reader = ByteReader(bytes)
            guard reader.readLittleEndian(UInt8.self) == Self.version, let number = reader.readLittleEndian(UInt8.self),
                let user = reader.readText(), let home = reader.readText(), let session = reader.readText(),
                let mailbox = reader.readText().flatMap({ MailboxName($0) }), let source = reader.readText()
            else { return nil }
            let cause: MailboxEvent.Cause
            switch number {
            case 1: cause = .append
            case 2, 4: cause = .copy
            case 3: cause = .flag
            default: return nil
            }
            return MailboxEventNote(
                cause, user: user, home: home.isEmpty ? nil : home, session: session, mailbox: mailbox,
                source: MailboxName(source).map { ($0, number == 4) })
        }
        guard let parsed else { return nil }
        self = parsed
    }

    func event(_ account: any MailAccount, _ noted: NotedEvent) -> MailboxEvent {
        var event = MailboxEvent(
            self.cause, user: self.user, account: account, home: self.home, session: self.session,
            mailbox: self.mailbox, uids: noted.uids)
        event.source = self.source.map {
            MailboxEvent.Source(mailbox: $0.mailbox, uids: noted.sources, isMove: $0.isMove)
        }
        return event.noted(as: noted)
    }
}
