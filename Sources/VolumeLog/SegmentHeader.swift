internal import CLinux
internal import MailCore

/// What the first octets of a segment file say; Documentation/volume-log-format.md has the layout.
struct SegmentHeader {
    /// Octets before the first record: a page of its own, never written again with the records.
    static let size = 4096
    /// Octets in use, the checksum included. They stand there twice, for without them the records
    /// cannot be told from older ones.
    static let usedSize = 64
    static let copyOffset = 2048
    static let version: UInt32 = 1
    /// "MARTLETL"
    static let magic: UInt64 = 0x4C54_454C_5452_414D

    var logID: LogID
    var number: UInt32
    var firstSequence: UInt64
    /// Header checksum of the last record before this segment, 0 at the beginning of the log.
    var previous: UInt32
    /// Seconds since 1970.
    var created: Int64

    enum Reading {
        case valid(SegmentHeader)
        /// Nothing but zeros: prepared and never used.
        case blank
        case unsupportedVersion
        case damaged
    }

    func encode() -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(SegmentHeader.size)
        out.appendLittleEndian(SegmentHeader.magic)
        out.appendLittleEndian(SegmentHeader.version)
        out.appendLittleEndian(UInt32(SegmentHeader.size))
        out.appendLittleEndian(self.logID.high)
        out.appendLittleEndian(self.logID.low)
        out.appendLittleEndian(self.firstSequence)
        out.appendLittleEndian(self.created)
        out.appendLittleEndian(self.number)
        out.appendLittleEndian(self.previous)
        out.appendLittleEndian(UInt32(0))
        let checksum = out.withUnsafeBytes { martlet_crc32c(0, $0.baseAddress, $0.count) }
        out.appendLittleEndian(checksum)
        out.append(contentsOf: repeatElement(0, count: SegmentHeader.copyOffset - out.count))
        out.append(contentsOf: out[..<SegmentHeader.usedSize])
        out.append(contentsOf: repeatElement(0, count: SegmentHeader.size - out.count))
        return out
    }

    /// Reads the first page of a segment file.
    static func read(_ page: UnsafeRawBufferPointer) -> Reading {
        // A file that ends within the page holds no record, so nothing is lost with it.
        guard page.count >= SegmentHeader.size, page.contains(where: { $0 != 0 }) else { return .blank }
        let first = SegmentHeader.readCopy(page)
        if case .damaged = first {
            return SegmentHeader.readCopy(
                UnsafeRawBufferPointer(rebasing: page[SegmentHeader.copyOffset...]))
        }
        return first
    }

    private static func readCopy(_ bytes: UnsafeRawBufferPointer) -> Reading {
        func load<T: FixedWidthInteger>(_ offset: Int, as _: T.Type = T.self) -> T {
            T(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: T.self))
        }
        let checksum = martlet_crc32c(0, bytes.baseAddress, SegmentHeader.usedSize - 4)
        guard load(0, as: UInt64.self) == SegmentHeader.magic,
            load(SegmentHeader.usedSize - 4, as: UInt32.self) == checksum
        else { return .damaged }
        guard load(8, as: UInt32.self) == SegmentHeader.version,
            load(12, as: UInt32.self) == UInt32(SegmentHeader.size)
        else { return .unsupportedVersion }
        let header = SegmentHeader(
            logID: LogID(high: load(16), low: load(24)), number: load(48), firstSequence: load(32),
            previous: load(52), created: load(40))
        return header.firstSequence > 0 && header.firstSequence < .max ? .valid(header) : .damaged
    }
}

/// Random name of a log, so that the segments of two can never be mixed up.
struct LogID: Hashable, Sendable {
    var high: UInt64
    var low: UInt64

    static func random() -> LogID { LogID(high: .random(in: 1 ... .max), low: .random(in: 0 ... .max)) }

    /// What the checksums of a segment's record headers begin with. It depends on the file's name and
    /// the log alone, so that records can be read below a damaged segment header, and records of the
    /// file's former life cannot.
    func seed(segment number: UInt32) -> UInt32 {
        var bytes: [UInt8] = []
        bytes.appendLittleEndian(self.high)
        bytes.appendLittleEndian(self.low)
        bytes.appendLittleEndian(number)
        return bytes.withUnsafeBytes { martlet_crc32c(0, $0.baseAddress, $0.count) }
    }
}
