import CLinux
import Glibc
import MailCore

/// The writing end of a log: open files, the time's text, and what is not yet written of a batch.
struct LogWriter {
    private var files: [String: CInt] = [:]
    private var pending: [CInt: [UInt8]] = [:]
    private var second: Int64 = -1
    private var stamp: [UInt8] = []

    mutating func write(
        _ text: [UInt8], _ severity: LogSeverity, at time: Int64, to destinations: LogDestinations
    ) {
        let destination =
            switch severity {
            case .debug: destinations.debug
            case .info: destinations.info
            case .warning, .error, .fatal: destinations.error
            }
        switch destination {
        case .standardError: self.append(self.stamped(time), text, to: 2)
        case .file(let path): self.append(self.stamped(time), text, to: self.descriptor(path))
        case .supervisor(let descriptor): self.append([0x01, severity.rawValue], text, to: descriptor)
        case .syslog:
            let priority =
                switch severity {
                case .debug: LOG_DEBUG
                case .info: LOG_INFO
                case .warning: LOG_WARNING
                case .error: LOG_ERR
                case .fatal: LOG_CRIT
                }
            (text + [0]).withUnsafeBytes { bytes in
                guard let line = bytes.baseAddress else { return }
                martlet_syslog(priority, line.assumingMemoryBound(to: CChar.self))
            }
        }
    }

    /// Writes out what a batch left.
    mutating func finish() {
        for (descriptor, bytes) in self.pending { Self.write(bytes, to: descriptor) }
        self.pending = [:]
    }

    mutating func closeFiles() {
        self.finish()
        for descriptor in self.files.values where descriptor != 2 { close(descriptor) }
        self.files = [:]
    }

    private mutating func append(_ head: [UInt8], _ text: [UInt8], to descriptor: CInt) {
        self.pending[descriptor, default: []].append(contentsOf: head)
        self.pending[descriptor, default: []].append(contentsOf: text)
        self.pending[descriptor, default: []].append(0x0A)
    }

    private mutating func descriptor(_ path: String) -> CInt {
        if let known = self.files[path] { return known }
        var descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
        if descriptor < 0 {
            let reason = String(cString: strerror(errno))
            Self.write([UInt8]("log: Error: cannot open \(path): \(reason); logging here\n".utf8), to: 2)
            descriptor = 2
        }
        self.files[path] = descriptor
        return descriptor
    }

    /// `Jan 02 15:04:05 `, in local time.
    private mutating func stamped(_ time: Int64) -> [UInt8] {
        if time == self.second { return self.stamp }
        var seconds = time_t(time)
        var parts = tm()
        localtime_r(&seconds, &parts)
        var text = [CChar](repeating: 0, count: 32)
        let count = strftime(&text, text.count, "%b %d %H:%M:%S ", &parts)
        self.second = time
        self.stamp = text.prefix(count).map { UInt8(bitPattern: $0) }
        return self.stamp
    }

    private static func write(_ bytes: [UInt8], to descriptor: CInt) {
        bytes.withUnsafeBytes { bytes in
            var position = 0
            while position < bytes.count, let base = bytes.baseAddress {
                let count = Glibc.write(descriptor, base + position, bytes.count - position)
                if count < 0 {
                    if errno == EINTR { continue }
                    return  // a full disk or a closed pipe: there is nowhere to say so
                }
                position += count
            }
        }
    }
}
