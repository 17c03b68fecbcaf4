public import Accounts
public import Authentication
public import Delivery
public import Logging

/// What the policy service works with. A value of one moment; a reload gives later connections another.
public struct QuotaStatusOptions: Sendable {
    public var authenticator: any Authenticator
    public var accounts: Accounts
    public var logger: Logger
    public var recipientDelimiter = "+"
    /// Where the mail goes that is asked about.
    public var keep = ImplicitKeep()
    /// Actions of access(5).
    public var success = "DUNNO"
    public var noUser = "REJECT Unknown user"
    public var overQuota = "552 5.2.2 Mailbox is full"
    public var tooLarge = "552 5.3.4 Message is too large"
    public var temporary = "DEFER_IF_PERMIT 4.3.0 Temporary lookup failure"

    public init(authenticator: any Authenticator, accounts: Accounts, logger: Logger) {
        self.authenticator = authenticator
        self.accounts = accounts
        self.logger = logger
    }
}
