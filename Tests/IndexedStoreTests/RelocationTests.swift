import MailCore
import MailStore
import Testing
import Threads

@testable import IndexedStore

/// Messages that go elsewhere while something is done with what a row said of them.
@Suite struct RelocationTests {
    /// The size in a row that was read before the message went into the log is corrected in no row.
    @Test func correctedSizeLeavesAMovedMessageWhereItIs() async throws {
        let volume = try TestVolume()
        try await volume.with { store in
            let opened = try await store.account(volume.identity("anna"))
            try await store.put(message("m"), opened)
            try await store.finishFileWork()
            let account = try #require(opened as? StoreAccount)
            let state = try await account.state(of: .inbox)
            let schema = account.volume.schema
            let row = try #require(try schema.rows(state.key, [UID.first]).first)
            let relocation = state.lock.withLock { state.lastRelocation }
            let (moved, isCorrected) = try await account.volume.threads.run { () throws(StoreError) in
                let moved = try state.moveIntoLog()
                return (moved, try state.correctSize(row, seen: relocation, row.size + 5))
            }
            #expect(moved == 1)
            #expect(!isCorrected)
            try await account.volume.applied(account.volume.committer.lastTicket)
            let now = try #require(try schema.rows(state.key, [UID.first]).first)
            #expect(now.location.isInLog)
            #expect(now.size == row.size)
            let inbox = try await opened.open(.inbox, .readOnly, onChange: {})
            #expect(try await inbox.subjects() == ["m"])
            inbox.close()
            // One that was not moved since is corrected.
            let latest = state.lock.withLock { state.lastRelocation }
            let again = try await account.volume.threads.run { () throws(StoreError) in
                try state.correctSize(now, seen: latest, now.size + 5)
            }
            #expect(again)
        }
    }
}
