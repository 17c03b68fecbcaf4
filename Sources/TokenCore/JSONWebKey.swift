/// A key with which tokens are verified (RFC 7517 section 4).
package struct JSONWebKey: Hashable, Sendable {
    /// What the library of cryptography needs of it.
    package enum Material: Hashable, Sendable {
        /// Big-endian (RFC 7518 section 6.3.1).
        case rsa(modulus: [UInt8], exponent: [UInt8])
        /// Coordinates of the curve's size (RFC 7518 section 6.2.1).
        case elliptic(EllipticCurve, x: [UInt8], y: [UInt8])
        /// The 32 octets of an Ed25519 key (RFC 8037 section 2).
        case ed25519([UInt8])
        /// A secret shared with the issuer (RFC 7518 section 6.4).
        case secret([UInt8])
    }

    /// `kid`
    package let id: String?
    /// The only algorithm that it is for (`alg`); `nil` for all of its kind.
    package let algorithm: SigningAlgorithm?
    /// Of a length that its kind allows; whether a point is on its curve is not looked at.
    package let material: Material

    /// Whether tokens of `algorithm` may be verified with it: the key decides what a token can claim of itself.
    package func serves(_ algorithm: SigningAlgorithm) -> Bool {
        guard self.algorithm == nil || self.algorithm == algorithm else { return false }
        switch (self.material, algorithm.family) {
        case (.rsa, .rsa), (.rsa, .rsaPSS), (.ed25519, .edDSA): return true
        case (.elliptic(let curve, _, _), .ecdsa(let wanted)): return curve == wanted
        // A shorter key is easier to guess than the hash (RFC 7518 section 3.2).
        case (.secret(let octets), .hmac): return octets.count * 8 >= algorithm.hashBits ?? 0
        case (.rsa, _), (.elliptic, _), (.ed25519, _), (.secret, _): return false
        }
    }

    /// Whether it may have signed `token`, as far as the header says.
    package func maySign(_ token: JSONWebToken) -> Bool {
        self.serves(token.algorithm) && (token.keyID.map { wanted in self.id.map { isSame($0, wanted) } ?? false } ?? true)
    }

    /// The reason that `object` is no such key is the error's.
    fileprivate init(_ object: [String: JSONValue]) throws(TokenError) {
        self.id = object["kid"]?.string
        if let use = object["use"], use.string != "sig" { throw TokenError("is not for signatures") }
        if let operations = object["key_ops"] {
            guard operations.strings?.contains("verify") == true else { throw TokenError("is not for verifying") }
        }
        if let name = object["alg"] {
            guard let algorithm = name.string.flatMap(SigningAlgorithm.init) else {
                throw TokenError("is for an algorithm that is not known")
            }
            self.algorithm = algorithm
        } else {
            self.algorithm = nil
        }
        switch object["kty"]?.string {
        case "RSA":
            let modulus = try Self.octets(object, "n").drop { $0 == 0 }
            let exponent = try Self.octets(object, "e").drop { $0 == 0 }
            let bits = modulus.count * 8 - (modulus.first?.leadingZeroBitCount ?? 0)
            guard (2048...16384).contains(bits) else {
                throw TokenError("has \(bits) bits; an RSA key needs 2048 to 16384")
            }
            // With an exponent of 1 everything is its own signature.
            guard modulus.last.map({ $0 & 1 }) == 1, exponent.last.map({ $0 & 1 }) == 1, exponent != [1] else {
                throw TokenError("is no RSA key")
            }
            self.material = .rsa(modulus: Array(modulus), exponent: Array(exponent))
        case "EC":
            guard let curve = object["crv"]?.string.flatMap(EllipticCurve.init) else {
                throw TokenError("is of a curve that is not known")
            }
            let (x, y) = (try Self.octets(object, "x"), try Self.octets(object, "y"))
            guard x.count == curve.size, y.count == curve.size else { throw TokenError("has no point of its curve") }
            self.material = .elliptic(curve, x: x, y: y)
        case "OKP":
            guard object["crv"]?.string == "Ed25519" else { throw TokenError("is of a curve that is not known") }
            let octets = try Self.octets(object, "x")
            guard octets.count == 32 else { throw TokenError("has no point of its curve") }
            self.material = .ed25519(octets)
        case "oct": self.material = .secret(try Self.octets(object, "k"))
        default: throw TokenError("is of a kind that is not known")
        }
    }

    private static func octets(_ object: [String: JSONValue], _ name: String) throws(TokenError) -> [UInt8] {
        guard let text = object[name]?.string, let octets = Base64URL.decode(text.utf8), !octets.isEmpty else {
            throw TokenError("has no \(name)")
        }
        return octets
    }
}

/// The keys of an issuer, as it publishes them (RFC 7517 section 5).
package struct JSONWebKeySet: Hashable, Sendable {
    /// Octets at most.
    package static let maximumLength = 1 << 20
    /// Keys at most.
    package static let maximumKeys = 1000

    /// The keys for signatures, in the order of the set.
    package let keys: [JSONWebKey]
    /// Which keys are left out, and why: a set may hold kinds that come later.
    package let skipped: [String]

    /// Reads a whole set in JSON. The error says in what `text` is none.
    package init(_ text: [UInt8]) throws(TokenError) {
        guard text.count <= Self.maximumLength else { throw TokenError("is longer than \(Self.maximumLength) octets") }
        guard !text.starts(with: "-----BEGIN".utf8) else {
            throw TokenError("is PEM; it has to be JSON, what the issuer's jwks_uri gives")
        }
        guard case .object(let members) = try JSONValue(text), case .array(let values)? = members["keys"] else {
            throw Self.isNoSet(text)
        }
        guard values.count <= Self.maximumKeys else { throw TokenError("has more than \(Self.maximumKeys) keys") }
        var keys: [JSONWebKey] = []
        var skipped: [String] = []
        for (index, value) in values.enumerated() {
            guard case .object(let object) = value else {
                skipped.append("key \(index + 1) is no object")
                continue
            }
            // For messages to the issuer's clients; many sets have one.
            if object["use"]?.string == "enc" { continue }
            do throws(TokenError) {
                keys.append(try JSONWebKey(object))
            } catch {
                let name = object["kid"]?.string.map { " (\(TokenText.printable($0)))" } ?? ""
                skipped.append("key \(index + 1)\(name) \(error.text)")
            }
        }
        self.keys = keys
        self.skipped = skipped
    }

    /// What a text of JSON is instead that has no list of keys.
    private static func isNoSet(_ text: [UInt8]) -> TokenError {
        guard case .object(let members)? = try? JSONValue(text) else { return TokenError("has no list \"keys\"") }
        if members["jwks_uri"] != nil {
            return TokenError("is the issuer's configuration; fetch what its jwks_uri names")
        }
        return TokenError(members["kty"] != nil ? "is one key; write {\"keys\": [ ... ]}" : "has no list \"keys\"")
    }
}
