import Glibc

/// What a file says, read anew when it is another or was changed; which is looked at no more than once a second.
///
/// A value: whoever shares it guards it.
struct WatchedFile<Contents: Sendable>: Sendable {
    private struct Version: Hashable {
        /// Of the last change of anything: nobody sets it back, unlike the time of the contents.
        var seconds: Int
        var nanoseconds: Int
        var size: Int64
        var device: UInt64
        var inode: UInt64
    }

    /// `nil` when it could not be read.
    private(set) var contents: Contents?
    /// errno's number, where there are no contents; `EINVAL` for what is no regular file, or too long.
    private(set) var error: CInt = 0
    private var checked: Ticks?
    private var version: Version?

    /// Why there are no contents, for the log.
    var problem: String {
        self.error == EINVAL ? "is no regular file, or too long" : String(cString: strerror(self.error))
    }

    /// Whether it was looked at within the last second, and so is not looked at again.
    func isFresh(at now: Ticks) -> Bool { self.checked.map { now < $0 + 1000 } ?? false }

    /// Looks at the file at `path`, and has `parse` read it if it is another than the one held. Blocks.
    ///
    /// What is no regular file, or longer than `maximumSize` octets, has no contents.
    mutating func look(
        _ path: String, maximumSize: Int, now: Ticks, parse: (_ contents: [UInt8]) -> Contents
    ) {
        guard !self.isFresh(at: now) else { return }
        self.checked = now
        let fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        var status = stat()
        guard fd >= 0, fstat(fd, &status) == 0 else {
            self.fail(errno)
            if fd >= 0 { close(fd) }
            return
        }
        defer { close(fd) }
        let version = Version(
            seconds: status.st_ctim.tv_sec, nanoseconds: status.st_ctim.tv_nsec, size: Int64(status.st_size),
            device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
        if self.contents != nil, self.version == version { return }
        guard status.st_mode & S_IFMT == S_IFREG, status.st_size <= maximumSize,
            let octets = Self.read(fd, expected: Int(status.st_size), maximumSize: maximumSize)
        else { return self.fail(EINVAL) }
        self.version = version
        self.contents = parse(octets)
        self.error = 0
    }

    private mutating func fail(_ error: CInt) {
        self.contents = nil
        self.version = nil
        self.error = error
    }

    private static func read(_ fd: CInt, expected: Int, maximumSize: Int) -> [UInt8]? {
        var contents: [UInt8] = []
        contents.reserveCapacity(expected + 1)
        return withUnsafeTemporaryAllocation(byteCount: 65536, alignment: 16) { buffer in
            while contents.count <= maximumSize {
                let count = Glibc.read(fd, buffer.baseAddress, buffer.count)
                if count == 0 { return contents }
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return nil }
                contents.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
            return nil
        }
    }
}
