import MailCore

/// What a client is told that has no token which is accepted: where to get one (RFC 7628 section 3.2.2).
public struct BearerDiscovery: Hashable, Sendable {
    /// The scope to ask for; `nil` for none.
    public var scope: String?
    /// URL of the issuer's OpenID Provider Configuration; `nil` when it is not told.
    public var configurationURL: String?

    public init(scope: String? = nil, configurationURL: String? = nil) {
        self.scope = scope
        self.configurationURL = configurationURL
    }

    /// What a refused client of a mechanism gets as a challenge, in JSON.
    func refusal(_ form: BearerExchange.Form) -> [UInt8] {
        var members: [(name: String, value: String)]
        switch form {
        case .oauthBearer: members = [("status", "invalid_token")]
        // The status of HTTP, which clients of XOAUTH2 look at.
        case .xoauth2: members = [("status", "401"), ("schemes", "bearer")]
        }
        if let scope { members.append(("scope", scope)) }
        if let configurationURL, form == .oauthBearer { members.append(("openid-configuration", configurationURL)) }
        var out: [UInt8] = []
        for member in members {
            out.append(UInt8(ascii: out.isEmpty ? "{" : ","))
            JSONString.append(member.name.utf8, to: &out)
            out.append(UInt8(ascii: ":"))
            JSONString.append(member.value.utf8, to: &out)
        }
        return out + [UInt8(ascii: "}")]
    }
}
