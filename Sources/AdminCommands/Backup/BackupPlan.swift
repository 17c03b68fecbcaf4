import ArchiveCore
import MailCore
import MailStore

/// What a backup says before its messages.
struct BackupPlan {
    struct Box {
        var mailbox: BackupMailbox
        var metadata: [(entry: String, value: [UInt8])] = []
        /// The same in all backups of the mailbox, whatever its name.
        var key: String { self.mailbox.guid.isEmpty ? self.mailbox.name.text : self.mailbox.guid }
    }

    var head: BackupHead?
    var boxes: [Box] = []
    /// By `Box.key`.
    var uids: [String: UIDSet] = [:]
    var metadata: [(entry: String, value: [UInt8])] = []
    var subscriptions: [MailboxName] = []
    var scripts: [(name: String, isActive: Bool, content: [UInt8])] = []
    var quotaLimits: QuotaLimits?
    var privateFlags: [BackupPrivateFlags] = []

    mutating func take(_ item: BackupItem) {
        switch item {
        case .begin(let head): self.head = head
        case .mailbox(let mailbox): self.boxes.append(Box(mailbox: mailbox))
        case .uids(let number, let uids):
            guard let box = self.boxes.first(where: { $0.mailbox.number == number }) else { break }
            var known = self.uids[box.key] ?? []
            for range in uids.ranges {
                guard let low = UID(rawValue: range.lowerBound), let high = UID(rawValue: range.upperBound) else {
                    continue
                }
                known.insert(low...high)
            }
            self.uids[box.key] = known
        case .metadata(let number, let entry, let value):
            if number == 0 {
                self.metadata.append((entry, value))
            } else if let index = self.boxes.firstIndex(where: { $0.mailbox.number == number }) {
                self.boxes[index].metadata.append((entry, value))
            }
        case .subscription(let name): self.subscriptions.append(name)
        case .script(let name, let isActive, let content): self.scripts.append((name, isActive, content))
        case .quotaLimits(let storage, let messages):
            self.quotaLimits = QuotaLimits(
                storage: storage.map { Int64(clamping: $0) }, messages: messages.map { Int64(clamping: $0) })
        case .privateFlags(let own): self.privateFlags.append(own)
        case .messages, .message, .body, .gone, .end: break
        }
    }
}
