internal import MailCore
internal import MailStore
internal import Threads

/// Files of mailboxes that nobody has open, but somebody wants to hear of.
extension StoreAccount {
    func watchFiles(of name: MailboxName) async throws(StoreError) -> FileWatch? {
        guard self.core.home == .files, let watcher = self.volume.watcher else { return nil }
        let state = try await self.state(of: name)
        try await self.volume.threads.run { () throws(StoreError) in
            state.filesLock.lock()
            defer { state.filesLock.unlock() }
            // Before the look at the files, so that nothing falls between the two.
            try self.core.asOwner {
                watcher.watch(state, state.files.watchedDirectories, homes: state.files.watchedHomes)
            }
            do throws(StoreError) {
                try state.takeInExternalChangesLocked(.ifChanged)
            } catch {
                watcher.unwatch(state)
                throw error
            }
        }
        return FileWatch { watcher.unwatch(state) }
    }
}
