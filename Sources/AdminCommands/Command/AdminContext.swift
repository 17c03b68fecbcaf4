public import Accounts
public import Authentication
public import Delivery
public import MailStore
public import SieveCore
public import SieveStorage

/// What commands work on: the running daemon's parts, or the store opened by `martlet` itself.
public struct AdminContext: Sendable {
    public var store: any MailStore
    public var accounts: Accounts
    public var authenticator: any Authenticator
    public var sieve: AdminSieve
    /// The sessions of the running daemon; `nil` without one.
    public var sessions: (any AdminSessions)?
    /// When the daemon began, seconds since 1970; `nil` without one.
    public var started: Int64?
    /// What the running daemon had the junk filter learn; `nil` without one.
    public var junk: (@Sendable () -> AdminJunk)?

    public init(
        store: any MailStore, accounts: Accounts, authenticator: any Authenticator,
        sieve: AdminSieve, sessions: (any AdminSessions)?
    ) {
        self.store = store
        self.accounts = accounts
        self.authenticator = authenticator
        self.sieve = sieve
        self.sessions = sessions
    }

    /// How these lookups show in the auth role's log.
    var request: AuthenticationRequest { AuthenticationRequest(service: "doveadm", security: .local) }
}

/// Users' Sieve scripts, for commands.
public struct AdminSieve: Sendable {
    /// What scripts are checked with: the language of delivery.
    public var compiler: SieveCompiler
    /// The language of scripts for all, which users' own may include.
    public var globalRegistry: SieveRegistry
    /// Where a user's scripts are; `nil`: the user can have none.
    public var storage: @Sendable (UserRecord) -> SieveStorage?

    /// Filters messages that are in mailboxes; `nil` without the daemon. Messages that are not kept are marked, or
    /// removed as well.
    public var filter: (@Sendable (_ removes: Bool) -> MailFilter)?

    public init(
        compiler: SieveCompiler, globalRegistry: SieveRegistry,
        storage: @escaping @Sendable (UserRecord) -> SieveStorage?
    ) {
        self.compiler = compiler
        self.globalRegistry = globalRegistry
        self.storage = storage
    }
}

/// Who is connected.
public protocol AdminSessions: Sendable {
    func list() -> [AdminSession]

    /// Ends the sessions that `matches` says; answers how many.
    func kick(where matches: (AdminSession) -> Bool) -> Int

    /// The same where the account has moved: clients are told that it is there again at once.
    func endMoved(where matches: (AdminSession) -> Bool)
}

/// One connection that has logged in.
public struct AdminSession: Sendable {
    public var user: String
    public var service: String
    public var remoteAddress: String
    public var sessionID: String

    public init(user: String, service: String, remoteAddress: String, sessionID: String) {
        self.user = user
        self.service = service
        self.remoteAddress = remoteAddress
        self.sessionID = sessionID
    }
}
