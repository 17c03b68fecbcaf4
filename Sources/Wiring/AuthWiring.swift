public import Authentication
import SASLCore
public import ServerConfig

/// A setting that no driver can use.
public struct WiringError: Error, Sendable {
    /// The setting's place and what is wrong, for administrators.
    public let text: String
}

extension AuthConfiguration {
    /// The databases and rules that the settings describe: the one place that names passdb and userdb drivers.
    ///
    /// `log` gets lines without a secret in them, on any thread.
    public init(
        _ settings: Settings, log: @escaping @Sendable (AuthLogLevel, String) -> Void
    ) throws(WiringError) {
        var passwords: [PasswordSource] = []
        for passdb in settings.passdbs { passwords.append(try Self.source(passdb, log)) }
        var users: [UserSource] = []
        for userdb in settings.userdbs { users.append(try Self.source(userdb, settings.mail, log)) }
        self.init(passwordDatabases: passwords, userDatabases: users)
        let auth = settings.auth
        let tokens = settings.tokens
        let discovery = BearerDiscovery(
            scope: tokens.scopes.first,
            configurationURL: tokens.configurationURL.isEmpty ? nil : tokens.configurationURL)
        self.mechanisms = SASLRegistry.all(discovery).selecting(
            auth.mechanisms.map { mechanism in
                switch mechanism {
                case .plain: .plain
                case .login: .login
                case .scramSHA1: .scramSHA1
                case .scramSHA1Plus: .scramSHA1Plus
                case .scramSHA256: .scramSHA256
                case .scramSHA256Plus: .scramSHA256Plus
                case .oauthBearer: .oauthBearer
                case .xoauth2: .xoauth2
                }
            })
        if !tokens.keyFile.isEmpty {
            self.tokens = TokenVerifier(
                keyFile: tokens.keyFile, issuers: tokens.issuers,
                audiences: tokens.audiences == ["*"] ? [] : tokens.audiences, scopes: tokens.scopes,
                userClaim: tokens.usernameAttribute, grace: Int(tokens.grace.components.seconds), log: log)
        }
        self.usernameFormat = try Self.template(auth.usernameFormat, "auth_username_format")
        self.usernameCharacters = auth.usernameCharacters
        // Bounded, since the service counts in milliseconds; above either nobody waits.
        self.failureDelay = Int(min(auth.failureDelay.components.seconds, 3600)) * 1000
        self.cacheLifetime = Int(min(auth.cacheTTL.components.seconds, 10 * 365 * 86_400))
        self.cacheSize = Int(clamping: auth.cacheSize / UInt64(Self.cacheEntryOctets))
        self.pamWorkers = max(1, auth.workerLimit)
    }

    /// About what one remembered password takes: the user's name, a MAC, a time, its place in a table.
    private static let cacheEntryOctets = 256

    private static func source(
        _ passdb: PassdbSettings, _ log: @escaping @Sendable (AuthLogLevel, String) -> Void
    ) throws(WiringError) -> PasswordSource {
        let place = "passdb \(passdb.name)"
        let database: any PasswordDatabase
        switch passdb.driver {
        case .passwdFile:
            guard let scheme = PasswordScheme(name: passdb.defaultScheme) else {
                throw WiringError(text: "\(place): password scheme \(passdb.defaultScheme) is unknown")
            }
            database = PasswdFileDatabase(
                path: try self.template(passdb.passwdFilePath, place), defaultScheme: scheme, log: log)
        case .pam:
            database = PAMPasswordDatabase(service: try self.template(passdb.pamServiceName, place))
        case .static: database = StaticPasswordDatabase(password: passdb.staticPassword)
        }
        return PasswordSource(
            database, use: passdb.isDenyList ? .deny : .accept,
            usernameFormat: try self.optional(passdb.usernameFormat, place),
            fields: try self.rules(passdb.fields, place))
    }

    private static func source(
        _ userdb: UserdbSettings, _ mail: MailSettings,
        _ log: @escaping @Sendable (AuthLogLevel, String) -> Void
    ) throws(WiringError) -> UserSource {
        let place = "userdb \(userdb.name)"
        var rules = try self.rules(userdb.fields, place)
        // A userdb that gives no ids means those of mail_uid and mail_gid.
        for (name, value) in [("uid", mail.uid), ("gid", mail.gid)]
        where !value.isEmpty && rules.defaults[name] == nil {
            rules.defaults[name] = VariableTemplate(constant: value)
        }
        let database: any UserDatabase
        switch userdb.driver {
        case .passwdFile:
            database = PasswdFileDatabase(path: try self.template(userdb.passwdFilePath, place), log: log)
        case .passwd: database = SystemUserDatabase()
        case .static: database = StaticUserDatabase(fields: rules.overrides)
        case .prefetch: database = PrefetchUserDatabase()
        }
        return UserSource(
            database,
            existence: userdb.driver == .static && !userdb.allowsAllUsers ? .passwordDatabases : .database,
            usernameFormat: try self.optional(userdb.usernameFormat, place), fields: rules)
    }

    private static func rules(_ fields: [FieldSetting], _ place: String) throws(WiringError) -> FieldRules {
        var rules = FieldRules()
        for field in fields {
            let template = try self.template(field.value, place)
            if field.name.hasSuffix(":default") {
                rules.defaults[String(field.name.dropLast(":default".count))] = template
            } else {
                rules.overrides[field.name] = template
            }
        }
        return rules
    }

    private static func optional(_ text: String, _ place: String) throws(WiringError) -> VariableTemplate? {
        text.isEmpty ? nil : try self.template(text, place)
    }

    private static func template(_ text: String, _ place: String) throws(WiringError) -> VariableTemplate {
        switch Expansion.parse(text) {
        case .success(let expansion): return VariableTemplate { value in expansion.expand(value) }
        case .failure(let problem): throw WiringError(text: "\(place): \(text): \(problem.text)")
        }
    }
}
