/// The proxies in front of a listener, such as HAProxy: they begin each connection with the PROXY protocol's header, in version
/// 1 or 2, which says where the client is. A client that could do so itself would choose its address, and with version 2
/// whether it spoke TLS: so nobody else may connect.
public struct TrustedProxies: Sendable {
    private let isTrusted: @Sendable (PeerAddress) -> Bool
    /// From accept to the end of the header.
    public let timeout: Duration

    /// `isTrusted` is called on event loops, once for each connection, and must not wait.
    public init(timeout: Duration = .seconds(3), isTrusted: @escaping @Sendable (PeerAddress) -> Bool) {
        self.timeout = timeout
        self.isTrusted = isTrusted
    }

    func contains(_ address: PeerAddress) -> Bool { self.isTrusted(address) }
}
