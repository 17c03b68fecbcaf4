import Glibc

/// A hash table from names, which lie elsewhere, to their numbers: no copy and no allocation per name.
///
/// Hashes are seeded per process, so nobody can choose names that collide.
struct NameIndex {
    /// Number + 1; 0 is free.
    private var slots: [UInt32]
    private var count = 0
    private let mask: Int

    /// Holds at most `capacity` names.
    init(capacity: Int) {
        var size = 16
        while size < capacity * 2 { size *= 2 }
        self.slots = [UInt32](repeating: 0, count: size)
        self.mask = size - 1
    }

    static func hash(_ name: UnsafeRawBufferPointer) -> UInt64 {
        var hasher = Hasher()
        hasher.combine(bytes: name)
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }

    /// The number of an equal name, or `nil` after `number` was put in. A full table answers `nil` and keeps nothing.
    mutating func findOrInsert(
        _ name: UnsafeRawBufferPointer, _ number: Int, nameOf: (Int) -> Slice<UnsafeRawBufferPointer>
    ) -> Int? {
        var slot = Int(truncatingIfNeeded: Self.hash(name)) & self.mask
        while self.slots[slot] != 0 {
            let held = Int(self.slots[slot]) - 1
            if Self.areEqual(nameOf(held), name) { return held }
            slot = (slot + 1) & self.mask
        }
        guard self.count < self.mask, let stored = UInt32(exactly: number + 1) else { return nil }
        self.slots[slot] = stored
        self.count += 1
        return nil
    }

    private static func areEqual(_ a: Slice<UnsafeRawBufferPointer>, _ b: UnsafeRawBufferPointer) -> Bool {
        let a = UnsafeRawBufferPointer(rebasing: a)
        guard a.count == b.count else { return false }
        guard let start = a.baseAddress, let other = b.baseAddress else { return true }
        return memcmp(start, other, a.count) == 0
    }

    /// The number of an equal name.
    func find(_ name: UnsafeRawBufferPointer, nameOf: (Int) -> Slice<UnsafeRawBufferPointer>) -> Int? {
        var slot = Int(truncatingIfNeeded: Self.hash(name)) & self.mask
        while self.slots[slot] != 0 {
            let held = Int(self.slots[slot]) - 1
            if Self.areEqual(nameOf(held), name) { return held }
            slot = (slot + 1) & self.mask
        }
        return nil
    }
}
