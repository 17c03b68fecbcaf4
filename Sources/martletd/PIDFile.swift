import Glibc

/// `master.pid`: tells scripts whom to signal, and by its lock keeps a second daemon out.
struct PIDFile {
    private let path: String
    private let descriptor: CInt

    /// - Parameter lowest: the lowest descriptor that the file may have.
    init(_ path: String, lowest: CInt = BoundSockets.lowestDescriptor) throws(StartFailure) {
        self.path = path
        self.descriptor = try Self.lock(path, lowest)
        let text = [UInt8]("\(getpid())\n".utf8)
        guard ftruncate(self.descriptor, 0) == 0, write(self.descriptor, text, text.count) == text.count
        else {
            throw StartFailure("cannot write \(path): \(String(cString: strerror(errno)))", status: 74)
        }
    }

    /// The file, opened and locked.
    private static func lock(_ path: String, _ lowest: CInt) throws(StartFailure) -> CInt {
        let low = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard low >= 0 else {
            throw StartFailure("cannot write \(path): \(String(cString: strerror(errno)))", status: 73)
        }
        let descriptor = fcntl(low, F_DUPFD_CLOEXEC, lowest)
        let refusal = errno
        close(low)
        guard descriptor >= 0 else {
            throw StartFailure(
                "no descriptor above \(lowest) for \(path): \(String(cString: strerror(refusal))); "
                    + "let martletd open more files (ulimit -n, LimitNOFILE)", status: 71)
        }
        // flock and not fcntl: its lock does not end with the close of another descriptor.
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let refusal = errno
            close(descriptor)
            guard refusal == EWOULDBLOCK else {
                throw StartFailure("cannot lock \(path): \(String(cString: strerror(refusal)))", status: 74)
            }
            throw StartFailure("martletd is running already (\(path) is locked)", status: 75)
        }
        var locked = stat()
        var named = stat()
        guard fstat(descriptor, &locked) == 0, stat(path, &named) == 0, locked.st_ino == named.st_ino,
            locked.st_dev == named.st_dev
        else {
            // A daemon that was just ending has removed it meanwhile.
            close(descriptor)
            return try self.lock(path, lowest)
        }
        return descriptor
    }

    func remove() { unlink(self.path) }
}
