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
        /// Whether it counts against the address: what a known issuer signed is stale or of somebody else, but no guess.
        var isGuess = false
    }

    /// Whether `token` opens an account, and whose. Blocks for a read of files at most.
    ///
    /// The password databases have a say in it: their deny lists and fields (`user_disabled`, `allow_nets`, `nologin`, ...)
    /// hold for users with a token as well. A user need not be in any of them.
    func check(_ token: SASLToken, _ request: AuthenticationRequest) -> TokenCheck {
        let named = token.authorizationIdentity.flatMap { self.configuration.canonicalUser($0, request) }
        if let typed = token.authorizationIdentity, named == nil {
            return self.refused(
                nil, request, AuthenticationFailure(.credentials),
                "the name \(LoggedName.text(typed)) is not allowed, see auth_username_chars")
        }
        let claimed: String
        switch self.configuration.tokens?.verify(token.token) {
        case nil: return self.refused(named, request, AuthenticationFailure(.credentials), "no tokens are accepted")
        case .temporary(let text)?:
            self.log(.error, "\(Self.label("oauth2", AuthQuery(user: named ?? "?", request: request))): \(text)")
            return TokenCheck(user: nil, result: .failure(AuthenticationFailure(.temporary)))
        case .refused(let text, let isSigned)?:
            var check = self.refused(named, request, AuthenticationFailure(.credentials), "the token \(text)")
            check.isGuess = !isSigned
            return check
        case .user(let name)?: claimed = name
        }
        guard let user = self.configuration.canonicalUser(claimed, request) else {
            return self.refused(
                named, request, AuthenticationFailure(.credentials),
                "the token's name \(LoggedName.text(claimed)) is not allowed, see auth_username_chars")
        }
        if let named, named != user {
            return self.refused(
                user, request, AuthenticationFailure(.authorization),
                "\(LoggedName.text(user)) may not act as \(LoggedName.text(named))")
        }
        return self.admit(AuthQuery(user: user, request: request))
    }

    /// Asks the password databases about a user whose token is right. PAM does not say whom it knows: what the configuration
    /// adds to its answers holds for everybody whom no database behind it has.
    private func admit(_ query: AuthQuery) -> TokenCheck {
        var check = PasswordCheck(query: query, password: [])
        var byPAM: AcceptedPassword?
        while check.index < self.configuration.passwordDatabases.count {
            let source = self.configuration.passwordDatabases[check.index]
            switch (source.database.lookup(query.keyed(source.usernameFormat)), source.use) {
            case (.notFound, _), (.pam, .deny): check.index += 1
            case (.pam, .accept):
                switch self.admit(PasswordEntry(password: ""), source, &check) {
                case .success(let accepted): byPAM = byPAM ?? accepted
                case .failure(let refusal): return refusal
                case .onlyForLookups: break
                }
                check.index += 1
            case (.temporary(let text), _):
                // Who is disabled there must not get in because it cannot be read.
                self.log(.error, "\(self.label(check)): \(text)")
                return TokenCheck(user: query.user, result: .failure(AuthenticationFailure(.temporary)))
            case (.found, .deny):
                return self.refused(
                    query.user, query.request, AuthenticationFailure(.credentials), "user is in a deny list")
            case (.found(let entry), .accept):
                switch self.admit(entry, source, &check) {
                case .success(let accepted): return TokenCheck(user: accepted.user, result: .success(accepted))
                case .failure(let refusal): return refusal
                case .onlyForLookups: check.index += 1
                }
            }
        }
        let accepted = byPAM ?? AcceptedPassword(user: query.user, fields: [:], userFields: [:])
        return TokenCheck(user: accepted.user, result: .success(accepted))
    }

    private enum Admission {
        case success(AcceptedPassword)
        case failure(TokenCheck)
        /// Nobody logs in by this database (`noauthenticate`).
        case onlyForLookups
    }

    /// Applies what one database and the configuration say of a user.
    private func admit(_ entry: PasswordEntry, _ source: PasswordSource, _ check: inout PasswordCheck) -> Admission {
        let query = check.query
        var entry = entry
        guard self.complete(&entry, source, query) else {
            return .failure(
                self.refused(
                    query.user, query.request, AuthenticationFailure(.credentials),
                    "the name would lead out of a directory"))
        }
        guard entry.fields["noauthenticate"] == nil else { return .onlyForLookups }
        // No password is asked for.
        entry.fields["pass_expired"] = nil
        let index = check.index
        if let accepted = self.admit(entry, &check) { return .success(accepted) }
        check.index = index
        return .failure(
            self.refused(
                query.user, query.request, check.failure ?? AuthenticationFailure(.credentials), check.reason,
                atOnce: entry.fields["nodelay"] != nil))
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
