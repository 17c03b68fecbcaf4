internal import Glibc
internal import Synchronization

/// What a commit is to wait for.
public enum CommitDurability: Hashable, Sendable {
    /// The records survive power loss when `commit` returns.
    case flushed
    /// The records survive the end of the process; the next flushed commit or `flush` does the rest.
    case written
}

/// What a commit did.
public struct CommitReceipt: Hashable, Sendable {
    /// First and last record of the commit; `first` is above `last` if there was none.
    public var first: LogSequence
    public var last: LogSequence
    /// Whether a new segment was begun: a good moment for `prepareNextSegment` on another thread.
    public var beganSegment: Bool
}

extension VolumeLog {
    /// Appends the records of all batches in order, with one flush, and notes in the batches where
    /// they are.
    ///
    /// All or nothing: when it throws, no record of the batches is in the log. After `diskFull`,
    /// `exhausted`, `sourceUnreadable` and `payloadTooLarge` the log goes on. When a write or flush failed for
    /// another reason it accepts nothing more (`stopped`) until it is opened again, because what the
    /// disk has is not known: such records may come back then.
    @discardableResult
    public func commit(
        _ batches: inout [RecordBatch], durability: CommitDurability = .flushed
    ) throws(VolumeLogError) -> CommitReceipt {
        try self.writer.withLock { (writer) throws(VolumeLogError) -> CommitReceipt in
            try self.write(&batches, &writer, durability)
        }
    }

    /// Appends the records of one batch.
    @discardableResult
    public func commit(
        _ batch: inout RecordBatch, durability: CommitDurability = .flushed
    ) throws(VolumeLogError) -> CommitReceipt {
        var batches = [batch]
        let receipt = try self.commit(&batches, durability: durability)
        batch.placement = batches[0].placement
        return receipt
    }

    /// Makes durable what was committed as `written`.
    public func flush() throws(VolumeLogError) {
        try self.writer.withLock { (writer) throws(VolumeLogError) in
            try self.checkRunning(writer)
            try self.flush(&writer)
        }
    }

    /// Leaves out the sequence numbers below `sequence`, for an index that has seen records up to
    /// there which the log has lost: numbers must never be used twice.
    public func skip(to sequence: LogSequence) {
        self.writer.withLock { writer in
            guard sequence.rawValue > writer.nextSequence else { return }
            writer.nextSequence = sequence.rawValue
            self.table.withLock { table in
                table.nextSequence = sequence.rawValue
                table.hasGapAtEnd = true
            }
            // A gap in the segments' numbers says that the gap in the records' is no damage.
            writer.nextNumber = min(writer.nextNumber, .max - 1) + 1
            writer.mustRotate = true
        }
    }

    private func checkRunning(_ writer: Writer) throws(VolumeLogError) {
        if let failure = writer.failure {
            throw VolumeLogError(.stopped, failure.operation, failure.path, number: failure.number)
        }
    }

    private func write(
        _ batches: inout [RecordBatch], _ writer: inout Writer, _ durability: CommitDurability
    ) throws(VolumeLogError) -> CommitReceipt {
        try self.checkRunning(writer)
        var size = 0
        for batch in batches {
            if batch.isOversized { throw VolumeLogError(.payloadTooLarge, "commit", self.directory) }
            size += batch.logSize
        }
        var receipt = CommitReceipt(
            first: LogSequence(rawValue: writer.nextSequence),
            last: LogSequence(rawValue: writer.nextSequence - 1), beganSegment: false)
        guard size > 0 else {
            if durability == .flushed { try self.flush(&writer) }
            return receipt
        }
        let file = try self.segment(for: size, &writer)
        let begins = writer.isBlank
        var output = BatchWriter(
            file: file, files: self.options.files, at: begins ? 0 : writer.tail, chain: writer.chain,
            sequence: writer.nextSequence, followsFlush: !writer.isUnflushed, salt: writer.salt,
            buffer: writer.buffer)
        writer.buffer = []
        if begins {
            let header = SegmentHeader(
                logID: self.logID, number: file.number, firstSequence: writer.nextSequence,
                previous: writer.chain, created: self.options.clock())
            output.append(header.encode())
        }
        let wasUnflushed = writer.isUnflushed
        let previous = writer.chain
        var isFlushing = false
        do throws(VolumeLogError) {
            for index in batches.indices where !batches[index].isEmpty {
                batches[index].placement = RecordBatch.Placement(
                    segment: file.number, offset: output.position,
                    first: LogSequence(rawValue: output.sequence))
                try output.append(batches[index])
            }
            try output.writeOut()
            writer.isUnflushed = true
            isFlushing = true
            if durability == .flushed { try self.flush(&writer) }
        } catch {
            for index in batches.indices { batches[index].placement = nil }
            // A flush that failed may have lost records that were committed as written, too.
            if isFlushing, wasUnflushed { writer.failure = writer.failure ?? error }
            writer.isUnflushed = wasUnflushed
            self.abandon(error, &writer, hasWritten: output.hasWritten)
            throw error
        }
        writer.buffer = output.buffer
        writer.tail = output.position
        writer.fileSize = max(writer.fileSize, writer.tail)
        writer.chain = output.chain
        writer.isBlank = false
        receipt.last = LogSequence(rawValue: output.sequence - 1)
        receipt.beganSegment = begins
        self.table.withLock { table in
            if begins {
                table.segments.append(
                    SegmentTable.Segment(
                        number: file.number, firstSequence: writer.nextSequence, previous: previous))
                table.keep(file, limit: self.options.maximumOpenFiles)
            }
            table.tail = writer.tail
            table.nextSequence = output.sequence
            table.hasGapAtEnd = false
        }
        writer.nextSequence = output.sequence
        return receipt
    }

    private func flush(_ writer: inout Writer) throws(VolumeLogError) {
        guard writer.isUnflushed, let file = writer.current else { return }
        let files = self.options.files
        guard files.flush(file.descriptor) == 0 else {
            let error = VolumeLogError(errno: errno, "fdatasync", file.path)
            if error.code != .diskFull { writer.failure = error }
            throw error
        }
        if writer.isNameUnflushed {
            guard files.flushDirectory(self.directoryDescriptor) == 0 else {
                let error = VolumeLogError(errno: errno, "fsync", self.directory)
                writer.failure = error
                throw error
            }
            writer.isNameUnflushed = false
        }
        writer.isUnflushed = false
    }

    /// Takes a failed batch back, or stops the log when that cannot be done for certain.
    private func abandon(_ error: VolumeLogError, _ writer: inout Writer, hasWritten: Bool) {
        // Whatever is left of the batch on the disk must not fit behind a later one.
        writer.salt = writer.salt &+ 1
        let canGoOn = error.code == .diskFull || error.code == .sourceUnreadable
        guard writer.failure == nil, canGoOn else {
            writer.failure = writer.failure ?? error
            // Who waited for the batch is told that it failed. It may be on the disk all the same, or in memory, where the next
            // start would find it: as well as that can be done now, it is no record any more.
            if hasWritten, let file = writer.current {
                // Half a page of zeros over a segment's header would be damage; a new segment is cut in one.
                if writer.isBlank {
                    try? self.truncate(file, to: 0)
                } else {
                    try? self.blank(file, &writer)
                }
                _ = self.options.files.flush(file.descriptor)
            }
            return
        }
        guard hasWritten, let file = writer.current else { return }
        let start = writer.isBlank ? 0 : writer.tail
        do throws(VolumeLogError) {
            if writer.fileSize > start {
                do throws(VolumeLogError) {
                    try self.blank(file, &writer)
                } catch {
                    // Where writing anew takes new blocks, as on file systems that copy on write.
                    guard error.code == .diskFull else { throw error }
                    try self.truncate(file, to: start)
                    writer.fileSize = start
                }
            } else {
                try self.truncate(file, to: start)
            }
        } catch {
            writer.failure = error
        }
    }

    /// Writes zeros over the header(s) of the batch behind the tail: blocks that are there already, where they always fit.
    private func blank(_ file: SegmentFile, _ writer: inout Writer) throws(VolumeLogError) {
        let zeros = [UInt8](
            repeating: 0, count: writer.isBlank ? SegmentHeader.size + RecordHeader.size : RecordHeader.size)
        try zeros.withUnsafeBufferPointer { (zeros) throws(VolumeLogError) in
            try self.options.files.writeAll(
                UnsafeRawBufferPointer(zeros), to: file, at: writer.isBlank ? 0 : writer.tail)
        }
    }

    private func truncate(_ file: SegmentFile, to length: Int) throws(VolumeLogError) {
        if self.options.files.truncate(file.descriptor, length) != 0 {
            throw VolumeLogError(errno: errno, "ftruncate", file.path)
        }
    }

    /// The file for a batch of `size` octets: the current one, or the next when that is full.
    private func segment(for size: Int, _ writer: inout Writer) throws(VolumeLogError) -> SegmentFile {
        if let current = writer.current, !writer.mustRotate {
            let isEmpty = writer.isBlank || writer.tail == SegmentHeader.size
            if isEmpty || writer.tail + size <= self.options.segmentSize { return current }
        }
        // The records of the next segment say that all before them is durable.
        do throws(VolumeLogError) {
            try self.flush(&writer)
        } catch {
            writer.failure = error
            throw error
        }
        let number = writer.nextNumber
        guard number < .max else { throw VolumeLogError(.other, "number a segment", self.directory) }
        let path = self.path(FileName.segment(number))
        let spare: SegmentTable.Spare? = self.table.withLock { table in
            guard SegmentHeader.size + size <= self.options.segmentSize else { return nil }
            guard let index = table.spares.firstIndex(where: { $0.size == self.options.segmentSize })
            else { return nil }
            return table.spares.remove(at: index)
        }
        let descriptor: Int32
        do throws(VolumeLogError) {
            descriptor = try self.open(spare, as: path)
        } catch {
            // The next commit may need it.
            if let spare { self.table.withLock { $0.spares.append(spare) } }
            throw error
        }
        writer.nextNumber += 1
        let file = SegmentFile(
            number: number, path: path, descriptor: descriptor, seed: self.logID.seed(segment: number))
        writer.current = file
        writer.tail = SegmentHeader.size
        writer.fileSize = spare?.size ?? 0
        writer.isBlank = true
        writer.mustRotate = false
        writer.isNameUnflushed = true
        return file
    }

    /// The file of a new segment, made of a spare one if there is one.
    private func open(_ spare: SegmentTable.Spare?, as path: String) throws(VolumeLogError) -> Int32 {
        let files = self.options.files
        // Opened first: a file that has its name already and cannot be opened would be in the way.
        let present = spare.map { self.path($0.name) } ?? path
        let descriptor = files.open(present, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw VolumeLogError(errno: errno, "open", present) }
        guard present == path || files.rename(present, path) == 0 else {
            let failure = VolumeLogError(errno: errno, "rename", present)
            Glibc.close(descriptor)
            throw failure
        }
        return descriptor
    }
}
