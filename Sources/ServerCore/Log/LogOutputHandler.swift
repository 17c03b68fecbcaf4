import Logging

/// swift-log's door to `LogOutput`. The label is the line's prefix; metadata follows the message.
struct LogOutputHandler: LogHandler {
    let label: String
    let output: LogOutput
    var metadata: Logger.Metadata = [:]
    /// A level for this logger alone.
    private var ownLevel: Logger.Level?

    init(label: String, output: LogOutput) {
        self.label = label
        self.output = output
    }

    var logLevel: Logger.Level {
        get { self.ownLevel ?? self.output.minimum }
        set { self.ownLevel = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let severity: LogSeverity =
            switch event.level {
            case .trace, .debug: .debug
            case .info, .notice: .info
            case .warning: .warning
            case .error: .error
            case .critical: .fatal
            }
        var message = "\(event.message)"
        if let error = event.error { message += ": \(error)" }
        var all = self.metadata
        if let metadata = event.metadata { all.merge(metadata) { _, new in new } }
        for (key, value) in all.sorted(by: { $0.key < $1.key }) { message += ", \(key)=\(value)" }
        self.output.write(severity, label: self.label, message)
    }
}
