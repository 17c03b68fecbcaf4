/// FNV-1a, by words of eight octets: quick, and no accident leaves it as it is.
enum Checksum {
    static func of(_ octets: ArraySlice<UInt8>) -> UInt64 {
        var sum: UInt64 = 0xCBF2_9CE4_8422_2325
        octets.withUnsafeBytes { bytes in
            var position = 0
            while position + 8 <= bytes.count {
                let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
                sum = (sum ^ word) &* 0x100_0000_01B3
                sum ^= sum >> 32
                position += 8
            }
            while position < bytes.count {
                sum = (sum ^ UInt64(bytes[position])) &* 0x100_0000_01B3
                position += 1
            }
        }
        return sum
    }
}
