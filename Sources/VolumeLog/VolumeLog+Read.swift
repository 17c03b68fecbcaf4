internal import CLinux
internal import Glibc
internal import Synchronization

/// A record's frame, as read back by its location.
public struct RecordInfo: Hashable, Sendable {
    public var kind: UInt8
    public var sequence: LogSequence
    /// Octets of payload.
    public var length: Int
}

extension VolumeLog {
    /// The payload of the record at `location`, its checksum compared.
    ///
    /// Throws `damaged` when what is there is not the record. For payloads of a bounded size;
    /// larger ones are read in pieces.
    public func read(_ location: RecordLocation) throws(VolumeLogError) -> [UInt8] {
        try self.record(at: location).payload
    }

    /// The record at `location`, its checksum compared.
    public func record(
        at location: RecordLocation
    ) throws(VolumeLogError) -> (info: RecordInfo, payload: [UInt8]) {
        let (file, header) = try self.header(location)
        let count = Int(header.length)
        var failure: VolumeLogError?
        let payload = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(VolumeLogError) {
                initialized = try file.read(
                    at: Int(location.offset) + RecordHeader.size,
                    into: UnsafeMutableRawBufferPointer(
                        rebasing: UnsafeMutableRawBufferPointer(buffer)[..<count]))
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        let checksum = payload.withUnsafeBytes { martlet_crc32c(0, $0.baseAddress, $0.count) }
        guard payload.count == count, checksum == header.payloadChecksum else {
            throw VolumeLogError(.damaged, "read", file.path)
        }
        return (self.info(header), payload)
    }

    /// The record at `location` as it stands, 32 octets of header and then the payload, in one read; both checksums
    /// compared.
    public func wholeRecord(at location: RecordLocation) throws(VolumeLogError) -> [UInt8] {
        let file = try self.file(location.segment)
        guard location.offset >= UInt64(SegmentHeader.size), let offset = Int(exactly: location.offset),
            offset < .max / 2, Int(location.length) <= VolumeLog.maximumPayload
        else { throw VolumeLogError(.noSuchRecord, "read", file.path) }
        let count = RecordHeader.size + Int(location.length)
        var failure: VolumeLogError?
        let record = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(VolumeLogError) {
                initialized = try file.read(
                    at: offset,
                    into: UnsafeMutableRawBufferPointer(
                        rebasing: UnsafeMutableRawBufferPointer(buffer)[..<count]))
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        guard Self.isWhole(record, location, file) else { throw VolumeLogError(.damaged, "read", file.path) }
        return record
    }

    /// What `wholeRecord` answers, when the record is in memory, the system's cache of its segment included; `nil` when the
    /// disk would have to be asked, and where `wholeRecord` would throw. Waits for nothing, so it may run on an event loop.
    public func recordAtHand(_ location: RecordLocation) -> [UInt8]? {
        let opened = self.table.withLock { table in
            table.index(of: location.segment) == nil ? nil : table.openFile(location.segment)
        }
        guard let file = opened, location.offset >= UInt64(SegmentHeader.size),
            let offset = Int64(exactly: location.offset), Int(location.length) <= VolumeLog.maximumPayload
        else { return nil }
        let count = RecordHeader.size + Int(location.length)
        let record = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            initialized = max(0, martlet_read_at_hand(file.descriptor, buffer.baseAddress, count, offset))
        }
        return Self.isWhole(record, location, file) ? record : nil
    }

    private static func isWhole(_ record: [UInt8], _ location: RecordLocation, _ file: SegmentFile) -> Bool {
        record.withUnsafeBytes { bytes -> Bool in
            guard bytes.count == RecordHeader.size + Int(location.length),
                let header = RecordHeader(bytes, seed: file.seed),
                header.length == location.length, let base = bytes.baseAddress
            else { return false }
            return martlet_crc32c(0, base + RecordHeader.size, Int(header.length)) == header.payloadChecksum
        }
    }

    /// Kind, number and size of the record at `location`.
    public func info(at location: RecordLocation) throws(VolumeLogError) -> RecordInfo {
        try self.info(self.header(location).header)
    }

    /// Reads a piece of a payload: up to `out.count` octets from `start` on, fewer only at its end.
    ///
    /// Compares no checksum, as it does not see the whole: use `verify` where that matters.
    public func read(
        _ location: RecordLocation, from start: Int, into out: UnsafeMutableRawBufferPointer
    ) throws(VolumeLogError) -> Int {
        let file = try self.file(location.segment)
        guard start >= 0, start < Int(location.length) else { return 0 }
        let count = min(out.count, Int(location.length) - start)
        guard let position = Int(exactly: location.offset), position < .max / 2 else {
            throw VolumeLogError(.noSuchRecord, "read", file.path)
        }
        let done = try file.read(
            at: position + RecordHeader.size + start,
            into: UnsafeMutableRawBufferPointer(rebasing: out[..<count]))
        guard done == count else { throw VolumeLogError(.damaged, "read", file.path) }
        return done
    }

    /// Reads the record at `location` in pieces and throws `damaged` if it is not what was written.
    public func verify(_ location: RecordLocation) throws(VolumeLogError) {
        let (file, header) = try self.header(location)
        let scanner = SegmentScanner(file, end: try file.length())
        if !scanner.isIntact(header, at: Int(location.offset)) {
            throw VolumeLogError(scanner.sawUnreadable ? .inputOutput : .damaged, "verify", file.path)
        }
    }

    private func header(
        _ location: RecordLocation
    ) throws(VolumeLogError) -> (file: SegmentFile, header: RecordHeader) {
        let file = try self.file(location.segment)
        guard location.offset >= UInt64(SegmentHeader.size), let offset = Int(exactly: location.offset),
            offset < .max / 2, Int(location.length) <= VolumeLog.maximumPayload
        else { throw VolumeLogError(.noSuchRecord, "read", file.path) }
        var bytes: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        let header = try withUnsafeMutablePointer(to: &bytes) {
            (pointer) throws(VolumeLogError) -> RecordHeader? in
            let buffer = UnsafeMutableRawBufferPointer(start: pointer, count: RecordHeader.size)
            let count = try file.read(at: offset, into: buffer)
            guard count == buffer.count else { return nil }
            return RecordHeader(UnsafeRawBufferPointer(buffer), seed: file.seed)
        }
        guard let header, header.length == location.length else {
            throw VolumeLogError(.damaged, "read", file.path)
        }
        return (file, header)
    }

    private func info(_ header: RecordHeader) -> RecordInfo {
        RecordInfo(
            kind: header.kind, sequence: LogSequence(rawValue: header.sequence), length: Int(header.length))
    }
}
