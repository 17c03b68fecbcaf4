import CLoad
import Glibc

/// A connection to a server on this machine that waits for what it reads.
final class Connection {
    enum Security { case plain, tls }

    private let socket: Int32
    private var tls: OpaquePointer?
    private var buffer: [UInt8] = []
    private var next = 0

    nonisolated(unsafe) private static let context = load_tls_client()

    /// Octets of a literal or an answer that are believed at most.
    private static let maximum = 1 << 30

    init(port: UInt16, _ security: Security = .plain) throws {
        self.socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        try check(self.socket >= 0, "no socket: \(String(cString: strerror(errno)))")
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(self.socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        var one: Int32 = 1
        setsockopt(self.socket, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(self.socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        guard status == 0 else {
            Glibc.close(self.socket)
            throw LoadError("cannot connect to port \(port): \(String(cString: strerror(errno)))")
        }
        switch security {
        case .plain: break
        case .tls:
            self.tls = SSL_new(Self.context)
            SSL_set_fd(self.tls, self.socket)
            try check(SSL_connect(self.tls) == 1, "no TLS on port \(port)")
        }
    }

    deinit {
        if let tls = self.tls { SSL_free(tls) }
        Glibc.close(self.socket)
    }

    func write(_ text: String) throws { try self.write(Array(text.utf8)) }

    func write(_ octets: [UInt8]) throws {
        var start = 0
        while start < octets.count {
            let count = octets.withUnsafeBytes { bytes in
                let rest = UnsafeRawBufferPointer(rebasing: bytes[start...])
                if let tls = self.tls {
                    return Int(SSL_write(tls, rest.baseAddress, Int32(min(rest.count, 1 << 20))))
                }
                return send(self.socket, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0, self.tls == nil, errno == EINTR { continue }
            try check(count > 0, "connection lost while writing")
            start += count
        }
    }

    /// A line without its end; `nil` at the end of the connection.
    func line() throws -> [UInt8]? {
        var searched = self.next
        while true {
            let end = self.buffer.withUnsafeBufferPointer { buffer -> Int? in
                var position = searched
                while position < buffer.count {
                    if buffer[position] == 0x0A { return position }
                    position += 1
                }
                return nil
            }
            if let end {
                var stop = end
                if stop > self.next, self.buffer[stop - 1] == 0x0D { stop -= 1 }
                defer { self.next = end + 1 }
                return Array(self.buffer[self.next..<stop])
            }
            searched = self.buffer.count
            let dropped = self.next
            guard try self.fill() else { return nil }
            searched -= dropped
        }
    }

    func octets(_ count: Int) throws -> [UInt8] {
        try check(count <= Self.maximum, "\(count) octets announced")
        while self.buffer.count - self.next < count {
            try check(self.fill(), "connection ended within \(count) octets")
        }
        defer { self.next += count }
        return Array(self.buffer[self.next..<self.next + count])
    }

    private func fill() throws -> Bool {
        if self.next > 0 {
            self.buffer.removeFirst(self.next)
            self.next = 0
        }
        let size = 64 << 10
        let old = self.buffer.count
        self.buffer.append(contentsOf: repeatElement(0, count: size))
        var count: Int
        repeat {
            count = self.buffer.withUnsafeMutableBytes { bytes in
                let room = UnsafeMutableRawBufferPointer(rebasing: bytes[old...])
                if let tls = self.tls { return Int(SSL_read(tls, room.baseAddress, Int32(size))) }
                return recv(self.socket, room.baseAddress, room.count, 0)
            }
        } while count < 0 && self.tls == nil && errno == EINTR
        self.buffer.removeLast(size - max(0, count))
        try check(count >= 0 || self.tls != nil, "no answer: \(String(cString: strerror(errno)))")
        return count > 0
    }
}
