import MIMECore
public import MailCore

/// A message on its way into the store. One value may be stored in many mailboxes; its body is then kept once.
public final class IncomingMessage: Sendable {
    public let octets: MessageOctets

    public init(_ octets: MessageOctets) { self.octets = octets }
}

/// One message for one mailbox.
public struct Deposit: Sendable {
    /// What to do when the mailbox does not exist.
    public enum MissingMailbox: Sendable {
        /// Fail with `.notFound`.
        case fail
        /// Create it (Sieve `fileinto :create`, INBOX).
        case create
    }

    public var message: IncomingMessage
    public var account: any MailAccount
    public var mailbox: MailboxName
    public var flags: MessageFlags
    public var keywords: [Keyword]
    /// INTERNALDATE in seconds since 1970; `nil`: the time of the commit.
    public var internalDate: Int64?
    public var missingMailbox: MissingMailbox
    public var strictness: QuotaStrictness
    /// For a message that comes back from a backup.
    public var restored: RestoredMessage?
    /// Flags that are the depositor's alone; beside those that the account's `destination` says.
    public var privateFlags: PrivateFlags?

    public init(
        message: IncomingMessage, account: any MailAccount, mailbox: MailboxName,
        flags: MessageFlags = [], keywords: [Keyword] = [], internalDate: Int64? = nil,
        missingMailbox: MissingMailbox = .fail,
        strictness: QuotaStrictness = .exact, restored: RestoredMessage? = nil
    ) {
        self.restored = restored
        self.message = message
        self.account = account
        self.mailbox = mailbox
        self.flags = flags
        self.keywords = keywords
        self.internalDate = internalDate
        self.missingMailbox = missingMailbox
        self.strictness = strictness
    }
}

/// Where a deposit went.
public struct StoredMessage: Sendable {
    public var uidValidity: UIDValidity
    public var uid: UID

    public init(uidValidity: UIDValidity, uid: UID) {
        self.uidValidity = uidValidity
        self.uid = uid
    }
}
