import Glibc

/// Descriptors of unix stream sockets, closed on exec.
enum UnixSocket {
    /// Both ends of a new pair, or `nil` with errno.
    static func pair(nonBlocking: Bool = true) -> (CInt, CInt)? {
        var ends: [CInt] = [-1, -1]
        var type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        if nonBlocking { type |= CInt(SOCK_NONBLOCK.rawValue) }
        guard socketpair(AF_UNIX, type, 0, &ends) == 0 else { return nil }
        return (ends[0], ends[1])
    }
}

/// Wakes a thread that sits in poll(2).
final class WakePipe: Sendable {
    let readEnd: CInt
    private let writeEnd: CInt

    init?() {
        guard let (a, b) = UnixSocket.pair() else { return nil }
        self.readEnd = a
        self.writeEnd = b
    }

    deinit {
        close(self.readEnd)
        close(self.writeEnd)
    }

    /// May be called on any thread. A full pipe already wakes.
    func wake() {
        var byte: UInt8 = 0
        _ = send(self.writeEnd, &byte, 1, CInt(MSG_NOSIGNAL))
    }

    func drain() {
        withUnsafeTemporaryAllocation(byteCount: 256, alignment: 1) { buffer in
            while recv(self.readEnd, buffer.baseAddress, buffer.count, 0) == buffer.count {}
        }
    }
}
