internal import CLinux
internal import Glibc
internal import Synchronization

/// The log of a volume: numbered, checksummed records in append-only segment files of one directory.
///
/// Knows how records are framed and nothing of what they mean. One thread commits batches
/// (`commit`); any thread reads records by location, replays, prepares and recycles segments at
/// the same time. All calls block on the disk: they belong on storage threads.
/// The files are described in Documentation/volume-log-format.md.
public final class VolumeLog: Sendable {
    /// Octets of the longest payload.
    public static let maximumPayload = 1 << 30

    public let directory: String
    public let options: LogOptions
    /// What opening found.
    public let openReport: OpenReport
    let logID: LogID
    let directoryDescriptor: Int32
    private let sparesAreKept = Atomic<Bool>(true)
    let writer: Mutex<Writer>
    let table: Mutex<SegmentTable>
    /// `nil` after `close`.
    private let lock: Mutex<DirectoryLock?>

    /// Creates or opens the log in `directory` (made, mode 0700, if its parent is there).
    ///
    /// Reads the headers of all segments and the records of the last one. An unfinished batch at
    /// the end is cut off; what was found out of order is in `openReport`. Throws `locked` if
    /// another process has it, `damaged` if there are segments but no header to read them by.
    public static func open(
        directory: String, options: LogOptions = LogOptions()
    ) throws(VolumeLogError) -> VolumeLog {
        try VolumeLog(directory: directory, options: options)
    }

    /// Whether the files of recycled segments are kept for reuse, up to `LogOptions.maximumSpares`. Set to `false`, on a file
    /// system that is full, it deletes those that are there.
    public var keepsSpares: Bool {
        get { self.sparesAreKept.load(ordering: .relaxed) }
        set {
            self.sparesAreKept.store(newValue, ordering: .relaxed)
            if !newValue { self.deleteSpares() }
        }
    }

    private init(directory: String, options: LogOptions) throws(VolumeLogError) {
        if mkdir(directory, 0o700) != 0, errno != EEXIST {
            throw VolumeLogError(errno: errno, "mkdir", directory)
        }
        let lock = try DirectoryLock(directory: directory)
        let descriptor = Glibc.open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw VolumeLogError(errno: errno, "open", directory) }
        var recovery = LogRecovery(directory: directory, options: options, descriptor: descriptor)
        do throws(VolumeLogError) {
            try recovery.run()
        } catch {
            Glibc.close(descriptor)
            throw error
        }
        self.lock = Mutex(lock)
        self.directory = directory
        self.options = options
        self.directoryDescriptor = descriptor
        self.openReport = recovery.report
        self.logID = recovery.logID
        self.writer = Mutex(recovery.writer)
        self.table = Mutex(recovery.table)
    }

    deinit { Glibc.close(self.directoryDescriptor) }

    /// Accepts nothing more and lets others open the directory, also while this object is still referred to.
    public func close() {
        self.writer.withLock { writer in
            if writer.failure == nil { writer.failure = VolumeLogError(.stopped, "close", self.directory) }
        }
        self.lock.withLock { $0 = nil }
    }

    func path(_ name: String) -> String { self.directory + "/" + name }

    /// The last record committed.
    public var lastSequence: LogSequence {
        self.table.withLock { LogSequence(rawValue: $0.nextSequence - 1) }
    }

    /// Half of the log's random identity: other logs have another.
    public var tag: UInt64 { self.logID.high }

    /// Why the log accepts nothing more; nil while it works.
    public var failure: VolumeLogError? { self.writer.withLock { $0.failure } }

    /// Whether no record from `first` on is in a segment that has been given back.
    public func isContinuous(from first: LogSequence) -> Bool {
        let table = self.table.withLock { $0 }
        guard let begin = table.segments.first else { return true }
        guard begin.firstSequence <= first.rawValue else { return false }
        let last = table.segments.count - 1
        return (table.index(holding: first.rawValue)..<last).allSatisfy { self.isFollowed($0, in: table) }
    }

    /// Whether the records of the next segment follow those of the one at `index`. A number may be missing between the
    /// two without a record missing: that of a segment prepared and never written, because the process ended or the
    /// disk was full. Then the records themselves say it.
    private func isFollowed(_ index: Int, in table: SegmentTable) -> Bool {
        let (this, next) = (table.segments[index], table.segments[index + 1])
        if next.number == this.number + 1 { return true }
        guard let file = try? self.file(this.number), let end = try? file.length() else { return false }
        var walk = SegmentWalk(
            scanner: SegmentScanner(file, end: end), bound: nil, expected: this.firstSequence, chain: this.previous)
        _ = walk.run { (_, _, _) throws(Never) in .next }
        return walk.damages.isEmpty && walk.expected == next.firstSequence && walk.chain == next.previous
    }

    /// A segment file and the first record in it.
    public struct SegmentDescription: Hashable, Sendable {
        public var number: UInt32
        public var firstSequence: LogSequence
    }

    /// All segments in order; the last one is being written.
    public func segments() -> [SegmentDescription] {
        self.table.withLock { table in
            table.segments.map {
                SegmentDescription(
                    number: $0.number, firstSequence: LogSequence(rawValue: $0.firstSequence))
            }
        }
    }

    /// The segments' number, and the octets of their files.
    public var size: (count: Int, octets: UInt64) {
        let numbers = self.table.withLock { $0.segments.map(\.number) }
        var octets: UInt64 = 0
        for number in numbers {
            var status = stat()
            // One that is given back meanwhile counts no more.
            if lstat(self.path(FileName.segment(number)), &status) == 0 { octets &+= UInt64(clamping: status.st_size) }
        }
        return (numbers.count, octets)
    }

    /// The open file of a segment in the table; throws `noSuchRecord` if it is not there (any more).
    func file(_ number: UInt32) throws(VolumeLogError) -> SegmentFile {
        try self.table.withLock { (table) throws(VolumeLogError) -> SegmentFile in
            let isThere = table.index(of: number) != nil
            if isThere, let file = table.openFile(number) { return file }
            let path = self.path(FileName.segment(number))
            guard isThere else { throw VolumeLogError(.noSuchRecord, "read", path) }
            let descriptor = self.options.files.open(path, O_RDONLY | O_CLOEXEC, 0)
            guard descriptor >= 0 else { throw VolumeLogError(errno: errno, "open", path) }
            let file = SegmentFile(
                number: number, path: path, descriptor: descriptor, seed: self.logID.seed(segment: number))
            table.keep(file, limit: self.options.maximumOpenFiles)
            return file
        }
    }
}
