import SASLCore

/// Logins with a bearer token.
extension Verifier {
    /// What became of a token, and whose it claimed to be.
    struct TokenCheck: Sendable {
        /// For the log and the reply; `nil` while nobody is known.
        var user: String?
        var result: Result<AcceptedPassword, AuthenticationFailure>
        /// Whether a failed reply goes out at once (`nodelay`).
        var answersAtOnce = false
    }

    /// Whether `token` opens an account, and whose. Blocks for a read of files at most.
    ///
    /// The password databases have a say in it: their deny lists and fields (`user_disabled`, `allow_nets`, `nologin`, ...)
    /// hold for users with a token as well. A user need not be in any of them.
    func check(_ token: SASLToken, _ request: AuthenticationRequest) -> TokenCheck {
        let named = token.authorizationIdentity
        let claimed: String
        switch self.configuration.tokens?.verify(token.token) {
        case nil: return self.refused(named, request, AuthenticationFailure(.credentials), "no tokens are accepted")
        case .temporary(let text)?:
            self.log(.error, "\(Self.label("oauth2", AuthQuery(user: named ?? "?", request: request))): \(text)")
            return TokenCheck(user: nil, result: .failure(AuthenticationFailure(.temporary)))
        case .refused(let text)?:
            return self.refused(named, request, AuthenticationFailure(.credentials), "the token \(text)")
        case .user(let name)?: claimed = name
        }
        guard let user = self.configuration.canonicalUser(claimed, request) else {
            return self.refused(
                named, request, AuthenticationFailure(.credentials), "the token's name has characters that are not allowed")
        }
        if let named, self.configuration.canonicalUser(named, request) != user {
            return self.refused(
                user, request, AuthenticationFailure(.authorization), "\(user) may not act as another user")
        }
        return self.admit(AuthQuery(user: user, request: request))
    }

    /// Asks the password databases about a user whose token is right.
    private func admit(_ query: AuthQuery) -> TokenCheck {
        var check = PasswordCheck(query: query, password: [])
        while check.index < self.configuration.passwordDatabases.count {
            let source = self.configuration.passwordDatabases[check.index]
            switch (source.database.lookup(query.keyed(source.usernameFormat)), source.use) {
            case (.notFound, _), (.pam, _): check.index += 1
            case (.temporary(let text), _):
                // Who is disabled there must not get in because it cannot be read.
                self.log(.error, "\(self.label(check)): \(text)")
                return TokenCheck(user: query.user, result: .failure(AuthenticationFailure(.temporary)))
            case (.found, .deny):
                return self.refused(
                    query.user, query.request, AuthenticationFailure(.credentials), "user is in a deny list")
            case (.found(var entry), .accept):
                guard self.complete(&entry, source, query) else {
                    return self.refused(
                        query.user, query.request, AuthenticationFailure(.credentials),
                        "the name would lead out of a directory")
                }
                guard entry.fields["noauthenticate"] == nil else {
                    check.index += 1
                    continue
                }
                // No password is asked for.
                entry.fields["pass_expired"] = nil
                check.answersAtOnce = entry.fields["nodelay"] != nil
                if let accepted = self.admit(entry, &check) {
                    return TokenCheck(user: accepted.user, result: .success(accepted))
                }
                return self.refused(
                    query.user, query.request, check.failure ?? AuthenticationFailure(.credentials), check.reason,
                    atOnce: check.answersAtOnce)
            }
        }
        return TokenCheck(
            user: query.user, result: .success(AcceptedPassword(user: query.user, fields: [:], userFields: [:])))
    }

    private func refused(
        _ user: String?, _ request: AuthenticationRequest, _ failure: AuthenticationFailure, _ reason: String,
        atOnce: Bool = false
    ) -> TokenCheck {
        let query = AuthQuery(user: user ?? "?", request: request)
        self.log(.info, "\(Self.label("oauth2", query)): login failed: \(reason)")
        return TokenCheck(user: user, result: .failure(failure), answersAtOnce: atOnce)
    }
}
