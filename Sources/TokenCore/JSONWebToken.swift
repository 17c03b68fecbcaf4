/// A JSON Web Token (RFC 7519) in the compact form of RFC 7515 section 3.1: `header.claims.signature`, each in base64url.
///
/// Nothing in it is true before the signature was found right.
package struct JSONWebToken: Hashable, Sendable {
    /// Octets at most: what fits into a line of each protocol that carries one.
    package static let maximumLength = 8192

    /// How the header says that it is signed.
    package let algorithm: SigningAlgorithm
    /// Which key signed it (`kid`); `nil` when it does not say.
    package let keyID: String?
    /// What it says, by name (RFC 7519 section 4).
    package let claims: [String: JSONValue]
    /// Not empty.
    package let signature: [UInt8]
    /// What the signature is of, as it came.
    package let signed: [UInt8]

    /// Reads a token without looking at its signature. The error says in what it is none, or of a kind that is not taken.
    package init(_ text: [UInt8]) throws(TokenError) {
        guard text.count <= Self.maximumLength else { throw TokenError("is longer than \(Self.maximumLength) octets") }
        let parts = text.split(separator: UInt8(ascii: "."), maxSplits: 5, omittingEmptySubsequences: false)
        guard parts.count == 3 else {
            throw TokenError(
                parts.count == 5 ? "is encrypted; only signed ones can be read" : "is not a JSON Web Token in compact form")
        }
        let header = try Self.object(parts[0], "a header that is")
        guard let name = header["alg"]?.string else { throw TokenError("does not say how it is signed") }
        guard let algorithm = SigningAlgorithm(rawValue: name) else {
            throw TokenError("is signed in a way that is not accepted (\(TokenText.printable(name)))")
        }
        // What has to be understood and is not (RFC 7515 section 4.1.11).
        guard header["crit"] == nil, header["b64"] == nil else { throw TokenError("uses an extension that is not known") }
        if let type = header["typ"] {
            guard let type = type.string, Self.isAccepted(type: type) else {
                throw TokenError("is not an access token (\(TokenText.printable(type.string ?? "?")))")
            }
        }
        if let id = header["kid"] {
            guard let id = id.string else { throw TokenError("has a key ID that is no text") }
            self.keyID = id
        } else {
            self.keyID = nil
        }
        guard let signature = Base64URL.decode(parts[2]), !signature.isEmpty else { throw TokenError("has no signature") }
        self.algorithm = algorithm
        self.claims = try Self.object(parts[1], "claims that are")
        self.signature = signature
        self.signed = Array(text[..<parts[1].endIndex])
    }

    /// `JWT`, and what RFC 9068 section 2.1 calls access tokens. An ID token of OpenID Connect is a `JWT`, too: what it lacks
    /// is the audience and the scope.
    private static func isAccepted(type: String) -> Bool {
        ["jwt", "at+jwt", "application/jwt", "application/at+jwt"].contains(type.lowercased())
    }

    private static func object(_ part: ArraySlice<UInt8>, _ what: String) throws(TokenError) -> [String: JSONValue] {
        guard let text = Base64URL.decode(part) else { throw TokenError("has \(what) not base64url") }
        guard case .object(let members) = try JSONValue(text) else { throw TokenError("has \(what) no object") }
        return members
    }
}
