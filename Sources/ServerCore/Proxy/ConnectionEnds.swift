import NIOCore

/// Who is connected with whom, as far as limits, rules and log lines care.
struct ConnectionEnds {
    var remote: PeerAddress
    var local: PeerAddress
    /// By what a proxy says.
    private(set) var isTold = false
    /// The client speaks TLS to the proxy.
    var isEncrypted = false

    /// By what the kernel knows. `nil`: the peer is gone already, and nobody can say who it was.
    init?(_ channel: any Channel, isUnix: Bool) {
        if isUnix {
            self.remote = .unix
            self.local = .unix
            return
        }
        guard let remote = channel.remoteAddress, let local = channel.localAddress else { return nil }
        self.remote = PeerAddress(remote)
        self.local = PeerAddress(local)
    }

    /// By what the proxy says, which is the kernel's remote end.
    func told(by header: ProxyHeader) -> ConnectionEnds {
        var ends = self
        ends.isTold = true
        ends.isEncrypted = header.isEncrypted
        switch header.origin {
        // Not the proxy's address: what is allowed to it is not allowed to its clients.
        case .unknown: ends.remote = .unknown
        case .client(let source, let destination):
            ends.remote = PeerAddress(source)
            ends.local = PeerAddress(destination)
        }
        return ends
    }
}
