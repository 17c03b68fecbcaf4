public import Logging
import NIOCore
import NIOPosix
import Synchronization

/// What a listener speaks and to whom.
public struct ListenerSettings: Sendable {
    public enum Security: Sendable {
        /// In clear; the protocol may start TLS itself.
        case clear
        /// TLS from the first octet.
        case implicitTLS
    }

    /// The protocol's name in logs and `who`: `imap`, `pop3`, `lmtp`.
    public var service: String
    public var security: Security
    /// The ALPN name for implicit TLS; empty for none.
    public var applicationProtocol: String
    public var connection = ConnectionSettings()

    public init(service: String, security: Security = .clear, applicationProtocol: String = "") {
        self.service = service
        self.security = security
        self.applicationProtocol = applicationProtocol
    }
}

/// Accepts connections on one socket and runs a service on each, spread over the event loops.
public final class Listener: Sendable {
    public let settings: ListenerSettings
    private let channel: any Channel

    /// Takes over a socket that is bound, and may be listening already: TCP or unix, blocking or not. The
    /// descriptor belongs to the listener from here on, and is closed when this throws.
    public static func start(
        socket: CInt, settings: ListenerSettings, service: any ConnectionService, on loops: ConnectionLoops,
        contexts: TLSContexts, limits: ConnectionLimits, registry: SessionRegistry, logger: Logger
    ) async throws -> Listener {
        let acceptor = Acceptor(
            settings: settings, service: service, loops: loops, contexts: contexts, limits: limits,
            registry: registry, logger: logger)
        let bootstrap = ServerBootstrap(group: loops.group)
            .serverChannelOption(.backlog, value: 4096)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.maxMessagesPerRead, value: 4)
            .childChannelOption(
                .recvAllocator,
                // An idle connection holds one such buffer, so it starts small.
                value: AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 512, maximum: 32 * 1024))
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try acceptor.accepted(channel) }
            }
        let channel = try await bootstrap.withBoundSocket(socket).get()
        return Listener(settings, channel)
    }

    private init(_ settings: ListenerSettings, _ channel: any Channel) {
        self.settings = settings
        self.channel = channel
    }

    /// The port it listens on; `nil` for a unix socket.
    public var port: Int? { self.channel.localAddress?.port }

    /// Accepts nothing more; connections that are there go on.
    public func close() async {
        try? await self.channel.close().get()
    }
}

/// What happens to each accepted channel, on its own loop.
private struct Acceptor: Sendable {
    let settings: ListenerSettings
    let service: any ConnectionService
    let loops: ConnectionLoops
    let contexts: TLSContexts
    let limits: ConnectionLimits
    let registry: SessionRegistry
    let logger: Logger

    func accepted(_ channel: any Channel) throws {
        if !PeerAddress(channel.remoteAddress).isUnix {
            try channel.syncOptions?.setOption(.tcpOption(.tcp_nodelay), value: 1)
            try channel.syncOptions?.setOption(.socketOption(.so_keepalive), value: 1)
        }
        let executor = self.loops.executor(for: channel.eventLoop)
        let time = UnixTime.now()
        let id = self.loops.nextConnectionID()
        let connection = Connection(
            channel: channel, executor: executor, id: id, sessionID: SessionID.make(id, time),
            limits: self.settings.connection, registry: self.registry)
        try channel.pipeline.syncOperations.addHandler(ConnectionChannelHandler(connection))

        if let refusal = self.limits.acquire(connection.remoteAddress) {
            self.logger.warning(
                "Connection refused: \(refusal.logText), service=\(self.settings.service), rip=\(connection.remoteAddress)")
            if self.settings.security == .clear { connection.write(self.service.refusal(refusal)) }
            Task(executorPreference: executor) { await connection.close() }
            return
        }
        self.registry.add(connection, service: self.settings.service, since: time.seconds)
        var handshake = false
        if self.settings.security == .implicitTLS {
            guard let context = self.contexts.current else {
                self.logger.error("TLS connection refused: no certificate, service=\(self.settings.service)")
                self.leave(connection)
                throw ConnectionError(.tls, "No certificate is configured")
            }
            try connection.addTLS(context, applicationProtocol: self.settings.applicationProtocol)
            handshake = true
        }
        // Loose by design: it lives as long as the connection, and the registry can end it.
        Task(executorPreference: executor) { [handshake] in
            await self.run(connection, handshake: handshake)
        }
    }

    private func run(_ connection: Connection, handshake: Bool) async {
        if let time = connection.limits.loginTimeout { connection.setDeadline(after: time) }
        do throws(ConnectionError) {
            if handshake { try await connection.finishHandshake() }
            await self.service.serve(connection)
        } catch {
            self.logger.info(
                "Disconnected: \(error.reason), service=\(self.settings.service), rip=\(connection.remoteAddress)")
        }
        self.leave(connection)
        await connection.close()
    }

    private func leave(_ connection: Connection) {
        self.registry.remove(connection)
        self.limits.release(connection.remoteAddress)
    }
}

extension Refusal {
    var logText: String {
        switch self {
        case .tooManyConnections: "too many connections"
        case .tooManyFromAddress: "too many connections from this address"
        case .shuttingDown: "shutting down"
        }
    }
}
