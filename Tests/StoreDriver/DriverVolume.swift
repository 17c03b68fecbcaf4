import Glibc
import IndexedStore
import MailCore
import MailStore
import MaildirFormat
import PackFormat
import Synchronization

enum DriverFormat: String, CaseIterable, Sendable {
    case maildir, pack

    var other: DriverFormat { self == .maildir ? .pack : .maildir }
}

/// A volume with its Maildirs in one directory, opened as the daemon does but with small segments.
final class DriverVolume: Sendable {
    static let now: Int64 = 1_800_000_000

    let directory: String
    let format: DriverFormat
    /// Lines of the store's log: errors, and the rest.
    let errors = Mutex<[String]>([])
    let warnings = Mutex<[String]>([])

    init(_ directory: String, _ format: DriverFormat) {
        self.directory = directory
        self.format = format
    }

    var indexPath: String { "\(self.directory)/volume/index" }

    func identity(_ name: String) -> AccountIdentity {
        AccountIdentity(
            name: name, home: "\(self.directory)/\(name)", mailPath: "\(self.directory)/\(name)",
            driver: self.format.rawValue)
    }

    func open(_ change: (inout IndexedStore.Configuration) -> Void = { _ in }) throws -> IndexedStore {
        var maildir = MaildirOptions()
        maildir.report = { [self] text in self.warnings.withLock { $0.append(text) } }
        var configuration = IndexedStore.Configuration(
            directory: "\(self.directory)/volume",
            bodyFormats: ["maildir": MaildirFormat(maildir), "pack": PackFormat()], clock: { Self.now })
        configuration.logSegmentSize = 65_536
        configuration.threadCount = 3
        configuration.watchesFiles = false
        configuration.log = { [self] level, text in
            if level == .error {
                self.errors.withLock { $0.append(text) }
            } else {
                self.warnings.withLock { $0.append(text) }
            }
        }
        change(&configuration)
        return try IndexedStore.open(configuration)
    }
}

/// Messages whose octets follow from their subjects.
enum Sample {
    static func octets(_ subject: String, lines: Int = 3) -> [UInt8] {
        var text =
            "From: a@example.org\r\nTo: b@example.org\r\nSubject: \(subject)\r\n"
            + "Message-ID: <\(subject)@example.org>\r\nX-Lines: \(lines)\r\n\r\n"
        for line in 0..<lines { text += "Line \(line) of \(subject), which is as long as lines of mail are.\r\n" }
        return Array(text.utf8)
    }

    static func message(_ subject: String, lines: Int = 3) -> IncomingMessage {
        IncomingMessage(MessageOctets(self.octets(subject, lines: lines)))
    }

    /// The subject of a message that has exactly the octets it came with; `nil` for anything else.
    static func subject(of octets: MessageOctets) -> String? {
        let found = octets.withUnsafeBytes { Array($0) }
        let head = String(decoding: found.prefix(400), as: UTF8.self)
        func field(_ name: String) -> String? {
            head.split(separator: "\r\n").first { $0.hasPrefix(name) }.map { String($0.dropFirst(name.count)) }
        }
        guard let subject = field("Subject: "), let lines = field("X-Lines: ").flatMap({ Int($0) }), lines < 100_000,
            self.octets(subject, lines: lines) == found
        else { return nil }
        return subject
    }
}

enum Files {
    static func names(_ path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    static func remove(_ path: String) {
        for name in self.names(path) {
            var status = stat()
            let child = "\(path)/\(name)"
            if lstat(child, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
                self.remove(child)
            } else {
                unlink(child)
            }
        }
        rmdir(path)
    }

    /// Copies a directory as it is now, hard links as files of their own.
    static func copy(_ source: String, _ target: String) throws {
        mkdir(target, 0o700)
        for name in self.names(source) {
            let (from, to) = ("\(source)/\(name)", "\(target)/\(name)")
            var status = stat()
            guard lstat(from, &status) == 0 else { throw DriverError("stat \(from)") }
            if status.st_mode & S_IFMT == S_IFDIR {
                try self.copy(from, to)
                continue
            }
            let input = Glibc.open(from, O_RDONLY)
            let output = Glibc.open(to, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
            defer {
                close(input)
                close(output)
            }
            while true {
                let count = sendfile(output, input, nil, 1 << 20)
                if count < 0 { throw DriverError("copy \(from)") }
                if count == 0 { break }
            }
            let times = [status.st_atim, status.st_mtim]
            futimens(output, times)
        }
    }

    static func write(_ octets: [UInt8], _ path: String) {
        let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        _ = octets.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    }
}

extension MailboxName {
    /// A name of this program.
    init(known: StaticString) {
        guard let name = MailboxName("\(known)") else { preconditionFailure("mailbox \(known)") }
        self = name
    }
}
