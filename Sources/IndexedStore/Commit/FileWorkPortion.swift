internal import Glibc
internal import MailCore
internal import MailStore

/// The files of one mailbox brought up to date.
extension FileWorkQueue.Portion {
    /// What came of tasks.
    struct Outcome {
        var done: [FileWorkQueue.Task] = []
        /// Those to be tried again.
        var failed: [FileWorkQueue.Task] = []
        /// Why the first of them failed.
        var failure: StoreError?
        /// Its message; `nil`: that has nothing to do with one message.
        var uid: UID?
    }

    /// Files that are renamed or removed while nobody else can touch those of the mailbox.
    private static let slice = 64
    /// Microseconds left to others between two slices.
    private static let pause: UInt32 = 300

    func writeRows() throws(StoreError) {
        let header = self.state.header
        try self.state.changeFiles(of: []) { (files) throws(StoreError) in
            // Deleted since: the list may be that of a mailbox with the same name by now.
            guard !self.state.isGone else { return }
            try files.record(self.rows.sorted { $0.uid < $1.uid }, header: header)
        }
    }

    func doTasks() -> Outcome {
        var outcome = Outcome()
        var rest = self.tasks.values.sorted(by: { $0.uid < $1.uid })[...]
        while !rest.isEmpty {
            let slice = rest.prefix(Self.slice)
            rest = rest.dropFirst(Self.slice)
            var tried = 0
            do throws(StoreError) {
                try self.state.changeFiles(of: slice.lazy.map(\.location)) { (files) throws(StoreError) in
                    // Deleted since: by now files of these names may be those of a mailbox that has its name.
                    guard !self.state.isGone else { return }
                    for task in slice {
                        do throws(StoreError) {
                            tried += 1
                            try self.perform(task, files)
                            outcome.done.append(task)
                        } catch {
                            outcome.failed.append(task)
                            if outcome.failure == nil {
                                outcome.failure = error
                                outcome.uid = task.uid
                            }
                            // Each of the others may have to wait for the same lock.
                            if error.code == .inUse { throw error }
                        }
                    }
                }
            } catch {
                outcome.failure = outcome.failure ?? error
                outcome.failed += slice.dropFirst(tried)
                outcome.failed += rest
                break
            }
            guard !rest.isEmpty, !self.state.isGone else { break }
            // Who waits for the mailbox's files, a delivery above all, comes first: a lock taken again at once is
            // seldom given to another.
            usleep(Self.pause)
        }
        return outcome
    }

    private func perform(_ task: FileWorkQueue.Task, _ files: any MailboxFiles) throws(StoreError) {
        let old = self.state.fileFlags(task.oldFlags, task.oldKeywords)
        switch task.kind {
        case .rename:
            try files.setFlags(
                task.location, from: old, to: self.state.fileFlags(task.newFlags, task.newKeywords))
        case .remove:
            try files.remove(task.location, flags: old)
        }
    }
}
