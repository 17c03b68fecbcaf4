internal import Glibc

/// The system calls by which the log changes files: a seam where tests let each of them fail.
///
/// Each behaves like its namesake: -1 and `errno` on failure.
package struct FileOperations: Sendable {
    package var open: @Sendable (_ path: String, _ flags: Int32, _ mode: UInt32) -> Int32
    package var write: @Sendable (_ file: Int32, _ bytes: UnsafeRawBufferPointer, _ offset: Int) -> Int
    /// fdatasync(2): contents and length.
    package var flush: @Sendable (_ file: Int32) -> Int32
    /// fsync(2) of a directory: names.
    package var flushDirectory: @Sendable (_ directory: Int32) -> Int32
    package var truncate: @Sendable (_ file: Int32, _ length: Int) -> Int32
    package var rename: @Sendable (_ old: String, _ new: String) -> Int32
    package var unlink: @Sendable (_ path: String) -> Int32
    /// fstatvfs(2): octets of the file system that this process may still use, and of the whole; `nil` on failure.
    package var space: @Sendable (_ directory: Int32) -> (free: UInt64, total: UInt64)?

    package static let system = FileOperations(
        open: { path, flags, mode in Glibc.open(path, flags, mode_t(mode)) },
        write: { file, bytes, offset in pwrite(file, bytes.baseAddress, bytes.count, off_t(offset)) },
        flush: { file in fdatasync(file) },
        flushDirectory: { directory in fsync(directory) },
        truncate: { file, length in ftruncate(file, off_t(length)) },
        rename: { old, new in Glibc.rename(old, new) },
        unlink: { path in Glibc.unlink(path) },
        space: { directory in
            var status = statvfs()
            guard fstatvfs(directory, &status) == 0 else { return nil }
            let block = UInt64(status.f_frsize)
            return (UInt64(status.f_bavail) * block, UInt64(status.f_blocks) * block)
        })

    /// Writes all of `bytes`, however many calls that takes.
    func writeAll(
        _ bytes: UnsafeRawBufferPointer, to file: SegmentFile, at offset: Int
    ) throws(VolumeLogError) {
        var done = 0
        while done < bytes.count {
            let count = self.write(
                file.descriptor, UnsafeRawBufferPointer(rebasing: bytes[done...]), offset + done)
            if count > 0 {
                done += min(count, bytes.count - done)
            } else if count == 0 || errno != EINTR {
                throw VolumeLogError(errno: count == 0 ? EIO : errno, "pwrite", file.path)
            }
        }
    }
}

/// An open segment file; closed when the last user lets go of it.
final class SegmentFile: Sendable {
    let number: UInt32
    let path: String
    let descriptor: Int32
    /// See `LogID.seed`.
    let seed: UInt32

    init(number: UInt32, path: String, descriptor: Int32, seed: UInt32) {
        self.number = number
        self.path = path
        self.descriptor = descriptor
        self.seed = seed
    }

    deinit { close(self.descriptor) }

    /// Octets of the file as of now.
    func length() throws(VolumeLogError) -> Int {
        var status = stat()
        guard fstat(self.descriptor, &status) == 0 else {
            throw VolumeLogError(errno: errno, "fstat", self.path)
        }
        return Int(status.st_size)
    }

    /// Reads up to `out.count` octets at `offset`; fewer only at the end of the file.
    func read(
        at offset: Int, into out: UnsafeMutableRawBufferPointer
    ) throws(VolumeLogError) -> Int {
        var done = 0
        while done < out.count, let base = out.baseAddress {
            let count = pread(self.descriptor, base + done, out.count - done, off_t(offset + done))
            if count > 0 {
                done += count
            } else if count == 0 {
                break
            } else if errno != EINTR {
                throw VolumeLogError(errno: errno, "pread", self.path)
            }
        }
        return done
    }
}
