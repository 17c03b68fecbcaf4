import AdminCommands
import ArchiveCore
import Glibc
import MailCore

/// Takes what `backup` sends and writes it as Maildir or mbox files below a directory.
struct ExportOutput: AdminOutput {
    private let form: MailFileForm
    private let directory: ExportDirectory
    private var reader = BackupReader()
    private var boxes: [UInt32: BackupMailbox] = [:]
    private var counts: [UInt32: Int] = [:]
    /// mbox files by their mailboxes' numbers, and which of them is open.
    private var files: [UInt32: FileWriter] = [:]
    private var openFile: UInt32?
    private var bar = ProgressBar()
    private var exported = 0
    private var subscriptions: [MailboxName] = []

    // The message at hand.
    private var current: BackupMessage?
    private var file: FileWriter?
    private var target = ""
    private var endsInReturn = false
    private var mbox = MboxWriter()

    init(_ form: MailFileForm, _ directory: String) throws(AdminError) {
        self.form = form
        self.directory = try ExportDirectory(directory)
    }

    mutating func columns(_ names: [String]) async throws(AdminError) {}

    mutating func problem(_ message: String) async throws(AdminError) {
        self.bar.clear()
        Terminal.complain(message)
    }

    mutating func progress(done: Int, total: Int) async throws(AdminError) { self.bar.show(done: done, total: total) }

    mutating func row(_ values: [[UInt8]]) async throws(AdminError) {
        for value in values { self.reader.append(value) }
        while true {
            let item: BackupItem?
            do throws(BackupError) { item = try self.reader.next() } catch { throw AdminError(.data, error.text) }
            guard let item else { return }
            try self.take(item)
        }
    }

    /// Mailbox and number of messages, of all that were written.
    mutating func finish() throws(AdminError) -> [(name: MailboxName, messages: Int)] {
        self.bar.clear()
        guard self.reader.isAtEnd else { throw AdminError(.temporary, "the server sent only a part") }
        // A mailbox without messages is an empty file.
        if self.form == .mbox { for number in self.boxes.keys.sorted() { try self.mboxFile(number).finish() } }
        try self.directory.flush()
        return self.boxes.sorted { $0.value.name < $1.value.name }.map { ($0.value.name, self.counts[$0.key] ?? 0) }
    }

    mutating func abandon() { self.bar.clear() }

    private mutating func take(_ item: BackupItem) throws(AdminError) {
        if case .body(let octets) = item { return try self.append(octets) }
        try self.endMessage()
        switch item {
        case .mailbox(let box):
            self.boxes[box.number] = box
            try self.make(box)
        case .message(let message): try self.begin(message)
        case .subscription(let name): self.subscriptions.append(name)
        case .messages: try self.writeSubscriptions()
        case .begin, .uids, .metadata, .script, .quotaLimits, .privateFlags, .body, .gone, .end: break
        }
    }

    // MARK: Mailboxes

    /// As mail programs and Dovecot have them: a line for each, in the names of the files.
    private func writeSubscriptions() throws(AdminError) {
        guard !self.subscriptions.isEmpty else { return }
        let file = try self.directory.file(self.form == .maildir ? "subscriptions" : ".subscriptions")
        for name in self.subscriptions {
            var line = name.text
            if self.form == .maildir, !name.isInbox { line = String(MailFolders.maildirPath(name).dropFirst(2)) }
            try file.write("\(line)\n".utf8)
        }
        try file.finish()
    }

    private mutating func make(_ box: BackupMailbox) throws(AdminError) {
        switch self.form {
        case .maildir:
            let path = MailFolders.maildirPath(box.name)
            for folder in ["tmp", "new", "cur"] { try self.directory.make("\(path)/\(folder)") }
            guard !box.keywords.isEmpty else { return }
            // Letters stand for the first 26.
            let file = try self.directory.file("\(path)/dovecot-keywords")
            for (number, keyword) in box.keywords.prefix(26).enumerated() {
                try file.write("\(number) \(keyword.name)\n".utf8)
            }
            try file.finish()
        case .mbox:
            let path = MailFolders.mboxPath(box.name)
            try self.directory.make(String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]))
        }
    }

    /// The file of a mailbox, to write into. There may be more mailboxes than descriptors, so it is the only one open:
    /// messages come mailbox by mailbox, but for some at the end, which were moved meanwhile.
    private mutating func mboxFile(_ number: UInt32) throws(AdminError) -> FileWriter {
        if let last = self.openFile, last != number { try self.files[last]?.setAside() }
        self.openFile = number
        if let file = self.files[number] { return file }
        guard let box = self.boxes[number] else { throw AdminError(.data, "the server sent nonsense") }
        let file = try self.directory.file(MailFolders.mboxPath(box.name))
        self.files[number] = file
        return file
    }

    // MARK: Messages

    private mutating func begin(_ message: BackupMessage) throws(AdminError) {
        guard let box = self.boxes[message.mailbox] else { throw AdminError(.data, "the server sent nonsense") }
        self.current = message
        self.endsInReturn = false
        switch self.form {
        case .maildir:
            self.exported += 1
            let path = MailFolders.maildirPath(box.name)
            var letters = ""
            for (flag, letter) in [
                (MessageFlags.draft, "D"), (.flagged, "F"), (.answered, "R"), (.seen, "S"), (.deleted, "T"),
            ] where message.flags.contains(flag) { letters += letter }
            for number in message.keywords.sorted() where number < 26 {
                letters.unicodeScalars.append(Unicode.Scalar(UInt8(ascii: "a") + UInt8(number)))
            }
            let stem =
                "\(max(0, message.internalDate)).M\(message.uid)P\(getpid())Q\(self.exported).export,W=\(message.size)"
            self.target = "\(path)/cur/\(stem):2,\(letters)"
            self.file = try self.directory.file(self.target)
        case .mbox:
            let keywords = message.keywords.compactMap { number in
                Int(number) < box.keywords.count ? box.keywords[Int(number)] : nil
            }
            var out: [UInt8] = []
            self.mbox.begin(
                date: message.internalDate, flags: message.flags, keywords: keywords + message.keywordNames, into: &out)
            try self.mboxFile(message.mailbox).write(out)
        }
    }

    private mutating func append(_ octets: [UInt8]) throws(AdminError) {
        guard let current = self.current else { return }
        var out: [UInt8] = []
        switch self.form {
        case .maildir:
            for byte in octets {
                if self.endsInReturn, byte != 0x0A { out.append(0x0D) }
                self.endsInReturn = byte == 0x0D
                if !self.endsInReturn { out.append(byte) }
            }
            try self.file?.write(out)
        case .mbox:
            self.mbox.append(octets, into: &out)
            try self.mboxFile(current.mailbox).write(out)
        }
    }

    private mutating func endMessage() throws(AdminError) {
        guard let current = self.current else { return }
        self.current = nil
        self.counts[current.mailbox, default: 0] += 1
        switch self.form {
        case .maildir:
            if self.endsInReturn { try self.file?.write([0x0D]) }
            self.file?.setTime(current.internalDate)
            try self.file?.finish()
            self.file = nil
        case .mbox:
            var out: [UInt8] = []
            self.mbox.end(into: &out)
            try self.mboxFile(current.mailbox).write(out)
        }
    }
}
