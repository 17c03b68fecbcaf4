public import Accounts
public import Authentication
public import Logging
public import MailStore
public import ServerCore
import Synchronization

/// The IMAP server: runs a session on each connection that a listener accepts.
public final class IMAPService: ConnectionService {
    let store: any MailStore
    let authenticator: any Authenticator
    let tlsContexts: TLSContexts
    let registry: SessionRegistry
    let logger: Logger
    private let current: Mutex<(settings: IMAPServiceSettings, accounts: Accounts)>

    public init(
        settings: IMAPServiceSettings, accounts: Accounts, store: any MailStore,
        authenticator: any Authenticator, tlsContexts: TLSContexts, registry: SessionRegistry,
        logger: Logger
    ) {
        self.current = Mutex((settings, accounts))
        self.store = store
        self.authenticator = authenticator
        self.tlsContexts = tlsContexts
        self.registry = registry
        self.logger = logger
    }

    /// Gives later sessions other settings; those that are there keep what they began with.
    public func reload(_ settings: IMAPServiceSettings, _ accounts: Accounts) {
        self.current.withLock { $0 = (settings, accounts) }
    }

    public func serve(_ connection: Connection) async {
        let (settings, accounts) = self.current.withLock { $0 }
        await Session(connection, self, settings, accounts).run()
    }

    public func refusal(_ reason: Refusal) -> [UInt8] {
        switch reason {
        case .tooManyConnections: Array("* BYE [UNAVAILABLE] Too many connections, try again later\r\n".utf8)
        case .tooManyFromAddress: Array("* BYE [LIMIT] Too many connections from your address\r\n".utf8)
        case .shuttingDown: Array("* BYE [UNAVAILABLE] Server is shutting down\r\n".utf8)
        }
    }
}
