import Glibc
import NIOCore

extension Connection {
    /// The system user id of the program at the other end of a unix socket, as the kernel noted it when the program
    /// connected; `nil` on other sockets.
    public func peerUser() async -> UInt32? {
        self.loop.preconditionInEventLoop()
        guard self.remoteAddress.isUnix, let provider = self.channel as? any SocketOptionProvider else { return nil }
        let future: EventLoopFuture<PeerCredentials> = provider.unsafeGetSocketOption(
            level: .init(rawValue: SOL_SOCKET), name: .init(rawValue: SO_PEERCRED))
        return try? await future.get().user
    }
}

/// As the kernel lays it out: `struct ucred`, which the C library shows only to those who ask for extensions.
private struct PeerCredentials: Sendable {
    var process: Int32
    var user: UInt32
    var group: UInt32
}
