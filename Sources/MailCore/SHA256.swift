/// SHA-256 (FIPS 180-4), for identifiers that are derived from content. Not for secrets: it takes no care of timing.
public enum SHA256 {
    /// The 32 octets of the digest.
    public static func digest(_ message: some Collection<UInt8>) -> [UInt8] { self.sum(message) }

    /// The same of octets in memory, for messages: the compiler makes a version of its own of it.
    public static func digest(_ message: UnsafeRawBufferPointer) -> [UInt8] { self.sum(message) }

    private static func sum(_ message: some Collection<UInt8>) -> [UInt8] {
        var state: State = State()
        var block: [UInt8] = []
        block.reserveCapacity(64)
        var count: UInt64 = 0
        for byte in message {
            block.append(byte)
            count &+= 1
            if block.count == 64 {
                state.compress(block)
                block.removeAll(keepingCapacity: true)
            }
        }
        block.append(0x80)
        if block.count > 56 {
            block.append(contentsOf: repeatElement(0, count: 64 - block.count))
            state.compress(block)
            block.removeAll(keepingCapacity: true)
        }
        block.append(contentsOf: repeatElement(0, count: 56 - block.count))
        let bits = count &* 8
        for shift in stride(from: UInt64(56), through: 0, by: -8) {
            block.append(UInt8(truncatingIfNeeded: bits >> shift))
        }
        state.compress(block)
        var digest: [UInt8] = []
        digest.reserveCapacity(32)
        for word in state.words {
            for shift in stride(from: UInt32(24), through: 0, by: -8) {
                digest.append(UInt8(truncatingIfNeeded: word >> shift))
            }
        }
        return digest
    }

    private struct State {
        var words: [UInt32] = [
            0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
        ]
        private var schedule = [UInt32](repeating: 0, count: 64)

        /// Takes one block of 64 octets.
        mutating func compress(_ block: [UInt8]) {
            for i in 0..<16 {
                self.schedule[i] =
                    UInt32(block[4 * i]) << 24 | UInt32(block[4 * i + 1]) << 16 | UInt32(block[4 * i + 2]) << 8
                    | UInt32(block[4 * i + 3])
            }
            for i in 16..<64 {
                let x = self.schedule[i - 15]
                let y = self.schedule[i - 2]
                let small = Self.rotate(x, 7) ^ Self.rotate(x, 18) ^ (x >> 3)
                let large = Self.rotate(y, 17) ^ Self.rotate(y, 19) ^ (y >> 10)
                self.schedule[i] = self.schedule[i - 16] &+ small &+ self.schedule[i - 7] &+ large
            }
            var a = self.words[0]
            var b = self.words[1]
            var c = self.words[2]
            var d = self.words[3]
            var e = self.words[4]
            var f = self.words[5]
            var g = self.words[6]
            var h = self.words[7]
            for i in 0..<64 {
                let s1 = Self.rotate(e, 6) ^ Self.rotate(e, 11) ^ Self.rotate(e, 25)
                let choice = (e & f) ^ (~e & g)
                let t1 = h &+ s1 &+ choice &+ roundConstants[i] &+ self.schedule[i]
                let s0 = Self.rotate(a, 2) ^ Self.rotate(a, 13) ^ Self.rotate(a, 22)
                let t2 = s0 &+ ((a & b) ^ (a & c) ^ (b & c))
                h = g
                g = f
                f = e
                e = d &+ t1
                d = c
                c = b
                b = a
                a = t1 &+ t2
            }
            for (i, value) in [a, b, c, d, e, f, g, h].enumerated() { self.words[i] = self.words[i] &+ value }
        }

        private static func rotate(_ value: UInt32, _ count: UInt32) -> UInt32 {
            value >> count | value << (32 - count)
        }
    }
}

private let roundConstants: [UInt32] = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
    0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
    0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
    0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
    0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
    0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
    0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
    0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
]
