package import Accounts
package import Authentication
import Glibc
import IndexedStore
package import Logging
import MailCore
package import MailStore
import MaildirFormat
import NIOPosix
import SASLCore
package import ServerConfig
package import ServerCore
import TemporaryFiles
import TranscriptKit

/// A store with users in a temporary directory, and services for them on loopback ports. Every name is a user's.
package final class ServiceSite: Sendable {
    private let place: TemporaryDirectory
    package let store: any MailStore
    package let accounts: Accounts
    package let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private init(_ change: (inout Settings) -> Void) throws {
        self.place = try TemporaryDirectory()
        var options = MaildirOptions()
        options.syncTextFiles = false
        var configuration = IndexedStore.Configuration(
            directory: self.place.path + "/volume", bodyFormat: MaildirFormat(options), clock: { 1_800_000_000 })
        configuration.threadCount = 2
        configuration.watchesFiles = false
        self.store = try IndexedStore.open(configuration)
        var settings = Settings()
        settings.mail.path = "~/Maildir"
        change(&settings)
        self.accounts = Accounts(
            store: self.store, mail: settings.mail, quota: AccountQuota(settings),
            processOwner: AccountIdentity.FileOwner(uid: getuid(), gid: getgid()), namespaces: settings.namespaces,
            purpose: .delivery)
    }

    /// Runs `body` and closes the store.
    package static func with(
        _ change: (inout Settings) -> Void, _ body: (ServiceSite) async throws -> Void
    ) async throws {
        let site = try ServiceSite(change)
        do {
            try await body(site)
            await site.store.close()
        } catch {
            await site.store.close()
            throw error
        }
    }

    package var authenticator: any Authenticator { AnyUser(directory: self.place.path) }

    package func account(_ user: String) async throws -> any MailAccount {
        try await self.accounts.open(AnyUser(directory: self.place.path).record(user))
    }

    /// Puts a message of at least so many octets into the user's INBOX, whatever the quota.
    package func fill(_ user: String, octets: Int) async throws {
        let text = "Subject: x\r\n\r\n" + String(repeating: "a", count: octets) + "\r\n"
        let deposit = Deposit(
            message: IncomingMessage(MessageOctets(Array(text.utf8))), account: try await self.account(user),
            mailbox: .inbox, missingMailbox: .create, strictness: .exempt)
        for result in await self.store.deposit([deposit]) { _ = try result.get() }
    }

    /// Sends text on a new connection; answers the lines up to the first that begins with `last`, that one as well.
    package func talk(_ service: any ConnectionService, _ text: String, until last: String) async throws -> [String] {
        let (descriptor, port) = try LoopbackSocket.listening()
        let loops = ConnectionLoops(threads: 1)
        let registry = SessionRegistry()
        let listener = try await Listener.start(
            socket: descriptor, options: ListenerOptions(service: "test"), service: service, on: loops,
            contexts: TLSContexts(), limits: ConnectionLimits(maximum: 0, maximumWaiting: 0), registry: registry,
            logger: self.logger)
        let answer = await Self.answer(port, text, last)
        await listener.close()
        registry.disconnectAll()
        await registry.waitUntilEmpty()
        await loops.shutdown()
        return try answer.get()
    }

    private static func answer(
        _ port: UInt16, _ text: String, _ last: String
    ) async -> Result<[String], any Error> {
        do {
            return .success(
                try await clientThreads.runIfActive {
                    let socket = try LineSocket(port: port)
                    try socket.send(Array(text.utf8))
                    var lines: [String] = []
                    while let line = try socket.readLine(within: 10_000) {
                        lines.append(String(decoding: line, as: UTF8.self))
                        if lines.last?.hasPrefix(last) == true { break }
                    }
                    return lines
                })
        } catch {
            return .failure(error)
        }
    }
}

/// Knows every name, and no password.
private struct AnyUser: Authenticator {
    let directory: String

    func record(_ user: String) -> UserRecord {
        let home = "\(self.directory)/\(user)"
        mkdir(home, 0o700)
        return UserRecord(user: user, uid: getuid(), gid: getgid(), home: home)
    }

    func authenticate(
        _ request: AuthenticationRequest, mechanism: SASLMechanismName, initialResponse: [UInt8]?,
        answer: (_ challenge: [UInt8]) async -> SASLClientReply
    ) async -> AuthenticationOutcome { .failure(AuthenticationFailure(.credentials)) }

    func lookup(_ user: String, _ request: AuthenticationRequest) async -> UserLookup { .found(self.record(user)) }

    func list(
        matching mask: String, _ request: AuthenticationRequest
    ) async throws(AuthenticationFailure) -> [String] { [] }
}

/// For blocking clients alone.
private let clientThreads: NIOThreadPool = {
    let pool = NIOThreadPool(numberOfThreads: 4)
    pool.start()
    return pool
}()
