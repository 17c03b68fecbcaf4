import MailCore
import MailStore
import Testing

@testable import IndexedStore

/// Which accounts stay in memory.
@Suite(.timeLimit(.minutes(10))) struct AccountTableTests {
    private struct Weak { weak var account: StoreAccount? }

    private func openOthers(_ store: IndexedStore, _ volume: TestVolume, _ names: [String]) async throws -> [Weak] {
        var others: [Weak] = []
        for name in names {
            others.append(Weak(account: try await store.account(volume.identity(name)) as? StoreAccount))
        }
        return others
    }

    /// Work on files, and all else that comes late, has a mailbox in hand and no account. While it has, there is no second
    /// object, which would give the same UIDs again.
    @Test(arguments: TestFormat.allCases) func mailboxInHandKeepsItsAccount(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        let names = (0..<40).map { "user\($0)" }
        try await volume.with({ $0.maximumIdleAccounts = 4 }) { store in
            weak var former: StoreAccount?
            do {
                var account = try await store.account(volume.identity("anna")) as? StoreAccount
                try await store.put(message("m1"), try #require(account))
                let state = try await #require(account).state(of: .inbox)
                former = account
                account = nil
                let others = try await self.openOthers(store, volume, names)
                #expect(others.count { $0.account != nil } <= 4)
                let again = try #require(try await store.account(volume.identity("anna")) as? StoreAccount)
                #expect(again === former)
                #expect(try await again.state(of: .inbox) === state)
            }
            try await store.finishFileWork()
            _ = try await self.openOthers(store, volume, names)
            #expect(former == nil)
            let anna = try await store.account(volume.identity("anna"))
            #expect(try await anna.status(of: .inbox).uidNext.rawValue == 2)
        }
    }

    /// Whoever comes by an account that was let go is sent away.
    @Test func whatWasLetGoIsRefused() async throws {
        let volume = try TestVolume()
        try await volume.with({ $0.maximumIdleAccounts = 1 }) { store in
            let core: AccountCore
            do { core = try #require(try await store.account(volume.identity("anna")) as? StoreAccount).core }
            #expect(!core.isRetired)
            _ = try await self.openOthers(store, volume, ["ben", "carl"])
            #expect(core.isRetired)
            let again = try await store.account(volume.identity("anna")) as? StoreAccount
            #expect(again?.isRetired == false)
        }
    }
}
