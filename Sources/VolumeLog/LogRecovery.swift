internal import Glibc

/// Opening a log: finds its segments, its identity and its end.
struct LogRecovery {
    let directory: String
    let options: LogOptions
    let descriptor: Int32
    var report = OpenReport()
    var logID = LogID.random()
    var table = SegmentTable()
    var writer = Writer()

    private struct Candidate {
        var file: SegmentFile
        var size: Int
        var header: SegmentHeader.Reading
    }

    init(directory: String, options: LogOptions, descriptor: Int32) {
        self.directory = directory
        self.options = options
        self.descriptor = descriptor
    }

    private func path(_ name: String) -> String { self.directory + "/" + name }

    mutating func run() throws(VolumeLogError) {
        if case .copied = LogPlace.read(self.directory) { self.report.isCopy = true }
        let numbers = try self.readDirectory()
        let id = try self.findLogID(numbers)
        self.table.nextSequence = max(1, self.options.firstSequence.rawValue)
        if let id { self.logID = id }
        for number in numbers { try self.take(number, isKnown: id != nil, isLast: number == numbers.last) }
        self.writer.nextNumber = (numbers.last ?? 0) + 1
        if let last = self.table.segments.last {
            try self.findTail(last)
        } else {
            self.report.isNew = true
        }
        self.writer.nextSequence = self.table.nextSequence
        self.report.last = LogSequence(rawValue: self.table.nextSequence - 1)
    }

    /// Sorts the directory's files by meaning; returns the numbers of segment files, ascending.
    private mutating func readDirectory() throws(VolumeLogError) -> [UInt32] {
        guard let stream = opendir(self.directory) else {
            throw VolumeLogError(errno: errno, "opendir", self.directory)
        }
        defer { closedir(stream) }
        var numbers: [UInt32] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                if errno != 0 { throw VolumeLogError(errno: errno, "readdir", self.directory) }
                break
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            switch FileName.meaning(name) {
            case .segment(let number): numbers.append(number)
            case .unfinishedSpare: _ = self.options.files.unlink(self.path(name))
            case .spare(let number):
                var status = stat()
                guard stat(self.path(name), &status) == 0 else { continue }
                self.table.spares.append(SegmentTable.Spare(name: name, size: Int(status.st_size)))
                self.table.nextSpare = max(self.table.nextSpare, number &+ 1)
            case .other: break
            }
        }
        return numbers.sorted()
    }

    private func read(_ number: UInt32) throws(VolumeLogError) -> Candidate {
        let path = self.path(FileName.segment(number))
        let descriptor = self.options.files.open(path, O_RDWR | O_CLOEXEC, 0)
        guard descriptor >= 0 else { throw VolumeLogError(errno: errno, "open", path) }
        let file = SegmentFile(
            number: number, path: path, descriptor: descriptor, seed: self.logID.seed(segment: number))
        let size = try file.length()
        let scanner = SegmentScanner(file, end: SegmentHeader.size)
        let header = withExtendedLifetime(scanner) {
            scanner.bytes(at: 0, count: SegmentHeader.size).map { SegmentHeader.read($0) }
        }
        return Candidate(file: file, size: size, header: header ?? .blank)
    }

    /// The identity that the newest readable segment states; nil if there are no used segments.
    private func findLogID(_ numbers: [UInt32]) throws(VolumeLogError) -> LogID? {
        var isDamaged = false
        for number in numbers.reversed() {
            switch try self.read(number).header {
            case .valid(let header): if header.number == number { return header.logID }
            case .unsupportedVersion:
                throw VolumeLogError(.unsupportedVersion, "open", self.path(FileName.segment(number)))
            case .damaged: isDamaged = true
            case .blank: break
            }
        }
        // Without an identity the records below a damaged header cannot be told from older ones.
        if isDamaged { throw VolumeLogError(.damaged, "open", self.directory) }
        return nil
    }

    /// Puts a segment file in the table, or aside.
    private mutating func take(
        _ number: UInt32, isKnown: Bool, isLast: Bool
    ) throws(VolumeLogError) {
        let candidate = try self.read(number)
        switch candidate.header {
        case .unsupportedVersion:
            throw VolumeLogError(.unsupportedVersion, "open", candidate.file.path)
        case .valid(let header) where header.number == number && header.logID == self.logID:
            self.table.segments.append(
                SegmentTable.Segment(
                    number: number, firstSequence: header.firstSequence, previous: header.previous))
        case .valid, .blank, .damaged:
            // Either never used since it was prepared or recycled, or its header was hit.
            if isKnown, try self.takeByRecords(candidate, isLast: isLast) { return }
            if case .damaged = candidate.header, !isLast {
                self.report(.segment, number, length: candidate.size)
                try self.rename(candidate.file.path, FileName.damaged(number))
            } else if candidate.size <= self.options.segmentSize {
                let name = self.table.takeSpareName()
                try self.rename(candidate.file.path, name)
                self.table.spares.append(SegmentTable.Spare(name: name, size: candidate.size))
            } else if self.options.files.unlink(candidate.file.path) != 0 {
                throw VolumeLogError(errno: errno, "unlink", candidate.file.path)
            }
        }
    }

    /// Puts a segment without a good header in the table by the records in it; false if it has none
    /// that count.
    private mutating func takeByRecords(
        _ candidate: Candidate, isLast: Bool
    ) throws(VolumeLogError) -> Bool {
        let scanner = SegmentScanner(candidate.file, end: candidate.size)
        guard let (offset, first) = scanner.resume(from: SegmentHeader.size, expected: 1, bound: .max)
        else { return false }
        // In the last segment it may be that the first batch, header page and all, was never flushed.
        let wasFlushed =
            !isLast
            || scanner.resume(from: offset + first.span, expected: first.sequence + 1, bound: nil) != nil
        let number = candidate.file.number
        guard offset == SegmentHeader.size else {
            guard wasFlushed else { return false }
            self.report(.segmentHeader, number, length: offset)
            self.table.segments.append(
                SegmentTable.Segment(number: number, firstSequence: first.sequence, previous: nil))
            return true
        }
        if wasFlushed { self.report(.segmentHeader, number, length: offset) }
        // All that the header said is known again, but for the time.
        let header = SegmentHeader(
            logID: self.logID, number: number, firstSequence: first.sequence, previous: first.previous,
            created: self.options.clock())
        try header.encode().withUnsafeBufferPointer { (page) throws(VolumeLogError) in
            try self.options.files.writeAll(UnsafeRawBufferPointer(page), to: candidate.file, at: 0)
        }
        if self.options.files.flush(candidate.file.descriptor) != 0 {
            throw VolumeLogError(errno: errno, "fdatasync", candidate.file.path)
        }
        self.table.segments.append(
            SegmentTable.Segment(
                number: number, firstSequence: first.sequence, previous: first.previous))
        return true
    }

    private mutating func report(_ cause: LogDamage.Cause, _ number: UInt32, length: Int) {
        self.report.damages.append(
            LogDamage(cause: cause, segment: number, offset: 0, length: UInt64(length), lost: nil))
    }

    private func rename(_ old: String, _ name: String) throws(VolumeLogError) {
        if self.options.files.rename(old, self.path(name)) != 0 {
            throw VolumeLogError(errno: errno, "rename", old)
        }
    }

    /// Keeps what is cut off a copy, for it might be that the disk was at fault and not the moment.
    private func setAside(_ candidate: Candidate, from start: Int) throws(VolumeLogError) {
        let files = self.options.files
        let path = self.path(FileName.cut(candidate.file.number))
        let descriptor = files.open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw VolumeLogError(errno: errno, "open", path) }
        let file = SegmentFile(number: 0, path: path, descriptor: descriptor, seed: 0)
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { piece.deallocate() }
        var done = start
        while done < candidate.size {
            let count = try candidate.file.read(at: done, into: piece)
            guard count > 0 else { break }
            try files.writeAll(UnsafeRawBufferPointer(rebasing: piece[..<count]), to: file, at: done - start)
            done += count
        }
        if withExtendedLifetime(file, { files.flush(descriptor) }) != 0 {
            throw VolumeLogError(errno: errno, "fdatasync", path)
        }
    }

    /// Finds the end of the records in the last segment, cuts what is torn behind it, and makes
    /// what stays durable: it may have been written and never flushed when the process died.
    private mutating func findTail(_ last: SegmentTable.Segment) throws(VolumeLogError) {
        let candidate = try self.read(last.number)
        // After a flush that failed the system holds pages as clean that never reached the disk: what counts is read from
        // there.
        if self.options.files.flush(candidate.file.descriptor) != 0 {
            throw VolumeLogError(errno: errno, "fdatasync", candidate.file.path)
        }
        posix_fadvise(candidate.file.descriptor, 0, 0, POSIX_FADV_DONTNEED)
        let scanner = SegmentScanner(candidate.file, end: candidate.size)
        var walk = SegmentWalk(
            scanner: scanner, bound: nil, expected: last.firstSequence, chain: last.previous)
        // Who copies a file that is being written sees some of the end and not what stands before it. All that is
        // behind such a gap was written after the copy began.
        walk.endsAtDamage = self.report.isCopy
        // Where the records begin that are one change with what comes next.
        var open: (position: Int, expected: UInt64, chain: UInt32)?
        _ = walk.run { (header, offset, _) throws(Never) in
            if !header.flags.contains(.joinsNext) {
                open = nil
            } else if open == nil {
                open = (offset, header.sequence, header.previous)
            }
            return .next
        }
        if let open, walk.resumption == nil {
            walk.position = open.position
            walk.expected = open.expected
            walk.chain = open.chain
        }
        // A bad sector is no torn tail: cutting there would destroy what a second try may read.
        if scanner.sawUnreadable { throw VolumeLogError(.inputOutput, "pread", candidate.file.path) }
        self.report.damages += walk.damages
        let files = self.options.files
        if walk.resumption != nil {
            self.report.cutOctets = candidate.size - walk.position
            try self.setAside(candidate, from: walk.position)
        }
        let isFixedSize = candidate.size == self.options.segmentSize && walk.resumption == nil
        if walk.resumption != nil {
            // Before new records stand there: those behind the gap must never be taken for flushed ones.
            if files.truncate(candidate.file.descriptor, walk.position) != 0 {
                throw VolumeLogError(errno: errno, "ftruncate", candidate.file.path)
            }
        } else if candidate.size > walk.position, !isFixedSize {
            self.report.tornOctets = candidate.size - walk.position
            if files.truncate(candidate.file.descriptor, walk.position) != 0 {
                throw VolumeLogError(errno: errno, "ftruncate", candidate.file.path)
            }
        } else if let torn = scanner.header(at: walk.position), torn.sequence == walk.expected {
            self.report.tornOctets = torn.span
        }
        if files.flush(candidate.file.descriptor) != 0 {
            throw VolumeLogError(errno: errno, "fdatasync", candidate.file.path)
        }
        if files.flushDirectory(self.descriptor) != 0 {
            throw VolumeLogError(errno: errno, "fsync", self.directory)
        }
        self.table.tail = walk.position
        self.table.nextSequence = walk.expected
        self.table.keep(candidate.file, limit: self.options.maximumOpenFiles)
        self.writer.current = candidate.file
        self.writer.tail = walk.position
        self.writer.fileSize = isFixedSize ? candidate.size : walk.position
        self.writer.chain = walk.chain ?? 0
    }
}
