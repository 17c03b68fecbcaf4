import MailCore
import SASLCore

/// The way of one authentication.
extension AuthServiceLoop {
    /// Starts the exchange, at once or when a penalty is over.
    func begin(_ serial: UInt64) {
        guard var attempt = self.attempts[serial], case .penalised(let response) = attempt.phase else {
            return
        }
        attempt.phase = .moving
        attempt.started = self.now
        let action = attempt.exchange.received(response)
        self.attempts[serial] = attempt
        self.perform(action, serial)
    }

    /// Goes on with the client's response to a challenge.
    func respond(_ serial: UInt64, _ response: [UInt8]) {
        guard var attempt = self.attempts[serial] else { return }
        if case .finishing(let accepted, _) = attempt.phase {
            // Nothing is left to say to the last data.
            guard response.isEmpty else {
                return self.fail(serial, AuthenticationFailure(.malformedResponse, message: "Invalid response"))
            }
            attempt.phase = .accepted(accepted)
            self.attempts[serial] = attempt
            return self.accept(serial, attempt, accepted)
        }
        attempt.phase = .moving
        let action = attempt.exchange.received(response)
        self.attempts[serial] = attempt
        self.perform(action, serial)
    }

    func perform(_ action: SASLAction, _ serial: UInt64) {
        guard let attempt = self.attempts[serial] else { return }
        switch action {
        case .challenge(let challenge):
            self.attempts[serial]?.phase = .awaitingClient(deadline: self.clientDeadline)
            self.challenge(attempt, challenge)
        case .ask(.password(let credentials)):
            self.check(credentials, serial)
        case .ask(.keys(let identity)):
            self.deriveKeys(identity, serial)
        case .ask(.token(let token)):
            self.check(token, serial)
        case .done(let data):
            self.done(serial, attempt, data)
        case .fail(.refused):
            if let refusal = attempt.refusal { return self.fail(serial, refusal) }
            guard let candidate = attempt.candidate else {
                return self.fail(serial, AuthenticationFailure(.credentials))
            }
            self.refuse(serial, attempt, candidate)
        case .fail(.malformed):
            self.fail(serial, AuthenticationFailure(.malformedResponse, message: "Invalid response"))
        case .fail(.unexpected):
            self.fail(serial, AuthenticationFailure(.credentials, message: "Unexpected continuation"))
        }
    }

    private func check(_ credentials: SASLCredentials, _ serial: UInt64) {
        guard let attempt = self.attempts[serial],
            let user = self.user(credentials.authenticationIdentity, as: credentials.authorizationIdentity, serial)
        else { return }
        var check = PasswordCheck(
            query: AuthQuery(user: user, request: attempt.request), password: credentials.password)
        let step = attempt.verifier.advance(&check, waiting: .forbidden)
        self.step(serial, check, step)
    }

    /// Does what a step of the password's check asks for.
    func step(_ serial: UInt64, _ check: PasswordCheck, _ step: PasswordCheck.Step) {
        guard var attempt = self.attempts[serial] else { return }
        switch step {
        case .accepted(let accepted):
            if !attempt.isFreeOfPenalty { self.penalties.succeeded(attempt.request.remoteAddress) }
            attempt.user = accepted.user
            attempt.phase = .accepted(accepted)
            let action = attempt.exchange.answered(.accepted)
            self.attempts[serial] = attempt
            self.perform(action, serial)
        case .refused(let failure):
            if failure.code == .credentials, !attempt.isFreeOfPenalty {
                self.penalties.failed(
                    attempt.request.remoteAddress, user: check.query.user, password: check.password,
                    now: self.now)
            }
            // The mechanism has nothing to add: `failure` says more than its `.refused`.
            _ = self.attempts[serial]?.exchange.answered(.refused)
            if check.answersAtOnce || failure.code == .temporary {
                self.fail(serial, failure)
            } else {
                self.hold(serial, failure)
            }
        case .wouldBlock:
            self.attempts[serial]?.phase = .verifying(check, pamService: "")
            let verifier = attempt.verifier
            let mailbox = self.mailbox
            let isTaken = self.pool.submit {
                var check = check
                let step = verifier.advance(&check, waiting: .allowed)
                mailbox.post(.verified(serial: serial, check, step))
            }
            if !isTaken { self.fail(serial, AuthenticationFailure(.temporary)) }
        case .pam(let service, let user):
            self.attempts[serial]?.phase = .verifying(check, pamService: service)
            let job = PAMWorkerSet.Job(
                token: serial, service: service, user: user,
                remoteAddress: check.query.request.remoteAddress, password: check.password)
            self.take(self.workers.submit(job, self.configuration))
        }
    }

    func accept(_ serial: UInt64, _ attempt: AuthAttempt, _ accepted: AcceptedPassword) {
        switch attempt.answer {
        case .bare:
            self.end(serial, Self.okReply(attempt, accepted, record: nil))
        case .withRecord:
            if accepted.fields["nologin"] != nil {
                self.log(.info, "\(self.label("auth", attempt)): login refused: nologin")
                return self.hold(
                    serial, AuthenticationFailure(.userDisabled, message: accepted.fields["reason"]))
            }
            var query = AuthQuery(
                user: accepted.user, request: attempt.request, prefetched: accepted.userFields)
            // The issuer of a token has users of whom nobody here knows.
            query.isAuthenticated = !attempt.isByToken
            if let lookup = attempt.verifier.resolve(query, waiting: .forbidden) {
                return self.resolved(serial, lookup)
            }
            let verifier = attempt.verifier
            let mailbox = self.mailbox
            let isTaken = self.pool.submit { [query] in
                mailbox.post(
                    .resolved(serial: serial, verifier.resolve(query, waiting: .allowed) ?? .temporary("")))
            }
            if !isTaken { self.fail(serial, AuthenticationFailure(.temporary)) }
        }
    }

    /// Ends a login with the record that the user databases gave.
    func resolved(_ serial: UInt64, _ lookup: UserLookup) {
        guard let attempt = self.attempts[serial], case .accepted(let accepted) = attempt.phase else {
            return
        }
        switch lookup {
        case .found(let record):
            var accepted = accepted
            accepted.user = record.user
            self.end(serial, Self.okReply(attempt, accepted, record: record))
        case .notFound where attempt.isByToken:
            self.log(.info, "\(self.label("oauth2", attempt)): login failed: no user database knows the user")
            self.hold(serial, AuthenticationFailure(.credentials))
        case .notFound:
            self.log(
                .error, "\(self.label("userdb", attempt)): user logged in, but no user database knows it")
            self.fail(serial, AuthenticationFailure(.temporary))
        case .temporary:
            self.fail(serial, AuthenticationFailure(.temporary))
        }
    }

    private static func okReply(
        _ attempt: AuthAttempt, _ accepted: AcceptedPassword, record: UserRecord?
    ) -> [UInt8] {
        var reply = AuthLineWriter()
        reply.begin("OK")
        reply.field(attempt.id)
        reply.field("user", accepted.user)
        reply.fields(accepted.fields.filter { $0.key != "pass" && $0.key != "resp" })
        if let data = attempt.successData {
            reply.field("resp", String(decoding: Base64.encode(data), as: UTF8.self))
        }
        record?.write(to: &reply, prefix: "userdb_")
        reply.end()
        return reply.take()
    }

    /// Fails, with the reply held back: guessing is slow, and an unknown user takes as long as a slow hash.
    func hold(_ serial: UInt64, _ failure: AuthenticationFailure) {
        guard let attempt = self.attempts[serial] else { return }
        let release = attempt.started + self.configuration.failureDelay
        guard self.now < release else { return self.fail(serial, failure) }
        self.attempts[serial]?.phase = .held(
            reply: Self.failReply(attempt.id, failure, user: attempt.user))
        self.timers.insert(.release(serial: serial), at: release)
    }

    /// Fails at once.
    func fail(_ serial: UInt64, _ failure: AuthenticationFailure) {
        guard let attempt = self.attempts[serial] else { return }
        self.end(serial, Self.failReply(attempt.id, failure, user: attempt.user))
    }

    /// Sends the last reply; the client may use the id again.
    func end(_ serial: UInt64, _ reply: [UInt8]) {
        guard let attempt = self.forget(serial) else { return }
        self.connections[attempt.connection]?.open[attempt.id] = nil
        self.send(attempt.connection, reply)
    }

    /// Takes an attempt out of all tables but its connection's.
    @discardableResult
    func forget(_ serial: UInt64) -> AuthAttempt? {
        guard let attempt = self.attempts.removeValue(forKey: serial) else { return nil }
        if let key = attempt.penaltyKey, let count = self.openByAddress[key] {
            self.openByAddress[key] = count > 1 ? count - 1 : nil
        }
        return attempt
    }

    /// Ends an attempt that its client gave up.
    func abandon(_ serial: UInt64) {
        self.workers.cancel(serial)
        if let attempt = self.forget(serial) { self.noteGivenUp(attempt) }
    }

    /// Who has keys made and then proves nothing costs as much as one who guesses.
    func noteGivenUp(_ attempt: AuthAttempt) {
        guard case .awaitingClient = attempt.phase, let candidate = attempt.candidate else { return }
        self.log(.info, "\(self.label("auth", attempt)): login failed: given up before the proof")
        guard !attempt.isFreeOfPenalty else { return }
        self.penalties.failed(
            attempt.request.remoteAddress, user: candidate.check.query.user, password: randomBytes(8), now: self.now)
    }

    func label(_ driver: String, _ attempt: AuthAttempt) -> String {
        Verifier.label(driver, AuthQuery(user: attempt.user ?? "?", request: attempt.request))
    }
}
