/// The server's side of one authentication exchange: events in, actions out.
///
/// The driver feeds `received` with what the client sent and carries out the action; an `.ask` is answered
/// through `answered`. After `.done` or `.fail` the exchange is over and answers every event with `.fail`.
public protocol SASLExchange: Sendable {
    /// A response of the client. `nil` only as the first event: there was no initial response. An empty one (`=` in
    /// IMAP and POP3) is one: a mechanism in which the client speaks first fails it where it needs more.
    mutating func received(_ response: [UInt8]?) -> SASLAction

    /// The verifier's answer to the question that the last `.ask` put.
    mutating func answered(_ answer: SASLAnswer) -> SASLAction
}

/// What the driver of an exchange does next.
public enum SASLAction: Hashable, Sendable {
    /// Send this challenge (before base64) and wait for the client's response.
    case challenge([UInt8])
    /// Have the verifier answer this, then call `answered`.
    case ask(SASLQuestion)
    /// The client is authenticated. `serverData` goes along with the success where the protocol can carry it.
    case done(serverData: [UInt8]?)
    case fail(SASLFailure)
}

/// What a mechanism needs to know from the user database.
public enum SASLQuestion: Hashable, Sendable {
    /// Whether this password is the user's.
    case password(SASLCredentials)
    /// The user's keys for SCRAM.
    case keys(SCRAMIdentity)
    /// Whose token this is, and whether it opens anything.
    case token(SASLToken)
}

/// A verifier's answer to a `SASLQuestion`.
public enum SASLAnswer: Hashable, Sendable {
    case accepted
    case refused
    /// What is stored of the user's password; made up where there is nothing, so that nobody learns who is a user.
    /// Accepts nobody yet: the exchange does that.
    case keys(SCRAMKeys)
}

/// Why an exchange failed.
public enum SASLFailure: Hashable, Sendable {
    /// The client's message breaks the mechanism's grammar or limits.
    case malformed
    /// The verifier refused.
    case refused
    /// An event came that the exchange's state does not allow.
    case unexpected
}

/// A user name and password as a mechanism received them.
public struct SASLCredentials: Hashable, Sendable {
    /// The identity to act as; `nil` when the client left it to the server.
    public var authorizationIdentity: String?
    /// The identity whose password this is; never empty.
    public var authenticationIdentity: String
    /// Octets without NUL; never empty.
    public var password: [UInt8]

    public init(authorizationIdentity: String?, authenticationIdentity: String, password: [UInt8]) {
        self.authorizationIdentity = authorizationIdentity
        self.authenticationIdentity = authenticationIdentity
        self.password = password
    }

    /// The longest identity or password in octets. RFC 4616 section 2 asks for 255.
    public static let maximumLength = 1024
}

/// Who wants to log in by SCRAM. Names are prepared by `SASLPrep` and never empty.
public struct SCRAMIdentity: Hashable, Sendable {
    /// The identity to act as; `nil` when the client left it to the server.
    public var authorizationIdentity: String?
    /// The identity whose keys are asked for.
    public var authenticationIdentity: String
    public var hash: SCRAMHash

    public init(authorizationIdentity: String?, authenticationIdentity: String, hash: SCRAMHash) {
        self.authorizationIdentity = authorizationIdentity
        self.authenticationIdentity = authenticationIdentity
        self.hash = hash
    }
}

/// What a client answers to a challenge, after the protocol's base64 is undone.
public enum SASLClientReply: Hashable, Sendable {
    case response([UInt8])
    /// Not base64.
    case malformed
    /// The client gave up (`*`), or its connection closed.
    case cancelled
}
