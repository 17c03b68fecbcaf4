internal import LMDB
internal import MailCore
internal import MailStore

/// What was still to be done to message files.
extension RecoveredFiles {
    /// Does what was still to be done to message files. What cannot be done now is left for when its mailbox is first used
    /// (`Volume.takeUpTasks`).
    mutating func finishTasks() throws(StoreError) {
        let keys = try self.schema.mailboxesWithFileTasks()
        // Files of moved messages may be the only ones as long as their copies are not written.
        guard self.isComplete else {
            self.leftTasks = Set(keys)
            return
        }
        for key in keys {
            do throws(StoreError) {
                try self.finishTasks(key)
            } catch {
                self.leftTasks.insert(key)
                self.configuration.log(.error, "file work left from before the start cannot be done: \(error)")
            }
        }
    }

    private mutating func finishTasks(_ key: MailboxKey) throws(StoreError) {
        guard let account = try self.account(key.account), let files = try self.mailbox(key) else { return }
        let schema = self.schema
        let (tasks, names) = try schema.read { (transaction) throws(LMDBError) in
            let tasks = try schema.fileTasks(of: key, transaction)
            return (tasks, try schema.namesInUse(key, tasks.values, transaction))
        }
        for (uid, task) in tasks.sorted(by: { $0.key < $1.key }) {
            let shown = try self.fileFlags(key, task.flags, task.keywords)
            switch task.kind {
            case .remove:
                // Done already, and a message that was copied back has the name now.
                if names.contains(task.location) { continue }
                try account.identity.asOwner { () throws(StoreError) in
                    try files.remove(task.location, flags: shown)
                }
            case .rename:
                guard let row = try schema.rows(key, CollectionOfOne(uid)).first else { continue }
                let wanted = try self.fileFlags(key, row.flags, row.keywords)
                try account.identity.asOwner { () throws(StoreError) in
                    try files.setFlags(task.location, from: shown, to: wanted)
                }
            }
        }
        try account.identity.asOwner { () throws(StoreError) in try files.flush() }
        do throws(LMDBError) {
            try schema.environment.write { (transaction) throws(LMDBError) in
                _ = try transaction.delete(schema.fileTasks, prefix: IndexSchema.key(key))
            }
        } catch {
            throw StoreError(error)
        }
    }
}
