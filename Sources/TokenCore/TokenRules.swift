/// What the claims of a token have to say (RFC 7519 section 4.1) before it opens anything.
package struct TokenRules: Hashable, Sendable {
    /// The issuers whose tokens count (`iss`).
    package var issuers: [String]
    /// Of these a token has to be for one (`aud`); empty accepts those for anybody.
    package var audiences: [String]
    /// All of these it has to allow (`scope`, or `scp`).
    package var scopes: [String]
    /// The claim that is the user's name.
    package var userClaim: String
    /// Seconds by which clocks may differ.
    package var grace: Int

    /// As the properties of these names.
    package init(issuers: [String], audiences: [String], scopes: [String], userClaim: String, grace: Int) {
        self.issuers = issuers
        self.audiences = audiences
        self.scopes = scopes
        self.userClaim = userClaim
        self.grace = grace
    }

    /// Whose token it is, as the issuer calls the user; never empty.
    ///
    /// - Parameter now: seconds since 1970.
    package func user(of claims: [String: JSONValue], at now: Int64) throws(TokenError) -> String {
        let now = Double(now)
        let grace = Double(self.grace)
        guard case .number(let expiration)? = claims["exp"] else { throw TokenError("never expires") }
        guard now < expiration + grace else { throw TokenError("has expired") }
        for (name, meaning) in [("nbf", "is not valid yet"), ("iat", "was issued in the future")] {
            switch claims[name] {
            case nil: break
            case .number(let time)? where time <= now + grace: break
            case _?: throw TokenError(meaning)
            }
        }
        guard let issuer = claims["iss"]?.string, self.issuers.contains(where: { isSame($0, issuer) }) else {
            throw TokenError("is of another issuer (\(TokenText.printable(claims["iss"]?.string ?? "none")))")
        }
        if !self.audiences.isEmpty {
            let audiences = claims["aud"]?.strings ?? []
            guard audiences.contains(where: { named in self.audiences.contains { isSame($0, named) } }) else {
                throw TokenError(
                    audiences.first.map { "is for another service (\(TokenText.printable($0)))" }
                        ?? "names no service in aud")
            }
        }
        let scopes = Self.scopes(of: claims)
        for scope in self.scopes where !scopes.contains(where: { isSame($0, scope) }) {
            throw TokenError("does not allow the scope \(scope)")
        }
        guard let user = claims[self.userClaim]?.string, !user.isEmpty else {
            throw TokenError("has no claim \(self.userClaim) that could be the user's name")
        }
        // Whoever may choose an address at the issuer could choose somebody else's.
        if self.userClaim == "email" {
            switch claims["email_verified"] {
            case nil, .boolean(true)?, .string("true")?: break
            case _?: throw TokenError("has an address that its issuer has not verified")
            }
        }
        return user
    }

    /// Words of `scope` (RFC 9068 section 2.2.3), or of `scp`, which some issuers write in its place.
    private static func scopes(of claims: [String: JSONValue]) -> [String] {
        let texts = (claims["scope"] ?? claims["scp"])?.strings ?? []
        return texts.flatMap { $0.split(separator: " ").map(String.init) }
    }
}

/// Whether two texts are the same octet by octet, as RFC 7519 section 7.3 compares them: `==` takes composed and decomposed
/// letters for the same.
func isSame(_ one: String, _ other: String) -> Bool { one.utf8.elementsEqual(other.utf8) }
