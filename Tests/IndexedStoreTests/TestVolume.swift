import Glibc
import IndexedStore
import MailCore
import MailStore
import MaildirFormat
import PackFormat
import Synchronization
import Testing
import VolumeLog

/// The body formats, every one of which passes the same tests.
enum TestFormat: String, CaseIterable, Sendable {
    case maildir, pack
}

/// A volume and its Maildirs in a temporary directory that is removed with the last reference.
final class TestVolume: Sendable {
    let directory: String
    let time = Mutex<Int64>(1_800_000_000)
    let messages = Mutex<[String]>([])

    /// What its accounts are in.
    let format: TestFormat

    init(_ format: TestFormat = .maildir) throws {
        self.format = format
        var template = Array("/tmp/martlet-store-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw StoreError.fromErrno("mkdtemp") }
        self.directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { Shell.remove(self.directory) }

    /// What the store complained about.
    var problems: [String] { self.messages.withLock { $0 } }

    func configuration(_ change: (inout IndexedStore.Configuration) -> Void = { _ in })
        -> IndexedStore.Configuration
    {
        var options = MaildirOptions()
        options.syncTextFiles = false
        var configuration = IndexedStore.Configuration(
            directory: self.directory + "/volume",
            bodyFormats: ["maildir": MaildirFormat(options), "pack": PackFormat()],
            clock: { [self] in self.time.withLock { $0 } })
        configuration.logSegmentSize = 1 << 20
        configuration.threadCount = 4
        configuration.watchesFiles = false
        configuration.log = { [self] _, text in self.messages.withLock { $0.append(text) } }
        change(&configuration)
        return configuration
    }

    func open(_ change: (inout IndexedStore.Configuration) -> Void = { _ in }) throws -> IndexedStore {
        try IndexedStore.open(self.configuration(change))
    }

    func identity(_ name: String) -> AccountIdentity {
        AccountIdentity(
            name: name, home: "\(self.directory)/\(name)", mailPath: "\(self.directory)/\(name)",
            driver: self.format.rawValue)
    }

    /// Runs `body` with an open store and closes it.
    func with<R>(
        _ change: (inout IndexedStore.Configuration) -> Void = { _ in },
        _ body: (IndexedStore) async throws -> R
    ) async throws -> R {
        let store = try self.open(change)
        do {
            let result = try await body(store)
            await store.close()
            return result
        } catch {
            await store.close()
            throw error
        }
    }
}

/// The directory of a `TestVolume` as another process sees it.
struct TestDirectory: Sendable {
    let directory: String
    let syncs: Syncs
    let format: TestFormat
    let crashPoint: @Sendable (CrashPoint) -> Void
    var segmentSize = 1 << 20
    var files = FileOperations.system

    /// Whether syncs of the file system succeed.
    enum Syncs { case succeed, fail }

    init(
        _ directory: String, _ syncs: Syncs, _ format: TestFormat = .maildir,
        crashPoint: @escaping @Sendable (CrashPoint) -> Void
    ) {
        self.format = format
        self.directory = directory
        self.syncs = syncs
        self.crashPoint = crashPoint
    }

    var configuration: IndexedStore.Configuration {
        var options = MaildirOptions()
        options.syncTextFiles = false
        let format = MaildirFormat(options)
        var configuration = IndexedStore.Configuration(
            directory: self.directory + "/volume",
            bodyFormats: [
                "maildir": self.syncs == .succeed ? format : UnsyncedFormat(format: format), "pack": PackFormat(),
            ],
            clock: { 1_800_000_000 })
        configuration.logSegmentSize = self.segmentSize
        configuration.logFiles = self.files
        configuration.threadCount = 4
        configuration.watchesFiles = false
        configuration.crashPoint = self.crashPoint
        return configuration
    }

    func identity(_ name: String) -> AccountIdentity {
        AccountIdentity(
            name: name, home: "\(self.directory)/\(name)", mailPath: "\(self.directory)/\(name)",
            driver: self.format.rawValue)
    }
}

/// Counts down from any thread.
final class Countdown: Sendable {
    private let left: Mutex<Int>
    init(_ count: Int) { self.left = Mutex(count) }

    /// Counts once; `true` the last time.
    var isLast: Bool {
        self.left.withLock { left in
            left -= 1
            return left == 0
        }
    }
}

enum Shell {
    /// Removes a directory with everything in it.
    static func remove(_ path: String) {
        for name in self.names(path) {
            let child = "\(path)/\(name)"
            var status = stat()
            if lstat(child, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
                self.remove(child)
            } else {
                unlink(child)
            }
        }
        rmdir(path)
    }

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

    /// Copies a directory as it is now, as a crash would leave it.
    static func copy(_ source: String, _ target: String) {
        mkdir(target, 0o700)
        for name in self.names(source) {
            let from = "\(source)/\(name)"
            let to = "\(target)/\(name)"
            var status = stat()
            guard lstat(from, &status) == 0 else { continue }
            if status.st_mode & S_IFMT == S_IFDIR {
                self.copy(from, to)
            } else if let octets = self.read(from) {
                self.write(octets, to)
                var times = [status.st_atim, status.st_mtim]
                utimensat(AT_FDCWD, to, &times, 0)
            }
        }
    }

    static func read(_ path: String) -> [UInt8]? {
        let descriptor = Glibc.open(path, O_RDONLY)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var octets: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            guard count > 0 else { return octets }
            octets.append(contentsOf: buffer[..<count])
        }
    }

    static func write(_ octets: [UInt8], _ path: String) {
        let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var offset = 0
        while offset < octets.count {
            let count = octets.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress.map { $0 + offset }, octets.count - offset)
            }
            guard count > 0 else { return }
            offset += count
        }
    }
}

func message(_ subject: String, lines: Int = 3) -> IncomingMessage {
    var text =
        "From: a@example.org\r\nTo: b@example.org\r\nSubject: \(subject)\r\nMessage-ID: <\(subject)@example.org>\r\n\r\n"
    for line in 0..<lines { text += "Line \(line) of \(subject).\r\n" }
    return IncomingMessage(MessageOctets(Array(text.utf8)))
}

extension MailStore {
    /// Deposits one message into one mailbox.
    @discardableResult
    func put(
        _ message: IncomingMessage, _ account: any MailAccount, _ mailbox: MailboxName = .inbox,
        flags: MessageFlags = [], keywords: [Keyword] = []
    ) async throws -> StoredMessage {
        let deposit = Deposit(
            message: message, account: account, mailbox: mailbox, flags: flags, keywords: keywords)
        return try #require(await self.deposit([deposit]).first).get()
    }
}

extension MailboxSnapshot {
    var records: [MessageRecord] { (0..<self.count).map { self[$0] } }
    var uids: [UInt32] { self.records.map(\.uid.rawValue) }
}

extension Mailbox {
    /// The subjects of all messages, read from the bodies.
    func subjects() async throws -> [String] {
        var subjects: [String] = []
        let records = self.snapshot().records
        var next = 0
        while next < records.count {
            let read = try await self.octets(of: Array(records[next...]), limit: 1 << 20)
            for result in read {
                let octets = try result.get()
                let text = octets.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
                let line = text.split(separator: "\r\n").first { $0.hasPrefix("Subject: ") } ?? ""
                subjects.append(String(line.dropFirst(9)))
            }
            next += read.count
        }
        return subjects
    }
}
