internal import Glibc

/// Reads the files of a log without opening it: no lock is taken and nothing is repaired, so that it can be done
/// while a server writes there. What is written meanwhile may be seen in part, as a torn tail.
public struct LogReader: Sendable {
    public struct Segment: Sendable, Hashable {
        public var number: UInt32
        public var firstSequence: LogSequence
        /// Seconds since 1970.
        public var created: Int64
        /// Octets of the file.
        public var size: Int
        var previous: UInt32
        var logID: LogID
    }

    public let directory: String
    /// In order.
    public let segments: [Segment]
    /// Files that are segments by their names and have no readable header, or one of another file's life.
    public let unreadable: [String]

    public init(directory: String) throws(VolumeLogError) {
        self.directory = directory
        guard let stream = opendir(directory) else { throw VolumeLogError(errno: errno, "opendir", directory) }
        defer { closedir(stream) }
        var segments: [Segment] = []
        var unreadable: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard case .segment(let number) = FileName.meaning(name) else { continue }
            if let segment = try Self.segment(number, directory + "/" + name) {
                segments.append(segment)
            } else {
                unreadable.append(name)
            }
        }
        self.segments = segments.sorted { $0.number < $1.number }
        self.unreadable = unreadable.sorted()
    }

    private static func segment(_ number: UInt32, _ path: String) throws(VolumeLogError) -> Segment? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            // Given back between the listing and now.
            if errno == ENOENT { return nil }
            throw VolumeLogError(errno: errno, "open", path)
        }
        let file = SegmentFile(number: number, path: path, descriptor: descriptor, seed: 0)
        let size = try file.length()
        let scanner = SegmentScanner(file, end: min(size, SegmentHeader.size))
        guard let page = scanner.bytes(at: 0, count: SegmentHeader.size) else { return nil }
        switch SegmentHeader.read(page) {
        case .valid(let header) where header.number == number:
            return Segment(
                number: number, firstSequence: LogSequence(rawValue: header.firstSequence), created: header.created,
                size: size, previous: header.previous, logID: header.logID)
        case .unsupportedVersion: throw VolumeLogError(.unsupportedVersion, "open", path)
        case .valid, .blank, .damaged: return nil
        }
    }

    /// Visits the records of a segment in order, around damage.
    @discardableResult
    public func read(
        _ segment: Segment, _ visit: (LogRecord) throws -> ReplayStep
    ) throws -> ReplayReport {
        let path = self.directory + "/" + FileName.segment(segment.number)
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw VolumeLogError(errno: errno, "open", path) }
        let file = SegmentFile(
            number: segment.number, path: path, descriptor: descriptor,
            seed: segment.logID.seed(segment: segment.number))
        let next = self.segments.first { $0.number == segment.number &+ 1 }
        var walk = SegmentWalk(
            scanner: SegmentScanner(file, end: try file.length()), bound: next?.firstSequence.rawValue,
            expected: segment.firstSequence.rawValue, chain: segment.previous)
        walk.holes = VolumeLog.holes(self.directory + "/" + FileName.holes(segment.number))
        var report = ReplayReport()
        _ = try walk.run { (header, offset, scanner) throws in
            try VolumeLog.show(header, offset, scanner, visit)
        }
        report.records = walk.records
        report.damages = walk.damages
        report.last = LogSequence(rawValue: walk.expected &- 1)
        return report
    }
}
