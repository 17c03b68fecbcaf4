import AdminCommands
import ArchiveCore
import Glibc
import MailCore

/// Messages of one mailbox that are to be imported.
protocol ImportSource: AnyObject {
    var name: MailboxName { get }
    /// Octets read so far, and of all.
    var done: Int { get }
    var total: Int { get }

    /// Appends some of what is left; `false` when nothing is.
    func next(_ number: UInt32, _ writer: inout BackupWriter, _ out: inout [UInt8]) throws(AdminError) -> Bool
}

/// Mailboxes of files as `import` sends them: a backup without UIDs.
final class ImportStream {
    private let sources: [any ImportSource]
    private var current = 0
    private var writer = BackupWriter()
    private var isBegun = false
    private var isEnded = false

    init(_ sources: [any ImportSource]) { self.sources = sources }

    var total: Int { self.sources.reduce(0) { $0 + $1.total } }
    var done: Int { self.sources.reduce(0) { $0 + $1.done } }

    /// `nil` at the end.
    func next() throws(AdminError) -> [UInt8]? {
        var out: [UInt8] = []
        if !self.isBegun {
            self.isBegun = true
            self.begin(&out)
        }
        while out.count < FileReader.piece, self.current < self.sources.count {
            let isThere = try self.sources[self.current].next(UInt32(self.current + 1), &self.writer, &out)
            if !isThere { self.current += 1 }
        }
        if self.current == self.sources.count, !self.isEnded {
            self.isEnded = true
            self.writer.appendEnd(to: &out)
        }
        return out.isEmpty ? nil : out
    }

    private func begin(_ out: inout [UInt8]) {
        var random = SystemRandomNumberGenerator()
        self.writer.append(
            .begin(
                BackupHead(
                    id: BackupID(high: random.next(), low: random.next()), base: nil, account: "",
                    created: Int64(time(nil)), writer: "martlet import")), to: &out)
        for (index, source) in self.sources.enumerated() {
            self.writer.append(
                .mailbox(
                    BackupMailbox(
                        number: UInt32(index + 1), name: source.name, uidValidity: nil, uidNext: 1,
                        highestModSeq: .zero, guid: "", specialUse: "", accessList: [], keywords: [])), to: &out)
        }
        self.writer.append(.messages, to: &out)
    }

    static func message(
        _ number: UInt32, date: Int64, _ flags: MessageFlags, _ keywords: [Keyword]
    ) -> BackupItem {
        .message(
            BackupMessage(
                mailbox: number, uid: 0, modSeq: .zero, internalDate: date, saveDate: date, size: 0, flags: flags,
                keywordNames: keywords, guid: "", body: .follows))
    }
}

/// An mbox file.
final class MboxSource: ImportSource {
    let name: MailboxName
    private(set) var done = 0
    private let reader: FileReader
    private var parser: MboxParser
    private var isFinished = false
    private var isInMessage = false

    /// - Parameter follows: whether the file may be a link.
    init(_ path: String, _ name: MailboxName, _ quoting: MboxParser.Quoting, follows: Bool = true) throws(AdminError) {
        self.name = name
        self.reader = try FileReader(path, follows: follows)
        self.parser = MboxParser(quoting)
    }

    var total: Int { self.reader.size ?? 0 }

    func next(_ number: UInt32, _ writer: inout BackupWriter, _ out: inout [UInt8]) throws(AdminError) -> Bool {
        guard !self.isFinished else { return false }
        let events: [MboxParser.Event]
        if let piece = try self.reader.next() {
            self.done += piece.count
            events = self.parser.append(piece)
        } else {
            self.isFinished = true
            events = self.parser.finish()
        }
        guard !self.parser.isForeign else {
            throw AdminError(.data, "\(self.reader.path): this is no mbox file: it does not begin with a line `From `")
        }
        for event in events {
            switch event {
            case .message(let date, let flags, let keywords):
                writer.append(ImportStream.message(number, date: date, flags, keywords), to: &out)
            case .octets(let octets): writer.append(.body(octets), to: &out)
            }
        }
        return true
    }
}

/// A Maildir's directory with `cur` and `new`.
final class MaildirSource: ImportSource {
    let name: MailboxName
    let total: Int
    private(set) var done = 0
    private let path: String
    /// `cur/NAME`, oldest first.
    private var names: ArraySlice<String>
    private let keywords: [Int: Keyword]
    private var reader: FileReader?

    init(_ path: String, _ name: MailboxName) {
        self.path = path
        self.name = name
        var names: [(time: UInt64, name: String)] = []
        var total = 0
        for folder in ["cur", "new"] where !Directory.isLink("\(path)/\(folder)") {
            for file in Directory.names("\(path)/\(folder)") where !file.hasPrefix(".") {
                var status = stat()
                guard lstat("\(path)/\(folder)/\(file)", &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
                    continue
                }
                total += Int(status.st_size)
                names.append((UInt64(file.prefix { $0.isASCII && $0.isNumber }) ?? 0, "\(folder)/\(file)"))
            }
        }
        names.sort { $0.time == $1.time ? $0.name < $1.name : $0.time < $1.time }
        self.names = names.map(\.name)[...]
        self.total = total
        self.keywords = Self.keywords(path)
    }

    /// Dovecot's names of the letters: `NUMBER NAME` a line.
    private static func keywords(_ path: String) -> [Int: Keyword] {
        guard let octets = try? FileReader("\(path)/dovecot-keywords", follows: false).next(1 << 20) else { return [:] }
        var keywords: [Int: Keyword] = [:]
        for line in octets.split(separator: 0x0A) {
            let words = line.split(separator: 0x20, maxSplits: 1).map { String(decoding: $0, as: UTF8.self) }
            guard words.count == 2, let number = Int(words[0]), (0..<26).contains(number) else { continue }
            keywords[number] = Keyword(words[1])
        }
        return keywords
    }

    func next(_ number: UInt32, _ writer: inout BackupWriter, _ out: inout [UInt8]) throws(AdminError) -> Bool {
        if let reader = self.reader {
            guard let piece = try reader.next() else {
                self.reader = nil
                return true
            }
            self.done += piece.count
            writer.append(.body(piece), to: &out)
            return true
        }
        guard let name = self.names.popFirst() else { return false }
        let file = "\(self.path)/\(name)"
        var status = stat()
        // Renamed or removed meanwhile: another program's mail, which may work.
        guard lstat(file, &status) == 0 else {
            Terminal.complain("\(file) is gone")
            return true
        }
        self.reader = try FileReader(file, follows: false)
        var flags: MessageFlags = []
        var keywords: [Keyword] = []
        if let info = name.utf8.lastIndex(of: 0x3A), name[info...].hasPrefix(":2,") {
            for letter in name[info...].dropFirst(3).utf8 {
                switch letter {
                case UInt8(ascii: "D"): flags.insert(.draft)
                case UInt8(ascii: "F"): flags.insert(.flagged)
                case UInt8(ascii: "R"): flags.insert(.answered)
                case UInt8(ascii: "S"): flags.insert(.seen)
                case UInt8(ascii: "T"): flags.insert(.deleted)
                case UInt8(ascii: "a")...UInt8(ascii: "z"):
                    if let keyword = self.keywords[Int(letter - UInt8(ascii: "a"))] { keywords.append(keyword) }
                default: break
                }
            }
        }
        writer.append(ImportStream.message(number, date: Int64(status.st_mtim.tv_sec), flags, keywords), to: &out)
        return true
    }
}

/// Names in a directory.
enum Directory {
    static func names(_ path: String) -> [String] {
        guard let stream = opendir(path) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    static func isThere(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Whether it is a link: who imports as root must not be led by a user's links to what the user may not read. Says
    /// so, for it is left out.
    static func isLink(_ path: String) -> Bool {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFLNK else { return false }
        Terminal.complain("\(path) is a link and is left out")
        return true
    }

    /// Makes a directory and those above it.
    static func make(_ path: String) throws(AdminError) {
        var prefix = path.hasPrefix("/") ? "" : "."
        for component in path.split(separator: "/") {
            prefix += "/" + component
            guard mkdir(prefix, 0o700) == 0 || errno == EEXIST else {
                throw AdminError(.data, "cannot make \(prefix): \(String(cString: strerror(errno)))")
            }
        }
    }
}
