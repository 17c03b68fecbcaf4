/// Which base names a mailbox holds, by their seeded 64-bit hashes: a copy keeps its name where that is free.
///
/// Kept for a minute after its last use, so that a run of copies lists the directory once.
struct TakenNames: Sendable {
    private static let lifetime: Int64 = 60

    private var hashes: Set<UInt64>?
    private var used: Int64 = 0

    var isFilled: Bool { self.hashes != nil }

    mutating func fill(_ hashes: Set<UInt64>) { self.hashes = hashes }

    /// Takes `name`; `false` when it is taken already. Only when filled.
    mutating func take(_ name: [UInt8], now: Int64) -> Bool {
        self.used = now
        let hash = name.withUnsafeBytes { NameIndex.hash($0) }
        return self.hashes?.insert(hash).inserted ?? false
    }

    func contains(_ name: [UInt8]) -> Bool {
        self.hashes?.contains(name.withUnsafeBytes { NameIndex.hash($0) }) ?? false
    }

    /// Notes a name that came otherwise.
    mutating func note(_ name: [UInt8]) {
        guard self.hashes != nil else { return }
        self.hashes?.insert(name.withUnsafeBytes { NameIndex.hash($0) })
    }

    mutating func forget(_ name: [UInt8]) {
        self.hashes?.remove(name.withUnsafeBytes { NameIndex.hash($0) })
    }

    mutating func expire(now: Int64) {
        if self.hashes != nil, now - self.used > Self.lifetime || now < self.used { self.hashes = nil }
    }
}
