import Glibc
import MailStore

/// Collects a message for the wire, with CRLF line ends: a small one in memory, a large one in a private file that
/// is mapped, so that many readers of large messages do not fill memory.
struct WireOctets: ~Copyable {
    /// Octets from which a message is in a file.
    static let memoryLimit = 1 << 20

    private let mailbox: MaildirMailbox
    private let directory: DirectoryHandle
    private var octets: [UInt8] = []
    private var scratch: CInt = -1
    private var scratchName: RelativePath?
    private(set) var count = 0
    private var endsInReturn = false

    init(_ mailbox: MaildirMailbox, _ directory: DirectoryHandle) {
        self.mailbox = mailbox
        self.directory = directory
    }

    deinit { if self.scratch >= 0 { close(self.scratch) } }

    mutating func append(_ piece: UnsafeRawBufferPointer) throws(StoreError) {
        guard let last = piece.last else { return }
        let before = self.octets.count
        LineEnds.expand(piece, precededByReturn: self.endsInReturn, into: &self.octets)
        self.endsInReturn = last == LineEnds.carriageReturn
        self.count += self.octets.count - before
        if self.count > Self.memoryLimit { try self.spill() }
    }

    private mutating func spill() throws(StoreError) {
        let name = self.scratchName ?? RelativePath(.tmp, self.mailbox.account.shared.names.stem())
        if self.scratch < 0 {
            let opened = self.directory.open(name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW)
            guard opened >= 0 else { throw StoreError.system("create \(self.mailbox.pathText)/\(name.text)", opened) }
            _ = self.directory.unlink(name)
            self.scratch = opened
            self.scratchName = name
        }
        try FileContent.write(self.octets, to: self.scratch, name)
        self.octets.removeAll(keepingCapacity: true)
    }

    consuming func finish() throws(StoreError) -> MessageOctets {
        if self.scratch < 0 { return MessageOctets(self.octets) }
        try self.spill()
        return try MessageOctets(mapping: self.scratch, count: self.count)
    }
}
