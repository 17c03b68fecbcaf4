import AdminCommands
import Glibc

/// Names in a directory.
enum Directory {
    static func names(_ path: String) -> [String] {
        guard let stream = opendir(path) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    static func isThere(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Whether it is a link: who imports as root must not be led by a user's links to what the user may not read. Says
    /// so, for it is left out.
    static func isLink(_ path: String) -> Bool {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFLNK else { return false }
        Terminal.complain("\(path) is a link and is left out")
        return true
    }

    /// Makes a directory and those above it.
    static func make(_ path: String) throws(AdminError) {
        var prefix = path.hasPrefix("/") ? "" : "."
        for component in path.split(separator: "/") {
            prefix += "/" + component
            if mkdir(prefix, 0o700) == 0 {
                try self.flush(above: prefix)
            } else if errno != EEXIST {
                throw AdminError(.data, "cannot make \(prefix): \(String(cString: strerror(errno)))")
            }
        }
    }

    /// Makes the name of a file or directory durable.
    static func flush(above path: String) throws(AdminError) {
        let above = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[..<$0]) + "/" } ?? "."
        let descriptor = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            guard errno == EACCES else {
                throw AdminError(.temporary, "cannot flush \(above): \(String(cString: strerror(errno)))")
            }
            // Who may put files there need not be allowed to read it.
            sync()
            return
        }
        defer { close(descriptor) }
        try self.flush(descriptor, above)
    }

    /// Makes new names in an open directory durable.
    static func flush(_ descriptor: CInt, _ path: String) throws(AdminError) {
        // Some file systems cannot do that for a directory, which is all they say by EINVAL.
        guard fsync(descriptor) == 0 || errno == EINVAL else {
            throw AdminError(.temporary, "cannot flush \(path): \(String(cString: strerror(errno)))")
        }
    }
}

/// A directory under the path that no link is in.
struct RealDirectory {
    private let path: [UInt8]

    init(_ path: String) throws(AdminError) {
        guard let real = realpath(path, nil) else {
            throw AdminError(.data, "cannot read \(path): \(String(cString: strerror(errno)))")
        }
        defer { free(real) }
        self.path = Array(UnsafeRawBufferPointer(start: real, count: strlen(real)))
    }

    /// Whether an open file is in it or below, by the kernel's own word.
    func holds(_ descriptor: CInt) -> Bool {
        var found = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = found.withUnsafeMutableBytes { bytes -> Int in
            guard let base = bytes.baseAddress else { return -1 }
            return readlink("/proc/self/fd/\(descriptor)", base.assumingMemoryBound(to: CChar.self), bytes.count)
        }
        let directory = self.path == [0x2F] ? [] : self.path
        return count > directory.count && found[..<count].starts(with: directory) && found[directory.count] == 0x2F
    }
}
