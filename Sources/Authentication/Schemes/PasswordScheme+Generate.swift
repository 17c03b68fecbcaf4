import MailCore
import SASLCore

extension PasswordScheme {
    /// Why a password could not be hashed.
    public enum GenerateError: Error, Hashable, Sendable {
        /// The number of rounds is outside what the scheme takes.
        case rounds
        /// The password is empty or holds NUL.
        case password
        /// The system's library refuses the scheme.
        case unsupported
    }

    /// The password in stored form with its `{SCHEME}`, under a fresh random salt.
    ///
    /// `rounds` is the scheme's own cost: iterations of SHA-crypt, PBKDF2 and SCRAM, the exponent of BLF-CRYPT
    /// (4...31) and yescrypt (1...11); schemes without one ignore it; `nil` is a sensible cost.
    /// yescrypt is written as `{CRYPT}`, which Dovecot reads too. Blocks when `isSlow`.
    public static func generate(
        _ scheme: PasswordScheme, password: [UInt8], rounds: UInt? = nil
    ) throws(GenerateError) -> String {
        guard !password.isEmpty, !password.contains(0) else { throw .password }
        switch scheme {
        case .plain:
            return "{PLAIN}" + String(decoding: password, as: UTF8.self)
        case .crypt, .blowfishCrypt:
            guard (4...31).contains(rounds ?? 10) else { throw .rounds }
            return try scheme.crypt(password, prefix: "$2y$", rounds: rounds ?? 10)
        case .md5Crypt:
            return try scheme.crypt(password, prefix: "$1$", rounds: 0)
        case .sha256Crypt, .sha512Crypt:
            guard (1000...999_999_999).contains(rounds ?? 5000) else { throw .rounds }
            return try scheme.crypt(
                password, prefix: scheme == .sha256Crypt ? "$5$" : "$6$", rounds: rounds ?? 0)
        case .yescrypt:
            guard (1...11).contains(rounds ?? 5) else { throw .rounds }
            return try PasswordScheme.crypt.crypt(password, prefix: "$y$", rounds: rounds ?? 0)
        case .pbkdf2:
            let iterations = rounds ?? 100_000
            guard (1000...10_000_000).contains(iterations) else { throw .rounds }
            let salt = randomBytes(8).hexadecimal
            guard let key = PBKDF2.derive(password, salt: salt, rounds: Int(iterations), length: 20) else {
                throw .unsupported
            }
            let text = [salt, key.hexadecimal].map { String(decoding: $0, as: UTF8.self) }
            return "{PBKDF2}$1$\(text[0])$\(iterations)$\(text[1])"
        case .scramSHA1: return try scheme.scram(.sha1, password, rounds)
        case .scramSHA256: return try scheme.scram(.sha256, password, rounds)
        case .sha1: return try scheme.digest(.sha1, password, salt: [])
        case .sha256: return try scheme.digest(.sha256, password, salt: [])
        case .sha512: return try scheme.digest(.sha512, password, salt: [])
        case .saltedSHA1: return try scheme.digest(.sha1, password, salt: randomBytes(8))
        case .saltedSHA256: return try scheme.digest(.sha256, password, salt: randomBytes(8))
        case .saltedSHA512: return try scheme.digest(.sha512, password, salt: randomBytes(8))
        }
    }

    private func crypt(
        _ password: [UInt8], prefix: String, rounds: UInt
    ) throws(GenerateError) -> String {
        guard let setting = CryptHash.newSetting(prefix: prefix, rounds: rounds),
            let hash = CryptHash.hash(password, setting: setting)
        else { throw .unsupported }
        return "{\(self.rawValue)}" + String(decoding: hash, as: UTF8.self)
    }

    private func digest(
        _ digest: Digest, _ password: [UInt8], salt: [UInt8]
    ) throws(GenerateError) -> String {
        guard let hash = digest.hash(password + salt) else { throw .unsupported }
        return "{\(self.rawValue)}" + String(decoding: Base64.encode(hash + salt), as: UTF8.self)
    }

    private func scram(_ hash: SCRAMHash, _ password: [UInt8], _ rounds: UInt?) throws(GenerateError) -> String {
        // RFC 7677 section 4 asks for 4096 at least, which is also what every client computes quickly.
        guard (4096...UInt(SCRAMKeys.maximumIterations)).contains(rounds ?? 4096) else { throw .rounds }
        let keys = SCRAMKeys(
            hash: hash, iterations: UInt32(rounds ?? 4096), salt: randomBytes(16), password: password)
        guard let keys else { throw .unsupported }
        return "{\(self.rawValue)}" + String(decoding: keys.stored, as: UTF8.self)
    }
}
