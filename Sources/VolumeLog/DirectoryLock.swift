internal import Glibc
internal import MailCore

/// Holds a volume's directory for this process, until it is gone.
///
/// The kernel drops the lock with the process, however that ends, so there are no stale locks.
final class DirectoryLock: Sendable {
    let descriptor: Int32

    init(directory: String) throws(VolumeLogError) {
        let path = directory + "/lock"
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw VolumeLogError(errno: errno, "open", path) }
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            let number = errno
            if number == EINTR { continue }
            let holder = DirectoryLock.holder(descriptor)
            close(descriptor)
            guard number == EWOULDBLOCK else { throw VolumeLogError(errno: number, "flock", path) }
            throw VolumeLogError(.locked(holder: holder), "flock", path)
        }
        // Only a hint for a person, so a failure to write it (a full disk) does no harm.
        var text: [UInt8] = []
        text.appendDecimal(UInt64(getpid()))
        text.append(0x0A)
        _ = ftruncate(descriptor, 0)
        _ = pwrite(descriptor, text, text.count, 0)
        self.descriptor = descriptor
    }

    deinit {
        // A child that another thread has forked holds the descriptor until its exec: closing alone would leave the
        // lock with it for that moment.
        flock(self.descriptor, LOCK_UN)
        close(self.descriptor)
    }

    private static func holder(_ descriptor: Int32) -> Int32? {
        var text = [UInt8](repeating: 0, count: 16)
        let count = pread(descriptor, &text, text.count, 0)
        guard count > 0 else { return nil }
        var value: Int32 = 0
        for octet in text[..<count] {
            guard ASCII.isDigit(octet) else { break }
            let (product, tooLarge) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflow) = product.addingReportingOverflow(Int32(octet - 0x30))
            if tooLarge || overflow { return nil }
            value = sum
        }
        return value > 0 ? value : nil
    }
}
