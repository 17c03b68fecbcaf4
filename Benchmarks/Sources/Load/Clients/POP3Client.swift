/// A POP3 session that throws at any answer that is not +OK.
final class POP3Client {
    private let connection: Connection

    init(_ server: TestServer, user: Int) throws {
        self.connection = try Connection(port: server.ports.pop3)
        try self.expect()
        try self.command("USER \(TestServer.user(user))")
        try self.command("PASS \(TestServer.password)")
    }

    @discardableResult
    private func expect() throws -> String {
        let line = String(decoding: try self.connection.line() ?? [], as: UTF8.self)
        try check(line.hasPrefix("+OK"), "wanted +OK, got: \(line)")
        return line
    }

    @discardableResult
    func command(_ text: String) throws -> String {
        try self.connection.write(text + "\r\n")
        return try self.expect()
    }

    /// Messages and their octets.
    func stat() throws -> (count: Int, octets: Int) {
        let words = try self.command("STAT").split(separator: " ")
        guard words.count >= 3, let count = Int(words[1]), let octets = Int(words[2]) else {
            throw LoadError("STAT: \(words)")
        }
        return (count, octets)
    }

    /// A message, dots undone.
    func retrieve(_ number: Int) throws -> [UInt8] {
        try self.command("RETR \(number)")
        var message: [UInt8] = []
        while let line = try self.connection.line() {
            if line.first == UInt8(ascii: ".") {
                if line.count == 1 { return message }
                message += line.dropFirst()
            } else {
                message += line
            }
            message += [0x0D, 0x0A]
        }
        throw LoadError("the connection ended within message \(number)")
    }
}
