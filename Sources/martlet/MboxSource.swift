import AdminCommands
import ArchiveCore
import MailCore

/// An mbox file.
final class MboxSource: ImportSource {
    let name: MailboxName
    private(set) var done = 0
    private let file: SourceFile
    /// Open from the first messages on to the last.
    private var reader: FileReader?
    private var parser: MboxParser
    private var isFinished = false

    /// - Parameter root: see `FileReader`.
    init(
        _ path: String, _ name: MailboxName, _ quoting: MboxParser.Quoting, below root: RealDirectory? = nil
    ) throws(AdminError) {
        self.name = name
        self.file = try SourceFile(path, below: root)
        self.parser = MboxParser(quoting)
    }

    /// Whether a file has something else than messages. An empty one has none, and is a mailbox.
    static func isForeign(_ path: String, below root: RealDirectory) throws(AdminError) -> Bool {
        guard let piece = try FileReader(path, below: root).next() else { return false }
        var parser = MboxParser()
        _ = parser.append(piece)
        return parser.isForeign
    }

    var total: Int { self.file.size ?? 0 }

    func next(_ number: UInt32, _ writer: inout BackupWriter, _ out: inout [UInt8]) throws(AdminError) -> Bool {
        guard !self.isFinished else { return false }
        let reader: FileReader
        if let open = self.reader {
            reader = open
        } else {
            reader = try self.file.open()
            self.reader = reader
        }
        let events: [MboxParser.Event]
        if let piece = try reader.next() {
            self.done += piece.count
            events = self.parser.append(piece)
        } else {
            self.isFinished = true
            self.reader = nil
            events = self.parser.finish()
        }
        guard !self.parser.isForeign else {
            throw AdminError(.data, "\(self.file.path): this is no mbox file: it does not begin with a line `From `")
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
