internal import LMDB
internal import MailCore

/// What is left of deleted mailboxes, removed behind everybody's back.
extension IndexWriter {
    /// Removes up to `limit` rows of deleted mailboxes.
    mutating func collectGarbage(
        limit: Int, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        var left = limit
        while left > 0 {
            guard let prefix = try transaction.cursor(self.schema.garbage).first().map({ Array($0.key) })
            else {
                self.hasGarbage = false
                return
            }
            left -= try self.releaseBodies(prefix, limit: left, transaction)
            for database in [
                self.schema.keywords, self.schema.messages, self.schema.caches, self.schema.vanished,
                self.schema.fileTasks, self.schema.metadata, self.schema.signatures, self.schema.headerKeys,
                self.schema.unsigned, self.schema.privateFlags,
            ] where left > 0 {
                left -= try transaction.delete(database, prefix: prefix, limit: left)
            }
            if left > 0 { try transaction.delete(self.schema.garbage, prefix) }
        }
        self.hasGarbage = true
    }

    /// Removes up to `limit` messages of a deleted mailbox or account.
    private mutating func releaseBodies(
        _ prefix: [UInt8], limit: Int, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) -> Int {
        var count = 0
        let cursor = try transaction.cursor(self.schema.messages)
        var entry = try cursor.seek(prefix)
        while let found = entry, count < limit, found.key.starts(with: prefix) {
            var reader = ByteReader(found.value)
            let row = UID(rawValue: IndexSchema.lastNumber(of: found.key)).flatMap { reader.readRow($0) }
            try cursor.delete()
            // Others are of an account with files: nothing to release there.
            if let id = row?.location.bodyID { try self.bodies.release(id, self.schema, transaction) }
            count += 1
            entry = try cursor.next()
        }
        return count
    }
}
