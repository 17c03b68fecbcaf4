/// Who may log in, and how.
public struct AuthSettings: Sendable, Equatable {
    /// Whether passwords may cross an unencrypted connection that is not from this machine.
    public var allowsCleartext = false
    /// Mechanisms offered, in that order.
    public var mechanisms: [AuthMechanism] = [.plain, .login]
    /// What a login name becomes before it is looked up; unexpanded.
    public var usernameFormat = "%{user | lower}"
    /// Characters that a login name may hold; empty for all.
    public var usernameCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01234567890.-_@+"
    /// How long the answer to a wrong password is held back.
    public var failureDelay: Duration = .seconds(2)
    /// Octets for remembering passwords that were found right; 0 switches the cache off.
    public var cacheSize: UInt64 = 10 << 20
    /// How long a right password is remembered.
    public var cacheTTL: Duration = .seconds(3600)
    /// Worker processes for lookups that block, such as PAM.
    public var workerLimit = 10

    public init() {}
}

/// A SASL mechanism that this release has.
public enum AuthMechanism: String, SettingChoice {
    case plain, login
    case scramSHA1 = "scram-sha-1"
    case scramSHA1Plus = "scram-sha-1-plus"
    case scramSHA256 = "scram-sha-256"
    case scramSHA256Plus = "scram-sha-256-plus"
    case oauthBearer = "oauthbearer"
    case xoauth2

    /// Whether it needs `TokenSettings`.
    var takesTokens: Bool { self == .oauthBearer || self == .xoauth2 }
}

/// One place where passwords are checked.
public struct PassdbSettings: Sendable, Equatable {
    public var name: String
    public var driver: PassdbDriver = .passwdFile
    /// `passwd-file`: the file; unexpanded.
    public var passwdFilePath = ""
    /// The scheme of passwords without a `{SCHEME}`; upper case.
    public var defaultScheme = "CRYPT"
    /// `pam`: the file in /etc/pam.d.
    public var pamServiceName = "martlet"
    /// `static`: the password of every user; unexpanded.
    public var staticPassword = ""
    /// `passwd-file`: whoever is in it may not log in.
    public var isDenyList = false
    /// What replaces `AuthSettings.usernameFormat` here; empty for that one. Unexpanded.
    public var usernameFormat = ""
    /// Extra fields of every answer; unexpanded, in the order of the files. A name that ends in `:default`
    /// yields to what the driver itself says.
    public var fields: [FieldSetting] = []

    public init(name: String) { self.name = name }
}

/// What a passdb asks.
public enum PassdbDriver: String, SettingChoice {
    case passwdFile = "passwd-file"
    case pam
    case `static`
}

/// One place that knows users' ids and homes.
public struct UserdbSettings: Sendable, Equatable {
    public var name: String
    public var driver: UserdbDriver = .passwdFile
    /// `passwd-file`: the file; unexpanded.
    public var passwdFilePath = ""
    /// As in `PassdbSettings`.
    public var usernameFormat = ""
    /// `static`: all there is to know (`uid`, `gid`, `home`, `mail_path`); elsewhere as in `PassdbSettings`.
    public var fields: [FieldSetting] = []
    /// `static`: users exist although no passdb that could tell knows them.
    public var allowsAllUsers = false

    public init(name: String) { self.name = name }
}

/// What a userdb asks.
public enum UserdbDriver: String, SettingChoice {
    case passwdFile = "passwd-file"
    /// The system's users.
    case passwd
    case `static`
    /// The `userdb_` fields that the passdb gave.
    case prefetch
}

/// One extra field of a passdb or userdb.
public struct FieldSetting: Sendable, Equatable {
    public var name: String
    public var value: String

    public init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}
