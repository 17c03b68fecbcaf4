import Glibc
import Threads

/// Hands one message to an MTA by SMTP (RFC 5321). Waits for it: call it on a thread that does nothing else.
public struct SMTPSubmission: Sendable {
    /// TLS to the MTA; its certificate must be valid for the host's name.
    public enum Security: Sendable {
        case none, startTLS
        /// From the first octet on.
        case implicit
    }

    let host: String
    let port: String
    let security: Security
    /// Milliseconds for all but the last answer, which has `lastPatience` at least.
    let timeout: Int64
    /// What EHLO says.
    let hostname: String
    /// Certificates in PEM that vouch for the MTA's; `nil`: those that the system trusts.
    let authorities: [UInt8]?

    /// - Parameter place: `host`, `host:port` or `[v6]:port`. Without a port it is 25, with implicit TLS 465.
    public init(
        _ place: String, _ security: Security, timeout: Duration, hostname: String, authorities: [UInt8]? = nil
    ) {
        self.authorities = authorities
        self.security = security
        self.timeout = max(1, timeout.components.seconds) * 1000
        self.hostname = hostname
        var text = place[...]
        var port = security == .implicit ? "465" : "25"
        let end = text.lastIndex(of: "]") ?? text.startIndex
        if let colon = text[end...].lastIndex(of: ":"), text[end...].firstIndex(of: ":") == colon {
            port = String(text[text.index(after: colon)...])
            text = text[..<colon]
        }
        if text.hasPrefix("["), text.hasSuffix("]") { text = text.dropFirst().dropLast() }
        self.host = String(text)
        self.port = port
    }

    /// Why the message was not taken.
    struct Failure: Error {
        /// Of sysexits.h: 69, it never will be; 75, it may be later.
        var status: UInt8
        var text: String
        /// Whether the MTA said so.
        var isAnswer = false
        /// It may have been taken nevertheless.
        var isInDoubt = false
    }

    /// For the answer to the message's end at least, in milliseconds: who gives up earlier sends it again while the MTA
    /// still has it in work (RFC 5321 section 4.5.3.2.6).
    private static let lastPatience: Int64 = 600_000

    /// Does what a sendmail program would do, and answers its exit status and what it would print; `nil` when the MTA had
    /// all of the message and its answer did not come: it may have taken it.
    ///
    /// - Parameters:
    ///   - arguments: sendmail's: `-f SENDER -- RECIPIENT...`.
    ///   - input: the message, with the line ends of Unix.
    ///   - committing: called before the MTA gets the message's end, without which it takes nothing; `false`: it must not
    ///     get it.
    func run(
        _ arguments: [String], input: CInt, committing: () -> Bool = { true }
    ) -> (status: UInt8, text: String)? {
        guard let dash = arguments.lastIndex(of: "--"), arguments[(dash + 1)...].count > 0,
            let flag = arguments[..<dash].firstIndex(of: "-f"), flag + 1 < dash
        else { return (64, "not what a sendmail is called with") }
        let sender = arguments[flag + 1] == "<>" ? "" : arguments[flag + 1]
        let recipients = Array(arguments[(dash + 1)...])
        guard ([sender] + recipients).allSatisfy({ $0.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F } }) else {
            return (65, "an address cannot be sent")
        }
        do throws(Failure) {
            try self.send(input, from: sender, to: recipients, committing)
            return (0, "")
        } catch {
            return error.isInDoubt ? nil : (error.status, error.text)
        }
    }

    private func send(
        _ input: CInt, from sender: String, to recipients: [String], _ committing: () -> Bool
    ) throws(Failure) {
        let deadline = SteadyClock.milliseconds() + self.timeout
        var connection = SMTPConnection(try self.connect(deadline), deadline)
        defer { connection.close() }
        if self.security == .implicit { try connection.startTLS(self.host, self.authorities) }
        _ = try connection.reply(220)
        var extensions = try connection.command("EHLO \(self.hostname)", 250)
        if self.security == .startTLS {
            guard extensions.contains("STARTTLS") else { throw Failure(status: 75, text: "the MTA offers no STARTTLS") }
            _ = try connection.command("STARTTLS", 220)
            try connection.startTLS(self.host, self.authorities)
            extensions = try connection.command("EHLO \(self.hostname)", 250)
        }
        var parameters = ""
        if extensions.contains("8BITMIME") { parameters += " BODY=8BITMIME" }
        if !([sender] + recipients).allSatisfy({ $0.utf8.allSatisfy { $0 < 0x80 } }) {
            guard extensions.contains("SMTPUTF8") else {
                throw Failure(status: 69, text: "the MTA takes no such address")
            }
            parameters += " SMTPUTF8"
        }
        _ = try connection.command("MAIL FROM:<\(sender)>\(parameters)", 250)
        for recipient in recipients { _ = try connection.command("RCPT TO:<\(recipient)>", 250, 251) }
        _ = try connection.command("DATA", 354)
        let end = try connection.sendMessage(input)
        guard committing() else { throw Failure(status: 75, text: "what is sent cannot be noted on the disk") }
        connection.extend(by: Self.lastPatience)
        // From its answer on the mail is the MTA's. Without one, nobody knows.
        try connection.finishMessage(end)
        connection.farewell()
    }

    private func connect(_ deadline: Int64) throws(Failure) -> CInt {
        let found: HostLookup.Addresses?
        do throws(HostLookup.Failure) {
            found = try HostLookup.find(self.host, self.port, until: deadline)
        } catch {
            throw Failure(status: 75, text: "\(self.host): \(error.text)")
        }
        defer { if let found { freeaddrinfo(found) } }
        var why = "no address"
        var next = found
        while let address = next?.pointee {
            next = address.ai_next
            let descriptor = socket(
                address.ai_family, address.ai_socktype | CInt(SOCK_CLOEXEC.rawValue), address.ai_protocol)
            guard descriptor >= 0 else { continue }
            SMTPConnection.limit(descriptor, until: deadline)
            if Glibc.connect(descriptor, address.ai_addr, address.ai_addrlen) == 0 { return descriptor }
            why = String(cString: strerror(errno == EINPROGRESS ? ETIMEDOUT : errno))
            Glibc.close(descriptor)
        }
        throw Failure(status: 75, text: "\(self.host) port \(self.port): \(why)")
    }
}
