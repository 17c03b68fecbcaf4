import Synchronization

/// The proxies in front of a listener, such as HAProxy: they begin each connection with the PROXY protocol's header, in
/// version 1 or 2, which says where the client is. A client that could do so itself would choose its address, and with
/// version 2 whether it spoke TLS: so nobody else may connect. From any thread.
public final class TrustedProxies: Sendable {
    private struct Rules {
        var timeout: Duration
        var isTrusted: @Sendable (PeerAddress) -> Bool
    }

    private let rules: Mutex<Rules>

    /// - Parameters:
    ///   - timeout: from accept to the end of the header.
    ///   - isTrusted: called on event loops, once for each connection; must not wait.
    public init(timeout: Duration = .seconds(3), isTrusted: @escaping @Sendable (PeerAddress) -> Bool) {
        self.rules = Mutex(Rules(timeout: timeout, isTrusted: isTrusted))
    }

    /// Other rules for connections to come.
    public func replace(timeout: Duration, isTrusted: @escaping @Sendable (PeerAddress) -> Bool) {
        self.rules.withLock { $0 = Rules(timeout: timeout, isTrusted: isTrusted) }
    }

    var timeout: Duration { self.rules.withLock { $0.timeout } }

    func contains(_ address: PeerAddress) -> Bool { self.rules.withLock { $0.isTrusted }(address) }
}
