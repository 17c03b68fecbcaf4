import AdminCommands
import Glibc

/// A directory below which an export writes. Links in it lead nowhere: who exports as root into a user's directory must not
/// be led by that user to write elsewhere.
final class ExportDirectory {
    private let path: String
    private let descriptor: CInt

    /// Made when it is missing. Above it links are followed.
    init(_ path: String) throws(AdminError) {
        try Directory.make(path)
        self.path = path
        self.descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard self.descriptor >= 0 else { throw Self.failure(path) }
    }

    deinit { if self.descriptor >= 0 { close(self.descriptor) } }

    /// Makes directories below it.
    func make(_ relative: String) throws(AdminError) { close(try self.enter(relative, makes: true)) }

    /// A new file below it, in a directory that is there.
    func file(_ relative: String) throws(AdminError) -> FileWriter {
        var components = relative.split(separator: "/").map(String.init)
        guard let name = components.popLast() else { throw AdminError(.data, "a file without a name") }
        let directory = try self.enter(components.joined(separator: "/"), makes: false)
        defer { close(directory) }
        return try FileWriter(name, in: directory, path: "\(self.path)/\(relative)")
    }

    /// Opens a directory below it, one step after the other. The caller closes it.
    private func enter(_ relative: String, makes: Bool) throws(AdminError) -> CInt {
        var current = fcntl(self.descriptor, F_DUPFD_CLOEXEC, 3)
        guard current >= 0 else { throw Self.failure(self.path) }
        var shown = self.path
        for component in relative.split(separator: "/").map(String.init) {
            shown += "/" + component
            if makes { mkdirat(current, component, 0o700) }
            let next =
                component == ".." ? -1 : openat(current, component, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            let failure = errno
            close(current)
            errno = failure
            guard next >= 0 else { throw Self.failure(shown) }
            current = next
        }
        return current
    }

    private static func failure(_ path: String) -> AdminError {
        let reason = errno == ELOOP || errno == ENOTDIR ? "a link or a file is there" : String(cString: strerror(errno))
        return AdminError(.data, "cannot write below \(path): \(reason)")
    }
}
