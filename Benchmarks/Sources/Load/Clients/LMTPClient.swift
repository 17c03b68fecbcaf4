/// A session that delivers.
final class LMTPClient {
    private let connection: Connection

    init(_ server: TestServer) throws {
        self.connection = try Connection(port: server.ports.lmtp)
        try self.expect("220")
        try self.command("LHLO load.example.org", "250")
    }

    private func expect(_ code: String) throws {
        while true {
            let line = String(decoding: try self.connection.line() ?? [], as: UTF8.self)
            try check(line.hasPrefix(code), "wanted \(code), got: \(line)")
            if !line.hasPrefix(code + "-") { return }
        }
    }

    private func command(_ text: String, _ code: String) throws {
        try self.connection.write(text + "\r\n")
        try self.expect(code)
    }

    /// Delivers a message to one user; returns when the server has it. No line of it begins with a dot.
    func deliver(_ message: [UInt8], to user: Int) throws {
        try self.connection.write(
            "MAIL FROM:<sender@example.com>\r\nRCPT TO:<\(TestServer.user(user))>\r\nDATA\r\n")
        try self.expect("250")
        try self.expect("250")
        try self.expect("354")
        try self.connection.write(message + Array(".\r\n".utf8))
        try self.expect("250")
    }
}
