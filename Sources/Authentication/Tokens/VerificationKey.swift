import COpenSSL
import TokenCore

/// A key in the form that the crypto library verifies with.
final class VerificationKey: Sendable {
    private enum Handle: @unchecked Sendable {
        /// Owned by this object; only read after it is made, which the library allows to any number of threads at once.
        case asymmetric(OpaquePointer)
        case secret([UInt8])
    }

    let key: JSONWebKey
    private let handle: Handle

    /// `nil` when the library makes no key of it: the point is not on its curve, say.
    init?(_ key: JSONWebKey) {
        self.key = key
        // What fails leaves errors in the thread's queue, where the next who looks would take them for its own.
        defer { ERR_clear_error() }
        switch key.material {
        case .secret(let octets): self.handle = .secret(octets)
        case .ed25519(let octets):
            guard let made = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, octets, octets.count) else { return nil }
            self.handle = .asymmetric(made)
        case .rsa(let modulus, let exponent):
            guard let made = martlet_EVP_PKEY_rsa(modulus, modulus.count, exponent, exponent.count) else { return nil }
            self.handle = .asymmetric(made)
        case .elliptic(let curve, let x, let y):
            let point = [4] + x + y
            guard let made = martlet_EVP_PKEY_ec(curve.rawValue, point, point.count) else { return nil }
            self.handle = .asymmetric(made)
        }
    }

    deinit {
        if case .asymmetric(let pointer) = self.handle { EVP_PKEY_free(pointer) }
    }

    /// Whether `token` was signed with this key. The caller has asked whether it serves the token's algorithm.
    func verifies(_ token: JSONWebToken) -> Bool {
        let digest: Digest? =
            switch token.algorithm.hashBits {
            case 256: .sha256
            case 384: .sha384
            case 512: .sha512
            default: nil
            }
        switch (self.handle, token.algorithm.family) {
        case (.secret(let secret), .hmac):
            guard let code = digest?.mac(key: secret, token.signed) else { return false }
            return constantTimeEqual(code, token.signature)
        case (.asymmetric(let key), .ecdsa(let curve)):
            guard token.signature.count == 2 * curve.size else { return false }
            return Self.verify(key, digest, isPSS: 0, derSignature(token.signature, curve), token)
        case (.asymmetric(let key), .rsaPSS): return Self.verify(key, digest, isPSS: 1, token.signature, token)
        case (.asymmetric(let key), .rsa), (.asymmetric(let key), .edDSA):
            return Self.verify(key, digest, isPSS: 0, token.signature, token)
        case (.secret, _), (.asymmetric, .hmac): return false
        }
    }

    private static func verify(
        _ key: OpaquePointer, _ digest: Digest?, isPSS: CInt, _ signature: [UInt8], _ token: JSONWebToken
    ) -> Bool {
        defer { ERR_clear_error() }
        return martlet_EVP_verify(
            key, digest?.function, isPSS, signature, signature.count, token.signed, token.signed.count) == 1
    }
}

/// The two numbers of an ECDSA signature (RFC 7518 section 3.4) in the DER form of RFC 3279 section 2.2.3.
private func derSignature(_ signature: [UInt8], _ curve: EllipticCurve) -> [UInt8] {
    func integer(_ octets: ArraySlice<UInt8>) -> [UInt8] {
        var octets = Array(octets.drop { $0 == 0 })
        if octets.first.map({ $0 >= 0x80 }) ?? true { octets.insert(0, at: 0) }
        return [0x02, UInt8(octets.count)] + octets
    }
    let body = integer(signature[..<curve.size]) + integer(signature[curve.size...])
    // At most 2 * (2 + 67) octets.
    let length = body.count < 0x80 ? [UInt8(body.count)] : [0x81, UInt8(body.count)]
    return [0x30] + length + body
}
