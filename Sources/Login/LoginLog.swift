public import ServerCore

/// The lines of a connection before and at its login, with their `imap-login: `, in the form that log readers
/// (fail2ban, pflogsumm and the like) know.
///
/// Each failed attempt has a line of its own, so that a guesser is seen while still connected; the line at the end
/// of such a connection has other words, so that nothing counts an attempt twice.
public struct LoginLog: Sendable {
    private let service: String
    private let since: UnixTime
    /// Failed attempts so far.
    public private(set) var failures = 0
    /// Whether the connection has had its attempts: it is ended, which address limits and fail2ban see.
    public var hasNoAttemptsLeft: Bool { self.failures >= Self.maximumFailures }
    private static let maximumFailures = 10
    /// The login name and mechanism last tried; `nil` before any.
    private var last: (user: String, method: String)?

    /// `service`: `imap`, `pop3`. Starts the clock of `... in N secs`.
    public init(service: String, now: UnixTime = .now()) {
        self.service = service
        self.since = now
    }

    /// `imap-login: Login: user=<u>, method=PLAIN, rip=192.0.2.1, lip=192.0.2.2, mpid=7, TLS, session=<...>`
    public mutating func succeeded(
        user: String, method: String, processID: Int32, fields: ConnectionLogFields
    ) -> String {
        self.last = (user, method)
        return self.line("Login:", "\(fields.addresses), mpid=\(processID)\(fields.rest)")
    }

    /// `imap-login: Aborted login (auth failed, 1 attempts in 2 secs): user=<u>, method=PLAIN, ...`
    ///
    /// - Parameters:
    ///   - user: what the client called itself; empty when that is not known.
    ///   - why: `auth failed` for what a guesser gets to see.
    public mutating func failed(
        user: String, method: String, why: String, fields: ConnectionLogFields, now: UnixTime = .now()
    ) -> String {
        self.failures += 1
        self.last = (user, method)
        return self.line(
            "Aborted login (\(why), \(self.failures) attempts in \(self.seconds(now)) secs):", fields.all)
    }

    /// A login with the right password that leads nowhere: `imap-login: Login refused (WHY): user=<u>, ...`
    public mutating func refused(
        user: String, method: String, why: String, fields: ConnectionLogFields
    ) -> String {
        self.last = (user, method)
        return self.line("Login refused (\(why)):", fields.all)
    }

    /// The end of a connection that did not log in:
    /// `imap-login: Disconnected: Connection closed (no auth attempts in 2 secs): user=<>, rip=...`
    public func disconnected(
        _ reason: String, fields: ConnectionLogFields, now: UnixTime = .now()
    ) -> String {
        let attempts =
            if self.failures > 0 {
                "gave up after \(self.failures) failed logins"
            } else if self.last != nil {
                "login was refused"
            } else {
                "no auth attempts"
            }
        return self.line("Disconnected: \(reason) (\(attempts) in \(self.seconds(now)) secs):", fields.all)
    }

    private func seconds(_ now: UnixTime) -> Int64 { max(0, now.seconds - self.since.seconds) }

    private func line(_ head: String, _ rest: String) -> String {
        let method = self.last.map { "method=\(LogText.field($0.method)), " } ?? ""
        return "\(self.service)-login: \(head) user=<\(LogText.field(self.last?.user ?? ""))>, \(method)\(rest)"
    }
}
