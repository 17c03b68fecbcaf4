import CLinux
import Glibc
import MailStore

/// What tells whether a file is still the one last read.
struct FileIdentity: Equatable, Sendable {
    var device: UInt64
    var inode: UInt64
    var size: Int64
    var seconds: Int64
    var nanoseconds: Int64

    init(_ status: stat) {
        self.device = UInt64(status.st_dev)
        self.inode = UInt64(status.st_ino)
        self.size = Int64(status.st_size)
        self.seconds = Int64(status.st_mtim.tv_sec)
        self.nanoseconds = Int64(status.st_mtim.tv_nsec)
    }
}

/// An open directory, closed with its last reference. Results below 0 are negated errno values.
final class DirectoryHandle: Sendable {
    let descriptor: CInt
    /// Whether its file system is a local one, so that opening what the kernel knows takes no waiting.
    let isLocal: Bool

    private init(_ descriptor: CInt) {
        self.descriptor = descriptor
        self.isLocal = martlet_never_asks_others(descriptor) != 0
    }

    deinit { close(self.descriptor) }

    /// Opens the directory at an absolute path.
    static func open(_ path: [UInt8]) throws(StoreError) -> DirectoryHandle {
        let relative = RelativePath(path)
        let descriptor = relative.withCString { Glibc.open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw StoreError.fromErrno("open directory \(relative.text)") }
        return DirectoryHandle(descriptor)
    }

    /// Opens a directory below this one; `nil` when there is none, or it is a symbolic link.
    func subdirectory(_ path: RelativePath) -> DirectoryHandle? {
        let descriptor = self.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
        return descriptor >= 0 ? DirectoryHandle(descriptor) : nil
    }

    func open(_ path: RelativePath, _ flags: CInt, mode: mode_t = 0o600) -> CInt {
        while true {
            let result = path.withCString { openat(self.descriptor, $0, flags | O_CLOEXEC, mode) }
            if result >= 0 { return result }
            if errno != EINTR { return -errno }
        }
    }

    /// As `open`, when the kernel has the path in memory; `nil` otherwise and when there is no such file.
    func openAtHand(_ path: RelativePath, _ flags: CInt) -> CInt? {
        guard self.isLocal else { return nil }
        let result = path.withCString { martlet_open_at_hand(self.descriptor, $0, flags) }
        return result >= 0 ? result : nil
    }

    func rename(_ old: RelativePath, _ new: RelativePath) -> CInt {
        let result = old.withCString { from in
            new.withCString { to in renameat(self.descriptor, from, self.descriptor, to) }
        }
        return result == 0 ? 0 : -errno
    }

    func unlink(_ path: RelativePath) -> CInt {
        path.withCString { unlinkat(self.descriptor, $0, 0) } == 0 ? 0 : -errno
    }

    func removeDirectory(_ path: RelativePath) -> CInt {
        path.withCString { unlinkat(self.descriptor, $0, AT_REMOVEDIR) } == 0 ? 0 : -errno
    }

    /// Hard-links a file of `other` to a name here; never replaces one.
    func link(_ path: RelativePath, in other: CInt, to target: RelativePath) -> CInt {
        let result = path.withCString { from in
            target.withCString { to in linkat(other, from, self.descriptor, to, 0) }
        }
        return result == 0 ? 0 : -errno
    }

    func makeDirectory(_ path: RelativePath, mode: mode_t) -> CInt {
        path.withCString { mkdirat(self.descriptor, $0, mode) } == 0 ? 0 : -errno
    }

    /// The status of a name itself, not of what a symbolic link points to.
    func status(_ path: RelativePath) -> stat? {
        var status = stat()
        let result = path.withCString { fstatat(self.descriptor, $0, &status, AT_SYMLINK_NOFOLLOW) }
        return result == 0 ? status : nil
    }

    /// The status after following symbolic links.
    func targetStatus(_ path: RelativePath) -> stat? {
        var status = stat()
        let result = path.withCString { fstatat(self.descriptor, $0, &status, 0) }
        return result == 0 ? status : nil
    }

    /// The status of what is at a path, `nil` when there is nothing. Throws when that cannot be told: what is there is not
    /// gone by that.
    func knownStatus(_ path: RelativePath, follows: Bool = true) throws(StoreError) -> stat? {
        var status = stat()
        let result = path.withCString { fstatat(self.descriptor, $0, &status, follows ? 0 : AT_SYMLINK_NOFOLLOW) }
        if result == 0 { return status }
        switch errno {
        case ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG: return nil
        default: throw StoreError.fromErrno("look at \(path.text)")
        }
    }

    /// Whether a directory is at a path, after following symbolic links. Throws when that cannot be told.
    func hasDirectory(_ path: RelativePath) throws(StoreError) -> Bool {
        guard let status = try self.knownStatus(path) else { return false }
        return status.st_mode & S_IFMT == S_IFDIR
    }

    /// The status of the directory itself.
    var ownStatus: stat? {
        var status = stat()
        return fstat(self.descriptor, &status) == 0 ? status : nil
    }

    /// Calls `body` with each name but `.` and `..`; it ends early when `body` answers `false`.
    /// The names' octets are valid inside `body` only.
    func forEachName(
        in path: RelativePath, _ body: (UnsafeRawBufferPointer) -> Bool
    ) throws(StoreError) {
        let listed = self.open(path, O_RDONLY | O_DIRECTORY)
        guard listed >= 0 else { throw StoreError.system("list \(path.text)", listed) }
        guard let stream = fdopendir(listed) else {
            let error = StoreError.fromErrno("list \(path.text)")
            close(listed)
            throw error
        }
        defer { closedir(stream) }
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw StoreError.fromErrno("list \(path.text)") }
                return
            }
            guard let offset = MemoryLayout<dirent>.offset(of: \.d_name) else { return }
            let name = UnsafeRawPointer(entry) + offset
            let length = strlen(name.assumingMemoryBound(to: CChar.self))
            let bytes = UnsafeRawBufferPointer(start: name, count: length)
            if bytes[0] == 0x2E, length == 1 || length == 2 && bytes[1] == 0x2E { continue }
            if !body(bytes) { return }
        }
    }
}

extension StoreError {
    /// The error for a negated errno value.
    static func system(_ operation: String, _ result: CInt) -> StoreError {
        errno = -result
        return StoreError.fromErrno(operation)
    }
}
