internal import LMDB
internal import MailCore
internal import MailStore

/// Changes of rows that no record carries.
extension IndexWriter {
    /// Counts a mailbox's messages again.
    mutating func recount(_ key: MailboxKey, _ transaction: borrowing WriteTransaction) throws(LMDBError) {
        guard var head = try self.head(key, transaction) else { return }
        head.counters = MailboxCounters()
        let prefix = IndexSchema.key(key)
        let cursor = try transaction.cursor(self.schema.messages)
        var entry = try cursor.seek(prefix)
        while let found = entry, found.key.starts(with: prefix) {
            if let uid = UID(rawValue: IndexSchema.lastNumber(of: found.key)) {
                var reader = ByteReader(found.value)
                if let row = reader.readRow(uid) {
                    head.counters.add(uid: uid, flags: row.flags, size: row.size, firstRecent: head.firstRecent)
                }
            }
            entry = try cursor.next()
        }
        self.heads[key] = head
    }

    /// The file work of a message is done and on the disk. When the message has changed again meanwhile, what is
    /// left to do is to come from what the file shows now.
    func fileTaskDone(
        _ done: PendingFileTask, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        let rowKey = IndexSchema.key(done.key, done.uid)
        guard let task = try transaction.get(self.schema.fileTasks, rowKey).flatMap({ FileTask($0) }) else {
            return
        }
        switch done.kind {
        case .remove:
            try transaction.delete(self.schema.fileTasks, rowKey)
        case .rename:
            guard task.kind == .rename else { return }
            if let value = try transaction.get(self.schema.messages, rowKey) {
                var reader = ByteReader(value)
                if let row = reader.readRow(done.uid), row.modSeq > done.modSeq {
                    let shown = FileTask(.rename, done.location, done.newFlags, done.newKeywords)
                    try transaction.put(self.schema.fileTasks, rowKey, shown.encode())
                    return
                }
            }
            try transaction.delete(self.schema.fileTasks, rowKey)
        }
    }
}
