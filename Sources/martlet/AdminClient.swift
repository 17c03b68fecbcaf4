import AdminCommands
import Glibc
import ServerConfig

/// Carries a command to the running daemon; `nil` from `connect` when there is none.
struct AdminClient {
    private let socket: LocalSocket
    /// What to tell who waits in vain.
    private let silence: AdminError

    /// Connects to the admin socket. `nil`: no daemon listens there.
    ///
    /// - Parameter patience: milliseconds in which the daemon has to say its first word.
    static func connect(
        _ settings: Settings, patience: Int = LocalSocket.patience
    ) throws(AdminError) -> AdminClient? {
        let path = settings.adminSocketPath
        let silence = AdminError(
            .temporary,
            "the daemon runs, but its mail role does not answer on \(path) within \(patience / 1000) seconds: still "
                + "starting, or not able to? Its log says which: \(settings.logging.place)")
        do throws(LocalSocket.Failure) {
            return AdminClient(socket: try LocalSocket(path, patience: patience), silence: silence)
        } catch {
            switch error {
            case .pathTooLong: throw AdminError(.configuration, "the path of the admin socket is too long: \(path)")
            case .noAnswer: throw silence
            case .system(ENOENT), .system(ECONNREFUSED): return nil
            case .system(EACCES), .system(EPERM):
                throw AdminError(.noPermission, "no access to \(path): run martlet as root or as the user of mail_uid")
            case .system(let number):
                throw AdminError(.unavailable, "\(path): \(String(cString: strerror(number)))")
            }
        }
    }

    /// Sends the command and passes on what comes back. Ends the connection.
    consuming func run(
        _ words: [String], _ output: inout some AdminOutput
    ) async throws(AdminError) -> AdminExit {
        defer { close(self.socket.descriptor) }
        var request = Array((AdminLine.greeting + "\n").utf8)
        AdminLine.encode(words.map { Array($0.utf8) }, into: &request)
        try self.send(request)
        var isHeard = false
        var buffer: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(self.socket.descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { throw self.silence }
            guard count > 0 else { throw AdminError(.temporary, "the daemon ended the connection") }
            if !isHeard {
                // It is there, and the command may take as long as it needs.
                isHeard = true
                self.socket.setPatience(0)
            }
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
                case .hello, nil: break
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
                return write(self.socket.descriptor, base + offset, buffer.count - offset)
            }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { throw self.silence }
            guard count > 0 else { throw AdminError(.temporary, "the daemon ended the connection") }
            offset += count
        }
    }
}
