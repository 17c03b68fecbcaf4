/// The identifier of a message's content or of its thread (RFC 8474 sections 5.1 and 5.2): a letter for its kind and
/// 32 lower-case hexadecimal digits, derived from what identifies the object by a hash.
///
///     M7a3c90d2f4b1e85639cf0f3e2f1d7a04
///
/// Derived and not stored, so that a lost index gives the same ones again.
public struct ObjectID: Hashable, Sendable {
    /// The kinds in which RFC 8474 section 7 suggests different first letters.
    public enum Kind: UInt8, Sendable {
        case email = 0x4D
        case thread = 0x54
    }

    public let kind: Kind
    private let high: UInt64
    private let low: UInt64

    private init(_ kind: Kind, _ high: UInt64, _ low: UInt64) {
        self.kind = kind
        self.high = high
        self.low = low
    }

    /// The identifier of what these octets identify.
    public init(_ kind: Kind, of identity: some Collection<UInt8>) {
        let digest = SHA256.digest(identity)
        var halves: (UInt64, UInt64) = (0, 0)
        for byte in digest[..<8] { halves.0 = halves.0 << 8 | UInt64(byte) }
        for byte in digest[8..<16] { halves.1 = halves.1 << 8 | UInt64(byte) }
        self.init(kind, halves.0, halves.1)
    }

    /// The thread of a message that no header field connects with others.
    public init(threadOf email: ObjectID) { self.init(.thread, email.high, email.low) }

    /// Reads what a client sent; `nil` for what is no identifier of that kind given by this server. Such a one
    /// belongs to no object.
    public init?(_ kind: Kind, parsing text: some Collection<UInt8>) {
        guard text.count == 33, text.first == kind.rawValue else { return nil }
        var halves: (UInt64, UInt64) = (0, 0)
        for (index, byte) in text.dropFirst().enumerated() {
            guard let value = ASCII.hexValue(byte), !(0x41...0x46).contains(byte) else { return nil }
            if index < 16 {
                halves.0 = halves.0 << 4 | UInt64(value)
            } else {
                halves.1 = halves.1 << 4 | UInt64(value)
            }
        }
        self.init(kind, halves.0, halves.1)
    }

    /// Appends the identifier's text.
    public func append(to out: inout [UInt8]) {
        out.append(self.kind.rawValue)
        for half in [self.high, self.low] {
            for shift in stride(from: UInt64(60), through: 0, by: -4) {
                let digit = UInt8(truncatingIfNeeded: half >> shift & 15)
                out.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
            }
        }
    }

    /// The identifier's text.
    public var text: [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(33)
        self.append(to: &out)
        return out
    }
}
