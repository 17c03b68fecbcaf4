import MailCore
public import SASLCore

/// How a stored password is written: the `{SCHEME}` before it.
public enum PasswordScheme: String, Hashable, Sendable, CaseIterable {
    case plain = "PLAIN"
    /// Whatever crypt(3) takes, told by the string itself.
    case crypt = "CRYPT"
    case md5Crypt = "MD5-CRYPT"
    case sha256Crypt = "SHA256-CRYPT"
    case sha512Crypt = "SHA512-CRYPT"
    case blowfishCrypt = "BLF-CRYPT"
    case yescrypt = "YESCRYPT"
    case pbkdf2 = "PBKDF2"
    case sha1 = "SHA1"
    case sha256 = "SHA256"
    case sha512 = "SHA512"
    case saltedSHA1 = "SSHA"
    case saltedSHA256 = "SSHA256"
    case saltedSHA512 = "SSHA512"
    case scramSHA1 = "SCRAM-SHA-1"
    case scramSHA256 = "SCRAM-SHA-256"

    /// The scheme of a name in any case, Dovecot's other spellings included; `nil` for others.
    public init?(name: String) {
        switch name.uppercased() {
        case "CLEAR", "CLEARTEXT": self = .plain
        case "SHA": self = .sha1
        case let upper:
            guard let scheme = PasswordScheme(rawValue: upper) else { return nil }
            self = scheme
        }
    }

    /// Whether one check takes milliseconds, by intent.
    public var isSlow: Bool {
        switch self {
        case .crypt, .md5Crypt, .sha256Crypt, .sha512Crypt, .blowfishCrypt, .yescrypt, .pbkdf2, .scramSHA1,
            .scramSHA256:
            true
        case .plain, .sha1, .sha256, .sha512, .saltedSHA1, .saltedSHA256, .saltedSHA512: false
        }
    }

    /// The mechanism family that a password in this scheme serves beside plain logins; `nil` for others.
    public var scramHash: SCRAMHash? {
        switch self {
        case .scramSHA1: .sha1
        case .scramSHA256: .sha256
        case .plain, .crypt, .md5Crypt, .sha256Crypt, .sha512Crypt, .blowfishCrypt, .yescrypt, .pbkdf2, .sha1, .sha256,
            .sha512, .saltedSHA1, .saltedSHA256, .saltedSHA512:
            nil
        }
    }

    /// Whether it is refused unless weak schemes are allowed.
    public var isWeak: Bool { self == .md5Crypt }
}

/// What comparing a password with a stored one gave.
public enum PasswordVerdict: Hashable, Sendable {
    case match
    case mismatch
    /// The stored password cannot be used; the text, without secrets, is for the log.
    case unusable(String)
}

/// A password as a database holds it: `{SCHEME}data`, `{SCHEME.b64}`, `{SCHEME.base64}`, `{SCHEME.hex}`.
public struct StoredPassword: Hashable, Sendable {
    public let scheme: PasswordScheme
    let data: [UInt8]

    /// The failure's text is for the log and holds no secret.
    public struct ParseError: Error, Hashable, Sendable {
        public let text: String
    }

    /// Parses `text`, which has `defaultScheme` when it names none.
    public init(_ text: String, defaultScheme: PasswordScheme = .crypt) throws(ParseError) {
        guard text.utf8.first == UInt8(ascii: "{"), let brace = text.firstIndex(of: "}") else {
            self.scheme = defaultScheme
            self.data = Array(text.utf8)
            return
        }
        let name = text[text.index(after: text.startIndex)..<brace]
        let rest = Array(text[text.index(after: brace)...].utf8)
        let parts = name.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let scheme = PasswordScheme(name: String(first)) else {
            throw ParseError(text: "unknown password scheme \(name)")
        }
        self.scheme = scheme
        guard parts.count == 2 else {
            self.data = rest
            return
        }
        let decoded: [UInt8]?
        switch parts[1].lowercased() {
        case "b64", "base64": decoded = Base64.decode(padded: rest)
        case "hex": decoded = [UInt8](hex: rest)
        default: throw ParseError(text: "unknown password encoding \(parts[1])")
        }
        guard let decoded else { throw ParseError(text: "password is not in the encoding \(parts[1])") }
        // A digest in hex or base64 is the digest itself; keep one inner form for `verify`.
        switch scheme {
        case .sha1, .sha256, .sha512, .saltedSHA1, .saltedSHA256, .saltedSHA512:
            self.data = Base64.encode(decoded)
        case .plain, .crypt, .md5Crypt, .sha256Crypt, .sha512Crypt, .blowfishCrypt, .yescrypt, .pbkdf2, .scramSHA1,
            .scramSHA256:
            self.data = decoded
        }
    }

    /// Compares in a time that does not depend on where the two differ. Blocks when `scheme.isSlow`.
    public func verify(_ password: [UInt8]) -> PasswordVerdict {
        switch self.scheme {
        case .plain:
            return Self.verdict(constantTimeEqual(self.data, password))
        case .crypt, .md5Crypt, .sha256Crypt, .sha512Crypt, .blowfishCrypt, .yescrypt:
            // No longer one can have been set; libcrypt refuses it, which says nothing about the stored one.
            guard !self.data.isEmpty, password.count <= CryptHash.maximumPassword, !password.contains(0) else {
                return .mismatch
            }
            guard let hashed = CryptHash.hash(password, setting: self.data) else {
                return .unusable("crypt() does not take the stored \(self.scheme.rawValue) password")
            }
            return Self.verdict(constantTimeEqual(hashed, self.data))
        case .pbkdf2: return self.verifyPBKDF2(password)
        case .sha1: return self.verifyDigest(.sha1, password, isSalted: false)
        case .sha256: return self.verifyDigest(.sha256, password, isSalted: false)
        case .sha512: return self.verifyDigest(.sha512, password, isSalted: false)
        case .saltedSHA1: return self.verifyDigest(.sha1, password, isSalted: true)
        case .saltedSHA256: return self.verifyDigest(.sha256, password, isSalted: true)
        case .saltedSHA512: return self.verifyDigest(.sha512, password, isSalted: true)
        case .scramSHA1: return self.verifySCRAM(.sha1, password)
        case .scramSHA256: return self.verifySCRAM(.sha256, password)
        }
    }

    private func verifyDigest(_ digest: Digest, _ password: [UInt8], isSalted: Bool) -> PasswordVerdict {
        let stored =
            !isSalted && self.data.count == digest.size * 2
            ? [UInt8](hex: self.data) : Base64.decode(padded: self.data)
        guard let stored, isSalted ? stored.count >= digest.size : stored.count == digest.size else {
            return .unusable("stored \(self.scheme.rawValue) password is damaged")
        }
        guard let computed = digest.hash(password + stored[digest.size...]) else {
            return .unusable("no \(self.scheme.rawValue) in the system's crypto library")
        }
        return Self.verdict(constantTimeEqual(computed, stored[..<digest.size]))
    }

    /// `$1$salt$rounds$hex` of PBKDF2 with HMAC-SHA1.
    private func verifyPBKDF2(_ password: [UInt8]) -> PasswordVerdict {
        let parts = self.data.split(separator: UInt8(ascii: "$"), omittingEmptySubsequences: false)
        guard parts.count == 5, parts[0].isEmpty, parts[1].elementsEqual("1".utf8),
            let rounds = Int(String(decoding: parts[3], as: UTF8.self)), (1...10_000_000).contains(rounds),
            let stored = [UInt8](hex: parts[4]), (16...64).contains(stored.count)
        else { return .unusable("stored PBKDF2 password is damaged") }
        guard
            let computed = PBKDF2.derive(
                password, salt: Array(parts[2]), rounds: rounds, length: stored.count)
        else { return .unusable("PBKDF2 failed in the system's crypto library") }
        return Self.verdict(constantTimeEqual(computed, stored))
    }

    private static func verdict(_ isEqual: Bool) -> PasswordVerdict { isEqual ? .match : .mismatch }
}

/// Whether both are equal, in a time that tells only their lengths.
package func constantTimeEqual(_ a: some Collection<UInt8>, _ b: some Collection<UInt8>) -> Bool {
    guard a.count == b.count else { return false }
    var difference: UInt8 = 0
    for (x, y) in zip(a, b) { difference |= x ^ y }
    return difference == 0
}

extension Base64 {
    /// As `decode`, but the padding may be missing, as in files written by hand.
    static func decode(padded text: some Collection<UInt8>) -> [UInt8]? {
        var bytes = Array(text)
        while bytes.count % 4 != 0 { bytes.append(UInt8(ascii: "=")) }
        return Self.decode(bytes)
    }
}

extension [UInt8] {
    /// The octets of pairs of hexadecimal digits; `nil` for anything else.
    init?(hex text: some Collection<UInt8>) {
        guard text.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 2)
        var high: UInt8?
        for character in text {
            guard let value = ASCII.hexValue(character) else { return nil }
            if let held = high {
                bytes.append(held << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        self = bytes
    }

    /// The octets as lower-case hexadecimal digits.
    var hexadecimal: [UInt8] {
        var digits: [UInt8] = []
        digits.reserveCapacity(2 * self.count)
        for byte in self { digits.appendHex(byte) }
        return digits
    }
}
