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
    private let subscriptions: [MailboxName]
    private var current = 0
    private var writer = BackupWriter()
    private var isBegun = false
    private var isEnded = false

    init(_ sources: [any ImportSource], _ subscriptions: [MailboxName]) {
        self.sources = sources
        self.subscriptions = subscriptions
    }

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
        for name in self.subscriptions { self.writer.append(.subscription(name), to: &out) }
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
