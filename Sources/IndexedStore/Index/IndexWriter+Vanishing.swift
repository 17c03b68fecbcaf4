internal import LMDB
internal import MailCore
internal import MailStore

/// Messages that are removed, and the memory of them.
extension IndexWriter {
    /// The most runs of vanished messages kept for a mailbox; above it the older half goes.
    static let maximumVanishedRuns: UInt32 = 20_000

    /// When the files of vanished messages may be removed.
    enum FileRemoval { case now, later }

    mutating func vanish(
        _ key: MailboxKey, _ modSeq: ModSeq, _ uids: UIDSet, _ removal: FileRemoval,
        _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        guard var head = try self.head(key, transaction) else { return }
        try self.removePrivateFlags(key, uids, transaction)
        for uid in uids {
            let rowKey = IndexSchema.key(key, uid)
            guard let value = try transaction.get(self.schema.messages, rowKey) else { continue }
            var reader = ByteReader(value)
            guard let message = reader.readRow(uid) else { continue }
            var shownFlags = message.flags
            var shownKeywords = message.keywords
            if let task = try transaction.get(self.schema.fileTasks, rowKey).flatMap({ FileTask($0) }) {
                shownFlags = task.flags
                shownKeywords = task.keywords
            }
            head.counters.remove(
                uid: uid, flags: message.flags, size: message.size, firstRecent: head.firstRecent)
            try transaction.delete(self.schema.messages, rowKey)
            try transaction.delete(self.schema.caches, rowKey)
            try transaction.delete(self.schema.signatures, rowKey)
            try transaction.delete(self.schema.headerKeys, rowKey)
            if message.location.isInLog {
                if let id = message.location.bodyID { try self.bodies.release(id, self.schema, transaction) }
                continue
            }
            let task = FileTask(.remove, message.location, shownFlags, shownKeywords)
            try transaction.put(self.schema.fileTasks, rowKey, task.encode())
            guard removal == .now else { continue }
            self.fileTasks.append(
                PendingFileTask(
                    key: key, uid: uid, kind: .remove, location: message.location, oldFlags: shownFlags,
                    oldKeywords: shownKeywords, newFlags: shownFlags, newKeywords: shownKeywords,
                    modSeq: modSeq))
        }
        for range in uids.ranges {
            var last: [UInt8] = []
            last.appendLittleEndian(range.upperBound)
            try transaction.put(self.schema.vanished, IndexSchema.key(key, modSeq, range.lowerBound), last)
            head.vanishedRuns &+= 1
        }
        head.highestModSeq = max(head.highestModSeq, modSeq)
        if head.vanishedRuns > Self.maximumVanishedRuns { try self.forgetVanished(key, &head, transaction) }
        self.heads[key] = head
    }

    /// Forgets the older half of what vanished.
    private func forgetVanished(
        _ key: MailboxKey, _ head: inout MailboxHead, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        let prefix = IndexSchema.key(key)
        let cursor = try transaction.cursor(self.schema.vanished)
        var entry = try cursor.seek(prefix)
        while let found = entry, found.key.starts(with: prefix),
            head.vanishedRuns > Self.maximumVanishedRuns / 2
        {
            if found.key.count == 20 {
                let modSeq = UInt64(bigEndian: found.key.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
                head.forgottenModSeq = max(head.forgottenModSeq, ModSeq(rawValue: modSeq))
            }
            try cursor.delete()
            head.vanishedRuns -= 1
            entry = try cursor.next()
        }
    }
}
