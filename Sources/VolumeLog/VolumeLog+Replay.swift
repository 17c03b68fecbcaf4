internal import Glibc
internal import Synchronization

/// A record as `replay` shows it.
public struct LogRecord {
    public let kind: UInt8
    public let sequence: LogSequence
    public let location: RecordLocation
    /// Valid until the visitor returns.
    public let payload: UnsafeRawBufferPointer
}

/// What a replay saw.
public struct ReplayReport: Hashable, Sendable {
    /// Records visited.
    public var records = 0
    /// Last record passed; `none` if there was none.
    public var last = LogSequence.none
    public var damages: [LogDamage] = []
}

extension VolumeLog {
    /// Visits every record from `first` on, in order, up to the last one committed when it was called.
    ///
    /// Stretches that cannot be read are left out and reported. Memory is bounded: a payload above
    /// 1 MiB is mapped and not read. Errors of `visit` are passed on; its own are `VolumeLogError`.
    @discardableResult
    public func replay(
        from first: LogSequence = .first, _ visit: (LogRecord) throws -> ReplayStep
    ) throws -> ReplayReport {
        let table = self.table.withLock { $0 }
        var report = ReplayReport()
        guard !table.segments.isEmpty, first.rawValue < table.nextSequence else { return report }
        for index in table.index(holding: first.rawValue)..<table.segments.count {
            if try self.replay(index, of: table, from: first.rawValue, &report, visit) == .stop { break }
        }
        return report
    }

    /// Visits every record of one segment, in order, as `replay(from:)` does. Nothing when it is not there.
    @discardableResult
    public func replay(
        segment number: UInt32, _ visit: (LogRecord) throws -> ReplayStep
    ) throws -> ReplayReport {
        let table = self.table.withLock { $0 }
        var report = ReplayReport()
        guard let index = table.index(of: number) else { return report }
        _ = try self.replay(index, of: table, from: 0, &report, visit)
        return report
    }

    private func replay(
        _ index: Int, of table: SegmentTable, from first: UInt64, _ report: inout ReplayReport,
        _ visit: (LogRecord) throws -> ReplayStep
    ) throws -> ReplayStep {
        let segment = table.segments[index]
        let file: SegmentFile
        do throws(VolumeLogError) {
            file = try self.file(segment.number)
        } catch {
            // Recycled meanwhile: nothing in it was needed any more.
            if error.code == .noSuchRecord { return .next }
            throw error
        }
        let isLast = index == table.segments.count - 1
        let scanner = SegmentScanner(file, end: isLast ? table.tail : try file.length())
        var walk = SegmentWalk(
            scanner: scanner, bound: table.bound(at: index), expected: segment.firstSequence,
            chain: segment.previous)
        walk.holes = self.holes(of: segment.number)
        let step = try walk.run(from: first) { (header, offset, scanner) throws in
            try Self.show(header, offset, scanner, visit)
        }
        report.records += walk.records
        report.damages += walk.damages
        if walk.expected > segment.firstSequence {
            report.last = LogSequence(rawValue: walk.expected - 1)
        }
        return step
    }

    /// Reads the whole log and compares every checksum.
    public func verify() throws(VolumeLogError) -> ReplayReport {
        do {
            return try self.replay { _ in .next }
        } catch {
            throw error as? VolumeLogError ?? VolumeLogError(.other, "verify", self.directory)
        }
    }

    static func show(
        _ header: RecordHeader, _ offset: Int, _ scanner: SegmentScanner,
        _ visit: (LogRecord) throws -> ReplayStep
    ) throws -> ReplayStep {
        let location = RecordLocation(
            segment: scanner.file.number, offset: UInt64(offset), length: header.length)
        let length = Int(header.length)
        func record(_ payload: UnsafeRawBufferPointer) -> LogRecord {
            LogRecord(
                kind: header.kind, sequence: LogSequence(rawValue: header.sequence), location: location,
                payload: payload)
        }
        if let payload = scanner.bytes(at: offset + RecordHeader.size, count: length) {
            return try visit(record(payload))
        }
        // The checksum was right a moment ago, so the pages are there.
        let start = offset & ~4095
        let size = offset + RecordHeader.size + length - start
        guard let map = mmap(nil, size, PROT_READ, MAP_PRIVATE, scanner.file.descriptor, off_t(start)),
            map != MAP_FAILED
        else { throw VolumeLogError(errno: errno, "mmap", scanner.file.path) }
        defer { munmap(map, size) }
        let payload = UnsafeRawBufferPointer(
            start: map + (offset + RecordHeader.size - start), count: length)
        return try visit(record(payload))
    }
}
