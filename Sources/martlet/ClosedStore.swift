import MailCore
import MailStore

/// For commands that need no mail: nothing can be opened in it.
struct ClosedStore: MailStore {
    let threads = StorageThreads(count: 1)

    private static let error = StoreError(.temporary, "the store is not open")

    func account(_: AccountIdentity) async throws(StoreError) -> any MailAccount { throw Self.error }

    func makeSpool() -> MessageSpool { MessageSpool(directory: "/nonexistent", threads: self.threads) }

    func deposit(_ deposits: [Deposit]) async -> [Result<StoredMessage, StoreError>] {
        deposits.map { _ in .failure(Self.error) }
    }

    func depositAll(_: [Deposit]) async throws(StoreError) -> [StoredMessage] { throw Self.error }

    func replace(_: UID, in _: any Mailbox, by _: Deposit) async throws(StoreError) -> StoredMessage {
        throw Self.error
    }

    func accountNames() async throws(StoreError) -> [String] { throw Self.error }

    func close() async { self.threads.stop() }
}
