internal import CLinux
internal import Glibc

/// Reads one segment file forward through a window of bounded size, and tells what in it is a record.
///
/// Octets that the disk cannot deliver read as zeros, which no record has for a header.
final class SegmentScanner {
    /// Octets read at once; a payload up to this size is seen in one piece.
    static let windowSize = 1 << 20

    let file: SegmentFile
    /// Octets of the file that are looked at.
    let end: Int
    private(set) var sawUnreadable = false
    private let window: UnsafeMutableRawBufferPointer
    private var windowStart = 0
    private var windowCount = 0

    init(_ file: SegmentFile, end: Int) {
        self.file = file
        self.end = end
        self.window = .allocate(byteCount: SegmentScanner.windowSize + RecordHeader.size, alignment: 4096)
    }

    deinit { self.window.deallocate() }

    /// `count` octets at `offset`, nil if the file ends before. Valid until the next call.
    /// `count` is at most the window's size.
    func bytes(at offset: Int, count: Int) -> UnsafeRawBufferPointer? {
        guard offset >= 0, count >= 0, count <= self.window.count, offset <= self.end,
            count <= self.end - offset
        else { return nil }
        if offset < self.windowStart || offset + count > self.windowStart + self.windowCount {
            self.fill(offset)
            guard offset + count <= self.windowStart + self.windowCount else { return nil }
        }
        let start = offset - self.windowStart
        return UnsafeRawBufferPointer(rebasing: self.window[start..<start + count])
    }

    private func fill(_ offset: Int) {
        self.windowStart = offset
        let wanted = min(self.window.count, self.end - offset)
        var done = 0
        while done < wanted, let base = self.window.baseAddress {
            let count = pread(self.file.descriptor, base + done, wanted - done, off_t(offset + done))
            if count > 0 {
                done += count
            } else if count == 0 {
                break
            } else if errno != EINTR {
                // Past the bad block; smaller steps than a page gain nothing.
                self.sawUnreadable = true
                let step = min(4096 - (offset + done) % 4096, wanted - done)
                memset(base + done, 0, step)
                done += step
            }
        }
        self.windowCount = done
    }

    /// The header at `offset`, if one is there and its payload ends within the file.
    func header(at offset: Int) -> RecordHeader? {
        guard let bytes = self.bytes(at: offset, count: RecordHeader.size),
            let header = RecordHeader(bytes, seed: self.file.seed), header.sequence < .max,
            Int(header.length) <= self.end - offset - RecordHeader.size
        else { return nil }
        return header
    }

    /// Whether the payload behind `header` is what was written.
    func isIntact(_ header: RecordHeader, at offset: Int) -> Bool {
        var checksum: UInt32 = 0
        var position = offset + RecordHeader.size
        var rest = Int(header.length)
        while rest > 0 {
            let step = min(rest, SegmentScanner.windowSize)
            guard let piece = self.bytes(at: position, count: step) else { return false }
            checksum = martlet_crc32c(checksum, piece.baseAddress, step)
            position += step
            rest -= step
        }
        return checksum == header.payloadChecksum
    }

    /// Next multiple of 8 where a header's marker stands at its place.
    private func marker(from start: Int) -> Int? {
        var offset = start
        while offset <= self.end - RecordHeader.size {
            guard let piece = self.bytes(at: offset, count: min(self.window.count, self.end - offset))
            else { return nil }
            var place = 0
            while place + RecordHeader.size <= piece.count {
                let octets = piece.loadUnaligned(fromByteOffset: place + 28, as: UInt32.self)
                if UInt32(littleEndian: octets) == RecordHeader.marker { return offset + place }
                place += 8
            }
            offset += place
        }
        return nil
    }

    /// Looks from `start` on for the next intact record with a number in `expected...`.
    ///
    /// With a `bound` (the segment's records end below it) any such record counts. Without one the
    /// segment's end is not known, and an unfinished batch looks like damage: then only what stands
    /// before a record that was written after a flush had ever been acknowledged.
    func resume(from start: Int, expected: UInt64, bound: UInt64?) -> (Int, RecordHeader)? {
        var first: (Int, RecordHeader)?
        var lowest = expected
        var offset = (start + 7) & ~7
        while let candidate = self.marker(from: offset) {
            offset = candidate
            guard let header = self.header(at: offset), header.sequence >= lowest,
                header.sequence < bound ?? .max, self.isIntact(header, at: offset)
            else {
                offset += 8
                continue
            }
            if bound != nil { return (offset, header) }
            if first == nil { first = (offset, header) }
            if header.flags.contains(.followsFlush) { return first }
            lowest = header.sequence + 1
            offset += header.span
        }
        return nil
    }
}
