public import IndexedStore
import MailCore
public import MailStore

/// Bodies in the volume's log: a delivery is one record there, written and flushed together with those of others,
/// and that record is the message's home. No file belongs to an account.
///
/// What an account has is in the volume's index, which can be made again from the log.
public struct PackFormat: BodyFormat {
    public init() {}

    public var home: BodyHome { .log }

    public func openAccount(_ identity: AccountIdentity) throws(StoreError) -> any AccountFiles { PackAccount() }
}

/// The files of an account that has none. Every mailbox exists as far as files are concerned; the engine knows
/// which there are.
struct PackAccount: AccountFiles {
    func mailboxes() throws(StoreError) -> [MailboxName] { [] }

    var unnamedDirectories: [String] { [] }
    func mailboxListFingerprint() -> UInt64 { 0 }
    var isMailboxListSettled: Bool { true }

    func mailbox(_ name: MailboxName) throws(StoreError) -> any MailboxFiles { PackMailbox() }

    func createMailbox(_ name: MailboxName, _ header: MailboxHeader) throws(StoreError) -> any MailboxFiles {
        PackMailbox()
    }

    func deleteMailbox(_ name: MailboxName) throws(StoreError) {}

    func renameMailbox(_ name: MailboxName, to target: MailboxName) throws(StoreError) {}

    /// The time, as long as it is one; the engine takes a higher one where it has given that already.
    func nextUIDValidity(now: Int64) throws(StoreError) -> UIDValidity {
        guard let value = UIDValidity(rawValue: UInt32(clamping: max(1, now))) else {
            throw StoreError(.temporary, "clock")
        }
        return value
    }

    func subscriptions() throws(StoreError) -> [MailboxName] { [] }

    func setSubscriptions(_ names: [MailboxName]) throws(StoreError) {}
}
