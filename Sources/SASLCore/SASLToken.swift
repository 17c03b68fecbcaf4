/// A bearer token (RFC 6750) as a mechanism received it.
public struct SASLToken: Hashable, Sendable {
    /// The identity to act as; `nil` when the client left it to the server. Never empty.
    public var authorizationIdentity: String?
    /// Printable characters of ASCII without a space; never empty.
    public var token: [UInt8]

    public init(authorizationIdentity: String?, token: [UInt8]) {
        self.authorizationIdentity = authorizationIdentity
        self.token = token
    }
}
