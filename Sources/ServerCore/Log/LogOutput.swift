public import Logging
import MailCore
import Threads

/// Writes log lines, from a thread of its own: who logs never waits for a disk or a terminal. At most 4 MiB
/// wait; what comes beyond is counted and dropped. Lines below a warning are gathered for 20 ms, so that a busy server
/// writes once for many. From any thread.
// Sendable: `state` is only touched while the monitor's lock is held, `files` only on the writer's thread.
public final class LogOutput: @unchecked Sendable {
    private struct Line {
        let time: Int64
        let severity: LogSeverity
        let text: [UInt8]
    }

    private struct State {
        var lines: [Line] = []
        var octets = 0
        var dropped = 0
        var isWriting = false
        var reopens = false
        var writer = WriterState.busy
        /// Someone waits for the lines, or one of them cannot wait.
        var isUrgent = false
        var flushing = 0
        var destinations: LogDestinations
        var minimum: Logger.Level
    }

    /// What would make the writer's thread go on.
    private enum WriterState {
        case busy
        case waitsForLines
        case gathers
    }

    private static let maximumWaiting = 4 * 1024 * 1024
    /// So many octets are written without waiting for more.
    private static let gathered = 32 * 1024
    private static let gatheringNanoseconds: UInt64 = 20_000_000

    private let monitor = Monitor()
    private var state: State
    private var writer = LogWriter()

    /// Lives as long as the process.
    public init(_ destinations: LogDestinations, minimum: Logger.Level = .info) {
        self.state = State(destinations: destinations, minimum: minimum)
        _ = Thread.detached("log") { self.run() }
    }

    /// A swift-log logger whose lines begin with `label`: `imap-login`, `imap(user)<pid><session>`.
    public func logger(_ label: String) -> Logger {
        Logger(label: label) { LogOutputHandler(label: $0, output: self) }
    }

    public var minimum: Logger.Level {
        self.locked { $0.minimum }
    }

    /// New destinations and level, after a reload.
    public func configure(_ destinations: LogDestinations, minimum: Logger.Level) {
        self.locked { state in
            state.destinations = destinations
            state.minimum = minimum
            state.reopens = true
        }
    }

    /// Opens the files anew with the next line, after a rotation.
    public func reopen() { self.locked { $0.reopens = true } }

    /// Queues one line; control characters in it are escaped. With an empty label the message brings its own,
    /// up to the first `: `, and the severity's word is put behind that.
    public func write(_ severity: LogSeverity, label: String, _ message: String) {
        var text: [UInt8] = []
        text.reserveCapacity(label.utf8.count + message.utf8.count + 16)
        var label = label[...]
        var message = message[...]
        if label.isEmpty, let colon = message.utf8.firstIndex(of: 0x3A),
            message.utf8[message.utf8.index(after: colon)...].first == 0x20
        {
            label = message[..<colon]
            message = message[message.utf8.index(colon, offsetBy: 2)...]
        }
        LogText.append(label, to: &text)
        text.append(": ")
        text.append(severity.word)
        LogText.append(message, to: &text)
        self.write(severity, line: text)
    }

    /// Queues one finished line without its end; it must hold no control characters.
    func write(_ severity: LogSeverity, line: [UInt8]) {
        let line = Line(time: UnixTime.now().seconds, severity: severity, text: line)
        self.locked { state in
            guard state.octets + line.text.count <= Self.maximumWaiting else {
                state.dropped += 1
                return
            }
            state.octets += line.text.count
            state.lines.append(line)
            if severity != .info, severity != .debug { state.isUrgent = true }
            switch state.writer {
            case .busy: break
            case .waitsForLines: self.monitor.wakeAll()
            case .gathers:
                if state.isUrgent || state.octets >= Self.gathered { self.monitor.wakeAll() }
            }
        }
    }

    /// Waits until everything queued so far is written, two seconds at most.
    public func flush() {
        let limit = SteadyClock.nanoseconds() &+ 2_000_000_000
        self.monitor.lock.withLock {
            self.state.flushing += 1
            defer { self.state.flushing -= 1 }
            self.state.isUrgent = true
            self.monitor.wakeAll()
            while !self.state.lines.isEmpty || self.state.isWriting {
                if !self.monitor.wait(until: limit) { return }
            }
        }
    }

    private func locked<R>(_ body: (inout State) -> R) -> R {
        self.monitor.lock.withLock { body(&self.state) }
    }

    /// Until there is something to write; the lock is held.
    private func waitForLines() {
        self.state.writer = .waitsForLines
        while self.state.lines.isEmpty { self.monitor.wait() }
        self.state.writer = .gathers
        let limit = SteadyClock.nanoseconds() &+ Self.gatheringNanoseconds
        while !self.state.isUrgent, self.state.octets < Self.gathered {
            if !self.monitor.wait(until: limit) { break }
        }
        self.state.writer = .busy
    }

    private func run() -> Never {
        while true {
            self.monitor.lock.lock()
            self.state.isWriting = false
            if self.state.flushing > 0 { self.monitor.wakeAll() }
            self.waitForLines()
            let lines = self.state.lines
            let dropped = self.state.dropped
            let destinations = self.state.destinations
            if self.state.reopens { self.writer.closeFiles() }
            self.state.lines = []
            self.state.octets = 0
            self.state.dropped = 0
            self.state.reopens = false
            self.state.isUrgent = false
            self.state.isWriting = true
            self.monitor.lock.unlock()
            for line in lines {
                self.writer.write(line.text, line.severity, at: line.time, to: destinations)
            }
            if dropped > 0 {
                let text = [UInt8]("log: Warning: \(dropped) lines were lost: the log is too slow".utf8)
                self.writer.write(text, .warning, at: UnixTime.now().seconds, to: destinations)
            }
            self.writer.finish()
        }
    }
}
