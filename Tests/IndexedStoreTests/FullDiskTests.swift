import MailCore
import MailStore
import Synchronization
import Testing

@testable import IndexedStore

/// What a log that cannot be written now means for those who do not write.
@Suite struct FullDiskTests {
    /// Changes that wait for space hold no threads: who needs them in the index is told so, and others go on.
    @Test(arguments: TestFormat.allCases) func nobodyIsHeld(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        let disk = FailingDisk()
        try await volume.with {
            $0.logFiles = disk.files
        } _: { store in
            let account = try await store.account(volume.identity("anna"))
            try await store.put(message("before"), account)
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            disk.trouble.withLock { $0 = .full }
            _ = try await inbox.store(FlagChange(.add, [.flagged]), [.first], unchangedSince: nil)
            // More of them than there are threads.
            for number in 0..<12 {
                let error = await #expect(throws: StoreError.self) {
                    try await store.account(volume.identity("new\(number)"))
                }
                #expect(error?.code == .diskFull)
            }
            let error = await #expect(throws: StoreError.self) {
                try await inbox.vanished([.first], since: .zero)
            }
            #expect(error?.code == .diskFull)
            #expect(try await inbox.subjects() == ["before"])
            disk.trouble.withLock { $0 = .none }
            let other = try await store.account(volume.identity("new1"))
            try await store.put(message("after"), other)
            #expect(try await store.accountNames() == ["anna", "new1"])
            inbox.close()
        }
        try await volume.with { store in
            let inbox = try await store.account(volume.identity("anna")).open(.inbox, .readOnly, onChange: {})
            #expect(inbox.snapshot()[0].flags == [.flagged])
            inbox.close()
        }
    }

    /// Who waits behind more than fits into one batch is told, too.
    @Test func depositsBehindManyChangesAreRefused() async throws {
        let volume = try TestVolume(.pack)
        let disk = FailingDisk()
        try await volume.with {
            $0.logFiles = disk.files
        } _: { store in
            let account = try await store.account(volume.identity("anna"))
            try await store.put(message("before"), account)
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            disk.trouble.withLock { $0 = .full }
            for number in 0..<20_000 {
                _ = try await inbox.store(
                    FlagChange(number % 2 == 0 ? .add : .remove, [.flagged]), [.first], unchangedSince: nil)
            }
            let error = await #expect(throws: StoreError.self) { try await store.put(message("refused"), account) }
            #expect(error?.code == .diskFull)
            disk.trouble.withLock { $0 = .none }
            try await store.put(message("after"), account)
            #expect(try await inbox.subjects() == ["before", "after"])
            inbox.close()
        }
    }

    /// A mailbox that cannot be taken into the index is not taken for an empty one: its messages keep their UIDs.
    @Test func mailboxesAreSeenLater() async throws {
        let volume = try TestVolume()
        let disk = FailingDisk()
        let identity = volume.identity("anna")
        try await volume.with { store in
            let account = try await store.account(identity)
            for subject in ["a", "b", "c"] { try await store.put(message(subject), account) }
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            _ = try await inbox.remove([.first])
            inbox.close()
        }
        Shell.remove("\(volume.directory)/volume")
        try await volume.with {
            $0.logFiles = disk.files
        } _: { store in
            let account = try await store.account(identity)
            disk.trouble.withLock { $0 = .full }
            for _ in 0..<2 {
                let error = await #expect(throws: StoreError.self) {
                    try await account.open(.inbox, .readWrite, onChange: {})
                }
                #expect(error?.code == .diskFull)
            }
            disk.trouble.withLock { $0 = .none }
            try await store.put(message("other"), try await store.account(volume.identity("ben")))
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            #expect(inbox.snapshot().uids == [2, 3])
            #expect(try await inbox.subjects() == ["b", "c"])
            inbox.close()
        }
        try await volume.with { store in
            let account = try await store.account(identity)
            try await store.put(message("d"), account)
            let inbox = try await account.open(.inbox, .readOnly, onChange: {})
            #expect(inbox.snapshot().uids == [2, 3, 4])
            inbox.close()
        }
    }
}
