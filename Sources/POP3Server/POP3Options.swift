public import Accounts
public import Authentication
public import Logging
public import ServerConfig
public import ServerCore

/// What a POP3 session works with. A value of one moment; a reload gives later sessions another.
public struct POP3Options: Sendable {
    public var configuration: Configuration
    /// The name for the greeting.
    public var hostname: String
    public var authenticator: any Authenticator
    public var accounts: Accounts
    /// For STLS.
    public var contexts: TLSContexts
    public var logger: Logger

    public init(
        configuration: Configuration, hostname: String, authenticator: any Authenticator, accounts: Accounts,
        contexts: TLSContexts, logger: Logger
    ) {
        self.configuration = configuration
        self.hostname = hostname
        self.authenticator = authenticator
        self.accounts = accounts
        self.contexts = contexts
        self.logger = logger
    }
}
