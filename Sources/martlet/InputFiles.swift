import AdminCommands
import Glibc

/// A file that is to be read and is not open yet: there may be more of them than one process may have open.
struct SourceFile {
    let path: String
    /// Octets; `nil` for what is no plain file.
    let size: Int?
    private let root: RealDirectory?

    /// Throws when it cannot be read. What is no plain file is not opened for that: a pipe that is closed again is
    /// broken.
    ///
    /// - Parameter root: see `FileReader`.
    init(_ path: String, below root: RealDirectory? = nil) throws(AdminError) {
        self.path = path
        self.root = root
        var status = stat()
        let isPlain = stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
        guard root == nil, path != "-", !isPlain else {
            self.size = try FileReader(path, below: root).size
            return
        }
        self.size = nil
        guard access(path, R_OK) == 0 else {
            throw AdminError(.data, "cannot read \(path): \(String(cString: strerror(errno)))")
        }
    }

    func open() throws(AdminError) -> FileReader { try FileReader(self.path, below: self.root) }
}

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
