public import MailCore

/// What a store can do for its administrator beside keeping mail: backups, restores, examination.
public protocol StoreUpkeep: MailStore {
    /// All accounts that the store has seen, those of namespaces among them, sorted by name.
    func identities() async throws(StoreError) -> [AccountIdentity]

    /// The account as it is at one moment. What other programs did to its files is taken in before.
    func archive(_ account: any MailAccount) async throws(StoreError) -> any AccountArchive

    /// Makes a mailbox for messages of an archived one, or takes the one that is there. `mailbox.name` is its name.
    func restore(
        _ mailbox: ArchivedMailbox, in account: any MailAccount, _ identity: RestoredIdentity
    ) async throws(StoreError) -> any MailboxRestoration

    /// Examines a part of a mailbox: first (`nil`) the mailbox as a whole, files and counters, then messages from a
    /// UID on with their octets. What other programs did in the ordinary way is taken in, and no finding.
    func verify(
        _ name: MailboxName, of account: any MailAccount, from first: UInt32?, _ mode: VerifyMode
    ) async throws(StoreError) -> VerifiedSlice

    /// Examines a part of the log: reads it and compares all checksums.
    func verifyLog(from first: UInt32?) async throws(StoreError) -> VerifiedSlice

    /// How the store does.
    func figures() async throws(StoreError) -> StoreFigures

    /// What the background examination wrote down last.
    func scrubStatus() -> ScrubStatus

    /// Writes that down, so that it outlives the process.
    func save(_ status: ScrubStatus) async throws(StoreError)
}
