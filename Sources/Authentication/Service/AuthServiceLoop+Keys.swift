import MailCore
import SASLCore

/// Exchanges that compare keys themselves (SCRAM), and what a mechanism says at its end.
extension AuthServiceLoop {
    /// When a client that is asked now has to have answered.
    var clientDeadline: Ticks { self.now + self.configuration.exchangeTimeout * 1000 }

    func challenge(_ attempt: AuthAttempt, _ challenge: [UInt8]) {
        var reply = AuthLineWriter()
        reply.begin("CONT")
        reply.field(attempt.id)
        reply.field(Base64.encode(challenge))
        reply.end()
        self.send(attempt.connection, reply.take())
    }

    /// The canonical name of who wants to log in; `nil` when the login failed by it.
    func user(_ typed: String, as other: String?, _ serial: UInt64) -> String? {
        guard let attempt = self.attempts[serial] else { return nil }
        let configuration = attempt.verifier.configuration
        guard let user = configuration.canonicalUser(typed, attempt.request) else {
            self.log(
                .info,
                "\(self.label("auth", attempt)): login failed: the name \(LoggedName.text(typed)) is not allowed, see auth_username_chars"
            )
            self.hold(serial, AuthenticationFailure(.credentials))
            return nil
        }
        self.attempts[serial]?.user = user
        // Acting as somebody else needs master users.
        if let other, configuration.canonicalUser(other, attempt.request) != user {
            self.log(
                .info,
                "\(self.label("auth", attempt)): login failed: \(LoggedName.text(user)) may not act as another user")
            self.hold(serial, AuthenticationFailure(.authorization))
            return nil
        }
        return user
    }

    /// Has a pool thread find the keys.
    func deriveKeys(_ identity: SCRAMIdentity, _ serial: UInt64) {
        guard let user = self.user(identity.authenticationIdentity, as: identity.authorizationIdentity, serial),
            let attempt = self.attempts[serial]
        else { return }
        self.attempts[serial]?.phase = .derivingKeys
        let query = AuthQuery(user: user, request: attempt.request)
        let verifier = attempt.verifier
        let mailbox = self.mailbox
        let isTaken = self.pool.submit {
            mailbox.post(.keys(serial: serial, verifier.keys(query, identity.hash)))
        }
        if !isTaken { self.fail(serial, AuthenticationFailure(.temporary)) }
    }

    func received(_ lookup: Verifier.KeyLookup, _ serial: UInt64) {
        guard var attempt = self.attempts[serial], case .derivingKeys = attempt.phase else { return }
        switch lookup {
        case .temporary: self.fail(serial, AuthenticationFailure(.temporary))
        case .found(let candidate):
            attempt.candidate = candidate
            let action = attempt.exchange.answered(.keys(candidate.keys))
            self.attempts[serial] = attempt
            self.perform(action, serial)
        }
    }

    /// The client's proof did not fit.
    func refuse(_ serial: UInt64, _ attempt: AuthAttempt, _ candidate: Verifier.Candidate) {
        let failure = attempt.verifier.refuse(candidate)
        if !attempt.isFreeOfPenalty {
            // Each try counts: two proofs of one password have nothing in common.
            self.penalties.failed(
                attempt.request.remoteAddress, user: candidate.check.query.user, password: randomBytes(8),
                now: self.now)
        }
        if candidate.check.answersAtOnce { self.fail(serial, failure) } else { self.hold(serial, failure) }
    }

    /// The exchange is over and the client authenticated.
    func done(_ serial: UInt64, _ attempt: AuthAttempt, _ data: [UInt8]?) {
        let accepted: AcceptedPassword
        if case .accepted(let password) = attempt.phase {
            accepted = password
        } else if let candidate = attempt.candidate {
            switch attempt.verifier.admit(candidate) {
            case .success(let found): accepted = found
            case .failure(let failure): return self.hold(serial, failure)
            }
            if !attempt.isFreeOfPenalty { self.penalties.succeeded(attempt.request.remoteAddress) }
        } else {
            return self.fail(serial, AuthenticationFailure(.temporary))
        }
        var attempt = attempt
        attempt.user = accepted.user
        attempt.phase = .accepted(accepted)
        switch (data, attempt.request.successData) {
        case (let data?, .asChallenge):
            attempt.phase = .finishing(accepted, deadline: self.clientDeadline)
            self.attempts[serial] = attempt
            self.challenge(attempt, data)
        case (nil, .asChallenge), (_, .inSuccess):
            attempt.successData = data
            self.attempts[serial] = attempt
            self.accept(serial, attempt, accepted)
        }
    }
}
