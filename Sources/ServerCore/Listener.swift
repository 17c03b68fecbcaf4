public import Logging
import NIOCore
import NIOPosix
import Synchronization

/// What a listener speaks and to whom.
public struct ListenerOptions: Sendable {
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
    public let options: ListenerOptions
    private let channel: any Channel

    /// Takes over a socket that is bound, and may be listening already: TCP or unix, blocking or not. The
    /// descriptor belongs to the listener from here on, and is closed when this throws.
    public static func start(
        socket: CInt, options: ListenerOptions, service: any ConnectionService, on loops: ConnectionLoops,
        contexts: TLSContexts, limits: ConnectionLimits, registry: SessionRegistry, logger: Logger
    ) async throws -> Listener {
        let acceptor = Acceptor(
            options: options, service: service, loops: loops, contexts: contexts, limits: limits,
            registry: registry, logger: logger)
        let bootstrap = ServerBootstrap(group: loops.group)
            .serverChannelOption(.backlog, value: 4096)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.maxMessagesPerRead, value: 4)
            .childChannelOption(
                .writeBufferWaterMark,
                value: .init(low: options.connection.outputHeld / 2, high: options.connection.outputHeld)
            )
            .childChannelOption(
                .recvAllocator,
                // An idle connection holds one such buffer, so it starts small.
                value: AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 512, maximum: 32 * 1024)
            )
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try acceptor.accepted(channel) }
            }
        let channel = try await bootstrap.withBoundSocket(socket).get()
        return Listener(options, channel)
    }

    private init(_ options: ListenerOptions, _ channel: any Channel) {
        self.options = options
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
    let options: ListenerOptions
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
            limits: self.options.connection, registry: self.registry, counters: self.limits)
        try channel.pipeline.syncOperations.addHandler(ConnectionChannelHandler(connection))

        if let refusal = connection.enter(service: self.options.service, since: time.seconds) {
            self.logger.warning(
                "Connection refused: \(refusal.logText), service=\(self.options.service), rip=\(connection.remoteAddress)"
            )
            guard self.options.security == .clear else {
                throw ConnectionError(.closed, "Refused")
            }
            guard self.limits.acquireRefused() else { throw ConnectionError(.closed, "Refused") }
            connection.write(self.service.refusal(refusal))
            Task(executorPreference: executor) {
                await connection.close()
                self.limits.releaseRefused()
            }
            return
        }
        do throws(ConnectionError) {
            try self.begin(connection)
        } catch {
            connection.leave()
            connection.countOut()
            throw error
        }
        // Loose by design: it lives as long as the connection, and the registry can end it.
        Task(executorPreference: executor) { await self.run(connection) }
    }

    private func begin(_ connection: Connection) throws(ConnectionError) {
        guard self.options.security == .implicitTLS else { return }
        guard let context = self.contexts.current else {
            self.logger.error("TLS connection refused: no certificate, service=\(self.options.service)")
            throw ConnectionError(.tls, "No certificate is configured")
        }
        try connection.addTLS(context, applicationProtocol: self.options.applicationProtocol)
    }

    private func run(_ connection: Connection) async {
        if let time = connection.limits.loginTimeout { connection.setDeadline(after: time) }
        do throws(ConnectionError) {
            if self.options.security == .implicitTLS { try await connection.finishHandshake() }
        } catch {
            self.logger.info(
                "Disconnected: \(error.reason), service=\(self.options.service), rip=\(connection.remoteAddress)"
            )
            return await self.end(connection)
        }
        await self.service.serve(connection)
        await self.goOn(connection)
    }

    /// After a session has returned: because it is over, or to wait without a task.
    private func goOn(_ connection: Connection) async {
        let isResting = connection.beginRest { body in
            // Loose as the first one.
            Task(executorPreference: connection.executor) {
                await body()
                await self.goOn(connection)
            }
        }
        if !isResting { await self.end(connection) }
    }

    private func end(_ connection: Connection) async {
        connection.leave()
        await connection.close()
        // Not before: until here it holds a descriptor and the answers its peer has not read.
        connection.countOut()
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
