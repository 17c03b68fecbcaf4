internal import LMDB
internal import MailCore
internal import MailStore
internal import Synchronization

extension Volume {
    /// Has the file work done that was left from before the start of a mailbox that is used for the first time since.
    /// Removals wait for copies that are still to be written, as they always do.
    func takeUpTasks(of state: MailboxState) throws(StoreError) {
        let key = state.key
        guard state.core.home == .files, self.leftTasks.withLock({ $0.contains(key) }) else { return }
        let schema = self.schema
        let (tasks, names) = try schema.read { (transaction) throws(LMDBError) in
            let tasks = try schema.fileTasks(of: key, transaction)
            return (tasks, try schema.namesInUse(key, tasks.values, transaction))
        }
        for (uid, task) in tasks.sorted(by: { $0.key < $1.key }) {
            var pending = IndexWriter.PendingFileTask(
                key: key, uid: uid, kind: task.kind, location: task.location, oldFlags: task.flags,
                oldKeywords: task.keywords, newFlags: task.flags, newKeywords: task.keywords,
                modSeq: ModSeq(rawValue: 0))
            switch task.kind {
            case .remove:
                // Done already, and a message that was copied back has the name now.
                if names.contains(task.location) {
                    self.applier.add(.fileTaskDone(pending))
                    continue
                }
            case .rename:
                guard let row = try schema.rows(key, CollectionOfOne(uid)).first else { continue }
                pending.newFlags = row.flags
                pending.newKeywords = row.keywords
                pending.modSeq = row.modSeq
            }
            self.fileWork.add(pending, state)
        }
        self.leftTasks.withLock { _ = $0.remove(key) }
    }
}
