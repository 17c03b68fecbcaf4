internal import CLinux
internal import MailCore

/// Octets in memory that a batch writes from where they are.
public protocol RecordBody: Sendable {
    var count: Int { get }

    /// Calls `body` with all octets; they are the same each time.
    func withOctets(_ body: (UnsafeRawBufferPointer) -> Void)
}

/// Records on their way to the log: filled on any thread, then committed as a whole.
///
/// Checksums of payloads are computed here, so that the committer has little left to do. After
/// the commit the batch knows the sequence number and location of each record.
public struct RecordBatch: Sendable {
    /// Octets elsewhere that are the rest of a payload.
    enum Source {
        case file(descriptor: Int32, offset: Int64, count: Int)
        case memory(any RecordBody)

        var count: Int {
            switch self {
            case .file(_, _, let count): count
            case .memory(let body): body.count
            }
        }
    }

    struct Record {
        var kind: UInt8
        /// Place of the in-memory part of the payload in `bytes`.
        var start: Int
        var count: Int
        /// CRC-32C of the in-memory part.
        var checksum: UInt32
        var source: Source?
        var joinsNext = false

        var length: Int { self.count + (self.source?.count ?? 0) }
    }

    struct Placement {
        var segment: UInt32
        var offset: Int
        var first: LogSequence
    }

    private(set) var bytes: [UInt8] = []
    private(set) var records: [Record] = []
    /// Octets the batch takes in the log.
    public private(set) var logSize = 0
    private(set) var isOversized = false
    var placement: Placement?

    public init() {}

    /// Number of records.
    public var count: Int { self.records.count }
    public var isEmpty: Bool { self.records.isEmpty }

    public mutating func reserveCapacity(records: Int, octets: Int) {
        self.records.reserveCapacity(records)
        self.bytes.reserveCapacity(octets)
    }

    /// Forgets the records and keeps the memory.
    public mutating func removeAll() {
        self.bytes.removeAll(keepingCapacity: true)
        self.records.removeAll(keepingCapacity: true)
        self.logSize = 0
        self.isOversized = false
        self.placement = nil
    }

    // MARK: Filling

    /// Adds a record. What `kind` and payload mean is the caller's business. Returns its index.
    @discardableResult
    public mutating func append(kind: UInt8, _ payload: UnsafeRawBufferPointer) -> Int {
        let start = self.bytes.count
        self.bytes.append(contentsOf: payload)
        return self.finish(kind, start, nil)
    }

    /// Adds a record.
    @discardableResult
    public mutating func append(kind: UInt8, _ payload: [UInt8]) -> Int {
        let start = self.bytes.count
        self.bytes.append(contentsOf: payload)
        return self.finish(kind, start, nil)
    }

    /// Adds a record whose payload is the pieces, one behind the other.
    @discardableResult
    public mutating func append(kind: UInt8, pieces: [[UInt8]]) -> Int {
        let start = self.bytes.count
        for piece in pieces { self.bytes.append(contentsOf: piece) }
        return self.finish(kind, start, nil)
    }

    /// Adds a record whose payload `encode` appends to the buffer it is given. It must only append.
    @discardableResult
    public mutating func append<E: Error>(
        kind: UInt8, encoding encode: (inout [UInt8]) throws(E) -> Void
    ) throws(E) -> Int {
        let start = self.bytes.count
        do throws(E) {
            try encode(&self.bytes)
        } catch {
            self.bytes.removeLast(self.bytes.count - start)
            throw error
        }
        precondition(self.bytes.count >= start, "an encoder removed what others had written")
        return self.finish(kind, start, nil)
    }

    /// Adds a record whose payload is `prefix` and then `count` octets of a file from `offset` on.
    ///
    /// The file is read at commit, in pieces of at most 1 MiB; until then the descriptor must stay
    /// open and the octets unchanged. The batch does not own it.
    @discardableResult
    public mutating func append(
        kind: UInt8, prefix: [UInt8], file descriptor: Int32, offset: Int64 = 0, count: Int
    ) -> Int {
        let start = self.bytes.count
        self.bytes.append(contentsOf: prefix)
        return self.finish(
            kind, start, .file(descriptor: descriptor, offset: offset, count: max(0, count)))
    }

    /// Adds a record whose payload is `prefix` and then the body, which is not copied: the batch holds it until
    /// `removeAll`.
    @discardableResult
    public mutating func append(kind: UInt8, prefix: [UInt8], body: any RecordBody) -> Int {
        let start = self.bytes.count
        self.bytes.append(contentsOf: prefix)
        return self.finish(kind, start, .memory(body))
    }

    private mutating func finish(_ kind: UInt8, _ start: Int, _ source: Source?) -> Int {
        let count = self.bytes.count - start
        let checksum = self.bytes.withUnsafeBytes { bytes in
            martlet_crc32c(0, bytes.baseAddress.map { $0 + start }, count)
        }
        let record = Record(kind: kind, start: start, count: count, checksum: checksum, source: source)
        self.placement = nil
        self.records.append(record)
        let (length, overflow) = count.addingReportingOverflow(source?.count ?? 0)
        if overflow || length > VolumeLog.maximumPayload {
            self.isOversized = true
        } else {
            self.logSize += RecordHeader.span(payload: length)
        }
        return self.records.count - 1
    }

    /// Makes one change of the last record and the one that is added next: after a crash in the middle of the batch
    /// neither is there, or both.
    public mutating func joinLastToNext() {
        guard !self.records.isEmpty else { return }
        self.records[self.records.count - 1].joinsNext = true
    }

    // MARK: After the commit

    /// Sequence number of the record at `index`; nil before the commit.
    public func sequence(of index: Int) -> LogSequence? {
        guard let placement, self.records.indices.contains(index) else { return nil }
        return LogSequence(rawValue: placement.first.rawValue + UInt64(index))
    }

    /// Locations of all records, in order; empty before the commit.
    public func locations() -> [RecordLocation] {
        guard let placement else { return [] }
        var offset = placement.offset
        return self.records.map { record in
            defer { offset += RecordHeader.span(payload: record.length) }
            return RecordLocation(
                segment: placement.segment, offset: UInt64(offset), length: UInt32(record.length))
        }
    }

    /// Location of the record at `index`; nil before the commit. Takes time in proportion to `index`.
    public func location(of index: Int) -> RecordLocation? {
        guard let placement, self.records.indices.contains(index) else { return nil }
        let offset = self.records[..<index].reduce(placement.offset) {
            $0 + RecordHeader.span(payload: $1.length)
        }
        return RecordLocation(
            segment: placement.segment, offset: UInt64(offset),
            length: UInt32(self.records[index].length))
    }
}
