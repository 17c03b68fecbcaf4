/// The lines of a connection before and at its login, in the form log readers (fail2ban, pflogsumm and the
/// like) know: the text after `imap-login: Info: `.
public struct LoginLog: Sendable {
    /// Failed attempts so far.
    public var failures = 0
    /// The login name last tried; `nil` before any.
    public var user: String?
    /// The mechanism last tried, upper case.
    public var method: String?
    private let since: UnixTime

    /// Starts the clock of `... in N secs`.
    public init(now: UnixTime = .now()) { self.since = now }

    /// `Login: user=<u>, method=PLAIN, rip=192.0.2.1, lip=192.0.2.2, mpid=7, TLS, session=<...>`
    public func login(processID: Int32, fields: ConnectionLogFields) -> String {
        "Login: \(self.userText)\(self.methodText)\(fields.addresses), mpid=\(processID)\(fields.rest)"
    }

    /// `Disconnected: Connection closed (auth failed, 1 attempts in 2 secs): user=<u>, method=PLAIN, ...`;
    /// without a try `(no auth attempts in 2 secs): user=<>, ...`.
    public func disconnected(
        _ reason: String, fields: ConnectionLogFields, now: UnixTime = .now()
    ) -> String {
        let seconds = max(0, now.seconds - self.since.seconds)
        let attempts =
            if self.failures > 0 {
                "auth failed, \(self.failures) attempts in \(seconds) secs"
            } else if self.user != nil {
                "tried to use disallowed auth or gave up, in \(seconds) secs"
            } else {
                "no auth attempts in \(seconds) secs"
            }
        return
            "Disconnected: \(reason) (\(attempts)): \(self.userText)\(self.methodText)\(fields.addresses)\(fields.rest)"
    }

    private var userText: String { "user=<\(LogText.field(self.user ?? ""))>, " }

    private var methodText: String { self.method.map { "method=\(LogText.field($0)), " } ?? "" }
}

/// What each login line says of the connection.
public struct ConnectionLogFields: Sendable {
    /// `rip=192.0.2.1, lip=192.0.2.2`
    let addresses: String
    /// `, TLS, session=<...>`
    let rest: String

    public init(_ connection: Connection) {
        self.init(
            remote: connection.remoteAddress, local: connection.localAddress, tls: connection.tls != nil,
            sessionID: connection.sessionID)
    }

    init(remote: PeerAddress, local: PeerAddress, tls isEncrypted: Bool, sessionID: String) {
        self.addresses = "rip=\(remote), lip=\(local)"
        let security = isEncrypted ? ", TLS" : remote.isLocal ? ", secured" : ""
        self.rest = "\(security), session=<\(sessionID)>"
    }
}

/// Prefixes of log lines.
public enum LogLabel {
    /// `imap(user)<pid><session>`
    public static func session(_ service: String, user: String, processID: Int32, sessionID: String) -> String
    {
        "\(service)(\(LogText.field(user)))<\(processID)><\(sessionID)>"
    }
}
