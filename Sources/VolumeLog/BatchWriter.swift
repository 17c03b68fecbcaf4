internal import CLinux
internal import Glibc

/// Lays out batches in one segment file, through a buffer of about 1 MiB, so that a round of small
/// records is one write.
struct BatchWriter {
    private static let bufferSize = 1 << 20
    /// Payloads above this are not copied into the buffer.
    private static let directSize = 256 << 10

    let file: SegmentFile
    let files: FileOperations
    let salt: UInt16
    var buffer: [UInt8]
    /// Where in the file the buffer's first octet belongs.
    private var start: Int
    /// Checksum of the last record's header.
    private(set) var chain: UInt32
    private(set) var sequence: UInt64
    private var flags: RecordHeader.Flags
    /// Set once the file may have been changed.
    private(set) var hasWritten = false

    init(
        file: SegmentFile, files: FileOperations, at start: Int, chain: UInt32, sequence: UInt64,
        followsFlush: Bool, salt: UInt16, buffer: [UInt8]
    ) {
        self.file = file
        self.files = files
        self.salt = salt
        self.buffer = buffer
        self.buffer.removeAll(keepingCapacity: true)
        self.start = start
        self.chain = chain
        self.sequence = sequence
        self.flags = followsFlush ? .followsFlush : []
    }

    /// Where the next octet goes.
    var position: Int { self.start + self.buffer.count }

    mutating func append(_ bytes: [UInt8]) { self.buffer.append(contentsOf: bytes) }

    mutating func append(_ batch: RecordBatch) throws(VolumeLogError) {
        for record in batch.records {
            if record.length > BatchWriter.directSize {
                try self.appendLarge(record, of: batch)
            } else {
                try self.appendSmall(record, of: batch)
            }
            if self.buffer.count >= BatchWriter.bufferSize { try self.writeOut() }
        }
    }

    private mutating func header(_ record: RecordBatch.Record, _ checksum: UInt32) -> RecordHeader {
        defer {
            self.sequence += 1
            self.flags = []
        }
        return RecordHeader(
            payloadChecksum: checksum, previous: self.chain, length: UInt32(record.length),
            sequence: self.sequence, kind: record.kind,
            flags: record.joinsNext ? self.flags.union(.joinsNext) : self.flags, salt: self.salt)
    }

    /// Through the buffer: header, payload, zeros up to the next multiple of 8.
    private mutating func appendSmall(
        _ record: RecordBatch.Record, of batch: RecordBatch
    ) throws(VolumeLogError) {
        let place = self.buffer.count
        self.buffer.append(contentsOf: repeatElement(0, count: RecordHeader.size))
        batch.bytes.withUnsafeBufferPointer { bytes in
            self.buffer.append(
                contentsOf: UnsafeBufferPointer(rebasing: bytes[record.start..<record.start + record.count]))
        }
        var checksum = record.checksum
        if let source = record.source {
            let end = self.buffer.count
            self.buffer.append(contentsOf: repeatElement(0, count: source.count))
            checksum = try self.buffer.withUnsafeMutableBufferPointer {
                (buffer) throws(VolumeLogError) -> UInt32 in
                let out = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[end...])
                switch source {
                case .file(let descriptor, let offset, _):
                    return try BatchWriter.read(descriptor, at: offset, into: out, checksum)
                case .memory(let body):
                    body.withOctets { out.copyMemory(from: $0) }
                    return martlet_crc32c(checksum, out.baseAddress, out.count)
                }
            }
        }
        let span = RecordHeader.span(payload: record.length)
        self.buffer.append(contentsOf: repeatElement(0, count: place + span - self.buffer.count))
        var header = self.header(record, checksum)
        self.buffer.withUnsafeMutableBytes { buffer in
            header.encode(
                seed: self.file.seed, into: UnsafeMutableRawBufferPointer(rebasing: buffer[place...]))
        }
        self.chain = header.checksum
    }

    /// Past the buffer: payload first, then the header that needs its checksum.
    private mutating func appendLarge(
        _ record: RecordBatch.Record, of batch: RecordBatch
    ) throws(VolumeLogError) {
        try self.writeOut()
        let place = self.start
        var position = place + RecordHeader.size
        try batch.bytes.withUnsafeBufferPointer { (bytes) throws(VolumeLogError) in
            self.hasWritten = true
            try self.files.writeAll(
                UnsafeRawBufferPointer(
                    rebasing: UnsafeRawBufferPointer(bytes)[record.start..<record.start + record.count]),
                to: self.file, at: position)
        }
        position += record.count
        var checksum = record.checksum
        if let source = record.source {
            switch source {
            case .file(let descriptor, let offset, let count):
                let piece = UnsafeMutableRawBufferPointer.allocate(
                    byteCount: min(count, BatchWriter.bufferSize), alignment: 4096)
                defer { piece.deallocate() }
                var done = 0
                while done < count {
                    let step = UnsafeMutableRawBufferPointer(rebasing: piece[..<min(piece.count, count - done)])
                    checksum = try BatchWriter.read(descriptor, at: offset + Int64(done), into: step, checksum)
                    try self.files.writeAll(UnsafeRawBufferPointer(step), to: self.file, at: position)
                    position += step.count
                    done += step.count
                }
            case .memory(let body):
                var failure: VolumeLogError?
                body.withOctets { octets in
                    checksum = martlet_crc32c(checksum, octets.baseAddress, octets.count)
                    do throws(VolumeLogError) {
                        try self.files.writeAll(octets, to: self.file, at: position)
                    } catch {
                        failure = error
                    }
                }
                if let failure { throw failure }
            }
        }
        var header = self.header(record, checksum)
        self.buffer.append(contentsOf: repeatElement(0, count: RecordHeader.size))
        self.buffer.withUnsafeMutableBytes { header.encode(seed: self.file.seed, into: $0) }
        self.chain = header.checksum
        try self.writeOut()
        self.start = place + RecordHeader.span(payload: record.length)
    }

    /// Fills `out` from the file; returns the checksum continued over it.
    private static func read(
        _ descriptor: Int32, at offset: Int64, into out: UnsafeMutableRawBufferPointer, _ checksum: UInt32
    ) throws(VolumeLogError) -> UInt32 {
        var done = 0
        while done < out.count, let base = out.baseAddress {
            let count = pread(descriptor, base + done, out.count - done, off_t(offset) + off_t(done))
            if count > 0 {
                done += count
            } else if count == 0 {
                throw VolumeLogError(.sourceUnreadable, "pread", "source of a record")
            } else if errno != EINTR {
                throw VolumeLogError(.sourceUnreadable, "pread", "source of a record", number: errno)
            }
        }
        return martlet_crc32c(checksum, out.baseAddress, out.count)
    }

    /// Writes what is buffered.
    mutating func writeOut() throws(VolumeLogError) {
        guard !self.buffer.isEmpty else { return }
        self.hasWritten = true
        try self.buffer.withUnsafeBufferPointer { (bytes) throws(VolumeLogError) in
            try self.files.writeAll(UnsafeRawBufferPointer(bytes), to: self.file, at: self.start)
        }
        self.start += self.buffer.count
        self.buffer.removeAll(keepingCapacity: true)
    }
}
