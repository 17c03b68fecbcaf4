import Glibc
import MailCore

/// The process in which PAM runs: one login at a time, asked and answered over a socket of the auth role.
///
/// ```
/// PAM  <id> <service> <user> <address> <password in base64>
/// OK   <id> <user>
/// FAIL <id> <code> <text>
/// ```
public enum AuthWorker {
    /// The descriptor on which a spawned worker finds its socket.
    public static let descriptor: CInt = 3

    /// Serves until the other end closes `fd`. Blocks.
    public static func run(_ fd: CInt) {
        var splitter = AuthLineSplitter()
        var buffer = [UInt8](repeating: 0, count: 16384)
        while true {
            let count = buffer.withUnsafeMutableBytes { recv(fd, $0.baseAddress, $0.count, 0) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            var isConnected = true
            let fits = splitter.feed(buffer[..<count]) { line in
                guard let reply = Self.answer(AuthLine(line)) else { return }
                if !Self.send(fd, reply) { isConnected = false }
            }
            guard fits, isConnected else { break }
        }
        close(fd)
    }

    static func request(
        id: UInt64, service: String, user: String, remoteAddress: String?, password: [UInt8]
    ) -> [UInt8] {
        var line = AuthLineWriter()
        line.begin("PAM")
        line.field(String(id))
        line.field(service)
        line.field(user)
        line.field(remoteAddress ?? "")
        line.field(Base64.encode(password))
        line.end()
        return line.take()
    }

    /// The id and answer of a worker's line; `nil` when it is none.
    static func reply(_ line: AuthLine) -> (UInt64, PAMAnswer)? {
        guard let id = line.text(1).flatMap({ UInt64($0) }) else { return nil }
        switch line.text(0) {
        case "OK":
            guard let user = line.text(2), !user.isEmpty else { return nil }
            return (id, .accepted(user: user))
        case "FAIL":
            let code = AuthenticationFailure(fields: ["code": line.text(2) ?? ""]).code
            return (id, .refused(code, line.text(3) ?? ""))
        default: return nil
        }
    }

    private static func answer(_ line: AuthLine) -> [UInt8]? {
        guard line.text(0) == "PAM", line.fields.count >= 6, let id = line.text(1),
            let service = line.text(2), let user = line.text(3), let address = line.text(4),
            let password = Base64.decode(line.fields[5])
        else { return nil }
        let answer = PAMLogin.run(
            service: service, user: user, remoteAddress: address.isEmpty ? nil : address, password: password)
        var reply = AuthLineWriter()
        switch answer {
        case .accepted(let user):
            reply.begin("OK")
            reply.field(id)
            reply.field(user)
        case .refused(let code, let text):
            reply.begin("FAIL")
            reply.field(id)
            reply.field(AuthenticationFailure(code).wireCode ?? "")
            reply.field(text)
        }
        reply.end()
        return reply.take()
    }

    private static func send(_ fd: CInt, _ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(fd, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}
