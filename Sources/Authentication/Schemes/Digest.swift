import COpenSSL

/// A hash function of the system's crypto library.
package enum Digest {
    case sha1
    case sha256
    case sha384
    case sha512

    /// Octets of a hash.
    var size: Int {
        switch self {
        case .sha1: 20
        case .sha256: 32
        case .sha384: 48
        case .sha512: 64
        }
    }

    var function: OpaquePointer? {
        switch self {
        case .sha1: EVP_sha1()
        case .sha256: EVP_sha256()
        case .sha384: EVP_sha384()
        case .sha512: EVP_sha512()
        }
    }

    /// `nil` when the library refuses, as in a mode that forbids the function.
    func hash(_ bytes: [UInt8]) -> [UInt8]? {
        var out = [UInt8](repeating: 0, count: self.size)
        var length: CUnsignedInt = 0
        guard EVP_Digest(bytes, bytes.count, &out, &length, self.function, nil) == 1,
            Int(length) == self.size
        else { return nil }
        return out
    }

    /// HMAC with SHA-256, 32 octets; `nil` when the library refuses.
    package static func hmacSHA256(key: [UInt8], _ bytes: [UInt8]) -> [UInt8]? { Digest.sha256.mac(key: key, bytes) }

    /// HMAC; `nil` when the library refuses.
    func mac(key: [UInt8], _ bytes: [UInt8]) -> [UInt8]? {
        var out = [UInt8](repeating: 0, count: self.size)
        var length: CUnsignedInt = 0
        guard
            HMAC(self.function, key, CInt(key.count), bytes, bytes.count, &out, &length) != nil,
            Int(length) == self.size
        else { return nil }
        return out
    }
}

enum PBKDF2 {
    /// Key derivation with HMAC; `nil` when the library refuses.
    static func derive(
        _ password: [UInt8], salt: [UInt8], rounds: Int, length: Int, digest: Digest = .sha1
    ) -> [UInt8]? {
        var out = [UInt8](repeating: 0, count: length)
        let done = password.withUnsafeBytes { bytes in
            PKCS5_PBKDF2_HMAC(
                bytes.baseAddress?.assumingMemoryBound(to: CChar.self), CInt(bytes.count), salt,
                CInt(salt.count), CInt(rounds), digest.function, CInt(length), &out)
        }
        return done == 1 ? out : nil
    }
}

/// Octets from the kernel's random source.
package func randomBytes(_ count: Int) -> [UInt8] {
    // The standard library's generator reads getrandom(2) on Linux.
    var generator = SystemRandomNumberGenerator()
    return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
}
