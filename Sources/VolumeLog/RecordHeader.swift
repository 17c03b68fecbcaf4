internal import CLinux

/// The 32 octets before every payload; Documentation/volume-log-format.md has the layout.
struct RecordHeader {
    static let size = 32
    /// "MLR1", so that a search for records need not compute a checksum at each place.
    static let marker: UInt32 = 0x3152_4C4D

    /// Checksum of the other 28 octets, begun with the segment's seed.
    var checksum: UInt32 = 0
    /// CRC-32C of the payload.
    var payloadChecksum: UInt32
    /// `checksum` of the record before, so that only the one true successor fits.
    var previous: UInt32
    var length: UInt32
    var sequence: UInt64
    var kind: UInt8
    var flags: Flags
    /// Random per opening and failed commit: what was abandoned never fits behind what came later.
    var salt: UInt16

    struct Flags: OptionSet {
        let rawValue: UInt8
        /// Everything before this record had been flushed when it was written, so a defect before it
        /// is damage and not a torn tail.
        static let followsFlush = Flags(rawValue: 1)
        /// The next record belongs to the same change: at the log's end, without it, this one counts for nothing.
        static let joinsNext = Flags(rawValue: 2)
    }

    /// Octets from this header to the next one.
    var span: Int { RecordHeader.span(payload: Int(self.length)) }

    static func span(payload: Int) -> Int { (RecordHeader.size + payload + 7) & ~7 }

    /// Sets the checksum and writes the 32 octets.
    mutating func encode(seed: UInt32, into out: UnsafeMutableRawBufferPointer) {
        func store(_ value: some FixedWidthInteger, _ offset: Int) {
            out.storeBytes(of: value.littleEndian, toByteOffset: offset, as: type(of: value))
        }
        store(self.payloadChecksum, 4)
        store(self.previous, 8)
        store(self.length, 12)
        store(self.sequence, 16)
        store(self.kind, 24)
        store(self.flags.rawValue, 25)
        store(self.salt, 26)
        store(RecordHeader.marker, 28)
        self.checksum = martlet_crc32c(seed, out.baseAddress.map { $0 + 4 }, RecordHeader.size - 4)
        store(self.checksum, 0)
    }

    /// Reads 32 octets; nil unless they are a header of the segment that `seed` stands for.
    init?(_ bytes: UnsafeRawBufferPointer, seed: UInt32) {
        guard bytes.count >= RecordHeader.size, let base = bytes.baseAddress else { return nil }
        func load<T: FixedWidthInteger>(_ offset: Int, as _: T.Type = T.self) -> T {
            T(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: T.self))
        }
        guard load(28, as: UInt32.self) == RecordHeader.marker else { return nil }
        self.checksum = load(0)
        guard martlet_crc32c(seed, base + 4, RecordHeader.size - 4) == self.checksum else { return nil }
        self.payloadChecksum = load(4)
        self.previous = load(8)
        self.length = load(12)
        self.sequence = load(16)
        self.kind = load(24)
        self.flags = Flags(rawValue: load(25))
        self.salt = load(26)
    }

    init(
        payloadChecksum: UInt32, previous: UInt32, length: UInt32, sequence: UInt64, kind: UInt8,
        flags: Flags, salt: UInt16
    ) {
        self.payloadChecksum = payloadChecksum
        self.previous = previous
        self.length = length
        self.sequence = sequence
        self.kind = kind
        self.flags = flags
        self.salt = salt
    }
}
