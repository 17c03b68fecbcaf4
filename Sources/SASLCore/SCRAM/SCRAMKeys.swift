import MailCore

/// What a server has to know of a user's password for SCRAM (RFC 5802 section 3): enough to check a proof, too little to
/// make one.
public struct SCRAMKeys: Hashable, Sendable {
    public let iterations: UInt32
    public let salt: [UInt8]
    public let storedKey: [UInt8]
    public let serverKey: [UInt8]

    /// The most iterations that are computed; above it a login would keep a processor for minutes.
    public static let maximumIterations: UInt32 = 10_000_000
    /// The longest salt in octets.
    public static let maximumSalt = 256

    /// `nil` when a number is out of its bounds or the keys are not of the hash's size.
    public init?(hash: SCRAMHash, iterations: UInt32, salt: [UInt8], storedKey: [UInt8], serverKey: [UInt8]) {
        guard (1...Self.maximumIterations).contains(iterations), (1...Self.maximumSalt).contains(salt.count),
            storedKey.count == hash.size, serverKey.count == hash.size
        else { return nil }
        self.iterations = iterations
        self.salt = salt
        self.storedKey = storedKey
        self.serverKey = serverKey
    }

    /// The keys of a salted password (RFC 5802 section 3); `nil` as `init`, and when `functions` refuse.
    public init?(
        hash: SCRAMHash, iterations: UInt32, salt: [UInt8], saltedPassword: [UInt8], _ functions: SCRAMFunctions
    ) {
        guard let clientKey = functions.mac(saltedPassword, Array("Client Key".utf8)),
            let storedKey = functions.digest(clientKey),
            let serverKey = functions.mac(saltedPassword, Array("Server Key".utf8))
        else { return nil }
        self.init(hash: hash, iterations: iterations, salt: salt, storedKey: storedKey, serverKey: serverKey)
    }

    /// The form in password files: `iterations,salt,StoredKey,ServerKey`, the last three in base64. `nil` for others.
    public init?(hash: SCRAMHash, stored text: [UInt8]) {
        let parts = text.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        guard parts.count == 4, let iterations = UInt32(String(decoding: parts[0], as: UTF8.self)),
            let salt = Base64.decode(parts[1]), let storedKey = Base64.decode(parts[2]),
            let serverKey = Base64.decode(parts[3])
        else { return nil }
        self.init(hash: hash, iterations: iterations, salt: salt, storedKey: storedKey, serverKey: serverKey)
    }

    /// The form in password files.
    public var stored: [UInt8] {
        var text = Array(String(self.iterations).utf8)
        for part in [self.salt, self.storedKey, self.serverKey] {
            text.append(UInt8(ascii: ","))
            text.append(contentsOf: Base64.encode(part))
        }
        return text
    }
}
