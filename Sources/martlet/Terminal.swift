import AdminCommands
import Glibc

/// Standard output and error of this process.
enum Terminal {
    /// Writes everything to standard output; `false` when nobody reads it any more.
    @discardableResult
    static func write(_ bytes: [UInt8]) -> Bool { Self.write(bytes, to: STDOUT_FILENO) }

    /// One line on standard error.
    static func complain(_ text: String) {
        Self.write(Array((text.hasSuffix("\n") ? text : text + "\n").utf8), to: STDERR_FILENO)
    }

    @discardableResult
    private static func write(_ bytes: [UInt8], to descriptor: CInt) -> Bool {
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeBytes { buffer -> Int in
                guard let base = buffer.baseAddress else { return 0 }
                return Glibc.write(descriptor, base + offset, buffer.count - offset)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            offset += count
        }
        return true
    }
}

/// A progress bar on standard error, when that is a terminal.
struct ProgressBar {
    private let isShown = isatty(STDERR_FILENO) == 1
    private var wasDrawn = false

    mutating func show(done: Int, total: Int) {
        guard self.isShown, total > 1 else { return }
        let width = 40
        let filled = min(width, max(0, done) * width / total)
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled)
        Self.draw("\r[\(bar)] \(done)/\(total)")
        self.wasDrawn = true
    }

    /// Clears the line, so that other text can stand there.
    mutating func clear() {
        guard self.wasDrawn else { return }
        Self.draw("\r" + String(repeating: " ", count: 70) + "\r")
        self.wasDrawn = false
    }

    private static func draw(_ text: String) {
        let bytes = Array(text.utf8)
        _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
    }
}

/// How a command's rows look for a person, where a table would not do: one row, its values by column.
typealias RowRendering = @Sendable (_ values: [String: [UInt8]]) -> [UInt8]

/// Prints results as they come in.
struct TerminalOutput: AdminOutput {
    private var formatter: RowFormatter
    private let rendering: RowRendering?
    private var names: [String] = []
    private var bar = ProgressBar()
    /// What others wrote must not command a terminal; a file or program gets it as it is.
    private let isTerminal = isatty(STDOUT_FILENO) == 1

    /// - Parameters:
    ///   - format: the one asked for, if any.
    ///   - style: how rows look else.
    ///   - rendering: instead of that.
    init(_ format: RowFormat?, _ style: RowStyle = RowStyle(.table), _ rendering: RowRendering? = nil) {
        self.formatter = RowFormatter(format ?? style.format, untitled: style.untitled)
        self.rendering = format == nil ? rendering : nil
    }

    mutating func columns(_ names: [String]) async throws(AdminError) {
        self.names = names
        if self.rendering == nil { try self.print(self.formatter.begin(names)) }
    }

    mutating func row(_ values: [[UInt8]]) async throws(AdminError) {
        guard let rendering else { return try self.print(self.formatter.add(values)) }
        self.bar.clear()
        try self.print(rendering(Dictionary(zip(self.names, values)) { first, _ in first }))
    }

    mutating func problem(_ message: String) async throws(AdminError) {
        self.bar.clear()
        Terminal.complain(message)
    }

    mutating func progress(done: Int, total: Int) async throws(AdminError) {
        self.bar.show(done: done, total: total)
    }

    /// After the last row.
    mutating func finish() throws(AdminError) {
        self.bar.clear()
        try self.print(self.formatter.end())
    }

    /// Instead of `finish`, when the command has failed.
    mutating func abandon() throws(AdminError) {
        self.bar.clear()
        try self.print(self.formatter.endAfterFailure())
    }

    private func print(_ bytes: [UInt8]) throws(AdminError) {
        let shown = self.isTerminal ? TerminalText.harmless(bytes) : bytes
        guard Terminal.write(shown) else { throw AdminError(.temporary, "standard output is closed") }
    }
}
