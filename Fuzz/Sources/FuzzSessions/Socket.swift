import Glibc

/// A client's end of a connection, blocking. A server that says nothing for ten seconds hangs.
final class Socket {
    private let descriptor: CInt
    private var buffer: [UInt8] = []
    private var position = 0

    init(port: UInt16) {
        self.descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = Self.loopback(port)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(self.descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        // One that a signal interrupts goes on by itself.
        need(result == 0 || (errno == EINTR && Self.isConnected(self.descriptor)), "connect: \(errno)")
        var patience = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(self.descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var yes: CInt = 1
        setsockopt(self.descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<CInt>.size))
        // Thousands of closed connections a second would use up all ports.
        var abort = linger(l_onoff: 1, l_linger: 0)
        setsockopt(self.descriptor, SOL_SOCKET, SO_LINGER, &abort, socklen_t(MemoryLayout<linger>.size))
    }

    deinit { close(self.descriptor) }

    /// Waits for the end of a connect.
    private static func isConnected(_ descriptor: CInt) -> Bool {
        var state = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        var ready: CInt
        repeat { ready = poll(&state, 1, 10_000) } while ready < 0 && errno == EINTR
        guard ready > 0 else { return false }
        var failure: CInt = 0
        var size = socklen_t(MemoryLayout<CInt>.size)
        return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &size) == 0 && failure == 0
    }

    /// `false` when the server has closed.
    @discardableResult
    func send(_ octets: [UInt8]) -> Bool {
        var position = 0
        while position < octets.count {
            let count = octets.withUnsafeBytes {
                Glibc.send(
                    self.descriptor, $0.baseAddress.map { $0 + position }, $0.count - position, CInt(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            position += count
        }
        return true
    }

    func endOutput() { shutdown(self.descriptor, CInt(SHUT_WR)) }

    /// The next line with its end; `nil` at the end of the stream.
    func line() -> [UInt8]? {
        while true {
            if let end = self.buffer[self.position...].firstIndex(of: 0x0A) {
                defer { self.position = end + 1 }
                return Array(self.buffer[self.position...end])
            }
            guard self.fill() else { return nil }
        }
    }

    func octets(_ count: Int) -> [UInt8]? {
        while self.buffer.count - self.position < count {
            guard self.fill() else { return nil }
        }
        defer { self.position += count }
        return Array(self.buffer[self.position..<self.position + count])
    }

    func rest() -> [UInt8] {
        while self.fill() {}
        defer { self.position = self.buffer.count }
        return Array(self.buffer[self.position...])
    }

    private func fill() -> Bool {
        var piece = [UInt8](repeating: 0, count: 65_536)
        var count = -1
        // libFuzzer's alarm interrupts.
        repeat { count = recv(self.descriptor, &piece, piece.count, 0) } while count < 0 && errno == EINTR
        if count < 0, errno == EAGAIN { fail("the server hangs") }
        guard count > 0 else { return false }
        if self.position > 1 << 16 {
            self.buffer.removeFirst(self.position)
            self.position = 0
        }
        self.buffer += piece[..<count]
        need(self.buffer.count < 64 << 20, "too long an answer")
        return true
    }

    static func listening() -> (CInt, UInt16) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = self.loopback(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && listen(descriptor, 64) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        need(isBound, "bind: \(errno)")
        return (descriptor, UInt16(bigEndian: address.sin_port))
    }

    private static func loopback(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }
}
