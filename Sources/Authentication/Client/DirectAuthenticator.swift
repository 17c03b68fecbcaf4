public import SASLCore

/// Asks the databases in this process, without the auth role: for the command line while the daemon is stopped.
///
/// Blocks its caller for as long as a hash or PAM takes, so never in a server. There are no delays and penalties:
/// who may run it can read the files as well.
public struct DirectAuthenticator: Authenticator {
    private let verifier: Verifier

    public init(
        configuration: AuthConfiguration, log: @escaping @Sendable (AuthLogLevel, String) -> Void
    ) {
        self.verifier = Verifier(configuration: configuration, log: log)
    }

    public func authenticate(
        _ request: AuthenticationRequest, mechanism: SASLMechanismName, initialResponse: [UInt8]?,
        answer: (_ challenge: [UInt8]) async -> SASLClientReply
    ) async -> AuthenticationOutcome {
        guard let mechanism = self.verifier.configuration.mechanisms[mechanism] else {
            return .failure(AuthenticationFailure(.unknownMechanism))
        }
        var exchange = mechanism.begin()
        var accepted: AcceptedPassword?
        var action = exchange.received(initialResponse)
        while true {
            switch action {
            case .challenge(let challenge):
                switch await answer(challenge) {
                case .response(let response): action = exchange.received(response)
                case .malformed: return .failure(AuthenticationFailure(.malformedResponse))
                case .cancelled: return .failure(AuthenticationFailure(.cancelled))
                }
            case .ask(.password(let credentials)):
                switch self.check(credentials, request) {
                case .success(let found):
                    accepted = found
                    action = exchange.answered(.accepted)
                case .failure(let failure): return .failure(failure)
                }
            case .done:
                guard let accepted else { return .failure(AuthenticationFailure(.temporary)) }
                return self.conclude(accepted, request)
            case .fail(.malformed): return .failure(AuthenticationFailure(.malformedResponse))
            case .fail(.refused), .fail(.unexpected): return .failure(AuthenticationFailure(.credentials))
            }
        }
    }

    public func lookup(_ user: String, _ request: AuthenticationRequest) async -> UserLookup {
        guard let name = self.verifier.configuration.canonicalUser(user, request) else { return .notFound }
        return self.resolve(AuthQuery(user: name, request: request))
    }

    public func list(
        matching mask: String, _ request: AuthenticationRequest
    ) async throws(AuthenticationFailure) -> [String] {
        try self.verifier.list(matching: mask)
    }

    private func check(
        _ credentials: SASLCredentials, _ request: AuthenticationRequest
    ) -> Result<AcceptedPassword, AuthenticationFailure> {
        let configuration = self.verifier.configuration
        guard let user = configuration.canonicalUser(credentials.authenticationIdentity, request) else {
            return .failure(AuthenticationFailure(.credentials))
        }
        if let other = credentials.authorizationIdentity, configuration.canonicalUser(other, request) != user {
            return .failure(AuthenticationFailure(.authorization))
        }
        var check = PasswordCheck(
            query: AuthQuery(user: user, request: request), password: credentials.password)
        var step = self.verifier.advance(&check, waiting: .allowed)
        while true {
            switch step {
            case .accepted(let accepted): return .success(accepted)
            case .refused(let failure): return .failure(failure)
            case .wouldBlock: step = self.verifier.advance(&check, waiting: .allowed)
            case .pam(let service, let name):
                let answer = PAMLogin.run(
                    service: service, user: name, remoteAddress: request.remoteAddress,
                    password: credentials.password)
                step = self.verifier.advance(&check, answer: answer, service: service)
            }
        }
    }

    private func conclude(
        _ accepted: AcceptedPassword, _ request: AuthenticationRequest
    ) -> AuthenticationOutcome {
        guard accepted.fields["nologin"] == nil else {
            return .failure(AuthenticationFailure(.userDisabled, message: accepted.fields["reason"]))
        }
        let query = AuthQuery(user: accepted.user, request: request, prefetched: accepted.userFields)
        switch self.resolve(query) {
        case .found(let record):
            return .success(Identity(user: record.user, fields: accepted.fields), record)
        case .notFound, .temporary:
            return .failure(AuthenticationFailure(.temporary))
        }
    }

    private func resolve(_ query: AuthQuery) -> UserLookup {
        self.verifier.resolve(query, waiting: .allowed) ?? .temporary("user database did not answer")
    }
}
