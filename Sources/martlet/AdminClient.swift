import AdminCommands
import Glibc
import ServerConfig

/// Carries a command to the running daemon; `nil` from `connect` when there is none.
struct AdminClient {
    private let descriptor: CInt

    /// Connects to the admin socket. `nil`: no daemon listens there.
    static func connect(_ path: String) throws(AdminError) -> AdminClient? {
        let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw AdminError(.temporary, "socket: \(String(cString: strerror(errno)))") }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            close(descriptor)
            throw AdminError(.configuration, "the path of the admin socket is too long: \(path)")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(descriptor, $0, size) }
        }
        if result == 0 { return AdminClient(descriptor: descriptor) }
        let number = errno
        close(descriptor)
        switch number {
        case ENOENT, ECONNREFUSED: return nil
        case EACCES, EPERM:
            throw AdminError(.noPermission, "no access to \(path): run martlet as root or as the daemon's user")
        default:
            throw AdminError(.unavailable, "\(path): \(String(cString: strerror(number)))")
        }
    }

    /// Sends the command and passes on what comes back. Ends the connection.
    consuming func run(
        _ words: [String], _ output: inout some AdminOutput
    ) async throws(AdminError) -> AdminExit {
        defer { close(self.descriptor) }
        var request = Array((AdminLine.greeting + "\n").utf8)
        AdminLine.encode(words.map { Array($0.utf8) }, into: &request)
        try self.send(request)
        var buffer: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(self.descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw AdminError(.temporary, "the daemon ended the connection") }
            buffer.append(contentsOf: chunk[..<count])
            var start = 0
            while let end = buffer[start...].firstIndex(of: 0x0A) {
                let reply = AdminReply(line: buffer[start..<end])
                start = end + 1
                switch reply {
                case .columns(let names): try await output.columns(names)
                case .row(let values): try await output.row(values)
                case .problem(let text): try await output.problem(text)
                case .wantsInput:
                    // Nothing more comes before it has it.
                    var answer: [UInt8] = []
                    AdminLine.encode([[UInt8(ascii: "D")], try await output.input() ?? []], into: &answer)
                    try self.send(answer)
                case .progress(let done, let total): try await output.progress(done: done, total: total)
                case .end(let exit, let text):
                    guard text.isEmpty else { throw AdminError(exit, text) }
                    return exit
                case nil: break
                }
            }
            buffer.removeFirst(start)
        }
    }

    private func send(_ bytes: [UInt8]) throws(AdminError) {
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeBytes { buffer -> Int in
                guard let base = buffer.baseAddress else { return 0 }
                return write(self.descriptor, base + offset, buffer.count - offset)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw AdminError(.temporary, "the daemon ended the connection") }
            offset += count
        }
    }
}
