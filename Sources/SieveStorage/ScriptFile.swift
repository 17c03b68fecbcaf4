import Glibc
package import MailStore

/// A script in the file system. All calls wait for the disk and run under the caller's file ids.
package enum ScriptFile {
    /// What tells one content of a file from another without reading it.
    package struct Fingerprint: Hashable, Sendable {
        var device: UInt64
        var inode: UInt64
        var size: Int64
        var modified: Int64
        var modifiedNanoseconds: Int64
        var changed: Int64
        var changedNanoseconds: Int64

        init(_ status: stat) {
            self.device = UInt64(status.st_dev)
            self.inode = UInt64(status.st_ino)
            self.size = Int64(status.st_size)
            self.modified = Int64(status.st_mtim.tv_sec)
            self.modifiedNanoseconds = Int64(status.st_mtim.tv_nsec)
            self.changed = Int64(status.st_ctim.tv_sec)
            self.changedNanoseconds = Int64(status.st_ctim.tv_nsec)
        }
    }

    package enum Kind: Sendable {
        case file(Fingerprint)
        case directory
        /// Nothing is there.
        case absent
    }

    /// Follows links. `.noPermission`, `.cannot` for what is neither file nor directory, `.temporary`.
    package static func kind(of path: String) throws(StoreError) -> Kind {
        var status = stat()
        guard stat(path, &status) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return .absent }
            if errno == ELOOP { throw StoreError(.cannot, "\(path): too many links") }
            throw StoreError.fromErrno("stat \(path)")
        }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return .file(Fingerprint(status))
        case S_IFDIR: return .directory
        default: throw StoreError(.cannot, "\(path) is no regular file")
        }
    }

    /// The content up to `limit` octets and one more, so that too much shows; and what it is the content of. `.cannot`
    /// for what is no regular file, and for more than `maximumSize` whatever the limit.
    package static func read(_ path: String, limit: Int) throws(StoreError) -> (octets: [UInt8], of: Fingerprint) {
        // O_NONBLOCK: a FIFO put there meanwhile must not hold the thread.
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw StoreError.fromErrno("open \(path)") }
        defer { Glibc.close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw StoreError.fromErrno("stat \(path)") }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw StoreError(.cannot, "\(path) is no regular file")
        }
        let most = min(limit, Self.maximumSize) + 1
        var octets: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while octets.count < most {
            let count = piece.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw StoreError.fromErrno("read \(path)") }
            if count == 0 { break }
            octets.append(contentsOf: piece[..<min(count, most - octets.count)])
        }
        // Half a script is another script.
        guard octets.count <= Self.maximumSize else {
            throw StoreError(.cannot, "\(path) is larger than \(Self.maximumSize) octets")
        }
        return (octets, Fingerprint(status))
    }

    /// The name by which logs call the script: of the file that a link points to, without `.sieve`.
    package static func name(of path: String) -> String {
        var target = [CChar](repeating: 0, count: 4096)
        let count = readlink(path, &target, target.count)
        let resolved =
            count > 0
            ? String(decoding: target[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self) : path
        let name = resolved.split(separator: "/").last.map(String.init) ?? resolved
        return name.hasSuffix(".sieve") ? String(name.dropLast(6)) : name
    }

    /// The `*.sieve` files of a directory by name; at most `maximumInDirectory`.
    package static func list(_ path: String) throws(StoreError) -> [String] {
        guard let directory = opendir(path) else { throw StoreError.fromErrno("open \(path)") }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory), names.count < self.maximumInDirectory {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasSuffix(".sieve"), !name.hasPrefix(".") { names.append(name) }
        }
        // As octets, whatever they mean.
        names.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        return names.map { path + "/" + $0 }
    }

    private static let maximumInDirectory = 100

    /// Octets of a script at most, whatever the site allows: a user's file grows as that user likes, also while it is
    /// read.
    package static let maximumSize = 64 << 20
}
