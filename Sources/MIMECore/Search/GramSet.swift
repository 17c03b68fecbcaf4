/// Which grams, runs of three octets, some texts have: hashes of 17 bits.
struct GramSet {
    /// Bits of a hash.
    static let width: UInt32 = 17
    /// Grams of a text that are looked at before what is new among them is kept.
    ///
    /// What they take lies on the stack; above 1,024 octets it would not.
    private static let block = 256

    /// A bit for each hash.
    private var words = [UInt64](repeating: 0, count: 1 << Int(Self.width - 6))
    /// Those that are in the set, each once, in the order in which they came: half a MiB when all are.
    private(set) var hashes: [UInt32] = []

    /// The hash of the gram in the lower 24 bits.
    @inline(__always)
    static func hash(_ gram: UInt32) -> UInt32 { (gram &* 0x9E37_79B1) >> (32 - Self.width) }

    func contains(_ hash: UInt32) -> Bool { self.words[Int(hash >> 6)] >> UInt64(hash & 63) & 1 != 0 }

    /// Adds the grams of one text.
    mutating func insert(_ text: [UInt8]) {
        guard text.count > 2 else { return }
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: Self.block) { new in
            text.withUnsafeBufferPointer { text in
                var gram = UInt32(text[0]) << 8 | UInt32(text[1])
                var index = 2
                while index < text.count {
                    let end = Swift.min(text.count, index + Self.block)
                    let count = self.words.withUnsafeMutableBufferPointer { words in
                        var count = 0
                        while index < end {
                            gram = (gram << 8 | UInt32(text[index])) & 0xFF_FFFF
                            let hash = Self.hash(gram)
                            // A hash has as many bits as the set.
                            let word = words[Int(hash >> 6)]
                            let bit: UInt64 = 1 &<< UInt64(hash & 63)
                            // Few are new. A processor that reads a word which it has just written waits for that.
                            if word & bit == 0 {
                                words[Int(hash >> 6)] = word | bit
                                new[count] = hash
                                count &+= 1
                            }
                            index &+= 1
                        }
                        return count
                    }
                    self.hashes.append(contentsOf: UnsafeMutableBufferPointer(rebasing: new[..<count]))
                }
            }
        }
    }
}
