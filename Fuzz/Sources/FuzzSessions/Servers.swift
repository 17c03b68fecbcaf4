import Accounts
import Authentication
import Delivery
import Glibc
import IMAPServer
import LMTPServer
import Logging
import MIMECore
import MailStore
import ManageSieveServer
import POP3Server
import SASLCore
import ServerConfig
import ServerCore
import SieveCore
import SieveStorage
import Synchronization

/// Every user exists, with the password `p`.
struct AnyUser: Authenticator {
    func authenticate(
        _ request: AuthenticationRequest, mechanism: SASLMechanismName, initialResponse: [UInt8]?,
        answer: (_ challenge: [UInt8]) async -> SASLClientReply
    ) async -> AuthenticationOutcome {
        var message = initialResponse ?? []
        if message.isEmpty {
            switch await answer([]) {
            case .response(let bytes): message = bytes
            case .malformed: return .failure(AuthenticationFailure(.malformedResponse))
            case .cancelled: return .failure(AuthenticationFailure(.cancelled))
            }
        }
        guard let credentials = PlainExchange.parse(message), credentials.password == [UInt8(ascii: "p")] else {
            return .failure(AuthenticationFailure(.credentials))
        }
        let user = credentials.authenticationIdentity
        return .success(Identity(user: user), Self.record(user))
    }

    func lookup(_ user: String, _ request: AuthenticationRequest) async -> UserLookup {
        user.utf8.first == UInt8(ascii: "u") ? .found(Self.record(user)) : .notFound
    }

    func list(
        matching mask: String, _ request: AuthenticationRequest
    ) async throws(AuthenticationFailure) -> [String] { [] }

    private static func record(_ user: String) -> UserRecord {
        UserRecord(user: user, uid: getuid(), gid: getgid(), home: "/nonexistent/home")
    }
}

/// The servers, each on a loopback port, begun once; every input gets a store of its own.
final class Servers: Sendable {
    static let shared = Servers()

    private struct State {
        var ports: [String: UInt16] = [:]
        var store = MemoryStore()
    }

    private let state = Mutex(State())
    private let imap: IMAPService
    private let pop3: POP3Service
    private let lmtp: LMTPService
    private let sieve: ManageSieveService
    private let configuration: Configuration
    private let contexts = TLSContexts()
    private let logger = Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() }

    private init() {
        let text = "ssl = no\nauth_allow_cleartext = yes\npassdb pam {\n}\nuserdb passwd {\n}\n"
        let loaded = Configuration.load(
            path: "/martlet.conf", files: ConfigurationFiles(read: { _ in .success(Array(text.utf8)) }))
        guard let configuration = loaded.configuration else { fail("\(loaded.diagnostics)") }
        self.configuration = configuration
        let options = Options(configuration, MemoryStore(), self.contexts, self.logger)
        self.imap = IMAPService(options.imap)
        self.pop3 = POP3Service(options.pop3)
        self.lmtp = LMTPService(options.lmtp)
        self.sieve = ManageSieveService(options.sieve)
        let isDone = DispatchGate()
        let services: [(String, any ConnectionService)] = [
            ("imap", self.imap), ("pop3", self.pop3), ("lmtp", self.lmtp), ("sieve", self.sieve),
        ]
        let (contexts, logger) = (self.contexts, self.logger)
        let found = Mutex<[String: UInt16]>([:])
        Task.detached {
            let loops = ConnectionLoops(threads: 1)
            let registry = SessionRegistry()
            for (name, service) in services {
                let (descriptor, port) = Socket.listening()
                _ = try await Listener.start(
                    socket: descriptor, options: ListenerOptions(service: name), service: service, on: loops,
                    contexts: contexts, limits: ConnectionLimits(maximum: 0, maximumWaiting: 0),
                    registry: registry, logger: logger)
                found.withLock { $0[name] = port }
            }
            isDone.open()
        }
        isDone.wait()
        self.state.withLock { $0.ports = found.withLock { $0 } }
    }

    func port(_ name: String) -> UInt16 { self.state.withLock { $0.ports[name] ?? 0 } }

    /// Sessions from now on see an account with nothing in it but some messages in INBOX.
    func renew() -> MemoryStore {
        let store = MemoryStore()
        let options = Options(self.configuration, store, self.contexts, self.logger)
        self.imap.reload(options.imap)
        self.pop3.reload(options.pop3)
        self.lmtp.reload(options.lmtp)
        self.sieve.reload(options.sieve)
        return store
    }
}

private struct Options {
    let imap: IMAPOptions
    let pop3: POP3Options
    let lmtp: LMTPOptions
    let sieve: ManageSieveOptions

    init(_ configuration: Configuration, _ store: MemoryStore, _ contexts: TLSContexts, _ logger: Logger) {
        var mail = MailSettings()
        mail.path = "~/Maildir"
        let accounts = Accounts(store: store, mail: mail, processOwner: .init(uid: getuid(), gid: getgid()))
        var settings = IMAPSessionSettings()
        settings.userAddressConnections = 0
        settings.allowsCleartext = true
        let fixed = settings
        self.imap = IMAPOptions(
            settings: { _ in fixed }, authenticator: AnyUser(), accounts: accounts, store: store, contexts: contexts,
            logger: logger)
        self.pop3 = POP3Options(
            configuration: configuration, hostname: "fuzz.example", authenticator: AnyUser(), accounts: accounts,
            contexts: contexts, logger: logger)
        self.lmtp = LMTPOptions(
            hostname: "fuzz.example", authenticator: AnyUser(), accounts: accounts,
            agent: DeliveryAgent(store: store, options: .init()), store: store, logger: logger)
        self.sieve = ManageSieveOptions(
            configuration: configuration, authenticator: AnyUser(), accounts: accounts, store: store,
            contexts: contexts, compiler: SieveCompiler(limits: SieveLimits()),
            globalRegistry: .all, storage: { _ in nil }, logger: logger)
    }
}

/// Lets a thread wait for a task.
final class DispatchGate: @unchecked Sendable {
    // A POSIX semaphore is made to be used by several threads.
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() { sem_init(self.semaphore, 0, 0) }
    func open() { sem_post(self.semaphore) }
    func wait() { while sem_wait(self.semaphore) != 0 {} }
}
