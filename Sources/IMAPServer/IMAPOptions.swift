public import Accounts
public import Authentication
public import Delivery
public import Logging
public import MailStore
public import ServerConfig
public import ServerCore

/// What IMAP sessions work with. A value of one moment; a reload gives later sessions another.
public struct IMAPOptions: Sendable {
    /// The settings for a client at an address such as `192.0.2.1`.
    public var settings: @Sendable (_ remoteAddress: String) -> IMAPSessionSettings
    public var authenticator: any Authenticator
    public var accounts: Accounts
    public var store: any MailStore
    /// For STARTTLS.
    public var contexts: TLSContexts
    public var logger: Logger
    /// Who is told what commands did to messages.
    public var events: MailboxEvents?
    /// Runs scripts for FILTER; `nil`: there is no such command.
    public var filter: MailFilter?

    /// How long a session waits in its task before it goes to rest. A new task costs little, but those who come back at once
    /// should not have it.
    public var wakefulness = Duration.seconds(1)

    public init(
        settings: @escaping @Sendable (_ remoteAddress: String) -> IMAPSessionSettings,
        authenticator: any Authenticator, accounts: Accounts, store: any MailStore, contexts: TLSContexts,
        logger: Logger
    ) {
        self.settings = settings
        self.authenticator = authenticator
        self.accounts = accounts
        self.store = store
        self.contexts = contexts
        self.logger = logger
    }

    /// - Parameter hostname: the name for the greeting.
    public init(
        configuration: Configuration, hostname: String, authenticator: any Authenticator,
        accounts: Accounts, store: any MailStore, contexts: TLSContexts, logger: Logger
    ) {
        self.init(
            settings: { address in
                IMAPSessionSettings(
                    configuration.settings(for: .imap, remoteAddress: address), hostname: hostname)
            }, authenticator: authenticator, accounts: accounts, store: store, contexts: contexts,
            logger: logger)
    }
}
