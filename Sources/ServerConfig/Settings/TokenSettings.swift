/// Which bearer tokens open a mailbox (OAUTHBEARER, XOAUTH2).
public struct TokenSettings: Sendable, Equatable {
    /// The issuers' keys, a JSON Web Key Set; absolute, or empty for none.
    public var keyFile = ""
    /// Whose tokens count (`iss`).
    public var issuers: [String] = []
    /// For one of these a token has to be (`aud`); `*` alone is any.
    public var audiences: [String] = []
    /// All of these it has to have (`scope`).
    public var scopes: [String] = []
    /// The claim with the user's name.
    public var usernameAttribute = "email"
    /// Where clients find their way to a token; a URL, or empty.
    public var configurationURL = ""
    /// By how much clocks may differ.
    public var grace: Duration = .seconds(60)

    public init() {}
}
