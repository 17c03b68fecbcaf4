import MailCore
import MailStore
import Synchronization
import Testing

@testable import IndexedStore

/// What is read while an account's messages go from the log into files.
@Suite struct MoveReadingTests {
    /// Rows name files before these are there: nobody is to take the messages for gone.
    @Test func messagesAreThereBeforeTheirFiles() async throws {
        let volume = try TestVolume(.pack)
        let reader = Reader()
        let look: @Sendable (CrashPoint) -> Void = { if $0 == .afterApply { reader.run() } }
        try await volume.with({ $0.crashPoint = look }) { store in
            let identity = volume.identity("anna")
            let account = try await store.account(identity)
            for number in 0..<100 { try await store.put(message("m\(number)"), account) }
            reader.store.withLock { $0 = store }
            #expect(try await store.move(identity, toFormat: TestFormat.maildir.rawValue) == 100)
            reader.store.withLock { $0 = nil }
            #expect(reader.filed.withLock { $0 } >= 100)
            #expect(reader.failures.withLock { $0 } == [])
        }
    }

    /// Reads all messages of the INBOX as soon as the index has changed.
    private final class Reader: Sendable {
        let store = Mutex<IndexedStore?>(nil)
        /// How often one was read that the index has in a file.
        let filed = Mutex(0)
        let failures = Mutex<[String]>([])

        func run() {
            guard let store = self.store.withLock({ $0 }), let account = store.volume.accounts.usable("anna"),
                account.core.home == .files, case .indexed(let state)? = account.entry(.inbox)
            else { return }
            do throws(StoreError) {
                let uids = (1...100).map { UID(nonZero: $0) }
                for row in try store.volume.schema.rows(state.key, uids) where !row.location.isInLog {
                    _ = try state.readOctets(row).get()
                    self.filed.withLock { $0 += 1 }
                }
            } catch {
                self.failures.withLock { $0.append("\(error)") }
            }
        }
    }
}
