internal import LMDB
internal import MailCore
internal import MailStore
internal import Threads

/// What the index has of some of a mailbox's messages, or all, at one moment.
struct MessageRows {
    /// By ascending UIDs.
    var rows: [NewMessage] = []
    /// What is still to be done to files.
    var tasks: [UID: FileTask] = [:]

    /// Where messages are that the index does not have any more, and whose files are still there perhaps.
    var leaving: Set<BodyLocation> {
        Set(self.tasks.values.lazy.filter { $0.kind == .remove }.map(\.location))
    }
}

/// Looks at all files of a mailbox beside the rows of the index.
extension MailboxState {
    /// What differs between files and index, or may: messages of the scan, and the rows to compare them with. `nil` when
    /// the mailbox is deleted. With `filesLock` held, and what came before applied.
    ///
    /// Rows are read twice: all of them before the scan, compactly, and after it those that the scan has not found as
    /// they are. In between sessions may change them; but their files stay as they are, and the second look has both
    /// the rows and the tasks that say so. No file of a new message can come.
    ///
    /// The status of files that the index knows is not asked; it is when one of those that it would have to know is
    /// missing there.
    func scanFiles() throws(StoreError) -> (MailboxScan, MessageRows)? {
        guard let known = try self.readKnown() else { return nil }
        let scan = try self.core.asOwner { () throws(StoreError) in try self.files.scan(besides: known) }
        guard let rows = try self.readRows(of: known.rest(without: scan.unchanged)) else { return nil }
        let locations = rows.leaving.union(rows.rows.lazy.map(\.location))
        let isComplete = scan.messages.allSatisfy { $0.internalDate != 0 || locations.contains($0.location) }
        if isComplete { return (scan, rows) }
        guard let all = try self.readRows() else { return nil }
        return (try self.core.asOwner { () throws(StoreError) in try self.files.scan() }, all)
    }

    /// All rows; `nil` when the mailbox is deleted: they are gone then, too, while its files may still be there.
    func readRows() throws(StoreError) -> MessageRows? {
        let (schema, key) = (self.core.volume.schema, self.key)
        return try schema.read { (transaction) throws(LMDBError) in
            guard try schema.head(key, transaction) != nil else { return nil }
            var read = MessageRows(tasks: try schema.fileTasks(of: key, transaction))
            try schema.forEachMessage(key, transaction) { uid, value in
                var reader = ByteReader(value)
                if let row = reader.readRow(uid) { read.rows.append(row) }
            }
            return read
        }
    }

    /// The rows of some messages; `nil` as above.
    private func readRows(of uids: [UID]) throws(StoreError) -> MessageRows? {
        let (schema, key) = (self.core.volume.schema, self.key)
        return try schema.read { (transaction) throws(LMDBError) in
            guard try schema.head(key, transaction) != nil else { return nil }
            return MessageRows(
                rows: try schema.rows(key, uids, transaction), tasks: try schema.fileTasks(of: key, transaction))
        }
    }

    /// All rows, as far as files show them; `nil` as above.
    private func readKnown() throws(StoreError) -> KnownMessages? {
        let (schema, key) = (self.core.volume.schema, self.key)
        let (table, uidValidity) = self.lock.withLock { (self.keywords, self.uidValidity) }
        return try schema.read { (transaction) throws(LMDBError) in
            guard try schema.head(key, transaction) != nil else { return nil }
            var known = KnownMessages(uidValidity) { Self.agree($0, $1, $2, table) }
            let tasks = try schema.fileTasks(of: key, transaction)
            try schema.forEachMessage(key, transaction) { uid, value in
                var reader = ByteReader(value)
                guard let shown = reader.readShown() else { return }
                known.append(
                    uid, shown.flags, shown.keywords, shown.location, isChanging: tasks[uid] != nil)
            }
            return known
        }
    }
}
