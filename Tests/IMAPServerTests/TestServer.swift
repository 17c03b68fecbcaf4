import Accounts
import Authentication
import Glibc
import Logging
import MailStore
import NIOPosix
import SASLCore
import ServerConfig
import ServerCore
import Synchronization
import TranscriptKit

@testable import IMAPServer

/// Every user exists and has the password `pass`. Those named after a failure fail with it.
struct OnePassword: Authenticator {
    func authenticate(
        _ request: AuthenticationRequest, mechanism: SASLMechanismName, initialResponse: [UInt8]?,
        answer: (_ challenge: [UInt8]) async -> SASLClientReply
    ) async -> AuthenticationOutcome {
        var message = initialResponse ?? []
        if initialResponse == nil {
            switch await answer([]) {
            case .response(let bytes): message = bytes
            case .malformed: return .failure(AuthenticationFailure(.malformedResponse))
            case .cancelled: return .failure(AuthenticationFailure(.cancelled))
            }
        }
        guard let credentials = PlainExchange.parse(message), credentials.password == Array("pass".utf8)
        else {
            return .failure(AuthenticationFailure(.credentials))
        }
        let user = credentials.authenticationIdentity
        if let code = AuthenticationFailure.Code.allCases.first(where: { "\($0)" == user }) {
            return .failure(AuthenticationFailure(code))
        }
        return .success(
            Identity(user: user), UserRecord(user: user, uid: 1, gid: 1, home: "/nowhere/\(user)"))
    }

    func lookup(_ user: String, _ request: AuthenticationRequest) async -> UserLookup { .notFound }

    func list(
        matching mask: String, _ request: AuthenticationRequest
    ) async throws(AuthenticationFailure) -> [String] { [] }
}

/// Lines written to a log.
final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])
    func append(_ line: String) { self.lines.withLock { $0.append(line) } }
    var all: [String] { self.lines.withLock { $0 } }
}

private struct CapturingHandler: LogHandler {
    let lines: LogLines
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.debug
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }
    func log(event: LogEvent) { self.lines.append("\(event.message)") }
}

/// The IMAP server on a loopback port, over a store in memory.
struct TestServer {
    let listener: Listener
    let loops: ConnectionLoops
    let registry: SessionRegistry
    let port: UInt16
    let log: LogLines

    static func start(_ change: (inout IMAPSessionSettings) -> Void = { _ in }) async throws -> TestServer {
        let store = MemoryStore()
        let registry = SessionRegistry()
        let lines = LogLines()
        let logger = Logger(label: "test") { _ in CapturingHandler(lines: lines) }
        var settings = IMAPSessionSettings()
        settings.userAddressConnections = 1000
        change(&settings)
        var mail = MailSettings()
        mail.path = "~/Maildir"
        let final = settings
        var options = IMAPOptions(
            settings: { _ in final }, authenticator: OnePassword(),
            accounts: Accounts(store: store, mail: mail, processOwner: .init(uid: 1, gid: 1)),
            store: store, contexts: TLSContexts(), logger: logger)
        // Every wait is a rest here; with the daemon hardly any is.
        options.wakefulness = .zero
        let service = IMAPService(options)
        let (descriptor, port) = try LoopbackSocket.listening()
        let loops = ConnectionLoops(threads: 2)
        let listener = try await Listener.start(
            socket: descriptor, options: ListenerOptions(service: "imap"), service: service, on: loops,
            contexts: TLSContexts(), limits: ConnectionLimits(maximum: 0, maximumWaiting: 0),
            registry: registry, logger: logger)
        return TestServer(listener: listener, loops: loops, registry: registry, port: port, log: lines)
    }

    /// Runs blocking client code on a thread that may block.
    func client<R: Sendable>(_ body: @escaping @Sendable (UInt16) throws -> R) async throws -> R {
        let port = self.port
        return try await clientThreads.runIfActive { try body(port) }
    }

    func stop() async {
        await self.listener.close()
        self.registry.disconnectAll()
        await self.registry.waitUntilEmpty()
        await self.loops.shutdown()
    }
}

/// For blocking clients alone: the sessions under test use the shared pool.
private let clientThreads: NIOThreadPool = {
    let pool = NIOThreadPool(numberOfThreads: 8)
    pool.start()
    return pool
}()
