import Accounts
import Authentication
import Glibc
import Logging
import Login
import MailCore
import MailStore
import NIOCore
import POP3Core
import SASLCore
import ServerConfig
import ServerCore

extension POP3Session {
    /// USER and PASS.
    func checkPassword(user: String, password: [UInt8]) async throws(ConnectionError) {
        let outcome = try await self.options.authenticator.authenticate(
            on: self.connection, service: "pop3", user: user, password: password)
        await self.received(outcome, method: "PLAIN", claimed: user)
    }

    /// AUTH (RFC 5034).
    ///
    /// ```
    /// C: AUTH PLAIN
    /// S: +
    /// C: dGVzdAB0ZXN0AHRlc3Q=
    /// S: +OK Logged in.
    /// ```
    func authenticate(_ mechanism: String, _ initialResponse: [UInt8]?) async throws(ConnectionError) {
        let name = SASLMechanismName(mechanism)
        guard let name, self.mechanisms.contains(name.text) else {
            self.state.refused()
            let waitsForTLS =
                name?.sendsToken ?? false
                && self.settings.auth.mechanisms.contains { $0.rawValue == mechanism.lowercased() }
            self.reply(waitsForTLS ? POP3SessionState.needsTLS : .error("Unsupported authentication mechanism."))
            return
        }
        let outcome = try await self.options.authenticator.authenticate(
            on: self.connection, service: "pop3", mechanism: name, initialResponse: initialResponse
        ) { challenge throws(ConnectionError) in
            try await self.exchange(challenge)
        }
        guard !self.isDone else { return }
        await self.received(outcome, method: name.text, claimed: nil)
    }

    /// Sends a challenge and reads what the client says to it.
    private func exchange(_ challenge: [UInt8]) async throws(ConnectionError) -> SASLClientReply {
        self.connection.write("+ ")
        self.connection.write(Base64.encode(challenge))
        self.connection.write("\r\n")
        try await self.connection.flush()
        while true {
            let found = self.connection.withInput { POP3Line.find(in: $0, limit: POP3Line.maximumResponse) }
            switch found {
            case .needMore: try await self.connection.readMore()
            case .tooLong:
                self.reply(.error("Line too long."))
                self.isDone = true
                return .cancelled
            case .line(let length, let consumed):
                let line = self.connection.withInput { input in (0..<length).map { input[$0] } }
                self.connection.consume(consumed)
                if line == [UInt8(ascii: "*")] { return .cancelled }
                guard let response = Base64.decode(line) else { return .malformed }
                return .response(response)
            }
        }
    }

    private func received(_ outcome: AuthenticationOutcome, method: String, claimed: String?) async {
        switch outcome {
        case .success(let identity, let record):
            await self.open(record, identity.user, method: method)
        case .failure(let failure):
            self.state.refused()
            self.reply(Self.response(to: failure))
            let line = self.loginLog.failed(
                user: claimed ?? "", method: method, why: failure.logText, fields: self.logFields)
            self.options.logger.info("\(line)")
            if self.loginLog.hasNoAttemptsLeft { self.isDone = true }
        }
    }

    private static func response(to failure: AuthenticationFailure) -> POP3Response {
        switch failure.code {
        case .credentials, .authorization, .userDisabled, .passwordExpired: .error(.auth, failure.text)
        case .malformedResponse, .unknownMechanism, .cancelled: .error(failure.text)
        case .temporary: .error(.temporary, failure.text)
        }
    }

    /// Opens INBOX for a user whose password was right.
    private func open(_ record: UserRecord, _ user: String, method: String) async {
        let limit = self.settings.limits.userAddressConnections
        guard self.connection.authenticated(user: user, limit: limit) else {
            self.reply(.error(.inUse, "Too many connections from your address."))
            let line = self.loginLog.refused(
                user: user, method: method,
                why: "more connections of user and address than mail_max_userip_connections=\(limit)",
                fields: self.logFields)
            self.options.logger.warning("\(line)")
            self.isDone = true
            return
        }
        self.user = user
        do throws(StoreError) {
            let account = try await self.options.accounts.open(record)
            let mailbox = try await account.open(.inbox, .readWrite, onChange: {})
            self.mailbox = mailbox
            let snapshot = MessageOrder(mailbox.snapshot(), orders: try await mailbox.pop3Orders())
            self.snapshot = snapshot
            var sizes: [UInt32] = []
            sizes.reserveCapacity(snapshot.count)
            for index in 0..<snapshot.count { sizes.append(snapshot[index].size) }
            self.state.loggedIn(sizes: sizes)
            self.connection.inactivityTimeout = self.settings.pop3.inactivityTimeout
            let line = self.loginLog.succeeded(
                user: user, method: method, processID: getpid(), fields: self.logFields)
            self.options.logger.info("\(line)")
            self.reply(.ok("Logged in."))
        } catch {
            self.options.logger.error(
                "\(self.label): Opening INBOX failed: \(error)")
            self.state.refused()
            self.reply(.error(.temporary, "Internal error occurred. Try again later."))
            self.isDone = true
        }
    }
}
