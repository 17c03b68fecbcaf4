import AdminCommands
import ArchiveCore
import Glibc
import MailCore

/// A Maildir's directory with `cur` and `new`.
final class MaildirSource: ImportSource {
    let name: MailboxName
    let total: Int
    private(set) var done = 0
    private let path: String
    private let root: RealDirectory
    /// `cur/NAME`, oldest first.
    private var names: ArraySlice<String>
    private let keywords: [Int: Keyword]
    private var reader: FileReader?

    /// - Parameter root: see `FileReader`.
    init(_ path: String, _ name: MailboxName, below root: RealDirectory) {
        self.path = path
        self.root = root
        self.name = name
        var names: [ArrivedFile] = []
        var total = 0
        for folder in ["cur", "new"] where !Directory.isLink("\(path)/\(folder)") {
            for file in Directory.names("\(path)/\(folder)") where !file.hasPrefix(".") {
                var status = stat()
                guard lstat("\(path)/\(folder)/\(file)", &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
                    continue
                }
                total &+= Int(status.st_size)
                names.append(ArrivedFile(folder, file))
            }
        }
        names.sort()
        self.names = names.map(\.path)[...]
        self.total = total
        self.keywords = Self.keywords(path, root)
    }

    /// Dovecot's names of the letters: `NUMBER NAME` a line.
    private static func keywords(_ path: String, _ root: RealDirectory) -> [Int: Keyword] {
        guard let octets = try? FileReader("\(path)/dovecot-keywords", below: root).next(1 << 20) else { return [:] }
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
        self.reader = try FileReader(file, below: self.root)
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

/// A message's file and when it arrived, by its name: `SECONDS.M<microseconds>...`, or some other text behind the
/// seconds. What a client has not seen lies in `new`, what it has in `cur`: that is no order.
private struct ArrivedFile: Comparable {
    /// Below the mailbox's directory.
    let path: String
    private let seconds: UInt64
    /// Less than a second, in parts that one program alone knows.
    private let part: UInt64
    /// Without flags.
    private let base: Substring

    init(_ folder: String, _ file: String) {
        self.path = "\(folder)/\(file)"
        self.base = file.prefix { $0 != ":" }
        let seconds = file.utf8.prefix { (0x30...0x39).contains($0) }
        self.seconds = UInt64(String(seconds) ?? "") ?? 0
        let rest = file.utf8.dropFirst(seconds.count)
        guard rest.starts(with: ".M".utf8) else {
            self.part = 0
            return
        }
        self.part = UInt64(String(rest.dropFirst(2).prefix { (0x30...0x39).contains($0) }) ?? "") ?? 0
    }

    static func < (a: Self, b: Self) -> Bool { (a.seconds, a.part, a.base) < (b.seconds, b.part, b.base) }
}
