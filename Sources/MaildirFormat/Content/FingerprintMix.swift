import Glibc

/// Mixes the states of files into one value (FNV-1a over 64-bit words, then a final scramble).
struct FingerprintMix {
    private(set) var hash: UInt64 = 0xCBF2_9CE4_8422_2325

    /// Adds a file's inode, size and modification time, or that it is not there.
    mutating func add(_ status: stat?) {
        guard let status else {
            self.add(0)
            return
        }
        self.add(UInt64(status.st_ino))
        self.add(UInt64(bitPattern: Int64(status.st_size)))
        self.add(UInt64(bitPattern: Int64(status.st_mtim.tv_sec)))
        self.add(UInt64(bitPattern: Int64(status.st_mtim.tv_nsec)))
    }

    private mutating func add(_ word: UInt64) {
        self.hash = (self.hash ^ word) &* 0x100_0000_01B3
        self.hash ^= self.hash >> 32
    }

    var value: UInt64 { self.hash &* 0x9E37_79B9_7F4A_7C15 }
}
