/// The hash function of a SCRAM mechanism.
public enum SCRAMHash: Hashable, Sendable, CaseIterable {
    /// SCRAM-SHA-1 (RFC 5802).
    case sha1
    /// SCRAM-SHA-256 (RFC 7677).
    case sha256

    /// Octets of a hash.
    public var size: Int {
        switch self {
        case .sha1: 20
        case .sha256: 32
        }
    }

    /// The mechanism without channel binding.
    public var mechanism: SASLMechanismName {
        switch self {
        case .sha1: .scramSHA1
        case .sha256: .scramSHA256
        }
    }
}

/// The cryptography that an exchange needs, which this module has none of. `nil` when the library refuses.
public struct SCRAMFunctions: Sendable {
    let digest: @Sendable ([UInt8]) -> [UInt8]?
    let mac: @Sendable (_ key: [UInt8], _ message: [UInt8]) -> [UInt8]?

    /// - Parameters:
    ///   - digest: the hash function.
    ///   - mac: HMAC with it.
    public init(
        digest: @escaping @Sendable ([UInt8]) -> [UInt8]?,
        mac: @escaping @Sendable (_ key: [UInt8], _ message: [UInt8]) -> [UInt8]?
    ) {
        self.digest = digest
        self.mac = mac
    }
}
