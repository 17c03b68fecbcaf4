/// Stands for a message identifier or a subject, of whatever length, when messages are gathered into threads: 96 bits of
/// a hash that is the same for ever, so that it can be kept.
///
/// By accident two texts share one in no mailbox that will ever be. Somebody who makes two texts that do gains nothing:
/// whoever sends mail can as well write the same identifier or the same subject.
public struct TextKey: Hashable, Sendable {
    public static let size = 12

    public let upper: UInt64
    public let lower: UInt32

    public init(_ octets: UnsafeRawBufferPointer) {
        var a: UInt64 = 0x9E37_79B9_7F4A_7C15 ^ UInt64(octets.count)
        var b: UInt64 = 0xC2B2_AE3D_27D4_EB4F &+ UInt64(octets.count)
        var position = 0
        while position < octets.count {
            var word: UInt64 = 0
            if position <= octets.count - 8 {
                word = UInt64(littleEndian: octets.loadUnaligned(fromByteOffset: position, as: UInt64.self))
            } else {
                for index in (position..<octets.count).reversed() { word = word << 8 | UInt64(octets[index]) }
            }
            a = Self.mixed(a ^ word, 0xA076_1D64_78BD_642F)
            b = Self.mixed(b &+ word, 0xE703_7ED1_A0B4_28DB) ^ a
            position += 8
        }
        self.upper = Self.mixed(a ^ 0x8EBC_6AF0_9C88_C6E3, b | 1) ^ a
        self.lower = UInt32(truncatingIfNeeded: Self.mixed(b ^ 0x5899_65CC_7537_4CC3, a | 1) >> 16)
    }

    public init(_ octets: [UInt8]) { self = octets.withUnsafeBytes { TextKey($0) } }

    /// A message identifier, its quoting undone (RFC 5256 section 3, REFERENCES).
    public init(messageID: [UInt8]) {
        guard messageID.contains(UInt8(ascii: "\"")) else {
            self.init(messageID)
            return
        }
        var plain: [UInt8] = []
        var isEscaped = false
        for byte in messageID {
            if !isEscaped, byte == UInt8(ascii: "\\") {
                isEscaped = true
                continue
            }
            if isEscaped || byte != UInt8(ascii: "\"") { plain.append(byte) }
            isEscaped = false
        }
        self.init(plain)
    }

    /// As it was kept. Invariant: `size` octets are at `offset`.
    @inline(__always)
    init(kept octets: UnsafeRawBufferPointer, at offset: Int) {
        self.upper = UInt64(littleEndian: octets.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        self.lower = UInt32(littleEndian: octets.loadUnaligned(fromByteOffset: offset + 8, as: UInt32.self))
    }

    func append(to out: inout [UInt8]) {
        for shift in stride(from: 0, to: 64, by: 8) {
            out.append(UInt8(truncatingIfNeeded: self.upper >> UInt64(shift)))
        }
        for shift in stride(from: 0, to: 32, by: 8) {
            out.append(UInt8(truncatingIfNeeded: self.lower >> UInt32(shift)))
        }
    }

    @inline(__always)
    private static func mixed(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let product = a.multipliedFullWidth(by: b)
        return product.high ^ product.low
    }
}
