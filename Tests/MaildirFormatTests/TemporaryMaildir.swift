import Glibc
import IndexedStore
import MailCore
import MailStore
import Synchronization

@testable import MaildirFormat

/// A Maildir in a directory of its own, removed with the object.
final class TemporaryMaildir: Sendable {
    let root: String
    let options: MaildirOptions
    /// What the format reported.
    let reports = ReportBox()

    final class ReportBox: Sendable {
        private let lines = Mutex<[String]>([])
        func add(_ line: String) { self.lines.withLock { $0.append(line) } }
        var all: [String] { self.lines.withLock { $0 } }
    }

    init(_ change: (inout MaildirOptions) -> Void = { _ in }) throws {
        var template = Array("/tmp/martlet-maildir.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw StoreError.fromErrno("mkdtemp") }
        let directory = String(
            decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        self.root = directory
        var options = MaildirOptions()
        options.hostName = "host.example"
        options.processID = 4_000_123  // above any pid: its locks look stale to others
        options.syncTextFiles = false
        options.lockTimeout = 1
        let reports = self.reports
        options.report = { reports.add($0) }
        change(&options)
        self.options = options
    }

    deinit {
        if let parent = try? DirectoryHandle.open(Array("/tmp".utf8)) {
            DirectoryRemoval.remove(RelativePath(Array(self.root.utf8.dropFirst(5))), in: parent)
        }
    }

    var maildir: String { "\(self.root)/Maildir" }

    func account(_ places: MailPlaces = MailPlaces()) throws -> any AccountFiles {
        try MaildirFormat(self.options).openAccount(
            AccountIdentity(name: "u", home: self.root, mailPath: self.maildir, places: places))
    }

    /// Writes a file below the Maildir, its directories too.
    func put(_ path: String, _ content: String = "", time: Int? = nil) {
        self.put(path, Array(content.utf8), time: time)
    }

    func put(_ path: String, _ bytes: [UInt8], time: Int? = nil) {
        var made = self.maildir
        mkdir(made, 0o700)
        for part in path.split(separator: "/").dropLast() {
            made += "/\(part)"
            mkdir(made, 0o700)
        }
        let full = "\(self.maildir)/\(path)"
        let descriptor = open(full, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        defer { close(descriptor) }
        _ = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        if let time {
            var times = [timespec(tv_sec: time, tv_nsec: 0), timespec(tv_sec: time, tv_nsec: 0)]
            futimens(descriptor, &times)
        }
    }

    /// Makes the directories of a Maildir.
    func makeFolder(_ path: String = "") {
        for part in ["cur", "new", "tmp"] {
            self.put(path.isEmpty ? "\(part)/.x" : "\(path)/\(part)/.x")
            unlink("\(self.maildir)/\(path.isEmpty ? "" : path + "/")\(part)/.x")
        }
    }

    func bytes(_ path: String) -> [UInt8]? {
        guard let handle = try? DirectoryHandle.open(Array(self.maildir.utf8)) else { return nil }
        return (try? FileContent.read(RelativePath(Array(path.utf8)), in: handle))?.bytes
    }

    func text(_ path: String) -> String? { self.bytes(path).map { String(decoding: $0, as: UTF8.self) } }

    func status(_ path: String) -> stat? {
        var status = stat()
        return lstat("\(self.maildir)/\(path)", &status) == 0 ? status : nil
    }

    /// The names in a directory below the Maildir, sorted.
    func list(_ path: String) -> [String] {
        guard let handle = try? DirectoryHandle.open(Array(self.maildir.utf8)) else { return [] }
        var names: [String] = []
        try? handle.forEachName(in: RelativePath(Array(path.utf8))) { name in
            names.append(String(decoding: name, as: UTF8.self))
            return true
        }
        return names.sorted()
    }

    func rename(_ old: String, _ new: String) {
        Glibc.rename("\(self.maildir)/\(old)", "\(self.maildir)/\(new)")
    }
}

extension MailboxHeader {
    static func sample(_ validity: UInt32 = 1_700_000_000, next: UInt32 = 1) -> MailboxHeader {
        MailboxHeader(
            uidValidity: UIDValidity(rawValue: validity) ?? UIDValidity(rawValue: 1).unsafelyUnwrapped,
            uidNext: UID(nonZero: next), guid: "00112233445566778899aabbccddeeff")
    }
}

extension MessageOctets {
    convenience init(text: String) { self.init(Array(text.utf8)) }

    var bytes: [UInt8] { self.withUnsafeBytes { Array($0) } }
    var text: String { String(decoding: self.bytes, as: UTF8.self) }
}

extension BodyLocation {
    init(_ text: String) { self.init(Array(text.utf8)) }
    var text: String { String(decoding: self.bytes, as: UTF8.self) }
}

func mailbox(_ text: String) -> MailboxName { MailboxName(text) ?? .inbox }

func keywords(_ names: String...) -> [Keyword] { names.compactMap { Keyword($0) } }
