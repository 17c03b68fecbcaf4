import Glibc
import MailCore
import MailStore
import Synchronization

/// A lock by a file that exists, as Dovecot and other mail programs take it: `<name>.lock`, made exclusively.
///
/// The file holds `<pid>:<host>`. A lock is stale when its process on this host is gone, when a loss of power left
/// zeros in it, or when it is `staleAfter` seconds old: then it is taken away. Held by one thread; released at the end of its life.
/// A process that was killed often comes back with the same number (in a container, always): one with our
/// number that we do not hold is stale, too.
struct DotLock: ~Copyable {
    private let directory: DirectoryHandle
    private let path: RelativePath
    private let target: RelativePath
    private let descriptor: CInt
    private let file: HeldFile
    private let options: MaildirOptions

    private struct HeldFile: Hashable {
        var device: UInt64
        var inode: UInt64

        init(_ descriptor: CInt) {
            var status = stat()
            fstat(descriptor, &status)
            self.init(status)
        }

        init(_ status: stat) {
            self.device = UInt64(status.st_dev)
            self.inode = UInt64(status.st_ino)
        }
    }

    /// The lock files that this process holds. One is entered before it says our number, and leaves after its
    /// name is gone but before its descriptor is closed, so that its inode is nobody else's by then.
    private static let heldHere = Mutex<Set<HeldFile>>([])

    /// Waits for the lock of `name` in `directory`; `.inUse` when it is not free in time.
    init(
        _ name: StaticString, in directory: DirectoryHandle, _ options: MaildirOptions,
        staleAfter: Int64 = 120
    ) throws(StoreError) {
        try self.init(RelativePath(name), in: directory, options, staleAfter: staleAfter)
    }

    init(
        _ target: RelativePath, in directory: DirectoryHandle, _ options: MaildirOptions, staleAfter: Int64 = 120
    ) throws(StoreError) {
        let path = target.withBytes { RelativePath(Array($0) + Array(".lock".utf8)) }
        var waited = 0
        while true {
            let opened = Self.create(path, in: directory, options)
            if opened >= 0 {
                self.directory = directory
                self.path = path
                self.target = target
                self.descriptor = opened
                self.file = HeldFile(opened)
                self.options = options
                break
            }
            guard opened == -EEXIST else { throw StoreError.system("create \(path.text)", opened) }
            if Self.breakStale(path, in: directory, options, staleAfter) { continue }
            guard waited < options.lockTimeout * 100 else {
                throw StoreError(.inUse, "\(path.text) is held by another program")
            }
            usleep(10_000)
            waited += 1
        }
    }

    /// Makes the lock file with its content in one step, so that a process killed in between leaves no lock that
    /// names no holder. The descriptor, or a negative `errno`; `-EEXIST` when another has the lock.
    private static func create(
        _ path: RelativePath, in directory: DirectoryHandle, _ options: MaildirOptions
    ) -> CInt {
        let (opened, aside) = self.openAside(path, in: directory, options)
        guard opened >= 0 else { return opened }
        do throws(StoreError) {
            try FileContent.write(Array("\(options.processID):\(options.hostName)".utf8), to: opened, path)
        } catch {
            // Without its content the lock still holds; only staleness by process is lost. So no error.
            options.report("\(path.text): \(error)")
        }
        let file = HeldFile(opened)
        Self.heldHere.withLock { _ = $0.insert(file) }
        let linked = directory.link(aside, in: directory.descriptor, to: path)
        _ = directory.unlink(aside)
        guard linked == 0 else {
            Self.heldHere.withLock { _ = $0.remove(file) }
            close(opened)
            return linked
        }
        return opened
    }

    /// A new file under a name of its own: in `tmp/`, where old ones are swept, or beside the lock.
    private static func openAside(
        _ path: RelativePath, in directory: DirectoryHandle, _ options: MaildirOptions
    ) -> (descriptor: CInt, name: RelativePath) {
        let name = Array("\(path.text).\(options.processID).\(UInt64.random(in: .min ... .max))".utf8)
        let flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW
        let swept = RelativePath(.tmp, name)
        let opened = directory.open(swept, flags)
        if opened != -ENOENT { return (opened, swept) }
        let beside = RelativePath(name)
        return (directory.open(beside, flags), beside)
    }

    /// Whether the lock file is still ours: another program may have taken it for stale, and hold one of its own.
    private var isOurs: Bool { self.directory.status(self.path).map { HeldFile($0) == self.file } ?? false }

    deinit {
        if self.isOurs { _ = self.directory.unlink(self.path) }
        let file = self.file
        Self.heldHere.withLock { _ = $0.remove(file) }
        close(self.descriptor)
    }

    /// Runs `body` while the lock of `name` is held.
    static func hold<Value>(
        _ name: StaticString, in directory: DirectoryHandle, _ options: MaildirOptions,
        _ body: () throws(StoreError) -> Value
    ) throws(StoreError) -> Value {
        let lock = try DotLock(name, in: directory, options)
        do throws(StoreError) {
            let value = try body()
            lock.release()
            return value
        } catch {
            lock.release()
            throw error
        }
    }

    private consuming func release() {}

    /// Writes `bytes` over the file it locks, whole or not at all; then the lock ends.
    /// `.inUse` when another program has broken the lock: what it has written since is not to be written over.
    /// - Parameter laterThan: the modification time becomes strictly later than this second, if there is a later one.
    consuming func replace(
        with bytes: [UInt8], mode: mode_t, sync: Bool, laterThan: Int64? = nil
    ) throws(StoreError) {
        // Not into the lock file: whoever finds that after a crash must still see whose it was.
        let (opened, aside) = Self.openAside(self.path, in: self.directory, self.options)
        guard opened >= 0 else { throw StoreError.system("create \(aside.text)", opened) }
        defer { close(opened) }
        do throws(StoreError) {
            try Self.fill(opened, aside, with: bytes, mode: mode, sync: sync, laterThan: laterThan)
            guard self.isOurs else { throw StoreError(.inUse, "\(self.path.text) was broken by another program") }
            let renamed = self.directory.rename(aside, self.target)
            guard renamed == 0 else { throw StoreError.system("rename \(aside.text)", renamed) }
        } catch {
            _ = self.directory.unlink(aside)
            throw error
        }
    }

    private static func fill(
        _ descriptor: CInt, _ path: RelativePath, with bytes: [UInt8], mode: mode_t, sync: Bool,
        laterThan: Int64?
    ) throws(StoreError) {
        try FileContent.write(bytes, to: descriptor, path)
        if mode != 0o600 { fchmod(descriptor, mode) }
        var status = stat()
        if let laterThan, fstat(descriptor, &status) == 0, Int64(status.st_mtim.tv_sec) <= laterThan {
            let time = timespec(tv_sec: laterThan < .max ? Int(laterThan) + 1 : Int(laterThan), tv_nsec: 0)
            var times = [time, time]
            futimens(descriptor, &times)
        }
        if sync, fdatasync(descriptor) != 0 { throw StoreError.fromErrno("sync \(path.text)") }
    }

    /// Takes a stale lock away; `true` when it is worth trying again at once.
    private static func breakStale(
        _ path: RelativePath, in directory: DirectoryHandle, _ options: MaildirOptions, _ staleAfter: Int64
    ) -> Bool {
        guard let status = directory.status(path) else { return true }
        let age = FileAge.seconds(since: Int64(status.st_mtim.tv_sec), at: options.clock().seconds)
        guard age >= staleAfter || self.holderIsGone(path, status, in: directory, options) else {
            return false
        }
        // Another waiter may have broken it already and hold a fresh one: what was renamed is looked at again,
        // and given back if it is not the stale one.
        let aside = RelativePath(
            Array("\(path.text).\(options.processID).\(UInt64.random(in: .min ... .max))".utf8))
        let renamed = directory.rename(path, aside)
        guard renamed == 0 else { return renamed == -ENOENT }
        if let moved = directory.status(aside), FileIdentity(moved) != FileIdentity(status) {
            _ = directory.link(aside, in: directory.descriptor, to: path)
        } else {
            options.report("removed stale lock file \(path.text)")
        }
        _ = directory.unlink(aside)
        return true
    }

    private static func holderIsGone(
        _ path: RelativePath, _ status: stat, in directory: DirectoryHandle, _ options: MaildirOptions
    ) -> Bool {
        let file = HeldFile(status)
        guard let content = try? FileContent.read(path, in: directory)?.bytes, content.count < 512 else {
            return false
        }
        // Its length came through a loss of power, its octets did not; nobody writes such a thing.
        if !content.isEmpty, content.allSatisfy({ $0 == 0 }) { return true }
        return content.withUnsafeBytes { bytes -> Bool in
            var reader = DecimalReader(bytes)
            guard let number = reader.next(), let pid = pid_t(exactly: number), pid > 0,
                reader.skip(UInt8(ascii: ":"))
            else { return false }
            guard bytes[reader.offset...].elementsEqual(options.hostName.utf8) else { return false }
            if pid == options.processID { return !Self.heldHere.withLock { $0.contains(file) } }
            return kill(pid, 0) != 0 && errno == ESRCH
        }
    }
}
