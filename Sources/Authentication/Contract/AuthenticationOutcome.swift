/// How an authentication ended.
public enum AuthenticationOutcome: Hashable, Sendable {
    case success(Identity, UserRecord)
    case failure(AuthenticationFailure)
}

/// Who authenticated.
public struct Identity: Hashable, Sendable {
    /// The user's canonical name, after `auth_username_format` and what the password database changed.
    public var user: String
    /// What the password database said besides, such as `nodelay`; `userdb_*` fields are in the record.
    public var fields: [String: String]
    /// The mechanism's last data (before base64), for a protocol that sends them with its success; `nil` without.
    public var successData: [UInt8]?

    public init(user: String, fields: [String: String] = [:], successData: [UInt8]? = nil) {
        self.user = user
        self.fields = fields
        self.successData = successData
    }
}

/// Why an authentication failed.
public struct AuthenticationFailure: Error, Hashable, Sendable {
    public enum Code: Hashable, Sendable, CaseIterable {
        /// No such user or a wrong password: which of both is secret.
        case credentials
        /// The user may not act as the identity asked for.
        case authorization
        /// The account exists and the password may be right, but nobody may log in to it now.
        case userDisabled
        case passwordExpired
        /// The client's response was not base64 or broke the mechanism's grammar.
        case malformedResponse
        case unknownMechanism
        /// The client gave up.
        case cancelled
        /// The same attempt may succeed later: a database or the auth process did not answer.
        case temporary
    }

    public var code: Code
    /// A text of the administrator for the client, or `nil`.
    public var message: String?

    public init(_ code: Code, message: String? = nil) {
        self.code = code
        self.message = message
    }
}

extension AuthenticationFailure {
    /// The reason in the words that log readers know: `auth failed` is what a guesser gets.
    public var logText: String {
        switch self.code {
        case .temporary: "internal failure"
        case .cancelled: "authentication aborted"
        case .credentials, .authorization, .userDisabled, .passwordExpired, .malformedResponse, .unknownMechanism:
            "auth failed"
        }
    }
}
