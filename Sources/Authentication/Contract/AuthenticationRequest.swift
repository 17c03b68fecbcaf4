/// What a server knows about the connection on which somebody logs in or a user is looked up.
public struct AuthenticationRequest: Hashable, Sendable {
    /// The protocol in Dovecot's spelling: `imap`, `pop3`, `lmtp`, `sieve`, `smtp`, `doveadm`.
    public var service: String
    /// The client's address as text; IPv6 without brackets. `nil` for a local socket.
    public var remoteAddress: String?
    public var remotePort: UInt16?
    public var localAddress: String?
    public var localPort: UInt16?
    public var security: ConnectionSecurity
    /// The session's id in the logs.
    public var session: String?

    public init(
        service: String, remoteAddress: String? = nil, remotePort: UInt16? = nil,
        localAddress: String? = nil, localPort: UInt16? = nil,
        security: ConnectionSecurity = .cleartext, session: String? = nil
    ) {
        self.service = service
        self.remoteAddress = remoteAddress
        self.remotePort = remotePort
        self.localAddress = localAddress
        self.localPort = localPort
        self.security = security
        self.session = session
    }
}

/// How a connection is protected against listeners.
public enum ConnectionSecurity: Hashable, Sendable {
    case cleartext
    /// On this machine only: a unix socket or the loopback interface.
    case local
    case tls
}
