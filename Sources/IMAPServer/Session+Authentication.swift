import Accounts
import Authentication
import IMAPCore
import Logging
import Login
import MailCore
import MailStore
import SASLCore
import ServerCore

extension Session {
    /// Whether a password may be sent over this connection.
    var mayLogIn: Bool {
        self.connection.isProtected || (self.settings.allowsCleartext && !self.settings.requiresTLS)
    }

    /// The mechanisms that this connection may use.
    var offeredMechanisms: [SASLMechanismName] {
        MechanismOffer(
            self.connection, allowsCleartext: self.settings.allowsCleartext, requiresTLS: self.settings.requiresTLS
        ).mechanisms(self.settings.mechanisms)
    }

    var canStartTLS: Bool {
        self.settings.offersTLS && !self.connection.isEncrypted && self.options.contexts.current != nil
    }

    func startTLS(_ tag: Tag) async throws(ConnectionError) {
        guard !self.connection.isEncrypted else { return self.bad(tag, "TLS is already active") }
        guard self.settings.offersTLS, let context = self.options.contexts.current else {
            return self.bad(tag, "TLS is not available")
        }
        self.write { $0.tagged(tag, .ok, "Begin TLS negotiation now") }
        // What was pipelined in clear is dropped with the rest of the input.
        self.parser.reset()
        try await self.connection.startTLS(context, applicationProtocol: "imap")
    }

    func login(_ tag: Tag, _ user: [UInt8], _ password: [UInt8]) async throws(ConnectionError) {
        guard self.mayLogIn else { return self.refuseCleartext(tag) }
        guard let name = String(validating: user, as: UTF8.self) else {
            return self.failedLogin(tag, AuthenticationFailure(.credentials), "", "PLAIN")
        }
        let outcome = try await self.options.authenticator.authenticate(
            on: self.connection, service: "imap", user: name, password: password)
        try await self.conclude(tag, outcome, name, "PLAIN")
    }

    func authenticate(_ tag: Tag, _ command: AuthenticateCommand) async throws(ConnectionError) {
        let mechanism = SASLMechanismName(bytes: command.mechanism)
        guard let mechanism, self.offeredMechanisms.contains(mechanism) else {
            let needsTLS = !self.mayLogIn || mechanism?.sendsToken ?? false
            if needsTLS, mechanism.map(self.settings.mechanisms.contains) ?? true {
                return self.refuseCleartext(tag)
            }
            self.write { $0.tagged(tag, .no, .cannot, "Unsupported authentication mechanism") }
            return
        }
        let outcome = try await self.options.authenticator.authenticate(
            on: self.connection, service: "imap", mechanism: mechanism, initialResponse: command.initialResponse
        ) { challenge throws(ConnectionError) in
            try await self.respond(to: challenge)
        }
        guard self.endReason == nil else { return }
        try await self.conclude(tag, outcome, "", mechanism.text)
    }

    /// Sends a challenge and reads the client's response.
    private func respond(to challenge: [UInt8]) async throws(ConnectionError) -> SASLClientReply {
        self.write { $0.continuation(Base64.encode(challenge)) }
        guard let line = try await self.readLine() else {
            self.end(.tooBig, "Authentication response is too long")
            return .cancelled
        }
        if line == [UInt8(ascii: "*")] { return .cancelled }
        guard let response = Base64.decode(line) else { return .malformed }
        return .response(response)
    }

    private func refuseCleartext(_ tag: Tag) {
        self.write { $0.tagged(tag, .no, .privacyRequired, "Plaintext login is disabled without TLS") }
    }

    /// - Parameter name: what the client called itself, for the log; empty when unknown.
    private func conclude(
        _ tag: Tag, _ outcome: AuthenticationOutcome, _ name: String, _ method: String
    ) async throws(ConnectionError) {
        switch outcome {
        case .failure(let failure): self.failedLogin(tag, failure, name, method)
        case .success(let identity, let record): try await self.enter(tag, identity.user, record, method)
        }
    }

    /// Opens the account of a user who has authenticated.
    private func enter(
        _ tag: Tag, _ user: String, _ record: UserRecord, _ method: String
    ) async throws(ConnectionError) {
        let limit = self.settings.userAddressConnections
        guard self.connection.authenticated(user: user, limit: limit) else {
            self.logRefusedLogin(
                user, method, "more connections of user and address than mail_max_userip_connections=\(limit)",
                .warning)
            self.write { $0.tagged(tag, .no, .limit, "Too many connections from your address") }
            return
        }
        do throws(StoreError) {
            let account = try await self.options.accounts.open(record)
            self.account = account
            self.home = self.options.accounts.home(of: record)
            self.names = MailboxNames(account.namespaces)
            self.isAdministrator = ["yes", "y", "true", "1"].contains(record.fields["admin"]?.lowercased() ?? "")
            self.knowsOverQuota = account.quotaNow.isOver
        } catch {
            self.logRefusedLogin(user, method, "mail account cannot be opened: \(error.description)", .error)
            self.write { $0.tagged(tag, .no, .unavailable, "The mail account cannot be opened now") }
            // The connection counts as the user's by now and has no login deadline any more.
            self.end(.unavailable, "The mail account cannot be opened now")
            return
        }
        self.user = user
        self.machine.loggedIn()
        self.parser.limits = self.settings.commandLimits
        self.connection.inactivityTimeout = self.settings.inactivityTimeout
        self.logLogin(user, method)
        self.write { $0.tagged(tag, .ok, .capability(self.capabilities), "Logged in") }
    }

    private func failedLogin(
        _ tag: Tag, _ failure: AuthenticationFailure, _ name: String, _ method: String
    ) {
        switch failure.code {
        case .credentials:
            self.write { $0.tagged(tag, .no, .authenticationFailed, "Authentication failed") }
        case .authorization:
            self.write { $0.tagged(tag, .no, .authorizationFailed, "Authorization failed") }
        case .userDisabled:
            self.write {
                $0.tagged(tag, .no, .contactAdmin, text: failure.message ?? "This account is disabled")
            }
        case .passwordExpired:
            self.write { $0.tagged(tag, .no, .expired, text: failure.message ?? "The password has expired") }
        case .malformedResponse:
            self.write { $0.tagged(tag, .bad, "Invalid authentication response") }
        case .unknownMechanism:
            self.write { $0.tagged(tag, .no, .cannot, "Unsupported authentication mechanism") }
        case .cancelled:
            self.write { $0.tagged(tag, .bad, "Authentication cancelled") }
        case .temporary:
            self.write { $0.tagged(tag, .no, .unavailable, "Temporary authentication failure") }
        }
        self.logFailedLogin(name, method, failure)
        if self.loginLog.hasNoAttemptsLeft {
            self.end(.authenticationFailed, "Too many failed logins")
        }
    }
}
