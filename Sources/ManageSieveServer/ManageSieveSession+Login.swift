import Accounts
import Authentication
import Glibc
import Logging
import Login
import MailCore
import MailStore
import ManageSieveCore
import SASLCore
import ServerConfig
import ServerCore

extension ManageSieveSession {
    /// AUTHENTICATE (RFC 5804 section 2.1).
    func authenticate(_ mechanism: String, _ initialResponse: [UInt8]?) async throws(ConnectionError) {
        let name = SASLMechanismName(mechanism)
        guard let name, self.mechanisms.contains(name.text) else {
            if !self.allowsPasswords || name?.sendsToken ?? false,
                self.settings.auth.mechanisms.contains(where: { $0.rawValue == mechanism.lowercased() })
            {
                self.reply(.no, .encryptNeeded, "Use STARTTLS first.")
                return
            }
            self.reply(.no, nil, "Unsupported authentication mechanism.")
            return
        }
        var initial: [UInt8]?
        if let initialResponse {
            guard let decoded = initialResponse.isEmpty ? [] : Base64.decode(initialResponse) else {
                self.reply(.no, nil, "Invalid base64 data in initial response.")
                return
            }
            initial = decoded
        }
        let outcome = try await self.options.authenticator.authenticate(
            on: self.connection, service: "sieve", mechanism: name, initialResponse: initial,
            successData: .inSuccess
        ) { challenge throws(ConnectionError) in
            try await self.exchange(challenge)
        }
        guard !self.isDone else { return }
        await self.received(outcome, method: name.text)
    }

    /// Sends a challenge and reads what the client says to it: a string in base64, or `"*"`.
    private func exchange(_ challenge: [UInt8]) async throws(ConnectionError) -> SASLClientReply {
        ManageSieveString.encode(Base64.encode(challenge), into: &self.connection.output)
        self.connection.write("\r\n")
        try await self.connection.flush()
        while true {
            // The response is read as the argument of a command would be.
            let found = self.connection.withInput { input -> ManageSieveScanner.Outcome in
                var line = Array("X ".utf8)
                for index in 0..<min(input.count, 16_384) { line.append(input[index]) }
                return ManageSieveScanner.scan(line.span, maximumLiteral: Self.maximumLiteralBeforeLogin)
            }
            switch found {
            case .needMore:
                guard self.connection.withInput({ $0.count }) < 16_384 else { fallthrough }
                try await self.connection.readMore()
            case .hopeless, .tooLarge:
                self.reply(.bye, nil, "Too long a response.")
                self.isDone = true
                return .cancelled
            case .bad(_, let consumed):
                self.connection.consume(max(0, consumed - 2))
                return .malformed
            case .command(_, let arguments, let consumed):
                self.connection.consume(max(0, consumed - 2))
                guard arguments.count == 1, case .string(let text) = arguments[0] else { return .malformed }
                if text == [UInt8(ascii: "*")] { return .cancelled }
                guard let response = text.isEmpty ? [] : Base64.decode(text) else { return .malformed }
                return .response(response)
            }
        }
    }

    private func received(_ outcome: AuthenticationOutcome, method: String) async {
        switch outcome {
        case .success(let identity, let record):
            self.open(record, identity.user, method: method, data: identity.successData)
        case .failure(let failure):
            self.reply(.no, failure.code == .temporary ? .tryLater : nil, failure.text)
            let line = self.loginLog.failed(
                user: "", method: method, why: failure.logText, fields: self.logFields)
            self.options.logger.info("\(line)")
            if self.loginLog.hasNoAttemptsLeft { self.isDone = true }
        }
    }

    /// Finds the scripts of a user whose password was right.
    ///
    /// - Parameter data: what the mechanism has for the client beside the success.
    private func open(_ record: UserRecord, _ user: String, method: String, data: [UInt8]?) {
        let limit = self.settings.limits.userAddressConnections
        guard self.connection.authenticated(user: user, limit: limit) else {
            self.reply(.bye, .tryLater, "Too many connections from your address.")
            let line = self.loginLog.refused(
                user: user, method: method,
                why: "more connections of user and address than mail_max_userip_connections=\(limit)",
                fields: self.logFields)
            self.options.logger.warning("\(line)")
            self.isDone = true
            return
        }
        do throws(StoreError) {
            guard let storage = self.options.storage(record) else {
                throw StoreError(.cannot, "user \(user): scripts need a home, and the userdb gives none")
            }
            self.login = Login(
                user: user, identity: try self.options.accounts.identity(of: record), storage: storage)
            self.connection.inactivityTimeout = .seconds(1800)
            let line = self.loginLog.succeeded(user: user, method: method, processID: getpid(), fields: self.logFields)
            self.options.logger.info("\(line)")
            self.reply(.ok, data.map { .sasl($0) }, "Logged in.")
        } catch {
            self.options.logger.error("\(self.label(user)): \(error)")
            self.reply(.bye, .tryLater, "Internal error occurred. Try again later.")
            self.isDone = true
        }
    }
}
