internal import Glibc
internal import Synchronization

extension VolumeLog {
    /// Gives back the segments all of whose records are below `sequence`; returns their numbers.
    ///
    /// Up to `LogOptions.maximumSpares` files are kept for reuse, for writing over blocks is cheaper
    /// than new ones; the rest is deleted. The segment being written always stays, and so do those of which
    /// `isNeeded` says so.
    @discardableResult
    public func recycle(
        below sequence: LogSequence, unless isNeeded: (UInt32) -> Bool = { _ in false }
    ) throws(VolumeLogError) -> [UInt32] {
        let numbers: [UInt32] = self.table.withLock { table in
            var numbers: [UInt32] = []
            for index in table.segments.indices.dropLast() {
                guard table.segments[index + 1].firstSequence <= sequence.rawValue else { break }
                guard table.pins[table.segments[index].number] == nil else { continue }
                numbers.append(table.segments[index].number)
            }
            return numbers
        }
        let dead = numbers.filter { !isNeeded($0) }
        for number in dead { try self.recycle(segment: number) }
        return dead
    }

    /// Gives back one segment, whose live records have been copied on.
    ///
    /// Locations in it become invalid. Without effect on the segment being written, and on one of which a payload is
    /// mapped.
    public func recycle(segment number: UInt32) throws(VolumeLogError) {
        let path = self.path(FileName.segment(number))
        var status = stat()
        guard stat(path, &status) == 0 else { throw VolumeLogError(errno: errno, "stat", path) }
        let size = Int(status.st_size)
        // Blocks that are gone are worth nothing to who writes there next.
        let holes = self.path(FileName.holes(number))
        let hasHoles = access(holes, F_OK) == 0
        enum Fate {
            case keep
            case spare(String)
            case delete
        }
        let fate: Fate = self.table.withLock { table in
            guard let index = table.index(of: number), index < table.segments.count - 1, table.pins[number] == nil
            else { return .keep }
            table.segments.remove(at: index)
            table.forget(number)
            guard !hasHoles, self.keepsSpares, table.spares.count < self.options.maximumSpares,
                size <= self.options.segmentSize
            else {
                return .delete
            }
            return .spare(table.takeSpareName())
        }
        let files = self.options.files
        switch fate {
        case .keep: return
        case .delete:
            if files.unlink(path) != 0 { throw VolumeLogError(errno: errno, "unlink", path) }
            // The segment's number is never another's.
            if hasHoles { _ = files.unlink(holes) }
            try self.flushDirectory()
        case .spare(let name):
            if files.rename(path, self.path(name)) != 0 { throw VolumeLogError(errno: errno, "rename", path) }
            // Before it is written over, its old name must be gone for good.
            try self.flushDirectory()
            self.table.withLock { $0.spares.append(SegmentTable.Spare(name: name, size: size)) }
        }
    }

    /// Sees to it that a whole segment of written blocks lies ready for the next rotation.
    ///
    /// Writes up to `LogOptions.segmentSize` octets of zeros once; does nothing while a recycled
    /// segment is there, or none is kept. For a background thread: commits go on meanwhile and fall back to a growing
    /// file if they are faster.
    public func prepareNextSegment() throws(VolumeLogError) {
        guard self.keepsSpares else { return }
        let files = self.options.files
        let size = self.options.segmentSize
        let work: (old: String?, written: Int, name: String)? = self.table.withLock { table in
            if table.spares.contains(where: { $0.size == size }) { return nil }
            let old = table.spares.popLast()
            return (old?.name, old?.size ?? 0, table.takeSpareName())
        }
        guard let work else { return }
        let temporary = self.path(work.name + ".new")
        if let old = work.old, files.rename(self.path(old), temporary) != 0 {
            throw VolumeLogError(errno: errno, "rename", self.path(old))
        }
        do throws(VolumeLogError) {
            let descriptor = files.open(temporary, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw VolumeLogError(errno: errno, "open", temporary) }
            let file = SegmentFile(number: 0, path: temporary, descriptor: descriptor, seed: 0)
            let zeros = [UInt8](repeating: 0, count: min(1 << 20, size))
            var offset = work.written
            while offset < size {
                let count = min(zeros.count, size - offset)
                try zeros.withUnsafeBufferPointer { (zeros) throws(VolumeLogError) in
                    try files.writeAll(
                        UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(zeros)[..<count]), to: file,
                        at: offset)
                }
                offset += count
            }
            if withExtendedLifetime(file, { files.flush(descriptor) }) != 0 {
                throw VolumeLogError(errno: errno, "fdatasync", temporary)
            }
            if files.rename(temporary, self.path(work.name)) != 0 {
                throw VolumeLogError(errno: errno, "rename", temporary)
            }
        } catch {
            _ = files.unlink(temporary)
            throw error
        }
        self.table.withLock { $0.spares.append(SegmentTable.Spare(name: work.name, size: size)) }
    }

    func deleteSpares() {
        let spares = self.table.withLock { table in
            defer { table.spares = [] }
            return table.spares
        }
        // One that stays is a spare again at the next start.
        for spare in spares { _ = self.options.files.unlink(self.path(spare.name)) }
    }

    private func flushDirectory() throws(VolumeLogError) {
        if self.options.files.flushDirectory(self.directoryDescriptor) != 0 {
            throw VolumeLogError(errno: errno, "fsync", self.directory)
        }
    }
}
