/// Which grams, runs of three octets, some texts have: a bit for each of 2^17 hashes.
struct GramSet {
    /// Bits of a hash.
    static let width: UInt32 = 17

    private(set) var words = [UInt64](repeating: 0, count: 1 << Int(Self.width - 6))

    /// The hash of the gram in the lower 24 bits.
    @inline(__always)
    static func hash(_ gram: UInt32) -> UInt32 { (gram &* 0x9E37_79B1) >> (32 - Self.width) }

    /// Adds the grams of one text.
    mutating func insert(_ text: [UInt8]) {
        guard text.count > 2 else { return }
        self.words.withUnsafeMutableBufferPointer { words in
            text.withUnsafeBufferPointer { text in
                var gram = UInt32(text[0]) << 8 | UInt32(text[1])
                for index in 2..<text.count {
                    gram = (gram << 8 | UInt32(text[index])) & 0xFF_FFFF
                    let hash = Self.hash(gram)
                    // A hash has as many bits as the set.
                    words[Int(hash >> 6)] |= 1 &<< UInt64(hash & 63)
                }
            }
        }
    }

    mutating func subtract(_ other: GramSet) {
        for index in self.words.indices { self.words[index] &= ~other.words[index] }
    }

    var count: Int {
        var count = 0
        for word in self.words { count += word.nonzeroBitCount }
        return count
    }

    func contains(_ hash: UInt32) -> Bool { self.words[Int(hash >> 6)] >> UInt64(hash & 63) & 1 != 0 }

    func forEach(_ visit: (UInt32) -> Void) {
        for (index, word) in self.words.enumerated() where word != 0 {
            var rest = word
            while rest != 0 {
                visit(UInt32(truncatingIfNeeded: index << 6 | rest.trailingZeroBitCount))
                rest &= rest - 1
            }
        }
    }
}
