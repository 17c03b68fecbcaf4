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
}
