/// How a token is signed (RFC 7518 section 3.1, RFC 8037 section 3.1). `none` is not among them.
package enum SigningAlgorithm: String, Hashable, Sendable, CaseIterable {
    case rs256 = "RS256"
    case rs384 = "RS384"
    case rs512 = "RS512"
    case ps256 = "PS256"
    case ps384 = "PS384"
    case ps512 = "PS512"
    case es256 = "ES256"
    case es384 = "ES384"
    case es512 = "ES512"
    case hs256 = "HS256"
    case hs384 = "HS384"
    case hs512 = "HS512"
    case edDSA = "EdDSA"

    /// Algorithms that differ in the hash alone.
    package enum Family: Hashable, Sendable {
        case rsa, rsaPSS
        /// One curve belongs to each hash.
        case ecdsa(EllipticCurve)
        case hmac
        case edDSA
    }

    /// What kind of signature it makes.
    package var family: Family {
        switch self {
        case .rs256, .rs384, .rs512: .rsa
        case .ps256, .ps384, .ps512: .rsaPSS
        case .es256: .ecdsa(.p256)
        case .es384: .ecdsa(.p384)
        case .es512: .ecdsa(.p521)
        case .hs256, .hs384, .hs512: .hmac
        case .edDSA: .edDSA
        }
    }

    /// Bits of the hash; `nil` where the algorithm has its own.
    package var hashBits: Int? {
        switch self {
        case .rs256, .ps256, .es256, .hs256: 256
        case .rs384, .ps384, .es384, .hs384: 384
        case .rs512, .ps512, .es512, .hs512: 512
        case .edDSA: nil
        }
    }
}

/// A curve of RFC 7518 section 6.2.1.1.
package enum EllipticCurve: String, Hashable, Sendable {
    case p256 = "P-256"
    case p384 = "P-384"
    case p521 = "P-521"

    /// Octets of a coordinate, and of each half of a signature.
    package var size: Int {
        switch self {
        case .p256: 32
        case .p384: 48
        case .p521: 66
        }
    }
}
