/// Where and how the next record will be written; belongs to the thread that commits.
struct Writer {
    /// The segment being written; nil in a new log.
    var current: SegmentFile?
    /// Where the next record begins.
    var tail = SegmentHeader.size
    /// Octets of `current` that have been written before, be it with zeros.
    var fileSize = 0
    /// Checksum of the last record's header.
    var chain: UInt32 = 0
    var nextSequence: UInt64 = 1
    /// Number of the next segment file.
    var nextNumber: UInt32 = 1
    /// Whether `current` has neither its header nor a record yet.
    var isBlank = false
    /// Whether the next record must begin a segment.
    var mustRotate = false
    /// Whether records were written since the last flush.
    var isUnflushed = false
    /// Whether the name of `current` was made since the directory was flushed.
    var isNameUnflushed = false
    var salt = UInt16.random(in: 0 ... .max)
    var failure: VolumeLogError?
    /// Memory for `BatchWriter`, kept between commits.
    var buffer: [UInt8] = []
}
