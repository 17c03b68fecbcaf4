/// Why a connection can no longer be used. The session that gets one ends: after `.shutdown` and
/// `.timedOut` it may still write a last line (`* BYE ...`), after the others nothing reaches the peer.
public struct ConnectionError: Error, Equatable, Sendable {
    public enum Code: Equatable, Sendable {
        /// The peer closed its side, or the connection broke.
        case closed
        /// The inactivity or the login timeout passed.
        case timedOut
        /// The daemon stops, an administrator kicked the session or its account moves: see `Connection.shutdownReason`.
        case shutdown
        /// The peer did not read its answers in time, or more output is held for it than allowed.
        case slowReader
        /// The TLS handshake failed or the record layer reported damage.
        case tls
    }

    public let code: Code
    /// Text for the log, never for the wire.
    public let reason: String

    public init(_ code: Code, _ reason: String) {
        self.code = code
        self.reason = reason
    }
}

/// Why sessions are asked to end.
public enum ShutdownReason: Equatable, Sendable {
    /// The daemon stops or restarts.
    case stopping
    /// An administrator ended this session.
    case kicked
    /// The user's mail moves, and is there again for a new session.
    case moved

    /// Text for the log.
    public var text: String {
        switch self {
        case .stopping: "Server shutting down"
        case .kicked: "Kicked by an administrator"
        case .moved: "The account moves"
        }
    }
}
