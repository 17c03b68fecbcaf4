/// Where log lines go.
public enum LogDestination: Hashable, Sendable {
    /// Standard error, each line with its time.
    case standardError
    /// A file that is appended to, each line with its time; made if missing.
    case file(String)
    /// syslog(3), facility mail.
    case syslog
    /// The supervisor, over this descriptor: a role cannot open the log files itself.
    case supervisor(CInt)

    /// As `log_path` writes it: `stderr`, `syslog` or a path.
    public init(path: String) {
        switch path {
        case "stderr", "": self = .standardError
        case "syslog": self = .syslog
        default: self = .file(path)
        }
    }
}

/// Destinations by severity.
public struct LogDestinations: Equatable, Sendable {
    public var error: LogDestination
    public var info: LogDestination
    public var debug: LogDestination

    public init(error: LogDestination, info: LogDestination, debug: LogDestination) {
        self.error = error
        self.info = info
        self.debug = debug
    }

    public init(_ destination: LogDestination) {
        self.init(error: destination, info: destination, debug: destination)
    }
}

/// A line's severity, as Dovecot names them.
public enum LogSeverity: UInt8, Sendable, CaseIterable {
    case debug = 0x44  // D
    case info = 0x49  // I
    case warning = 0x57  // W
    case error = 0x45  // E
    case fatal = 0x46  // F

    var word: StaticString {
        switch self {
        case .debug: "Debug: "
        case .info: "Info: "
        case .warning: "Warning: "
        case .error: "Error: "
        case .fatal: "Fatal: "
        }
    }
}
