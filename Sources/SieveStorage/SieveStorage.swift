import Glibc
public import MailStore

/// A user's Sieve scripts as files, laid out as Pigeonhole lays them out: `NAME.sieve` in a directory, and a symbolic
/// link to the active one.
///
/// All calls wait for the disk and run under the ids of the caller's thread; one caller at a time for one user.
public struct SieveStorage: Sendable {
    /// The directory, absolute.
    public let directory: String
    /// The link to the active script, absolute.
    public let activePath: String
    /// Directories of scripts for all, or scripts, that a user's own may include; absolute.
    public var global: [String] = []
    /// The script of users without an active one, and the name by which they see it.
    public var fallback: Fallback?

    public struct Fallback: Sendable {
        public var name: String
        /// Absolute.
        public var path: String

        public init(name: String, path: String) {
            self.name = name
            self.path = path
        }
    }

    public struct Script: Sendable, Equatable {
        public var name: String
        public var isActive: Bool
        /// Octets.
        public var size: UInt64
    }

    /// Scripts listed at most.
    public static let maximumScripts = 10_000
    private static let ending = ".sieve"

    public init(directory: String, activePath: String) {
        self.directory = directory
        self.activePath = activePath
    }

    /// Whether a script may have that name (RFC 5804 section 1.6): 1 to 128 characters, no control characters, no `/`.
    public static func isName(_ name: String) -> Bool {
        guard !name.isEmpty, name.unicodeScalars.count <= 128, name.utf8.count <= 240,
            name.utf8.first != UInt8(ascii: "."),
            !name.utf8.contains(UInt8(ascii: "/"))
        else { return false }
        return name.unicodeScalars.allSatisfy { scalar in
            switch scalar.value {
            case 0..<0x20, 0x7F...0x9F, 0x2028, 0x2029: false
            default: true
            }
        }
    }

    private func path(_ name: String) -> String { "\(self.directory)/\(name)\(Self.ending)" }

    // MARK: Reading

    /// By name.
    public func list() throws(StoreError) -> [Script] {
        guard let handle = opendir(self.directory) else {
            guard errno == ENOENT else { throw StoreError.fromErrno("open \(self.directory)") }
            var scripts: [Script] = []
            self.addFallback(to: &scripts)
            return scripts
        }
        defer { closedir(handle) }
        let active = self.activeName()
        var scripts: [Script] = []
        while let entry = readdir(handle), scripts.count < Self.maximumScripts {
            let file = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard file.hasSuffix(Self.ending) else { continue }
            let name = String(file.dropLast(Self.ending.count))
            guard Self.isName(name) else { continue }
            var status = stat()
            guard stat(self.path(name), &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
            scripts.append(Script(name: name, isActive: name == active, size: UInt64(max(0, status.st_size))))
        }
        self.addFallback(to: &scripts)
        return scripts.sorted { $0.name < $1.name }
    }

    /// Users see the script that runs for them though it is not theirs; one of their own of its name hides it.
    private func addFallback(to scripts: inout [Script]) {
        guard let fallback = self.fallback, !scripts.contains(where: { $0.name == fallback.name }) else { return }
        var status = stat()
        guard stat(fallback.path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return }
        let hasOwn = stat(self.activePath, &status) == 0
        scripts.append(Script(name: fallback.name, isActive: !hasOwn, size: 0))
    }

    /// Whether it is the name of the script that is not the user's own.
    private func isFallback(_ name: String) -> Bool {
        guard let fallback = self.fallback, fallback.name == name else { return false }
        var status = stat()
        return stat(self.path(name), &status) != 0
    }

    /// The script that the link names, if it is one of the directory.
    public func activeName() -> String? {
        var target = [CChar](repeating: 0, count: 4096)
        let count = readlink(self.activePath, &target, target.count)
        guard count > 0 else { return nil }
        let text = String(decoding: target[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
        guard let file = text.split(separator: "/").last, file.hasSuffix(Self.ending) else { return nil }
        let name = String(file.dropLast(Self.ending.count))
        // A link that leads elsewhere makes none of these active.
        var linked = stat()
        var own = stat()
        guard stat(self.activePath, &linked) == 0, stat(self.path(name), &own) == 0, linked.st_ino == own.st_ino,
            linked.st_dev == own.st_dev
        else { return nil }
        return name
    }

    /// `.notFound`.
    public func read(_ name: String, limit: Int) throws(StoreError) -> [UInt8] {
        if let fallback = self.fallback, self.isFallback(name) { return try Self.read(fallback.path, name, limit) }
        return try Self.read(self.path(name), name, limit)
    }

    private static func read(_ path: String, _ name: String, _ limit: Int) throws(StoreError) -> [UInt8] {
        let octets: [UInt8]
        do throws(StoreError) {
            octets = try ScriptFile.read(path, limit: limit).octets
        } catch  where error.code == .notFound {
            throw StoreError(.notFound, "there is no script \(name)")
        }
        guard octets.count <= limit else {
            throw StoreError(.tooBig, "the script \(name) is larger than \(limit) octets")
        }
        return octets
    }

    // MARK: Changing

    /// Writes a script, a new one or in the place of one; durable when it returns.
    public func write(_ name: String, _ content: [UInt8]) throws(StoreError) {
        try self.prepare()
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let temporary = "\(self.directory)/tmp/\(now.tv_sec).P\(getpid())M\(now.tv_nsec / 1000)\(Self.ending)"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw StoreError.fromErrno("create \(temporary)") }
        defer { close(descriptor) }
        do throws(StoreError) {
            var offset = 0
            while offset < content.count {
                let count = content.withUnsafeBytes { bytes in
                    Glibc.write(descriptor, bytes.baseAddress.map { $0 + offset }, bytes.count - offset)
                }
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { throw StoreError.fromErrno("write \(temporary)") }
                offset += count
            }
            guard fsync(descriptor) == 0 else { throw StoreError.fromErrno("fsync \(temporary)") }
            guard Glibc.rename(temporary, self.path(name)) == 0 else {
                throw StoreError.fromErrno("rename \(temporary)")
            }
        } catch {
            unlink(temporary)
            throw error
        }
        self.sync(self.directory)
    }

    /// `.notFound`; `.inUse` for the active one.
    public func delete(_ name: String) throws(StoreError) {
        if self.activeName() == name { throw StoreError(.inUse, "the script \(name) is active") }
        guard unlink(self.path(name)) == 0 else {
            if errno == ENOENT { throw StoreError(.notFound, "there is no script \(name)") }
            throw StoreError.fromErrno("unlink \(self.path(name))")
        }
        self.sync(self.directory)
    }

    /// `.notFound`, `.alreadyExists`. An active script stays active.
    public func rename(_ name: String, to target: String) throws(StoreError) {
        let isActive = self.activeName() == name
        var status = stat()
        guard stat(self.path(name), &status) == 0 else {
            throw StoreError(.notFound, "there is no script \(name)")
        }
        guard name != target else { return }
        guard link(self.path(name), self.path(target)) == 0 else {
            if errno == EEXIST { throw StoreError(.alreadyExists, "there is a script \(target) already") }
            throw StoreError.fromErrno("link \(self.path(target))")
        }
        // The link follows before the old name goes, so that there is no moment without an active script.
        if isActive { try self.pointLink(at: target) }
        unlink(self.path(name))
        self.sync(self.directory)
    }

    /// Makes a script the active one; `nil`: none. `.notFound`.
    public func activate(_ name: String?) throws(StoreError) {
        try self.adoptFile()
        // The script of those without one is active when no other is.
        let wanted = name.flatMap { self.isFallback($0) ? nil : $0 }
        guard let name = wanted else {
            guard unlink(self.activePath) == 0 || errno == ENOENT else {
                throw StoreError.fromErrno("unlink \(self.activePath)")
            }
            self.sync(Self.parent(of: self.activePath))
            return
        }
        var status = stat()
        guard stat(self.path(name), &status) == 0 else {
            throw StoreError(.notFound, "there is no script \(name)")
        }
        try self.pointLink(at: name)
    }

    private func pointLink(at name: String) throws(StoreError) {
        let home = Self.parent(of: self.activePath)
        let target =
            self.directory.hasPrefix(home + "/")
            ? "\(self.directory.dropFirst(home.utf8.count + 1))/\(name)\(Self.ending)" : self.path(name)
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let temporary = "\(self.activePath)-new.\(now.tv_sec).P\(getpid())M\(now.tv_nsec / 1000)"
        guard symlink(target, temporary) == 0 else { throw StoreError.fromErrno("symlink \(temporary)") }
        guard Glibc.rename(temporary, self.activePath) == 0 else {
            let error = StoreError.fromErrno("rename \(temporary)")
            unlink(temporary)
            throw error
        }
        self.sync(home)
    }

    /// A script that lies at the place of the link, as users put it there by hand, becomes one of the directory.
    public func adoptFile() throws(StoreError) {
        var status = stat()
        guard lstat(self.activePath, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return }
        try self.prepare()
        let name = "dovecot.orig"
        guard link(self.activePath, self.path(name)) == 0 || errno == EEXIST else {
            throw StoreError.fromErrno("link \(self.path(name))")
        }
        var adopted = stat()
        guard stat(self.path(name), &adopted) == 0, adopted.st_ino == status.st_ino else {
            throw StoreError(.cannot, "\(self.activePath) is a file, and \(self.path(name)) is another one already")
        }
        try self.pointLink(at: name)
    }

    /// Makes the directories.
    private func prepare() throws(StoreError) {
        // A user without mail has no home yet.
        let home = Self.parent(of: self.directory)
        for path in [home, self.directory, self.directory + "/tmp"] {
            guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw StoreError.fromErrno("mkdir \(path)") }
        }
    }

    private func sync(_ directory: String) {
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    private static func parent(of path: String) -> String {
        path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[..<$0]) } ?? "."
    }
}
