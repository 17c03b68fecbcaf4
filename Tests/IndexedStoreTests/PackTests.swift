import Glibc
import IndexedStore
import MailCore
import MailStore
import Testing

/// What is particular to accounts whose messages are in the log.
@Suite struct PackTests {
    @Test func noFilesAreMade() async throws {
        let volume = try TestVolume(.pack)
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            try await account.create(try #require(MailboxName("Work")), specialUse: nil)
            try await store.put(message("one"), account)
        }
        #expect(Shell.names(volume.directory) == ["volume"])
    }

    /// An account stays in the format that it has, whatever settings say later.
    @Test func formatsLiveSideBySide() async throws {
        let volume = try TestVolume()
        func identity(_ name: String, _ driver: String) -> AccountIdentity {
            var identity = volume.identity(name)
            identity.driver = driver
            return identity
        }
        try await volume.with { store in
            let anna = try await store.account(identity("anna", "maildir"))
            let bert = try await store.account(identity("bert", "pack"))
            let shared = message("shared")
            for result in await store.deposit([
                Deposit(message: shared, account: anna, mailbox: .inbox),
                Deposit(message: shared, account: bert, mailbox: .inbox),
            ]) { _ = try result.get() }
        }
        try await volume.with { store in
            for (name, driver) in [("anna", "pack"), ("bert", "maildir")] {
                let account = try await store.account(identity(name, driver))
                try await store.put(message("later"), account)
                let inbox = try await account.open(.inbox, .readOnly, onChange: {})
                #expect(try await inbox.subjects() == ["shared", "later"])
                inbox.close()
            }
            let error = await #expect(throws: StoreError.self) {
                try await store.account(identity("carl", "mbox"))
            }
            #expect(error?.code == .cannot)
        }
        #expect(Shell.names("\(volume.directory)/anna/new").count == 2)
        #expect(Shell.names(volume.directory) == ["anna", "volume"])
    }

    /// Copies and recipients share one record; the segment is given back when the last of them is gone.
    @Test func lastReferenceFreesTheSegment() async throws {
        let volume = try TestVolume(.pack)
        let name = try #require(MailboxName("Copies"))
        try await volume.with { store in
            let anna = try await store.account(volume.identity("anna"))
            let bert = try await store.account(volume.identity("bert"))
            try await anna.create(name, specialUse: nil)
            let kept = message("kept", lines: 20_000)
            for result in await store.deposit([
                Deposit(message: kept, account: anna, mailbox: .inbox),
                Deposit(message: kept, account: bert, mailbox: .inbox),
            ]) { _ = try result.get() }
            let inbox = try await anna.open(.inbox, .readWrite, onChange: {})
            _ = try await inbox.copy([.first], to: name)
            _ = try await inbox.remove([.first])
            inbox.close()
            try await bert.open(.inbox, .readWrite, onChange: {}).removeAll()
            try await self.fill(store, anna)
            let copies = try await anna.open(name, .readWrite, onChange: {})
            #expect(try await copies.subjects() == ["kept"])
            #expect(try await copies.octets(of: copies.snapshot().records, limit: 1)[0].get().count > 400_000)
            copies.close()
        }
        #expect(Shell.names("\(volume.directory)/volume/log").contains("00000001.segment"))
        try await volume.with { store in
            let anna = try await store.account(volume.identity("anna"))
            try await anna.delete(name)
            try await self.fill(store, anna)
        }
        #expect(volume.problems == [])
    }

    /// Deliveries and removals that take several segments.
    private func fill(_ store: IndexedStore, _ account: any MailAccount) async throws {
        for _ in 0..<2 {
            for number in 0..<8 { try await store.put(message("f\(number)", lines: 20_000), account) }
            try await account.open(.inbox, .readWrite, onChange: {}).removeAll()
        }
    }
}

extension Mailbox {
    /// Removes all messages and closes.
    func removeAll() async throws {
        _ = try await self.remove(UIDSet(self.snapshot().records.map(\.uid)))
        self.close()
    }
}
