/// The bounds every connection of a listener lives in.
public struct ConnectionSettings: Equatable, Sendable {
    /// How long `readMore` waits for the peer, until the server sets another time.
    public var inactivityTimeout: Duration = .seconds(180)
    /// From accept to a successful login; `nil` for protocols without one (LMTP).
    public var loginTimeout: Duration? = .seconds(180)
    /// From the first octet of a TLS handshake to its end.
    public var handshakeTimeout: Duration = .seconds(30)
    /// How long a peer may leave its answers unread.
    public var outputTimeout: Duration = .seconds(300)
    /// How long a closing connection waits for the peer to close too.
    public var lingerTime: Duration = .seconds(2)
    /// Octets of answers on their way to a peer; beyond it `flush` waits until half of them are gone.
    public var outputHeld = 1024 * 1024
    /// The most octets of output pending at a flush; more is a fault of the session and ends it.
    public var maximumOutput = 64 * 1024 * 1024

    public init() {}
}
