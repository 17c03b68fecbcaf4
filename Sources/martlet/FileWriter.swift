import AdminCommands
import Glibc

/// A file that is there when it is whole, and not before.
final class FileWriter {
    let path: String
    /// The name that it gets at its end, and the one that it has until then; empty for standard output.
    private let name: String
    private let temporary: String
    /// The export's directory and the one below it in which these names are; `nil`: they begin where this process is.
    private let home: (export: ExportDirectory, folder: String)?
    /// Those of the directory and of the file; below zero, and in no need of a close, when they are not open.
    private var directory: CInt
    private var descriptor: CInt
    /// By these it is known when it is opened again.
    private var identity: (device: dev_t, number: ino_t)?
    /// It has its temporary name.
    private var isBegun = false

    /// `-` is standard output.
    init(_ path: String, mode: mode_t = 0o600) throws(AdminError) {
        self.path = path
        self.name = path
        self.home = nil
        self.directory = AT_FDCWD
        if path == "-" {
            self.temporary = ""
            self.descriptor = STDOUT_FILENO
            return
        }
        self.temporary = "\(path).part-\(getpid())"
        self.descriptor = open(self.temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard self.descriptor >= 0 else { throw self.failure(.data) }
        self.isBegun = true
    }

    /// A file below an export's directory, in a directory that is there. The file itself must not be there, as a link
    /// or anything else.
    init(_ relative: String, below export: ExportDirectory) throws(AdminError) {
        var components = relative.split(separator: "/").map(String.init)
        guard let name = components.popLast() else { throw AdminError(.data, "a file without a name") }
        let folder = components.joined(separator: "/")
        self.path = "\(export.path)/\(relative)"
        self.name = name
        self.temporary = "\(name).part-\(getpid())"
        self.home = (export, folder)
        self.directory = try export.enter(folder)
        self.descriptor = openat(
            self.directory, self.temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard self.descriptor >= 0 else { throw self.failure(.data) }
        self.isBegun = true
    }

    deinit {
        guard !self.temporary.isEmpty else { return }
        if self.isBegun {
            if let home = self.home, self.directory < 0 {
                self.directory = (try? home.export.enter(home.folder)) ?? -1
            }
            unlinkat(self.directory, self.temporary, 0)
        }
        self.release()
    }

    func write(_ octets: some Collection<UInt8>) throws(AdminError) {
        if self.descriptor < 0 { try self.takeUp() }
        let octets = Array(octets)
        var done = 0
        while done < octets.count {
            let count = octets.withUnsafeBytes {
                Glibc.write(self.descriptor, $0.baseAddress.map { $0 + done }, $0.count - done)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw self.failure(.temporary) }
            done += count
        }
    }

    /// Sets the file's time, seconds since 1970.
    func setTime(_ seconds: Int64) {
        var times = [timespec(tv_sec: Int(seconds), tv_nsec: 0), timespec(tv_sec: Int(seconds), tv_nsec: 0)]
        futimens(self.descriptor, &times)
    }

    /// The file is whole: durable under its name when this returns, or, below an export's directory, when that has been
    /// flushed too. Nothing more can be written.
    func finish() throws(AdminError) {
        guard !self.temporary.isEmpty else { return }
        guard self.descriptor < 0 || fsync(self.descriptor) == 0 else { throw self.failure(.temporary) }
        if let home = self.home, self.directory < 0 { self.directory = try home.export.enter(home.folder) }
        guard renameat(self.directory, self.temporary, self.directory, self.name) == 0 else {
            throw self.failure(.temporary)
        }
        self.isBegun = false
        self.release()
        if let home = self.home { home.export.noteName(in: home.folder) } else { try Directory.flush(above: self.path) }
    }

    // MARK: Descriptors

    /// Closes a file below an export's directory until more is written.
    func setAside() throws(AdminError) {
        guard self.isBegun, self.home != nil, self.descriptor >= 0 else { return }
        var status = stat()
        // Later nobody tells what could not be written.
        guard fsync(self.descriptor) == 0, fstat(self.descriptor, &status) == 0 else { throw self.failure(.temporary) }
        self.identity = (status.st_dev, status.st_ino)
        self.release()
    }

    /// Opens it again, unless whoever may write there has put something else in its place.
    private func takeUp() throws(AdminError) {
        guard self.isBegun, let home = self.home, let identity = self.identity else {
            throw AdminError(.temporary, "cannot write \(self.path): it is finished")
        }
        self.directory = try home.export.enter(home.folder)
        // What is no plain file must not be waited for.
        self.descriptor = openat(
            self.directory, self.temporary, O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        var status = stat()
        guard self.descriptor >= 0, fstat(self.descriptor, &status) == 0 else { throw self.failure(.data) }
        guard status.st_dev == identity.device, status.st_ino == identity.number else {
            self.release()
            throw AdminError(.data, "cannot write \(self.path): something else was put in its place")
        }
    }

    private func release() {
        if self.descriptor >= 0 { close(self.descriptor) }
        if self.directory >= 0 { close(self.directory) }
        self.descriptor = -1
        self.directory = self.home == nil ? AT_FDCWD : -1
    }

    /// What errno says.
    private func failure(_ exit: AdminExit) -> AdminError {
        AdminError(exit, "cannot write \(self.path): \(String(cString: strerror(errno)))")
    }
}
