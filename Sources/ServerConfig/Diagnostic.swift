/// Something that is wrong with a configuration, in words for administrators.
public struct Diagnostic: Sendable, Equatable, CustomStringConvertible {
    /// How bad it is.
    public enum Severity: Sendable, Equatable {
        /// The configuration cannot be used.
        case error
        /// It can, but probably not as meant.
        case warning
    }

    public let severity: Severity
    public let place: SourcePlace
    /// What is wrong, the nearest known name, and what to write instead.
    public let message: String

    public init(_ severity: Severity, at place: SourcePlace, _ message: String) {
        self.severity = severity
        self.place = place
        self.message = message
    }

    /// One line without its end: `10-mail.conf:12: mail_pth is unknown; did you mean mail_path?`
    public var description: String {
        "\(self.place): \(self.severity == .warning ? "warning: " : "")\(self.message)"
    }
}

/// A line of a configuration file.
public struct SourcePlace: Sendable, Equatable, CustomStringConvertible {
    public let file: String
    /// Counted from 1; 0 is the file as a whole.
    public let line: Int

    public init(file: String, line: Int) {
        self.file = file
        self.line = line
    }

    public var description: String { self.line > 0 ? "\(self.file):\(self.line)" : self.file }
}
