public import SASLCore

/// Asks the databases in this process, without the auth role: for the command line while the daemon is stopped.
///
/// Blocks its caller for as long as a hash or PAM takes, so never in a server. There are no delays and penalties:
/// who may run it can read the files as well.
public struct DirectAuthenticator: Authenticator {
    let verifier: Verifier

    public init(
        configuration: AuthConfiguration, log: @escaping @Sendable (AuthLogLevel, String) -> Void
    ) {
        self.verifier = Verifier(configuration: configuration, log: log)
    }

    public func authenticate(
        _ request: AuthenticationRequest, mechanism: SASLMechanismName, initialResponse: [UInt8]?,
        answer: (_ challenge: [UInt8]) async -> SASLClientReply
    ) async -> AuthenticationOutcome {
        let mechanisms = self.verifier.configuration.mechanisms
        guard let mechanism = mechanisms[mechanism] else {
            return .failure(AuthenticationFailure(.unknownMechanism))
        }
        var exchange = mechanism.begin(on: mechanisms.channel(request.channelBindings))
        var accepted: AcceptedPassword?
        var isByToken = false
        var candidate: Verifier.Candidate?
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
            case .ask(.keys(let identity)):
                switch self.keys(identity, request) {
                case .success(let found):
                    candidate = found
                    action = exchange.answered(.keys(found.keys))
                case .failure(let failure): return .failure(failure)
                }
            case .ask(.token(let token)):
                let check = self.verifier.check(token, request)
                isByToken = true
                switch check.result {
                case .success(let found):
                    accepted = found
                    action = exchange.answered(.accepted)
                case .failure(let failure): return .failure(failure)
                }
            case .done(let data):
                if let candidate {
                    switch self.verifier.admit(candidate) {
                    case .success(let found): accepted = found
                    case .failure(let failure): return .failure(failure)
                    }
                }
                guard let accepted else { return .failure(AuthenticationFailure(.temporary)) }
                if let data, request.successData == .asChallenge {
                    switch await answer(data) {
                    case .response([]): break
                    case .response, .malformed: return .failure(AuthenticationFailure(.malformedResponse))
                    case .cancelled: return .failure(AuthenticationFailure(.cancelled))
                    }
                }
                var query = AuthQuery(user: accepted.user, request: request, prefetched: accepted.userFields)
                // The issuer of a token has users of whom nobody here knows.
                query.isAuthenticated = !isByToken
                return self.conclude(accepted, query, data)
            case .fail(.malformed): return .failure(AuthenticationFailure(.malformedResponse))
            case .fail(.refused):
                return .failure(candidate.map { self.verifier.refuse($0) } ?? AuthenticationFailure(.credentials))
            case .fail(.unexpected): return .failure(AuthenticationFailure(.credentials))
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
        let user: String
        switch self.user(credentials.authenticationIdentity, as: credentials.authorizationIdentity, request) {
        case .success(let name): user = name
        case .failure(let failure): return .failure(failure)
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

    private func keys(
        _ identity: SCRAMIdentity, _ request: AuthenticationRequest
    ) -> Result<Verifier.Candidate, AuthenticationFailure> {
        switch self.user(identity.authenticationIdentity, as: identity.authorizationIdentity, request) {
        case .success(let user):
            switch self.verifier.keys(AuthQuery(user: user, request: request), identity.hash) {
            case .found(let candidate): return .success(candidate)
            case .temporary: return .failure(AuthenticationFailure(.temporary))
            }
        case .failure(let failure): return .failure(failure)
        }
    }

    /// The canonical name, unless it is none or wants to act as another.
    private func user(
        _ typed: String, as other: String?, _ request: AuthenticationRequest
    ) -> Result<String, AuthenticationFailure> {
        let configuration = self.verifier.configuration
        guard let user = configuration.canonicalUser(typed, request) else {
            return .failure(AuthenticationFailure(.credentials))
        }
        if let other, configuration.canonicalUser(other, request) != user {
            return .failure(AuthenticationFailure(.authorization))
        }
        return .success(user)
    }

    private func conclude(
        _ accepted: AcceptedPassword, _ query: AuthQuery, _ data: [UInt8]?
    ) -> AuthenticationOutcome {
        guard accepted.fields["nologin"] == nil else {
            return .failure(AuthenticationFailure(.userDisabled, message: accepted.fields["reason"]))
        }
        switch self.resolve(query) {
        case .found(let record):
            let sent = query.request.successData == .inSuccess ? data : nil
            return .success(Identity(user: record.user, fields: accepted.fields, successData: sent), record)
        case .notFound, .temporary:
            return .failure(AuthenticationFailure(.temporary))
        }
    }

    private func resolve(_ query: AuthQuery) -> UserLookup {
        self.verifier.resolve(query, waiting: .allowed) ?? .temporary("user database did not answer")
    }
}

extension SASLRegistry {
    /// The channel for an exchange with one of these mechanisms.
    func channel(_ bindings: [String: [UInt8]]) -> SASLChannel {
        SASLChannel(
            bindings: bindings,
            offersBinding: !bindings.isEmpty && self.mechanisms.contains { $0.name.bindsChannel })
    }
}
