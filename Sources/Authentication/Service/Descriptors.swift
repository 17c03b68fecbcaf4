import Glibc

/// Descriptors of unix stream sockets, all non-blocking and closed on exec.
enum UnixSocket {
    private static let stream = CInt(SOCK_STREAM.rawValue)
    private static let flags = CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue)

    /// Connects to `path`; the negative errno on failure.
    static func connect(_ path: String) -> CInt {
        var address = sockaddr_un()
        guard Self.fill(&address, path) else { return -ENAMETOOLONG }
        let fd = socket(AF_UNIX, self.stream | self.flags, 0)
        guard fd >= 0 else { return -errno }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(fd, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else {
            let code = errno
            close(fd)
            return -code
        }
        return fd
    }

    /// Both ends of a new pair, or `nil` with errno.
    static func pair(nonBlocking: Bool = true) -> (CInt, CInt)? {
        var ends: [CInt] = [-1, -1]
        let type = self.stream | (nonBlocking ? self.flags : CInt(SOCK_CLOEXEC.rawValue))
        guard socketpair(AF_UNIX, type, 0, &ends) == 0 else { return nil }
        return (ends[0], ends[1])
    }

    private static func fill(_ address: inout sockaddr_un, _ path: String) -> Bool {
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        return withUnsafeMutableBytes(of: &address.sun_path) { buffer in
            guard bytes.count < buffer.count, !bytes.contains(0) else { return false }
            buffer.copyBytes(from: bytes)
            return true
        }
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
