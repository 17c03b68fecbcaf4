/// A session's states and what each command does in them; no I/O.
///
/// ```
/// authorization --PASS, AUTH--> authenticating --loggedIn--> transaction --QUIT--> over
///        ^-----------------refused-----/
/// ```
public struct POP3SessionState: Sendable {
    private enum State: Sendable {
        /// Before the login; `user` after USER.
        case authorization(user: String?)
        /// The driver is checking a password.
        case authenticating
        case transaction(Maildrop)
        case over
    }

    private var state = State.authorization(user: nil)
    /// Whether TLS can be started: it is configured and the connection is in clear.
    public var offersTLS: Bool
    /// Whether passwords may be sent now.
    public var allowsPasswords: Bool
    /// Mechanisms, in upper case, that may be used even when passwords may not be sent.
    public var safeMechanisms: Set<String> = []

    public init(offersTLS: Bool, allowsPasswords: Bool) {
        self.offersTLS = offersTLS
        self.allowsPasswords = allowsPasswords
    }

    /// The messages, once the user is logged in and until QUIT.
    public var maildrop: Maildrop? {
        switch self.state {
        case .transaction(let maildrop): maildrop
        case .authorization, .authenticating, .over: nil
        }
    }

    /// What the driver does next; everything but `.reply` needs it for more than a line.
    public enum Action: Equatable, Sendable {
        case reply(POP3Response)
        case capabilities(Capabilities)
        case mechanisms
        /// Check a password, then call `loggedIn` or `refused`.
        case checkPassword(user: String, password: [UInt8])
        /// Run an exchange, then call `loggedIn` or `refused`.
        case authenticate(mechanism: String, initialResponse: [UInt8]?)
        /// Say so, start TLS, then call `startedTLS`.
        case startTLS
        case listSizes
        case listUniqueIDs
        /// Answer `number unique-id` for an index.
        case uniqueID(Int)
        /// Send a message; `lines` of its body, or all of it for `nil`.
        case send(Int, lines: Int?)
        /// End; before it remove the messages at these indices.
        case quit(removing: [Int])
    }

    /// What CAPA tells, by the session's state (RFC 2449 section 5).
    public struct Capabilities: Equatable, Sendable {
        public var offersTLS: Bool
        public var allowsPasswords: Bool

        /// The lines, without the final dot. `mechanisms` are those that may be used now.
        public func lines(mechanisms: [String]) -> [String] {
            var lines = ["TOP", "UIDL", "RESP-CODES", "PIPELINING", "AUTH-RESP-CODE", "EXPIRE NEVER"]
            if self.offersTLS { lines.append("STLS") }
            if self.allowsPasswords { lines.append("USER") }
            if !mechanisms.isEmpty { lines.append("SASL " + mechanisms.joined(separator: " ")) }
            return lines + ["IMPLEMENTATION Martlet"]
        }
    }

    /// What a command comes to in the state that the session is in.
    public mutating func received(_ command: POP3Command) -> Action {
        switch self.state {
        case .authorization(let user): return self.authorization(command, user)
        case .transaction: return self.transaction(command)
        case .authenticating, .over: return .reply(.error("Not now"))
        }
    }

    /// The login succeeded; `sizes` are those of the messages in order.
    public mutating func loggedIn(sizes: [UInt32]) {
        switch self.state {
        case .authenticating: self.state = .transaction(Maildrop(sizes: sizes))
        case .authorization, .transaction, .over: break
        }
    }

    /// The login failed; the client may try again.
    public mutating func refused() {
        switch self.state {
        case .authenticating: self.state = .authorization(user: nil)
        case .authorization, .transaction, .over: break
        }
    }

    /// TLS protects the connection from now on; a USER from before is forgotten (RFC 2595 section 4).
    public mutating func startedTLS() {
        self.offersTLS = false
        self.allowsPasswords = true
        switch self.state {
        case .authorization: self.state = .authorization(user: nil)
        case .authenticating, .transaction, .over: break
        }
    }

    /// The answer to a login that has to wait for TLS.
    public static let needsTLS = POP3Response.error(
        .auth, "Plaintext authentication disallowed on non-secure (SSL/TLS) connections.")

    private mutating func authorization(_ command: POP3Command, _ user: String?) -> Action {
        switch command {
        case .user(let name):
            guard self.allowsPasswords else { return .reply(Self.needsTLS) }
            self.state = .authorization(user: name)
            return .reply(.ok())
        case .pass(let password):
            guard self.allowsPasswords else { return .reply(Self.needsTLS) }
            guard let user else { return .reply(.error("No username given.")) }
            self.state = .authenticating
            return .checkPassword(user: user, password: password)
        case .auth(nil, _): return .mechanisms
        case .auth(let mechanism?, let response):
            guard self.allowsPasswords || self.safeMechanisms.contains(mechanism) else { return .reply(Self.needsTLS) }
            self.state = .authenticating
            return .authenticate(mechanism: mechanism, initialResponse: response)
        case .stls:
            return self.offersTLS ? .startTLS : .reply(.error("TLS support isn't enabled."))
        case .capa: return .capabilities(self.capabilities)
        case .quit:
            self.state = .over
            return .quit(removing: [])
        case .stat, .list, .uidl, .retr, .top, .dele, .rset, .noop:
            return .reply(.error("Log in first."))
        }
    }

    private var capabilities: Capabilities {
        Capabilities(offersTLS: self.offersTLS, allowsPasswords: self.allowsPasswords)
    }

    private mutating func transaction(_ command: POP3Command) -> Action {
        // A DELE must not copy the marks of all messages, so nothing may hold the maildrop beside the state.
        if case .dele(let number) = command { return self.delete(number) }
        guard let maildrop = self.maildrop else { return .reply(.error("Not now")) }
        switch command {
        case .user, .pass, .auth, .stls: return .reply(.error("Already logged in."))
        case .capa:
            return .capabilities(Capabilities(offersTLS: false, allowsPasswords: self.allowsPasswords))
        case .stat: return .reply(.ok("\(maildrop.count) \(maildrop.totalSize)"))
        case .list(nil): return .listSizes
        case .list(let number?):
            switch Self.index(number, in: maildrop) {
            case .success(let index): return .reply(.ok("\(number) \(maildrop.sizes[index])"))
            case .failure(let refusal): return .reply(refusal.response)
            }
        case .uidl(nil): return .listUniqueIDs
        case .uidl(let number?): return self.withIndex(number, maildrop) { .uniqueID($0) }
        case .retr(let number): return self.withIndex(number, maildrop) { .send($0, lines: nil) }
        case .top(let number, let lines): return self.withIndex(number, maildrop) { .send($0, lines: lines) }
        case .dele(let number): return self.delete(number)
        case .rset:
            self.state = .transaction(Maildrop(sizes: maildrop.sizes))
            return .reply(.ok())
        case .noop: return .reply(.ok())
        case .quit:
            self.state = .over
            return .quit(removing: maildrop.deletedIndices)
        }
    }

    private mutating func delete(_ number: Int) -> Action {
        guard case .transaction(var maildrop) = self.state else { return .reply(.error("Not now")) }
        self.state = .over
        defer { self.state = .transaction(maildrop) }
        switch Self.index(number, in: maildrop) {
        case .success(let index):
            maildrop.delete(index)
            return .reply(.ok("Marked to be deleted."))
        case .failure(let refusal): return .reply(refusal.response)
        }
    }

    private func withIndex(_ number: Int, _ maildrop: Maildrop, _ action: (Int) -> Action) -> Action {
        switch Self.index(number, in: maildrop) {
        case .success(let index): action(index)
        case .failure(let refusal): .reply(refusal.response)
        }
    }

    private struct NoMessage: Error { let response: POP3Response }

    private static func index(_ number: Int, in maildrop: Maildrop) -> Result<Int, NoMessage> {
        guard number >= 1, number <= maildrop.sizes.count else {
            return .failure(NoMessage(response: .error("There's no message \(number).")))
        }
        guard !maildrop.isDeleted(number - 1) else {
            return .failure(NoMessage(response: .error("Message is deleted.")))
        }
        return .success(number - 1)
    }
}
