/// Who exists where a user database has an answer for every name (`userdb static`): whom the password databases know.
extension Verifier {
    enum Existence: Hashable, Sendable {
        case exists
        case unknown
        /// A database did not answer; the text is for the log.
        case temporary(String)
        /// A lookup would have to wait and must not.
        case wouldBlock
    }

    /// Asks those that can tell without a password. Whom none of them knows exists where none can tell (PAM and the issuers
    /// of tokens say nothing of names), and where PAM's users are in no user database: their mail is not to be bounced.
    func existence(of query: AuthQuery, waiting: Waiting) -> Existence {
        var trouble: String?
        var isTold = false
        var isPartly = false
        for source in self.configuration.passwordDatabases where source.use == .accept {
            if source.database.mayBlock, case .forbidden = waiting { return .wouldBlock }
            switch source.database.lookup(query.keyed(source.usernameFormat)) {
            case .found: return .exists
            case .notFound: isTold = true
            case .pam: isPartly = !self.hasOtherUsers
            case .temporary(let text): trouble = "\(source.database.driver): \(text)"
            }
        }
        // Who may be in the one that is silent must not be bounced.
        if let trouble { return .temporary(trouble) }
        return isTold && !isPartly ? .unknown : .exists
    }

    /// Whether users of PAM are found elsewhere.
    private var hasOtherUsers: Bool {
        self.configuration.userDatabases.contains { ["passwd", "passwd-file"].contains($0.database.driver) }
    }

    func usersOfPasswordDatabases() throws(AuthenticationFailure) -> [String] {
        var names: [String] = []
        for source in self.configuration.passwordDatabases where source.use == .accept {
            names += try source.database.knownUsers()
        }
        return names
    }
}
