import Glibc
import IndexedStore
import MailCore
import MailStore
import MaildirFormat
import Synchronization
import Testing

/// Renames of trees that stop half way, on a disk that does not let them be taken back either.
@Suite struct RefusedRenameTests {
    private static let names = ["A", "A/B", "A/C"].compactMap { MailboxName($0) }
    private static let target = MailboxName("Z")

    private struct Seen: Equatable {
        var names: [String]
        var status: [MailboxStatus]
        var subjects: [String]
    }

    private func configure(
        _ renames: RenameLimit
    ) -> @Sendable (inout IndexedStore.Configuration) -> Void {
        {
            var options = MaildirOptions()
            options.syncTextFiles = false
            $0.bodyFormats["maildir"] = UnsyncedFormat(
                format: MaildirFormat(options), renames: renames, isSynced: true)
        }
    }

    private func fill(_ store: IndexedStore, _ account: any MailAccount) async throws {
        for name in Self.names {
            try await account.create(name, specialUse: nil)
            try await store.put(message(name.text), account, name)
        }
        try await store.finishFileWork()
    }

    private func look(_ account: any MailAccount) async throws -> Seen {
        // The other program's mailbox comes and goes in its own time.
        let names = try await account.mailboxes().map(\.name.text).filter { $0 != "other" }
        var seen = Seen(names: names, status: [], subjects: [])
        for name in Self.names {
            seen.status.append(try await account.status(of: name))
            let mailbox = try await account.open(name, .readOnly, onChange: {})
            seen.subjects += try await mailbox.subjects()
            mailbox.close()
        }
        return seen
    }

    private func directories(_ volume: TestVolume) -> [String] {
        Shell.names("\(volume.directory)/anna").filter { $0.hasPrefix(".") }
    }

    /// What can still be renamed when the disk refuses: of three mailboxes.
    @Test(arguments: [0, 1, 2]) func isTakenBackWhenTheDiskLetsIt(_ left: Int) async throws {
        let volume = try TestVolume()
        let renames = RenameLimit()
        let target = try #require(Self.target)
        let before = try await volume.with(self.configure(renames)) { store in
            let account = try await store.account(volume.identity("anna"))
            try await self.fill(store, account)
            let before = try await self.look(account)
            renames.set(left)
            let error = await #expect(throws: StoreError.self) { try await account.rename(Self.names[0], to: target) }
            #expect(error?.code == .diskFull)
            // Nobody sees half of it.
            do {
                let seen = try await self.look(account)
                #expect(seen == before)
            }
            // Another program makes the list of mailboxes be read again.
            mkdir("\(volume.directory)/anna/.other", 0o700)
            mkdir("\(volume.directory)/anna/.other/cur", 0o700)
            #expect(try await account.mailboxes().map(\.name.text) == ["A", "A/B", "A/C", "INBOX", "other"])
            Shell.remove("\(volume.directory)/anna/.other")
            do {
                let seen = try await self.look(account)
                #expect(seen == before)
            }
            if left > 0 {
                let refused = await #expect(throws: StoreError.self) {
                    try await account.create(target, specialUse: nil)
                }
                #expect(refused?.code == .inUse)
            }
            renames.set(nil)
            try await store.finishFileWork()
            #expect(self.directories(volume) == [".A", ".A.B", ".A.C"])
            do {
                let seen = try await self.look(account)
                #expect(seen == before)
            }
            return before
        }
        try await volume.with(self.configure(renames)) { store in
            let account = try await store.account(volume.identity("anna"))
            do {
                let seen = try await self.look(account)
                #expect(seen == before)
            }
            try await account.rename(Self.names[0], to: target)
            #expect(self.directories(volume) == [".Z", ".Z.B", ".Z.C"])
        }
    }

    /// The server stops before the disk lets it.
    @Test func isTakenBackByTheNextStart() async throws {
        let volume = try TestVolume()
        let renames = RenameLimit()
        let target = try #require(Self.target)
        let before = try await volume.with(self.configure(renames)) { store in
            let account = try await store.account(volume.identity("anna"))
            try await self.fill(store, account)
            let before = try await self.look(account)
            renames.set(2)
            await #expect(throws: StoreError.self) { try await account.rename(Self.names[0], to: target) }
            return before
        }
        #expect(self.directories(volume) == [".A.C", ".Z", ".Z.B"])
        // The disk is as full as before: nobody may use an account whose mailboxes are half renamed.
        try await volume.with(self.configure(renames)) { store in
            let error = await #expect(throws: StoreError.self) { try await store.account(volume.identity("anna")) }
            #expect(error?.code == .temporary)
            renames.set(nil)
            try await store.finishFileWork()
            let account = try await store.account(volume.identity("anna"))
            do {
                let seen = try await self.look(account)
                #expect(seen == before)
            }
            #expect(self.directories(volume) == [".A", ".A.B", ".A.C"])
        }
        try await volume.with(self.configure(renames)) { store in
            let account = try await store.account(volume.identity("anna"))
            do {
                let seen = try await self.look(account)
                #expect(seen == before)
            }
        }
    }

    /// The server dies within a rename that the disk will never take.
    @Test func anImpossibleOneIsTakenBackByTheNextStart() async throws {
        let volume = try TestVolume()
        let renames = RenameLimit()
        let target = try #require(Self.target)
        let directory = volume.directory
        let isCopied = Mutex(false)
        let before = try await volume.with {
            self.configure(renames)(&$0)
            $0.crashPoint = { point in
                guard point == .aroundMailboxFiles, renames.impossible.withLock({ $0 }) != nil else { return }
                isCopied.withLock { isCopied in
                    guard !isCopied else { return }
                    isCopied = true
                    Shell.copy("\(directory)/volume", "\(directory)/crashed")
                }
            }
        } _: { store in
            let account = try await store.account(volume.identity("anna"))
            try await self.fill(store, account)
            let before = try await self.look(account)
            renames.impossible.withLock { $0 = Self.names.last }
            await #expect(throws: StoreError.self) { try await account.rename(Self.names[0], to: target) }
            #expect(isCopied.withLock { $0 })
            return before
        }
        #expect(self.directories(volume) == [".A", ".A.B", ".A.C"])
        // What tells a copied volume from one that is where it was.
        rename("\(directory)/volume/log/place", "\(directory)/crashed/log/place")
        Shell.remove("\(directory)/volume")
        rename("\(directory)/crashed", "\(directory)/volume")
        for _ in 0..<2 {
            try await volume.with(self.configure(renames)) { store in
                let account = try await store.account(volume.identity("anna"))
                var seen = try await self.look(account)
                for index in seen.status.indices { seen.status[index].highestModSeq = before.status[index].highestModSeq }
                #expect(seen == before)
                #expect(self.directories(volume) == [".A", ".A.B", ".A.C"])
            }
        }
    }
}
