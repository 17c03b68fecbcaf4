/// A message's unique-id: 1 to 70 of 0x21 to 0x7E (RFC 1939 section 7).
public struct UniqueID: Equatable, Sendable {
    public let bytes: [UInt8]

    /// `nil` when `bytes` are not a unique-id.
    public init?(_ bytes: some Collection<UInt8>) {
        guard (1...70).contains(bytes.count), bytes.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            return nil
        }
        self.bytes = Array(bytes)
    }

    /// Eight hexadecimal digits of the UID and eight of the UIDVALIDITY: what Dovecot gives by default, so that
    /// clients know the messages of a mailbox that came from there.
    public init(uid: UInt32, uidValidity: UInt32) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(16)
        for value in [uid, uidValidity] {
            for shift in stride(from: UInt32(28), through: 0, by: -4) {
                let digit = UInt8(truncatingIfNeeded: value >> shift & 15)
                bytes.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
            }
        }
        self.bytes = bytes
    }
}
