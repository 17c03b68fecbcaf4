public import Accounts
public import Authentication
public import Delivery
public import Logging
public import MailStore

/// What an LMTP session works with. A value of one moment; a reload gives later sessions another.
public struct LMTPOptions: Sendable {
    /// The name in the greeting and in Received fields.
    public var hostname: String
    public var authenticator: any Authenticator
    public var accounts: Accounts
    public var agent: DeliveryAgent
    public var store: any MailStore
    public var logger: Logger
    public var maximumRecipients = 1000
    /// Octets; 0: no limit.
    public var maximumMessageSize: UInt64 = 0
    /// What separates user and detail in a local part; empty: nothing does.
    public var recipientDelimiter = "+"
    public var addsReceivedField = true
    /// What the Delivered-To field of a message for a single recipient says.
    public var deliveredTo = DeliveredTo.final
    public var inactivityTimeout: Duration = .seconds(300)
    /// Whether RCPT of a full mailbox is refused.
    public var checksQuotaAtRecipient = true
    /// Whether mail to a full mailbox is to be tried again.
    public var failsFullTemporarily = false
    public var fullMessage = "Mailbox is full"
    /// For the socket that programs of this machine deliver by; `nil`: LMTP as an MTA speaks it.
    public var local: LocalProgramPolicy?

    /// The service's name in the log.
    var label: String { self.local == nil ? "lmtp" : "lda" }

    /// The address in a Delivered-To field.
    public enum DeliveredTo: Sendable, Hashable {
        /// No such field.
        case none
        /// That of RCPT TO.
        case final
        /// That of RCPT's ORCPT parameter, if it has one.
        case original
    }

    public init(
        hostname: String, authenticator: any Authenticator, accounts: Accounts, agent: DeliveryAgent,
        store: any MailStore, logger: Logger
    ) {
        self.hostname = hostname
        self.authenticator = authenticator
        self.accounts = accounts
        self.agent = agent
        self.store = store
        self.logger = logger
    }
}

/// Who may bring mail for whom on the socket for `martlet deliver`: everybody for the user whose system user id the
/// program has, some for all.
public struct LocalProgramPolicy: Sendable {
    /// Ids that may bring mail for any user: root, and those of the daemon.
    public var privileged: Set<UInt32>
    let peers = LocalPeers()

    public init(privileged: Set<UInt32>) { self.privileged = privileged }
}
