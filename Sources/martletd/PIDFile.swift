import Glibc

/// `master.pid`: tells scripts whom to signal, and by its lock keeps a second daemon out.
struct PIDFile {
    private let path: String
    private let descriptor: CInt

    init(_ path: String) throws(StartFailure) {
        self.path = path
        let low = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard low >= 0 else {
            throw StartFailure("cannot write \(path): \(String(cString: strerror(errno)))", status: 73)
        }
        self.descriptor = fcntl(low, F_DUPFD_CLOEXEC, BoundSockets.lowestDescriptor)
        close(low)
        // flock and not fcntl: its lock does not end with the close of another descriptor.
        guard flock(self.descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw StartFailure("martletd is running already (\(path) is locked)", status: 75)
        }
        let text = [UInt8]("\(getpid())\n".utf8)
        guard ftruncate(self.descriptor, 0) == 0, write(self.descriptor, text, text.count) == text.count
        else {
            throw StartFailure("cannot write \(path): \(String(cString: strerror(errno)))", status: 74)
        }
    }

    func remove() { unlink(self.path) }
}
