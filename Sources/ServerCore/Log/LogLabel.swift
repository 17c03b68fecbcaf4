/// Prefixes of log lines.
public enum LogLabel {
    /// `imap(user)<pid><session>`
    public static func session(_ service: String, user: String, processID: Int32, sessionID: String) -> String {
        "\(service)(\(LogText.field(user)))<\(processID)><\(sessionID)>"
    }
}
