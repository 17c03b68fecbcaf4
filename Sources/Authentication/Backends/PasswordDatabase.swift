/// One question to the databases.
public struct AuthQuery: Hashable, Sendable {
    /// The user's name after `auth_username_format`.
    public var user: String
    public var request: AuthenticationRequest
    /// The `userdb_*` fields that the password database gave in this login, without their prefix.
    public var prefetched: [String: String]
    /// Whether a password database let the user in with this login, and so knows the user.
    public var isAuthenticated = false

    public init(user: String, request: AuthenticationRequest, prefetched: [String: String] = [:]) {
        self.user = user
        self.request = request
        self.prefetched = prefetched
    }

    /// The query under the name that a database knows.
    func keyed(_ format: VariableTemplate?) -> AuthQuery {
        guard let format else { return self }
        var query = self
        query.user = format.expand(self)
        return query
    }
}

/// Where passwords are (passdb). Runs in the auth role only.
public protocol PasswordDatabase: Sendable {
    /// The name of the driver for the log, such as `passwd-file`.
    var driver: String { get }
    /// Whether a lookup may wait longer than for a file in memory; it then runs on a pool thread.
    var mayBlock: Bool { get }
    func lookup(_ query: AuthQuery) -> PasswordLookup
    /// All users in the database's order; empty when it cannot list them. Throws when it did not answer.
    func knownUsers() throws(AuthenticationFailure) -> [String]
}

extension PasswordDatabase {
    public func knownUsers() throws(AuthenticationFailure) -> [String] { [] }
}

/// What a password database knows about a user.
public enum PasswordLookup: Hashable, Sendable {
    case found(PasswordEntry)
    case notFound
    /// Only PAM can tell, under this service name, in a worker process.
    case pam(service: String)
    /// The database did not answer; the text is for the log.
    case temporary(String)
}

/// One user of a password database.
public struct PasswordEntry: Hashable, Sendable {
    /// The stored form, with or without `{SCHEME}`; empty matches nothing unless `nopassword` is among the fields.
    public var password: String
    public var defaultScheme: PasswordScheme
    /// Extra fields; a bare key has an empty value.
    public var fields: [String: String]
    /// `userdb_*` fields without their prefix.
    public var userFields: [String: String]

    public init(
        password: String, defaultScheme: PasswordScheme = .crypt, fields: [String: String] = [:],
        userFields: [String: String] = [:]
    ) {
        self.password = password
        self.defaultScheme = defaultScheme
        self.fields = fields
        self.userFields = userFields
    }

    /// The field that says that the user's mail is on another server; `nil` for users of this one.
    var proxyField: String? { ["proxy", "proxy_maybe"].first { self.fields[$0] != nil } }
}

/// Where users are (userdb). Runs in the auth role only.
public protocol UserDatabase: Sendable {
    /// The name of the driver for the log, such as `static`.
    var driver: String { get }
    /// Whether a lookup may wait longer than for a file in memory; it then runs on a pool thread.
    var mayBlock: Bool { get }
    func lookup(_ query: AuthQuery) -> UserFieldLookup
    /// All users in the database's order; empty when it cannot list them. Throws when it did not answer.
    func users() throws(AuthenticationFailure) -> [String]
}

/// A user database's answer: fields as text, from which the service makes a `UserRecord`.
public enum UserFieldLookup: Hashable, Sendable {
    /// `uid` and `gid` may be names or missing; `user` renames.
    case found([String: String])
    case notFound
    case temporary(String)
}
