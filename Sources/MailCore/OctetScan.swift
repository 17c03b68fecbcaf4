/// Ways through octets that look at eight and more of them at a time.
///
/// A start below 0 is taken for 0, one beyond the end for the end.
extension UnsafeRawBufferPointer {
    /// The first place of `byte` at or after `start`.
    @inlinable
    public func firstIndex(of byte: UInt8, from start: Int) -> Int? {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let pattern = ones &* UInt64(byte)
        var index = Swift.max(0, start)
        while index <= self.count &- 8 {
            let word =
                UInt64(littleEndian: self.loadUnaligned(fromByteOffset: index, as: UInt64.self)) ^ pattern
            // The lowest bit of it is in the first octet that is zero.
            let zeros = (word &- ones) & ~word & (ones << 7)
            if zeros != 0 { return index &+ zeros.trailingZeroBitCount / 8 }
            index &+= 8
        }
        while index < self.count {
            if self[index] == byte { return index }
            index &+= 1
        }
        return nil
    }

    /// The first place at or after `start` of an octet that is not ASCII; the end when there is none.
    @inlinable
    public func endOfASCII(from start: Int) -> Int {
        let highs: UInt64 = 0x8080_8080_8080_8080
        var index = Swift.max(0, start)
        while index <= self.count &- 32 {
            let first = self.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            let second = self.loadUnaligned(fromByteOffset: index &+ 8, as: UInt64.self)
            let third = self.loadUnaligned(fromByteOffset: index &+ 16, as: UInt64.self)
            let fourth = self.loadUnaligned(fromByteOffset: index &+ 24, as: UInt64.self)
            if (first | second | third | fourth) & highs != 0 { break }
            index &+= 32
        }
        while index <= self.count &- 8 {
            let word = UInt64(littleEndian: self.loadUnaligned(fromByteOffset: index, as: UInt64.self)) & highs
            if word != 0 { return index &+ word.trailingZeroBitCount / 8 }
            index &+= 8
        }
        while index < self.count, self[index] < 0x80 { index &+= 1 }
        return Swift.min(index, self.count)
    }

    /// The first place at or after `start` of an LF that a dot follows. That is rare, so 64 octets are passed over at once.
    @inlinable
    public func firstDottedLine(from start: Int) -> Int? {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let (lfs, dots) = (ones &* 0x0A, ones &* 0x2E)
        var index = Swift.max(0, start)
        while index < self.count &- 1 {
            if index <= self.count &- 65 {
                var hits: UInt64 = 0
                var offset = index
                while offset < index &+ 64 {
                    let these = self.loadUnaligned(fromByteOffset: offset, as: UInt64.self) ^ lfs
                    let following = self.loadUnaligned(fromByteOffset: offset &+ 1, as: UInt64.self) ^ dots
                    // An octet of it is zero where both are what is looked for.
                    let word = these | following
                    hits |= (word &- ones) & ~word & (ones << 7)
                    offset &+= 8
                }
                if hits == 0 {
                    index &+= 64
                    continue
                }
            }
            let end = Swift.min(index &+ 64, self.count &- 1)
            while index < end {
                if self[index] == 0x0A, self[index &+ 1] == 0x2E { return index }
                index &+= 1
            }
        }
        return nil
    }
}
