public import IndexedStore
public import MailStore

/// Bodies as one file per message in a Maildir, with Dovecot's text files kept true beside them.
///
/// A message without flags lies in `new/` until its first flag is set; reading or selecting moves nothing.
/// Every call blocks. Calls for one account may come from many threads, those for one mailbox as
/// `MailboxFiles` says; hold one `MailboxFiles` object for each mailbox.
///
/// Files belong to the ids in force on the calling thread: where an account has an owner, set its fsuid and
/// fsgid before the call.
public struct MaildirFormat: BodyFormat {
    private let shared: Shared

    /// What all accounts use together.
    final class Shared: Sendable {
        let options: MaildirOptions
        let names: MaildirNames
        let directories: DirectoryCache
        let listings = RecentListings()

        init(_ options: MaildirOptions) {
            self.options = options
            self.names = MaildirNames(options)
            self.directories = DirectoryCache(limit: options.openDirectories)
        }
    }

    public init(_ options: MaildirOptions = MaildirOptions()) { self.shared = Shared(options) }

    public func openAccount(_ identity: AccountIdentity) throws(StoreError) -> any AccountFiles {
        let account = try MaildirAccount(identity, self.shared)
        try account.makeRoots()
        return account
    }

    public func missingPlace(of identity: AccountIdentity, _ known: KnownMail) throws(StoreError) -> String? {
        known.isEmpty ? nil : try MaildirAccount(identity, self.shared).missingPlace(known)
    }
}
