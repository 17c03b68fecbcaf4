import IMAPCore
import MailCore
import MailStore
import ServerCore

extension Session {
    /// Removes the messages that are marked \Deleted, those of `uids` or all; answers how many.
    ///
    /// With `imap_expunge_to_trash` they move to the mailbox of \Trash, unmarked, unless they are there already or
    /// in that of \Junk.
    func removeDeleted(_ selected: SelectedMailbox, _ uids: UIDSet?) async throws(StoreError) -> Int {
        guard self.settings.expungesToTrash, let account = self.account else {
            return try await selected.mailbox.expunge(uids).count
        }
        let name = selected.mailbox.name
        let special = try await account.mailboxes().filter { $0.specialUse == .trash || $0.specialUse == .junk }
        if special.contains(where: { $0.name == name || name.isDescendant(of: $0.name) }) {
            return try await selected.mailbox.expunge(uids).count
        }
        var marked: [UID] = []
        selected.mailbox.snapshot().forEach { _, record in
            if record.flags.contains(.deleted), uids?.contains(record.uid) ?? true { marked.append(record.uid) }
            return true
        }
        guard !marked.isEmpty else { return 0 }
        let trash: MailboxName
        if let known = special.first(where: { $0.specialUse == .trash && $0.isSelectable }) {
            trash = known.name
        } else {
            trash = self.trash ?? .inbox
            do throws(StoreError) {
                try await account.create(trash, specialUse: .trash)
            } catch {
                guard error.code == .alreadyExists else { throw error }
            }
        }
        // A site that wants them kept gets an error rather than lost messages when they cannot move.
        guard trash != name else { return try await selected.mailbox.expunge(uids).count }
        let moved = try await selected.mailbox.move(UIDSet(marked), to: trash, clearing: .deleted)
        self.statistics.trashed += moved.source.count
        return moved.source.count
    }
}
