public import MailCore

/// The octets of a message, or of a piece of one. Does not own them: valid as long as the memory it was
/// made from.
///
/// Invariant: `base` is only read at 0..<count. A read outside answers 0 and a range outside is clamped,
/// so a mistaken offset shows as wrong text, never as a trap or a stray read.
public struct Octets {
    @usableFromInline let base: UnsafeRawBufferPointer

    @inlinable
    public init(_ base: UnsafeRawBufferPointer) { self.base = base }

    @inlinable
    public var count: Int { self.base.count }

    @inlinable
    public var isEmpty: Bool { self.base.isEmpty }

    @inlinable
    public var all: Range<Int> { 0..<self.base.count }

    @inlinable
    public subscript(index: Int) -> UInt8 {
        UInt(bitPattern: index) < UInt(bitPattern: self.base.count) ? self.base[index] : 0
    }

    /// The octets of `range`, cut to what exists; their indices begin at 0.
    @inlinable
    public subscript(range: Range<Int>) -> Octets {
        let lower = Swift.max(0, Swift.min(range.lowerBound, self.base.count))
        let upper = Swift.max(lower, Swift.min(range.upperBound, self.base.count))
        return Octets(UnsafeRawBufferPointer(rebasing: self.base[lower..<upper]))
    }

    /// For appending to an array, or anything else that takes a collection of octets.
    @inlinable
    public var buffer: UnsafeRawBufferPointer { self.base }

    /// The index after the next LF at or after `start`, or `count` when there is none.
    @inlinable
    public func endOfLine(from start: Int) -> Int {
        self.index(of: 0x0A, from: start).map { $0 + 1 } ?? self.base.count
    }

    /// The index of the first `byte` at or after `start`.
    @inlinable
    public func index(of byte: UInt8, from start: Int = 0) -> Int? {
        self.base.firstIndex(of: byte, from: start)
    }

    /// The index of the first octet at or after `start` that is not ASCII, or `count` when there is none.
    @inlinable
    public func endOfASCII(from start: Int) -> Int { self.base.endOfASCII(from: start) }

    /// How many LFs there are.
    @inlinable
    public var lineCount: Int {
        var lines = 0
        var i = 0
        let count = self.base.count
        let low: UInt64 = 0x7F7F_7F7F_7F7F_7F7F
        while i <= count &- 8 {
            let x = self.base.loadUnaligned(fromByteOffset: i, as: UInt64.self) ^ 0x0A0A_0A0A_0A0A_0A0A
            // Exact form of the zero-octet test: one bit for each octet that is zero.
            let zero = ~(((x & low) &+ low) | x | low)
            // Their sum, by a product: not every processor can count bits.
            lines &+= Int(truncatingIfNeeded: ((zero >> 7) &* 0x0101_0101_0101_0101) >> 56)
            i &+= 8
        }
        while i < count {
            if self.base[i] == 0x0A { lines &+= 1 }
            i &+= 1
        }
        return lines
    }

    /// Whether the octets at `offset` are `prefix`.
    @inlinable
    public func hasPrefix(_ prefix: [UInt8], at offset: Int) -> Bool {
        guard offset >= 0, prefix.count <= self.base.count &- offset else { return false }
        for i in 0..<prefix.count where self.base[offset &+ i] != prefix[i] { return false }
        return true
    }

    /// Whether the octets equal `word` when ASCII letters are folded. `word` is lower case.
    @inlinable
    public func equals(lowercase word: StaticString) -> Bool {
        guard word.utf8CodeUnitCount == self.base.count else { return false }
        let expected = word.utf8Start
        for i in 0..<self.base.count {
            let byte = self.base[i]
            if (byte &- 0x41 < 26 ? byte | 0x20 : byte) != expected[i] { return false }
        }
        return true
    }

    /// Whether two octet strings are equal when ASCII letters are folded.
    @inlinable
    public func equalsIgnoringCase(_ other: some Collection<UInt8>) -> Bool {
        guard other.count == self.base.count else { return false }
        var i = 0
        for theirs in other {
            let ours = self.base[i]
            if ours != theirs {
                let a = ours &- 0x41 < 26 ? ours | 0x20 : ours
                let b = theirs &- 0x41 < 26 ? theirs | 0x20 : theirs
                if a != b { return false }
            }
            i &+= 1
        }
        return true
    }

    @inlinable
    public var containsEightBit: Bool { self.endOfASCII(from: 0) < self.base.count }
}
