public import MailCore

/// Which flags of a mailbox that many use each of them has of his own.
///
/// The others do not see them, and a change of them reaches the reader's own sessions alone. What the mailbox itself
/// has of these flags belongs to its owner.
public struct PrivateFlags: Sendable {
    /// Whose they are: the account that has the user's INBOX, of the same store.
    public var reader: any MailAccount
    /// The store does not have \Deleted as a private flag: EXPUNGE asks for everybody's.
    public var flags: MessageFlags
    /// Whether keywords are private, too: then those of others do not show.
    public var includesKeywords: Bool

    public init(of reader: any MailAccount, _ flags: MessageFlags, includesKeywords: Bool) {
        self.reader = reader
        self.flags = flags.subtracting(.deleted)
        self.includesKeywords = includesKeywords
    }
}

extension MailAccount {
    /// Of accounts that know no private flags.
    public func open(
        _ name: MailboxName, _ access: MailboxAccess, as own: PrivateFlags?, onChange: @escaping @Sendable () -> Void
    ) async throws(StoreError) -> any Mailbox {
        try await self.open(name, access, onChange: onChange)
    }

    public func status(of name: MailboxName, as own: PrivateFlags?) async throws(StoreError) -> MailboxStatus {
        try await self.status(of: name)
    }
}
