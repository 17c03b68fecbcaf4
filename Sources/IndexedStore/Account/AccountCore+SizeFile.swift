internal import MailCore
internal import MailStore
internal import Synchronization

/// The plain file in which a Maildir says how large it is (`maildirsize`), kept for other programs.
extension AccountCore {
    /// The file is to be made anew: others changed messages, or some of our changes may be missing in it.
    func distrustSizeFile() { self.trustsSizeFile.store(false, ordering: .relaxed) }

    /// Writes what has changed. On the thread that does file work; other files of the account are not waited for.
    func updateSizeFile() throws(StoreError) {
        let isTrusted = self.trustsSizeFile.exchange(true, ordering: .relaxed)
        // Each Maildir has a file of its own, with the limits of its account alone: others know of no further ones.
        let limits = self.quota.fileLimits
        do throws(StoreError) {
            try self.asOwner { () throws(StoreError) in
                try self.files.updateSizeFile(
                    limits, counting: { self.quota.counts($0) }, isTrusted: isTrusted)
            }
        } catch {
            self.distrustSizeFile()
            throw error
        }
    }
}
