internal import Glibc
internal import Synchronization

/// A record's payload as it lies in its segment: no copy of it is made. As long as it is referred to, its segment is
/// not given back.
public final class MappedPayload: @unchecked Sendable {
    // Proof of Sendable: nothing is written after `init`, and nobody writes where a record stands.

    public let octets: UnsafeRawBufferPointer
    private let map: UnsafeRawBufferPointer
    private let log: VolumeLog
    private let segment: UInt32

    /// The segment is pinned already.
    fileprivate init(
        _ map: UnsafeRawBufferPointer, payload: Range<Int>, of segment: UInt32, _ log: VolumeLog
    ) {
        self.map = map
        self.octets = UnsafeRawBufferPointer(rebasing: map[payload])
        self.segment = segment
        self.log = log
    }

    deinit {
        munmap(UnsafeMutableRawPointer(mutating: self.map.baseAddress), self.map.count)
        self.log.unpin(self.segment)
    }
}

extension VolumeLog {
    /// Maps the payload of the record at `location`, its checksum compared: for those that should not be in memory.
    public func map(_ location: RecordLocation) throws(VolumeLogError) -> MappedPayload {
        guard self.pin(location) else {
            throw VolumeLogError(.noSuchRecord, "map", self.path(FileName.segment(location.segment)))
        }
        do throws(VolumeLogError) {
            // Reads all of it, so that a place that cannot be read is an error here and now.
            try self.verify(location)
            let file = try self.file(location.segment)
            let start = Int(location.offset) & ~4095
            let first = Int(location.offset) - start + RecordHeader.size
            let size = first + Int(location.length)
            guard let map = mmap(nil, size, PROT_READ, MAP_PRIVATE, file.descriptor, off_t(start)), map != MAP_FAILED
            else { throw VolumeLogError(errno: errno, "mmap", file.path) }
            return MappedPayload(
                UnsafeRawBufferPointer(start: map, count: size), payload: first..<size, of: location.segment, self)
        } catch {
            self.unpin(location.segment)
            throw error
        }
    }

    /// Keeps a record's segment from being given back; `false` when one of them is not there (any more).
    private func pin(_ location: RecordLocation) -> Bool {
        self.table.withLock { table in
            guard table.index(of: location.segment) != nil, !table.punched.contains(location) else { return false }
            table.pins[location.segment, default: 0] += 1
            return true
        }
    }

    fileprivate func unpin(_ segment: UInt32) {
        self.table.withLock { table in
            let left = (table.pins[segment] ?? 1) - 1
            table.pins[segment] = left > 0 ? left : nil
        }
    }
}
