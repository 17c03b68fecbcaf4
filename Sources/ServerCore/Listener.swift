import Glibc
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
    /// The proxies that tell where clients are; nobody else may connect then. `nil`: clients connect themselves.
    public var proxies: TrustedProxies?
    public var connection = ConnectionSettings()

    public init(service: String, security: Security = .clear, applicationProtocol: String = "") {
        self.service = service
        self.security = security
        self.applicationProtocol = applicationProtocol
    }
}

/// What holds for connections to come. From any thread.
final class CurrentSettings: Sendable {
    private let state: Mutex<ConnectionSettings>
    init(_ settings: ConnectionSettings) { self.state = Mutex(settings) }

    var value: ConnectionSettings {
        get { self.state.withLock { $0 } }
        set { self.state.withLock { $0 = newValue } }
    }
}

/// Accepts connections on one socket and runs a service on each, spread over the event loops.
public final class Listener: Sendable {
    public let options: ListenerOptions
    private let channel: any Channel
    private let settings: CurrentSettings

    /// Takes over a socket that is bound, and may be listening already: TCP or unix, blocking or not. The
    /// descriptor belongs to the listener from here on, and is closed when this throws.
    public static func start(
        socket: CInt, options: ListenerOptions, service: any ConnectionService, on loops: ConnectionLoops,
        contexts: TLSContexts, limits: ConnectionLimits, registry: SessionRegistry, logger: Logger
    ) async throws -> Listener {
        let settings = CurrentSettings(options.connection)
        let acceptor = Acceptor(
            options: options, settings: settings, service: service, loops: loops, contexts: contexts, limits: limits,
            registry: registry, logger: logger, isUnix: Self.isUnix(socket))
        let bootstrap = ServerBootstrap(group: loops.group)
            .serverChannelOption(.backlog, value: 4096)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    // Without a free descriptor the loop would do nothing but ask for the next connection.
                    try channel.pipeline.syncOperations.addHandler(
                        AcceptBackoffHandler(shouldForwardIOErrorCaught: false) { error in
                            logger.error("accept() failed: \(error); trying again in a second")
                            return .seconds(1)
                        })
                }
            }
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
        return Listener(options, channel, settings)
    }

    private static func isUnix(_ socket: CInt) -> Bool {
        var address = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &length) }
        }
        return result == 0 && address.ss_family == sa_family_t(AF_UNIX)
    }

    private init(_ options: ListenerOptions, _ channel: any Channel, _ settings: CurrentSettings) {
        self.options = options
        self.channel = channel
        self.settings = settings
    }

    /// Other bounds for connections to come, `outputHeld` excepted.
    public func replace(_ settings: ConnectionSettings) { self.settings.value = settings }

    /// The port it listens on; `nil` for a unix socket.
    public var port: Int? { self.channel.localAddress?.port }

    /// Accepts nothing more; connections that are there go on.
    public func close() async {
        try? await self.channel.close().get()
    }
}
