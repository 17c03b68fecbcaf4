import Glibc

/// A blocking client connection that reads lines.
package final class LineSocket {
    package struct Failure: Error, CustomStringConvertible {
        package var description: String
    }

    private let descriptor: CInt
    private var buffer: [UInt8] = []
    /// Whether the peer has ended or reset the connection.
    package private(set) var hasEnded = false

    package init(port: UInt16) throws {
        self.descriptor = try LoopbackSocket.connected(to: port)
    }

    deinit { close(self.descriptor) }

    package func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(
                    self.descriptor, $0.baseAddress.map { $0 + sent }, $0.count - sent, CInt(MSG_NOSIGNAL))
            }
            // A server may end the connection before it has read everything; what follows tells.
            if count < 0, errno == EPIPE || errno == ECONNRESET { return }
            guard count > 0 else { throw Failure(description: "send: errno \(errno)") }
            sent += count
        }
    }

    /// The next line without its CRLF, a lone LF written as `<LF>`; `nil` after `milliseconds` without one, or at the end of the stream.
    package func readLine(within milliseconds: Int) throws -> [UInt8]? {
        var deadline = milliseconds
        while true {
            if let end = self.buffer.firstIndex(of: 0x0A) {
                var line = Array(self.buffer[..<end])
                if line.last == 0x0D { line.removeLast() } else { line.append(contentsOf: "<LF>".utf8) }
                self.buffer.removeFirst(end + 1)
                return line
            }
            var event = pollfd(fd: self.descriptor, events: Int16(POLLIN), revents: 0)
            let step = min(deadline, 100)
            let ready = poll(&event, 1, CInt(step))
            if ready == 0 {
                deadline -= step
                if deadline <= 0 { return nil }
                continue
            }
            var chunk = [UInt8](repeating: 0, count: 65_536)
            let count = chunk.withUnsafeMutableBytes { recv(self.descriptor, $0.baseAddress, $0.count, 0) }
            guard count > 0 else {
                self.hasEnded = true
                return nil
            }
            self.buffer.append(contentsOf: chunk[..<count])
        }
    }
}
