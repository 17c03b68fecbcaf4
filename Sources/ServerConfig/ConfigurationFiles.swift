internal import Glibc

/// The files that a configuration is made of: read once each, kept for the roles that cannot read them.
package struct ConfigurationFiles: Sendable {
    /// Why a file cannot be used, in words for administrators.
    package struct Problem: Error, Sendable {
        package let text: String
    }

    /// The largest file in octets.
    package static let maximumSize = 16 << 20

    /// How a file is read; `nil` when only what is kept already may be used.
    private let read: (@Sendable (String) -> Result<[UInt8], Problem>)?
    private let environment: @Sendable (String) -> String?
    /// What was read, by absolute path.
    package private(set) var kept: [String: [UInt8]]

    /// The files of this machine.
    package static var disk: ConfigurationFiles {
        ConfigurationFiles(
            read: { path in Self.readFromDisk(path) },
            environment: { name in getenv(name).map { String(cString: $0) } })
    }

    /// Files that `read` makes up or lets through, for tests.
    package init(
        read: @escaping @Sendable (String) -> Result<[UInt8], Problem>,
        environment: @escaping @Sendable (String) -> String? = { _ in nil }
    ) {
        self.read = read
        self.environment = environment
        self.kept = [:]
    }

    /// Nothing but `kept`.
    package init(kept: [String: [UInt8]]) {
        self.read = nil
        self.environment = { _ in nil }
        self.kept = kept
    }

    package mutating func contents(of path: String) -> Result<[UInt8], Problem> {
        if let kept = self.kept[path] { return .success(kept) }
        guard let read = self.read else { return .failure(Problem(text: "\(path) was not read")) }
        let result = read(path)
        if case .success(let contents) = result { self.kept[path] = contents }
        return result
    }

    /// The file as text without its last line end.
    package mutating func text(of path: String) -> Result<String, Problem> {
        self.contents(of: path).map { contents in
            var text = String(decoding: contents, as: UTF8.self)
            if text.hasSuffix("\r\n") || text.hasSuffix("\n") { text.removeLast() }
            return text
        }
    }

    /// A configuration file: read, and not kept, since its statements are.
    package func source(_ path: String) -> Result<[UInt8], Problem> {
        self.read?(path) ?? .failure(Problem(text: "\(path) was not read"))
    }

    package func variable(_ name: String) -> String? { self.environment(name) }

    /// `path`, taken from `directory` when it is relative.
    package static func absolute(_ path: String, in directory: String) -> String {
        if path.hasPrefix("/") { return path }
        let plain = path.hasPrefix("./") ? path.dropFirst(2) : path[...]
        return directory.hasSuffix("/") ? directory + plain : directory + "/" + plain
    }

    /// `path`, taken from the working directory when it is relative.
    package static func fromWorkingDirectory(_ path: String) -> String {
        guard !path.hasPrefix("/"), let directory = getcwd(nil, 0) else { return path }
        defer { free(directory) }
        return self.absolute(path, in: String(cString: directory))
    }

    /// The directory part of an absolute path.
    package static func directory(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return "/" }
        return String(path[..<slash])
    }

    /// The existing paths that match a pattern, sorted; the path itself when it has no wildcard.
    package static func matches(_ pattern: String) -> [String] {
        guard pattern.contains(where: { "*?[".contains($0) }) else { return [pattern] }
        var result = glob_t()
        defer { globfree(&result) }
        guard glob(pattern, 0, nil, &result) == 0, let paths = result.gl_pathv else { return [] }
        return (0..<Int(result.gl_pathc)).compactMap { paths[$0].map { String(cString: $0) } }
    }

    private static func readFromDisk(_ path: String) -> Result<[UInt8], Problem> {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            return .failure(Problem(text: "cannot read \(path): \(String(cString: strerror(errno)))"))
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            return .failure(Problem(text: "cannot read \(path): not a plain file"))
        }
        guard status.st_size <= Self.maximumSize else {
            return .failure(Problem(text: "cannot read \(path): larger than 16 MB"))
        }
        var contents: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while contents.count <= Self.maximumSize {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count == 0 { return .success(contents) }
            if count < 0 {
                if errno == EINTR { continue }
                return .failure(Problem(text: "cannot read \(path): \(String(cString: strerror(errno)))"))
            }
            contents.append(contentsOf: buffer[..<count])
        }
        return .failure(Problem(text: "cannot read \(path): larger than 16 MB"))
    }
}
