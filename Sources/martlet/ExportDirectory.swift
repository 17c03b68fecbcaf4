import AdminCommands
import Glibc

/// A directory below which an export writes. Links in it lead nowhere: who exports as root into a user's directory must not
/// be led by that user to write elsewhere.
final class ExportDirectory {
    let path: String
    private let descriptor: CInt
    /// Directories below it, the empty name being itself, in which names are new and a power loss could take them.
    private var unflushed: Set<String> = []

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
    func file(_ relative: String) throws(AdminError) -> FileWriter { try FileWriter(relative, below: self) }

    /// Notes that a name in a directory below it is new.
    func noteName(in folder: String) { self.unflushed.insert(folder) }

    /// Makes all new names durable. Once for all of them: each time costs as much as that of a file.
    func flush() throws(AdminError) {
        for folder in self.unflushed.sorted() {
            let directory = try self.enter(folder)
            defer { close(directory) }
            try Directory.flush(directory, "\(self.path)/\(folder)")
        }
        self.unflushed = []
    }

    /// Opens a directory below it, one step after the other. The caller closes it.
    func enter(_ relative: String, makes: Bool = false) throws(AdminError) -> CInt {
        var current = fcntl(self.descriptor, F_DUPFD_CLOEXEC, 3)
        guard current >= 0 else { throw Self.failure(self.path) }
        var shown = self.path
        var above: [String] = []
        for component in relative.split(separator: "/").map(String.init) {
            shown += "/" + component
            if makes, mkdirat(current, component, 0o700) == 0 { self.noteName(in: above.joined(separator: "/")) }
            above.append(component)
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
