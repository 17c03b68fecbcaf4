import Accounts
import Glibc
import Logging
import MailStore
import NIOPosix
import POP3Server
import ServerConfig
import ServerCore
import Testing
import TranscriptKit

/// A POP3 server on a loopback port over one mailbox.
struct POP3ServerHarness {
    let inbox: MemoryMailbox
    private let listener: Listener
    private let loops: ConnectionLoops
    private let registry: SessionRegistry
    private let port: UInt16

    struct Failure: Error { let text: String }

    static func run(
        _ inbox: MemoryMailbox, settings: String = "", _ body: (POP3ServerHarness) async throws -> Void
    ) async throws {
        let harness = try await POP3ServerHarness(inbox, settings)
        do {
            try await body(harness)
        } catch {
            await harness.stop()
            throw error
        }
        await harness.stop()
    }

    private init(_ inbox: MemoryMailbox, _ settings: String) async throws {
        let text = "ssl = no\nlogin_greeting = ready\npassdb pam {\n}\nuserdb passwd {\n}\n" + settings
        let loaded = Configuration.load(
            path: "/martlet.conf", files: ConfigurationFiles(read: { _ in .success(Array(text.utf8)) }))
        try #require(loaded.diagnostics == [])
        let configuration = try #require(loaded.configuration)
        let store = MemoryStore(inbox)
        let owner = AccountIdentity.FileOwner(uid: 1000, gid: 1000)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let contexts = TLSContexts()
        let service = POP3Service(
            POP3Options(
                configuration: configuration, hostname: "mail.example.org", authenticator: OneUser(),
                accounts: Accounts(store: store, mail: configuration.settings.mail, processOwner: owner),
                contexts: contexts, logger: logger))
        let (descriptor, port) = try LoopbackSocket.listening()
        self.inbox = inbox
        self.port = port
        self.loops = ConnectionLoops(threads: 1)
        self.registry = SessionRegistry()
        self.listener = try await Listener.start(
            socket: descriptor, options: ListenerOptions(service: "pop3"), service: service, on: self.loops,
            contexts: contexts, limits: ConnectionLimits(maximum: 0, maximumWaiting: 0),
            registry: self.registry, logger: logger)
    }

    private func stop() async {
        await self.listener.close()
        self.registry.disconnectAll()
        await self.registry.waitUntilEmpty()
        await self.loops.shutdown()
    }

    /// Waits until no session is left.
    func settle() async { await self.registry.waitUntilEmpty() }

    /// Sends pieces one after the other, then reads to the end.
    func talk(_ pieces: [String]) async throws -> String {
        let port = self.port
        return try await clientThreads.runIfActive {
            let descriptor = try Self.connect(port)
            defer { close(descriptor) }
            for piece in pieces { try Self.send(piece, descriptor) }
            return try Self.rest(descriptor)
        }
    }

    /// As `talk` with `text`, while another connection that sent `pieces` and got three lines is there.
    func talkBeside(_ pieces: [String], then text: String) async throws -> String {
        let port = self.port
        return try await clientThreads.runIfActive {
            let staying = try Self.connect(port)
            defer { close(staying) }
            for piece in pieces { try Self.send(piece, staying) }
            _ = try Self.lines(3, staying)
            let descriptor = try Self.connect(port)
            defer { close(descriptor) }
            try Self.send(text, descriptor)
            return try Self.rest(descriptor)
        }
    }

    /// Sends lines, then goes away when all that was promised has come: `answers` lines.
    func hangUp(_ text: String, afterLines answers: Int) async throws -> String {
        let port = self.port
        return try await clientThreads.runIfActive {
            let descriptor = try Self.connect(port)
            defer { close(descriptor) }
            try Self.send(text, descriptor)
            return try Self.lines(answers, descriptor)
        }
    }

    private static func lines(_ count: Int, _ descriptor: CInt) throws -> String {
        var all: [UInt8] = []
        while all.count(where: { $0 == 0x0A }) < count {
            let more = try self.receive(descriptor)
            if more.isEmpty { break }
            all += more
        }
        return String(decoding: all, as: UTF8.self)
    }

    private static func connect(_ port: UInt16) throws -> CInt {
        let descriptor = try LoopbackSocket.connected(to: port)
        var patience = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        return descriptor
    }

    private static func send(_ text: String, _ descriptor: CInt) throws {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Failure(text: "send: \(errno)") }
            bytes = bytes.dropFirst(count)
        }
    }

    private static func receive(_ descriptor: CInt) throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 65536)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count >= 0 else { throw Failure(text: "recv: \(errno)") }
        return Array(buffer[..<count])
    }

    private static func rest(_ descriptor: CInt) throws -> String {
        var all: [UInt8] = []
        while true {
            let more = try self.receive(descriptor)
            if more.isEmpty { return String(decoding: all, as: UTF8.self) }
            all += more
        }
    }
}

/// For blocking clients alone.
private let clientThreads: NIOThreadPool = {
    let pool = NIOThreadPool(numberOfThreads: 16)
    pool.start()
    return pool
}()
