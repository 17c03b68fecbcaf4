internal import CLinux
internal import Glibc
internal import MailCore
internal import Synchronization

extension VolumeLog {
    /// Gives back the blocks of a record whose payload nobody needs any more, while its segment stays; answers how many
    /// octets that are, 0 where it cannot be done now or is not worth it.
    ///
    /// Its header stays, so that what follows is found. Before the blocks go, the segment's file of holes says so: a
    /// payload that is gone is damage anywhere else. Not of the segment being written, and not of one of which a payload
    /// is mapped. The record must not be needed for a replay.
    public func punch(_ location: RecordLocation) throws(VolumeLogError) -> Int {
        let isFree = self.table.withLock { table in
            guard let index = table.index(of: location.segment), index < table.segments.count - 1,
                table.pins[location.segment] == nil
            else { return false }
            // Who comes for it from here on, with a row of the index that was read before, is told that it is gone.
            table.punched.insert(location)
            return true
        }
        guard isFree else { return 0 }
        defer { self.table.withLock { _ = $0.punched.remove(location) } }
        guard location.offset < UInt64(Int64.max / 2) else { return 0 }
        let info = try self.info(at: location)
        let first = (Int64(location.offset) + Int64(RecordHeader.size) + 4095) & ~4095
        let end = (Int64(location.offset) + Int64(RecordHeader.size) + Int64(info.length)) & ~4095
        guard end > first, try self.noteHole(location) else { return 0 }
        let path = self.path(FileName.segment(location.segment))
        let descriptor = Glibc.open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { throw VolumeLogError(errno: errno, "open", path) }
        defer { Glibc.close(descriptor) }
        guard martlet_punch_hole(descriptor, first, end - first) == 0 else {
            throw VolumeLogError(errno: errno, "fallocate", path)
        }
        return Int(end - first)
    }

    /// Writes down that a record's payload is gone; `false` when it is written already.
    private func noteHole(_ location: RecordLocation) throws(VolumeLogError) -> Bool {
        let name = self.path(FileName.holes(location.segment))
        let known = Self.holes(name)
        guard !known.contains(location.offset) else { return false }
        let files = self.options.files
        let descriptor = files.open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw VolumeLogError(errno: errno, "open", name) }
        let file = SegmentFile(number: 0, path: name, descriptor: descriptor, seed: 0)
        var line: [UInt8] = []
        line.appendDecimal(location.offset)
        line.append(0x0A)
        // What an end in the middle has left is a line of its own.
        let end = try file.length()
        if end > 0 { line.insert(0x0A, at: 0) }
        try line.withUnsafeBufferPointer { (line) throws(VolumeLogError) in
            try files.writeAll(UnsafeRawBufferPointer(line), to: file, at: end)
        }
        if withExtendedLifetime(file, { files.flush(descriptor) }) != 0 {
            throw VolumeLogError(errno: errno, "fdatasync", name)
        }
        if known.isEmpty, files.flushDirectory(self.directoryDescriptor) != 0 {
            throw VolumeLogError(errno: errno, "fsync", self.directory)
        }
        return true
    }

    /// Where the records of a segment begin whose payloads are gone.
    func holes(of segment: UInt32) -> Set<UInt64> { Self.holes(self.path(FileName.holes(segment))) }

    /// From a segment's file of holes; most have none.
    static func holes(_ path: String) -> Set<UInt64> {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return [] }
        let file = SegmentFile(number: 0, path: path, descriptor: descriptor, seed: 0)
        guard let length = try? file.length(), length <= 1 << 20 else { return [] }
        var bytes = [UInt8](repeating: 0, count: length)
        let count = bytes.withUnsafeMutableBytes { (try? file.read(at: 0, into: $0)) ?? 0 }
        var holes = Set<UInt64>()
        // The last line counts only with its end.
        guard let end = bytes[..<count].lastIndex(of: 0x0A) else { return [] }
        for line in bytes[..<end].split(separator: 0x0A) {
            if let offset = UInt64(String(decoding: line, as: UTF8.self)) { holes.insert(offset) }
        }
        return holes
    }
}
