import AdminCommands
import Glibc

/// A file read from front to back, piece by piece.
final class FileReader {
    let path: String
    /// Octets; `nil` for what is no plain file.
    let size: Int?
    private let descriptor: CInt
    private let closes: Bool

    static let piece = 128 << 10

    /// `-` is standard input.
    ///
    /// - Parameter root: a directory in which the file must really be, without links on the way, and a plain file: it may
    ///   be a user's, who could put a link into its place at any moment. `nil`: the administrator has named the file.
    init(_ path: String, below root: RealDirectory? = nil) throws(AdminError) {
        self.path = path
        if root == nil, path == "-" {
            self.descriptor = STDIN_FILENO
            self.closes = false
        } else {
            self.descriptor = open(path, O_RDONLY | O_CLOEXEC | (root == nil ? 0 : O_NOFOLLOW | O_NONBLOCK))
            self.closes = true
            guard self.descriptor >= 0 else {
                throw AdminError(.data, "cannot read \(path): \(String(cString: strerror(errno)))")
            }
        }
        var status = stat()
        let isPlain = fstat(self.descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
        self.size = isPlain ? Int(status.st_size) : nil
        guard let root else { return }
        guard isPlain, root.holds(self.descriptor) else {
            throw AdminError(.data, "cannot read \(path): it is no plain file, or a link led elsewhere")
        }
    }

    deinit { if self.closes { close(self.descriptor) } }

    /// `nil` at the end.
    func next(_ limit: Int = FileReader.piece) throws(AdminError) -> [UInt8]? {
        var octets = [UInt8](repeating: 0, count: limit)
        while true {
            let count = read(self.descriptor, &octets, limit)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw AdminError(.data, "cannot read \(self.path): \(String(cString: strerror(errno)))")
            }
            guard count > 0 else { return nil }
            octets.removeLast(limit - count)
            return octets
        }
    }
}

/// A file that is there when it is whole, and not before.
final class FileWriter {
    let path: String
    private let temporary: String
    private let descriptor: CInt
    /// Where relative names begin; ours to close unless it is AT_FDCWD.
    private let directory: CInt
    /// The name that it gets at its end.
    private let name: String
    private var isDone = false

    /// `-` is standard output.
    init(_ path: String, mode: mode_t = 0o600) throws(AdminError) {
        self.path = path
        self.directory = AT_FDCWD
        self.name = path
        if path == "-" {
            self.temporary = ""
            self.descriptor = STDOUT_FILENO
            return
        }
        self.temporary = "\(path).part-\(getpid())"
        self.descriptor = open(self.temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard self.descriptor >= 0 else {
            throw AdminError(.data, "cannot write \(path): \(String(cString: strerror(errno)))")
        }
    }

    /// A file in an open directory, which must not be there as a link or anything else.
    init(_ name: String, in directory: CInt, path: String) throws(AdminError) {
        self.path = path
        self.name = name
        self.temporary = "\(name).part-\(getpid())"
        self.directory = fcntl(directory, F_DUPFD_CLOEXEC, 3)
        self.descriptor = openat(
            self.directory, self.temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard self.descriptor >= 0 else {
            throw AdminError(.data, "cannot write \(path): \(String(cString: strerror(errno)))")
        }
    }

    deinit {
        defer { if self.directory >= 0 { close(self.directory) } }
        guard !self.temporary.isEmpty else { return }
        guard self.descriptor >= 0 else { return }
        close(self.descriptor)
        if !self.isDone { unlinkat(self.directory, self.temporary, 0) }
    }

    func write(_ octets: some Collection<UInt8>) throws(AdminError) {
        let octets = Array(octets)
        var done = 0
        while done < octets.count {
            let count = octets.withUnsafeBytes {
                Glibc.write(self.descriptor, $0.baseAddress.map { $0 + done }, $0.count - done)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw AdminError(.temporary, "cannot write \(self.path): \(Self.reason)") }
            done += count
        }
    }

    /// Sets the file's time, seconds since 1970.
    func setTime(_ seconds: Int64) {
        var times = [timespec(tv_sec: Int(seconds), tv_nsec: 0), timespec(tv_sec: Int(seconds), tv_nsec: 0)]
        futimens(self.descriptor, &times)
    }

    /// The file is whole: durable under its name when this returns.
    func finish() throws(AdminError) {
        guard !self.temporary.isEmpty else { return }
        guard fsync(self.descriptor) == 0,
            renameat(self.directory, self.temporary, self.directory, self.name) == 0
        else {
            throw AdminError(.temporary, "cannot write \(self.path): \(Self.reason)")
        }
        self.isDone = true
    }

    private static var reason: String { String(cString: strerror(errno)) }
}
