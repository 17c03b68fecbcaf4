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
    /// The addresses are those that a proxy told: the peer is not this machine, whatever they are.
    public var isProxied = false
    /// The session's id in the logs.
    public var session: String?
    /// How the last data of a mechanism reach the client.
    public var successData = SuccessData.asChallenge
    /// What a mechanism can bind itself to (RFC 5056), by type; empty without TLS, and where a proxy ends it.
    public var channelBindings: [String: [UInt8]] = [:]

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

/// What happens with data that a mechanism has for its client when it succeeds.
public enum SuccessData: Hashable, Sendable {
    /// They are one more challenge, which the client answers with nothing (IMAP, POP3).
    case asChallenge
    /// The protocol's success carries them (ManageSieve): they are in the `Identity`.
    case inSuccess
}
