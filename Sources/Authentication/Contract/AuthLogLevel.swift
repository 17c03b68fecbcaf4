/// How grave a log line is.
public enum AuthLogLevel: Hashable, Sendable {
    case debug
    case info
    case warning
    case error
}
