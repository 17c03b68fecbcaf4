internal import Glibc

/// How a log behaves; nothing of it is stored.
public struct LogOptions: Sendable {
    /// Octets of a segment file. A batch that is larger gets a segment of its own size.
    public var segmentSize = 64 << 20
    /// Files of recycled segments kept for reuse. Beyond that they are deleted.
    public var maximumSpares = 4
    /// Segment files kept open for reading.
    public var maximumOpenFiles = 256
    /// Sequence number of the first record of a new log.
    public var firstSequence = LogSequence.first
    /// Seconds since 1970, for the header of a new segment.
    public var clock: @Sendable () -> Int64 = { Int64(time(nil)) }
    package var files = FileOperations.system

    public init() {}
}

/// What opening a log found.
public struct OpenReport: Hashable, Sendable {
    /// Whether there was no log and a new one begins.
    public var isNew = false
    /// Last record found; `none` in a new log.
    public var last = LogSequence.none
    /// Octets of unfinished, never acknowledged writing cut off at the end, as far as they are known.
    public var tornOctets = 0
    /// Whether the files were copied from elsewhere, as far as is known: see `VolumeLog.confirmPlace`.
    public var isCopy = false
    /// Octets of a copy's last segment behind a gap, set aside: the server wrote while they were copied.
    public var cutOctets = 0
    /// Records or segments lost in the middle. Acknowledged records may be among them.
    public var damages: [LogDamage] = []
}

/// A stretch of the log that cannot be read.
public struct LogDamage: Hashable, Sendable {
    public enum Cause: Hashable, Sendable {
        /// Records whose checksums do not fit; what follows them was found again.
        case records
        /// A segment's header; its records are readable all the same.
        case segmentHeader
        /// A whole segment file; it was set aside as `damaged-…`.
        case segment
    }

    public var cause: Cause
    public var segment: UInt32
    /// Octets from the beginning of the segment file.
    public var offset: UInt64
    public var length: UInt64
    /// Sequence numbers of the records lost, if they are known.
    public var lost: ClosedRange<UInt64>?
}
