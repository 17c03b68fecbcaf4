/// One password on its way through the chain of password databases.
struct PasswordCheck: Sendable {
    let query: AuthQuery
    let password: [UInt8]
    /// The database that is asked next.
    var index = 0
    /// What the databases so far said; the reply when none accepts.
    var failure: AuthenticationFailure?
    /// Why, for the log.
    var reason = "unknown user"
    /// Whether a failed reply goes out at once (`nodelay`).
    var answersAtOnce = false

    init(query: AuthQuery, password: [UInt8]) {
        self.query = query
        self.password = password
    }

    /// Notes that one database refused. A temporary failure outweighs the others: the user may be right.
    mutating func refuse(_ failure: AuthenticationFailure, _ reason: String) {
        self.index += 1
        self.reason = reason
        if self.failure == nil || self.failure?.code == .credentials || failure.code == .temporary {
            self.failure = failure
        }
    }

    /// What to do after a step.
    enum Step: Sendable {
        case accepted(AcceptedPassword)
        case refused(AuthenticationFailure)
        /// The next step waits for a slow hash or database: take it on a pool thread.
        case wouldBlock
        /// A PAM worker has to answer.
        case pam(service: String, user: String)
    }
}

/// A password that was found right, and what its database said.
struct AcceptedPassword: Hashable, Sendable {
    var user: String
    var fields: [String: String]
    var userFields: [String: String]
}

/// Whether the caller's thread may wait.
enum Waiting: Sendable {
    case allowed
    case forbidden
}
