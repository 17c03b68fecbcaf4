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
}
