import NIOCore

/// Who is connected with whom, as far as limits, rules and log lines care.
struct ConnectionEnds {
    var remote: PeerAddress
    var local: PeerAddress
    /// The client speaks TLS to the proxy.
    var isEncrypted = false

    /// By what the kernel knows.
    init(_ channel: any Channel) {
        self.remote = PeerAddress(channel.remoteAddress)
        self.local = PeerAddress(channel.localAddress)
    }

    /// By what the proxy says, which is the kernel's remote end.
    func told(by header: ProxyHeader) -> ConnectionEnds {
        var ends = self
        ends.isEncrypted = header.isEncrypted
        switch header.origin {
        case .proxy: break
        case .unknown: ends.remote = self.remote.ofUnknownClient
        case .client(let source, let destination):
            ends.remote = PeerAddress(source)
            ends.local = PeerAddress(destination)
        }
        return ends
    }
}
