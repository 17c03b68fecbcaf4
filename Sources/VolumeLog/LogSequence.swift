/// Number of a record in the log: the first is 1, each next one higher, none is ever used twice.
public struct LogSequence: RawRepresentable, Hashable, Comparable, Sendable {
    public let rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Before the first record.
    public static let none = LogSequence(rawValue: 0)
    public static let first = LogSequence(rawValue: 1)

    /// The number after this one.
    public var next: LogSequence { LogSequence(rawValue: self.rawValue &+ 1) }

    public static func < (a: LogSequence, b: LogSequence) -> Bool { a.rawValue < b.rawValue }
}

/// Where a record stands: a key to `VolumeLog.read`, valid until its segment is recycled.
public struct RecordLocation: Hashable, Sendable {
    /// Number of the segment file.
    public var segment: UInt32
    /// Octets from the beginning of the segment file to the record's header; a multiple of 8.
    public var offset: UInt64
    /// Octets of payload.
    public var length: UInt32

    public init(segment: UInt32, offset: UInt64, length: UInt32) {
        self.segment = segment
        self.offset = offset
        self.length = length
    }

    /// Octets that the record takes in its segment, header and padding included.
    public var span: Int { RecordHeader.span(payload: Int(self.length)) }
}
