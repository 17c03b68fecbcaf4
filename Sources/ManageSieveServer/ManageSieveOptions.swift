public import Accounts
public import Authentication
public import Logging
public import MailStore
public import ServerConfig
public import ServerCore
public import SieveCore
public import SieveStorage

/// What a ManageSieve session works with. A value of one moment; a reload gives later sessions another.
public struct ManageSieveOptions: Sendable {
    public var configuration: Configuration
    public var authenticator: any Authenticator
    public var accounts: Accounts
    public var store: any MailStore
    /// For STARTTLS.
    public var contexts: TLSContexts
    /// What scripts are checked with: the language of delivery.
    public var compiler: SieveCompiler
    /// The language of scripts for all, which users' own may include.
    public var globalRegistry: SieveRegistry
    /// Where a user's scripts are; `nil`: the user can have none.
    public var storage: @Sendable (UserRecord) -> SieveStorage?
    public var logger: Logger

    public init(
        configuration: Configuration, authenticator: any Authenticator, accounts: Accounts,
        store: any MailStore, contexts: TLSContexts, compiler: SieveCompiler, globalRegistry: SieveRegistry,
        storage: @escaping @Sendable (UserRecord) -> SieveStorage?, logger: Logger
    ) {
        self.configuration = configuration
        self.authenticator = authenticator
        self.accounts = accounts
        self.store = store
        self.contexts = contexts
        self.compiler = compiler
        self.globalRegistry = globalRegistry
        self.storage = storage
        self.logger = logger
    }
}
