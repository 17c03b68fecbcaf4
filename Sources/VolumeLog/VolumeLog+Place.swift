internal import CLinux
internal import Glibc

/// Tells a log from a copy of it: a small file beside the segments says which file it is, by inode and time of
/// creation. No copy has both.
///
/// A copy that was made file by file while a server wrote is of many moments, and is to be treated so.
enum LogPlace {
    static let name = "place"

    enum Reading {
        /// A log that has never been told where it is.
        case unknown
        case own
        case copied
    }

    static func read(_ directory: String) -> Reading {
        let descriptor = Glibc.open("\(directory)/\(self.name)", O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return .unknown }
        defer { Glibc.close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        guard count > 0, let text = self.text(descriptor) else { return .unknown }
        return bytes[..<count].elementsEqual(text) ? .own : .copied
    }

    /// What the file of this descriptor says when it is where it was written.
    static func text(_ descriptor: CInt) -> [UInt8]? {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        return Array("martlet place 1\nfile \(status.st_ino) \(martlet_birth_time(descriptor))\n".utf8)
    }
}

extension VolumeLog {
    /// Writes down that this is no copy (see `OpenReport.isCopy`), unless that is known; on the disk when it returns.
    /// For when what a copy needs has been done.
    public func confirmPlace() throws(VolumeLogError) {
        if case .own = LogPlace.read(self.directory) { return }
        let files = self.options.files
        let path = self.path(LogPlace.name)
        let temporary = path + ".new"
        // A new file: one that is there already may have been copied.
        _ = files.unlink(temporary)
        let descriptor = files.open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw VolumeLogError(errno: errno, "open", temporary) }
        let file = SegmentFile(number: 0, path: temporary, descriptor: descriptor, seed: 0)
        guard let text = LogPlace.text(descriptor) else { throw VolumeLogError(errno: errno, "fstat", temporary) }
        try text.withUnsafeBufferPointer { (text) throws(VolumeLogError) in
            try files.writeAll(UnsafeRawBufferPointer(text), to: file, at: 0)
        }
        if withExtendedLifetime(file, { files.flush(descriptor) }) != 0 {
            throw VolumeLogError(errno: errno, "fdatasync", temporary)
        }
        if files.rename(temporary, path) != 0 { throw VolumeLogError(errno: errno, "rename", temporary) }
        if files.flushDirectory(self.directoryDescriptor) != 0 {
            throw VolumeLogError(errno: errno, "fsync", self.directory)
        }
    }
}
