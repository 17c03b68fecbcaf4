import MailCore
package import SASLCore

extension SCRAMKeys {
    /// The keys of a password, which is prepared by SASLprep first (RFC 5802 section 2.2). Blocks for `iterations`.
    ///
    /// `nil` when a number is out of bounds or the system's library refuses.
    package init?(hash: SCRAMHash, iterations: UInt32, salt: [UInt8], password: [UInt8]) {
        guard (1...Self.maximumIterations).contains(iterations),
            let salted = PBKDF2.derive(
                SASLPrep.prepare(password: password), salt: salt, rounds: Int(iterations), length: hash.size,
                digest: hash.digest)
        else { return nil }
        self.init(hash: hash, iterations: iterations, salt: salt, saltedPassword: salted, hash.functions)
    }
}

extension SCRAMHash {
    var digest: Digest {
        switch self {
        case .sha1: .sha1
        case .sha256: .sha256
        }
    }

    /// The functions of the system's crypto library.
    package var functions: SCRAMFunctions {
        let digest = self.digest
        return SCRAMFunctions(digest: { digest.hash($0) }, mac: { digest.mac(key: $0, $1) })
    }
}

extension StoredPassword {
    /// The keys of a password stored in a SCRAM scheme, or from a readable one under `salt`; `nil` for other schemes.
    ///
    /// Blocks for the derivation.
    func keys(for hash: SCRAMHash, salt: [UInt8], iterations: UInt32) -> SCRAMKeys? {
        if self.scheme == .plain {
            return SCRAMKeys(hash: hash, iterations: iterations, salt: salt, password: self.data)
        }
        return self.scheme.scramHash == hash ? SCRAMKeys(hash: hash, stored: self.data) : nil
    }

    func verifySCRAM(_ hash: SCRAMHash, _ password: [UInt8]) -> PasswordVerdict {
        guard let stored = SCRAMKeys(hash: hash, stored: self.data) else {
            return .unusable("stored \(self.scheme.rawValue) password is damaged")
        }
        guard !password.isEmpty else { return .mismatch }
        guard
            let computed = SCRAMKeys(
                hash: hash, iterations: stored.iterations, salt: stored.salt, password: password)
        else { return .unusable("\(self.scheme.rawValue) failed in the system's crypto library") }
        return constantTimeEqual(computed.storedKey, stored.storedKey) ? .match : .mismatch
    }
}
