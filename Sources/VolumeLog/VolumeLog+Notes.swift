internal import Glibc
internal import Synchronization

extension VolumeLog {
    /// What a small file beside the segments holds; `nil` when it is not there or cannot be read.
    public func note(_ name: String) -> [UInt8]? {
        let descriptor = Glibc.open(self.path(name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return nil }
        defer { Glibc.close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        return count > 0 ? Array(bytes[..<count]) : nil
    }

    /// When a small file beside the segments was written, seconds since 1970; `nil` when it is not there.
    public func noteTime(_ name: String) -> Int64? {
        var status = stat()
        return lstat(self.path(name), &status) == 0 ? Int64(status.st_mtim.tv_sec) : nil
    }

    /// Replaces the whole of a small file beside the segments; on the disk when this returns.
    public func replaceNote(_ name: String, _ bytes: [UInt8]) throws(VolumeLogError) {
        let files = self.options.files
        let path = self.path(name)
        let temporary = path + ".new"
        let descriptor = files.open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw VolumeLogError(errno: errno, "open", temporary) }
        let file = SegmentFile(number: 0, path: temporary, descriptor: descriptor, seed: 0)
        try bytes.withUnsafeBufferPointer { (bytes) throws(VolumeLogError) in
            try files.writeAll(UnsafeRawBufferPointer(bytes), to: file, at: 0)
        }
        if withExtendedLifetime(file, { files.flush(descriptor) }) != 0 {
            throw VolumeLogError(errno: errno, "fdatasync", temporary)
        }
        if files.rename(temporary, path) != 0 { throw VolumeLogError(errno: errno, "rename", temporary) }
        if files.flushDirectory(self.directoryDescriptor) != 0 {
            throw VolumeLogError(errno: errno, "fsync", self.directory)
        }
    }

    /// Octets of the file system that this process may still use, and of the whole; `nil` when it does not say.
    public func freeSpace() -> (free: UInt64, total: UInt64)? {
        self.options.files.space(self.directoryDescriptor)
    }

    /// Octets of a segment's file; `nil` when it is not there.
    public func size(of segment: UInt32) -> Int? {
        var status = stat()
        guard stat(self.path(FileName.segment(segment)), &status) == 0 else { return nil }
        return Int(status.st_size)
    }
}
