internal import Glibc
internal import Synchronization

/// Keeps small what of the map counts as memory of this process.
///
/// A page that a read has looked at stays in the process's page table, with its neighbours, and is counted as its memory,
/// though it is a page of the system's cache. When reads have looked at much, all are let go: they stay in the cache, and
/// the next look at one takes it and its neighbours back for a microsecond.
final class ResidentPages: Sendable {
    /// Octets that may stay, and after how many looked at that is compared.
    static let limit = 8 << 20
    /// What a read looks at that tells of nothing: the pages on the way to a few rows.
    static let perRead = 16 << 10
    /// The same of a write transaction, which mostly has many changes.
    static let perCommit = 256 << 10

    private let looked = Atomic<Int>(0)
    /// What counted when the environment was opened: the program itself, mostly.
    private let baseline = ResidentPages.count()
    /// First address and length of the map, once known.
    private let map = Mutex<(start: UInt, count: Int)?>(nil)

    /// Pages that come into the page table with one of them: the system maps 64 KiB around a fault.
    static let neighbours = 16

    /// Counts octets that a read has looked at. `true` for one caller when `letGo` is due.
    func look(at octets: Int) -> Bool {
        guard self.looked.add(octets, ordering: .relaxed).newValue > Self.limit else { return false }
        return self.looked.exchange(0, ordering: .relaxed) > Self.limit
    }

    /// Lets go of the pages of the map of the file `descriptor` when they are many. The caller keeps the map where it is.
    func letGo(of descriptor: Int32) {
        guard Self.count() > self.baseline + Self.limit else { return }
        let map = self.map.withLock { known in
            if known == nil { known = Self.map(of: descriptor) }
            return known
        }
        guard let map, let start = UnsafeMutableRawPointer(bitPattern: map.start) else { return }
        madvise(start, map.count, MADV_DONTNEED)
    }

    /// The map is to be moved.
    func forgetMap() { self.map.withLock { $0 = nil } }

    /// Octets of files that count as this process's memory; 0 when the system does not say.
    static func count() -> Int {
        guard let file = fopen("/proc/self/statm", "re") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        guard fgets(&line, CInt(line.count), file) != nil else { return 0 }
        // Size, resident, resident and of files, all in pages.
        return line.withUnsafeBufferPointer { text -> Int in
            guard var place = UnsafeMutablePointer(mutating: text.baseAddress) else { return 0 }
            var pages: UInt = 0
            for _ in 0..<3 {
                var end: UnsafeMutablePointer<CChar>?
                pages = strtoul(place, &end, 10)
                guard let end, end != place else { return 0 }
                place = end
            }
            return Int(clamping: pages) * Int(getpagesize())
        }
    }

    /// Where the file is mapped.
    private static func map(of descriptor: Int32) -> (start: UInt, count: Int)? {
        var status = stat()
        guard fstat(descriptor, &status) == 0, let file = fopen("/proc/self/maps", "re") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 4096 + 256)
        while fgets(&line, CInt(line.count), file) != nil {
            // `first-last rights offset major:minor inode path`, all but the inode in hexadecimal.
            let fields = line.split(separator: 0x20, maxSplits: 5, omittingEmptySubsequences: true)
            guard fields.count >= 5, Self.number(fields[4], radix: 10) == UInt(status.st_ino),
                Self.number(fields[2], radix: 16) == 0
            else { continue }
            let device = fields[3].split(separator: 0x3A).compactMap { Self.number($0, radix: 16) }
            guard device.count == 2, device[0] == UInt(status.st_dev >> 8 & 0xFFF),
                device[1] == UInt(status.st_dev & 0xFF | status.st_dev >> 12 & 0xFFF00)
            else { continue }
            let range = fields[0].split(separator: 0x2D).compactMap { Self.number($0, radix: 16) }
            guard range.count == 2, range[0] < range[1] else { continue }
            return (range[0], Int(range[1] - range[0]))
        }
        return nil
    }

    private static func number(_ digits: ArraySlice<CChar>, radix: Int) -> UInt? {
        UInt(String(decoding: digits.lazy.map { UInt8(bitPattern: $0) }, as: UTF8.self), radix: radix)
    }
}
