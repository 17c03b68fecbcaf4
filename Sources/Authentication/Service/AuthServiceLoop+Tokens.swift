import SASLCore

/// Exchanges with a bearer token.
extension AuthServiceLoop {
    /// Has a pool thread find out whose token it is: signatures take a tenth of a millisecond.
    func check(_ token: SASLToken, _ serial: UInt64) {
        guard let attempt = self.attempts[serial] else { return }
        self.attempts[serial]?.phase = .checkingToken
        let verifier = attempt.verifier
        let request = attempt.request
        let mailbox = self.mailbox
        let isTaken = self.pool.submit {
            mailbox.post(.token(serial: serial, token, verifier.check(token, request)))
        }
        if !isTaken { self.fail(serial, AuthenticationFailure(.temporary)) }
    }

    func received(_ token: SASLToken, _ check: Verifier.TokenCheck, _ serial: UInt64) {
        guard var attempt = self.attempts[serial], case .checkingToken = attempt.phase else { return }
        attempt.user = check.user
        attempt.phase = .moving
        let action: SASLAction
        switch check.result {
        case .success(let accepted):
            if !attempt.isFreeOfPenalty { self.penalties.succeeded(attempt.request.remoteAddress) }
            attempt.phase = .accepted(accepted)
            attempt.isByToken = true
            action = attempt.exchange.answered(.accepted)
        case .failure(let failure) where failure.code == .temporary:
            self.attempts[serial] = attempt
            return self.fail(serial, failure)
        case .failure(let failure):
            if check.isGuess, !attempt.isFreeOfPenalty {
                self.penalties.failed(
                    attempt.request.remoteAddress, user: check.user ?? "", password: token.token, now: self.now)
            }
            attempt.refusal = failure
            // The client learns with the challenge that it failed, and need not wait for the reply.
            let release = attempt.started + (check.answersAtOnce ? 0 : self.configuration.failureDelay)
            guard release <= self.now else {
                attempt.phase = .heldRefusal
                self.attempts[serial] = attempt
                return self.timers.insert(.refuse(serial: serial), at: release)
            }
            action = attempt.exchange.answered(.refused)
        }
        self.attempts[serial] = attempt
        self.perform(action, serial)
    }

    /// Tells the client that its token is refused.
    func refuse(_ serial: UInt64) {
        guard var attempt = self.attempts[serial], case .heldRefusal = attempt.phase else { return }
        attempt.phase = .moving
        let action = attempt.exchange.answered(.refused)
        self.attempts[serial] = attempt
        self.perform(action, serial)
    }
}
