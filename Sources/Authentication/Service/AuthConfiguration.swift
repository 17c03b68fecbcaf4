public import MailCore
public import SASLCore

/// Everything the auth role does by setting: a plain value that the daemon fills from its configuration.
public struct AuthConfiguration: Sendable {
    /// What is offered, in this order (`auth_mechanisms`).
    public var mechanisms = SASLRegistry.builtIn
    /// Asked in order until one accepts.
    public var passwordDatabases: [PasswordSource]
    /// Says whose bearer tokens are, for OAUTHBEARER and XOAUTH2; `nil` accepts none.
    public var tokens: TokenVerifier?
    /// Asked in order until one knows the user.
    public var userDatabases: [UserSource]
    /// Makes the canonical name from what was typed (`auth_username_format`); `nil` keeps it.
    public var usernameFormat: VariableTemplate?
    /// Characters that a typed name may hold (`auth_username_chars`); empty allows all but those that no name may hold,
    /// see `canonicalUser`.
    public var usernameCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01234567890.-_@+"
    /// Appended after `@` to names without a domain (`auth_default_domain`).
    public var defaultDomain: String?
    /// Whether schemes with `isWeak` are accepted (`auth_allow_weak_schemes`).
    public var allowsWeakSchemes = false
    /// Milliseconds from a request to its failed reply, at least (`auth_failure_delay`).
    public var failureDelay = 2000
    /// Addresses that wait no longer after failures: those that many users share.
    public var penaltyExempt = [IPNetwork("127.0.0.0/8"), IPNetwork("::1")].compactMap { $0 }
    /// Seconds for which a verified slow hash need not be computed again; 0 never remembers.
    public var cacheLifetime = 3600
    /// As `cacheLifetime` for PAM, whose modules then do not see every login.
    public var pamCacheLifetime = 0
    /// Verified passwords remembered at most.
    public var cacheSize = 10_000
    /// Threads for slow hashes and blocking databases. A reload does not change their number.
    public var poolThreads = 4
    /// PAM worker processes at most.
    public var pamWorkers = 20
    /// Seconds after which a PAM worker is killed and its login fails as temporary.
    public var pamTimeout = 60
    /// Logins that one PAM worker serves before another takes its place; modules leak.
    public var pamWorkerRequests = 100
    /// Starts a PAM worker.
    public var launchWorker: AuthWorkerLauncher = .spawn(["/proc/self/exe", "--role=auth-worker"])
    /// Seconds that a client may take for its response in an exchange.
    public var exchangeTimeout = 150

    public init(passwordDatabases: [PasswordSource], userDatabases: [UserSource]) {
        self.passwordDatabases = passwordDatabases
        self.userDatabases = userDatabases
        self.usernameFormat = VariableTemplate { ($0("user") ?? "").lowercased() }
    }

    /// The canonical form of a name as typed; `nil` when it holds a character that is not allowed, begins with a dot,
    /// is empty, or longer than 255 octets.
    package func canonicalUser(_ typed: String, _ request: AuthenticationRequest) -> String? {
        guard (1...255).contains(typed.utf8.count), typed.utf8.first != UInt8(ascii: "."),
            typed.unicodeScalars.allSatisfy(Self.mayBeInAnyName)
        else { return nil }
        if !self.usernameCharacters.isEmpty {
            let allowed = self.usernameCharacters.unicodeScalars
            for scalar in typed.unicodeScalars where !allowed.contains(scalar) { return nil }
        }
        var user = typed
        if let domain = self.defaultDomain, !domain.isEmpty, !user.contains("@") { user += "@" + domain }
        if let format = self.usernameFormat {
            user = format.expand(AuthQuery(user: user, request: request))
        }
        return user.isEmpty ? nil : user
    }
}

extension AuthConfiguration {
    /// Whether a name may hold it where the settings allow it: names become levels of paths, lines of logs, and parts of
    /// the names of accounts, which `:` joins (`namespace:USER:NAME`).
    private static func mayBeInAnyName(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029: false
        default: scalar != "/" && scalar != ":"
        }
    }
}

/// One password database in its place in the chain.
public struct PasswordSource: Sendable {
    public enum Use: Hashable, Sendable {
        /// A match lets the user in.
        case accept
        /// Users found here are refused whatever their password.
        case deny
    }

    public var database: any PasswordDatabase
    public var use: Use
    /// Makes the name by which the database knows the user; `nil` for the canonical one.
    public var usernameFormat: VariableTemplate?
    public var fields: FieldRules

    public init(
        _ database: any PasswordDatabase, use: Use = .accept, usernameFormat: VariableTemplate? = nil,
        fields: FieldRules = FieldRules()
    ) {
        self.database = database
        self.use = use
        self.usernameFormat = usernameFormat
        self.fields = fields
    }
}

/// One user database in its place in the chain.
public struct UserSource: Sendable {
    /// Who says whether a user exists whom nobody has logged in as.
    public enum Existence: Hashable, Sendable {
        /// The database itself.
        case database
        /// The password databases, as far as they can tell: the database has an answer for every name.
        case passwordDatabases
    }

    public var database: any UserDatabase
    public var existence: Existence
    /// Makes the name by which the database knows the user; `nil` for the canonical one.
    public var usernameFormat: VariableTemplate?
    public var fields: FieldRules

    public init(
        _ database: any UserDatabase, existence: Existence = .database, usernameFormat: VariableTemplate? = nil,
        fields: FieldRules = FieldRules()
    ) {
        self.database = database
        self.existence = existence
        self.usernameFormat = usernameFormat
        self.fields = fields
    }
}

/// Extra fields that the configuration adds to a database's answers.
public struct FieldRules: Sendable {
    /// For users for whom the database gives none (`fields { home:default = ... }`).
    public var defaults: [String: VariableTemplate]
    /// In place of the database's.
    public var overrides: [String: VariableTemplate]

    public init(
        defaults: [String: VariableTemplate] = [:], overrides: [String: VariableTemplate] = [:]
    ) {
        self.defaults = defaults
        self.overrides = overrides
    }

    /// `false` when a value would lead out of the directory its template means.
    func apply(to fields: inout [String: String], _ query: AuthQuery) -> Bool {
        guard !self.defaults.isEmpty || !self.overrides.isEmpty else { return true }
        let missing = self.defaults.filter { fields[$0.key] == nil }
        return Self.fill(&fields, missing, query) && Self.fill(&fields, self.overrides, query)
    }

    private static func fill(
        _ fields: inout [String: String], _ templates: [String: VariableTemplate], _ query: AuthQuery
    ) -> Bool {
        // home first: others may refer to it.
        if let template = templates["home"] {
            guard let home = template.expandPath(query) else { return false }
            fields["home"] = home
        }
        for (key, template) in templates where key != "home" {
            guard let value = template.expandPath(query, home: fields["home"]) else { return false }
            fields[key] = value
        }
        return true
    }
}
