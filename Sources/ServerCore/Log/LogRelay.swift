/// The supervisor's end of a role's log: cuts what a role writes into lines. Lines of the role's `LogOutput`
/// carry a mark and their severity; others are what the runtime or a library said on standard error, last
/// words of a crash among them.
public struct LogRelay {
    private let label: String
    private let output: LogOutput
    private var rest: [UInt8] = []

    /// The longest line; a longer one is cut into several.
    private static let maximumLine = 16 * 1024

    /// `label`: the prefix of lines without a mark.
    public init(label: String, output: LogOutput) {
        self.label = label
        self.output = output
    }

    public mutating func received(_ bytes: UnsafeRawBufferPointer) {
        for octet in bytes {
            if octet == 0x0A || self.rest.count >= Self.maximumLine {
                self.emit()
                if octet == 0x0A { continue }
            }
            self.rest.append(octet)
        }
    }

    /// The role is gone: an unfinished line counts.
    public mutating func finish() { self.emit() }

    private mutating func emit() {
        defer { self.rest.removeAll(keepingCapacity: true) }
        guard !self.rest.isEmpty else { return }
        if self.rest.count > 2, self.rest[0] == 0x01, let severity = LogSeverity(rawValue: self.rest[1]) {
            // Escaped by the role already, but a role that was taken over must not forge lines either.
            var line: [UInt8] = []
            LogText.append(String(decoding: self.rest[2...], as: UTF8.self), to: &line)
            self.output.write(severity, line: line)
        } else {
            self.output.write(.error, label: self.label, String(decoding: self.rest, as: UTF8.self))
        }
    }
}
