import Glibc

/// What came of a reload: the supervisor leaves it in a file for `martlet reload`, since a signal has no answer.
///
///     martlet reload 1
///     mark 4711.3
///     result refused
///     line 10-mail.conf:12: mail_pth is unknown; did you mean mail_path?
public struct ReloadAnswer: Sendable, Hashable {
    public enum Result: String, Sendable {
        case done
        /// The old configuration stays in force.
        case refused
    }

    /// Not that of any other reload.
    public var mark: String
    public var result: Result
    /// Mistakes, and what waits for a restart.
    public var lines: [String]

    public init(mark: String, result: Result, lines: [String]) {
        self.mark = mark
        self.result = result
        self.lines = lines
    }

    /// The file, of a daemon with that `base_dir`.
    public static func path(baseDirectory: String) -> String { baseDirectory + "/reload" }

    private static let heading = "martlet reload 1"

    public var text: String {
        var text = "\(Self.heading)\nmark \(self.mark)\nresult \(self.result.rawValue)\n"
        for line in self.lines.flatMap({ $0.split(whereSeparator: \.isNewline) }) { text += "line \(line)\n" }
        return text
    }

    /// `nil` for what is none, or not whole.
    public init?(text: String) {
        guard text.hasSuffix("\n") else { return nil }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        guard lines.first.map(String.init) == Self.heading else { return nil }
        var mark: String?
        var result: Result?
        self.lines = []
        for line in lines.dropFirst() {
            guard let blank = line.firstIndex(of: " ") else { return nil }
            let value = String(line[line.index(after: blank)...])
            switch line[..<blank] {
            case "mark": mark = value
            case "result": result = Result(rawValue: value)
            case "line": self.lines.append(value)
            default: break
            }
        }
        guard let mark, let result else { return nil }
        self.mark = mark
        self.result = result
    }

    /// Puts it in the place of what the file held, at once. `false` with an errno when it cannot.
    public func write(to path: String) -> Bool {
        let temporary = path + ".new"
        // What a daemon left that was killed while it wrote.
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return false }
        let octets = Array(self.text.utf8)
        let isWritten = Glibc.write(descriptor, octets, octets.count) == octets.count
        close(descriptor)
        return isWritten && rename(temporary, path) == 0
    }

    /// What the file holds; `nil`: nothing that can be read.
    public static func read(_ path: String) -> ReloadAnswer? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var octets: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while octets.count < 4 << 20 {
            let count = Glibc.read(descriptor, &piece, piece.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            octets += piece[..<count]
        }
        return ReloadAnswer(text: String(decoding: octets, as: UTF8.self))
    }
}
