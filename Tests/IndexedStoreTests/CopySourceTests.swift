import Glibc
import IndexedStore
import MailCore
import MailStore
import MaildirFormat
import Synchronization
import Testing

/// Copies in Maildirs whose sources go away while the disk lacks the copies.
@Suite struct CopySourceTests {
    private static let work = MailboxName("Work")
    private static let other = MailboxName("Other")

    /// What takes the source away.
    enum End: String, CaseIterable, Sendable {
        case expunge, move, deletedMailbox
    }

    private func unsynced(_ volume: TestVolume) -> (inout IndexedStore.Configuration) -> Void {
        { configuration in
            var options = MaildirOptions()
            options.syncTextFiles = false
            configuration.bodyFormats["maildir"] = UnsyncedFormat(format: MaildirFormat(options))
        }
    }

    /// Message files in `new/` and `cur/`.
    private func files(_ maildir: String) -> [String] {
        ["new", "cur"].flatMap { folder in Shell.names("\(maildir)/\(folder)").map { "\(maildir)/\(folder)/\($0)" } }
    }

    /// The log has the message's octets no more, and the disk has done the removal and not the link: not before a sync.
    @Test(arguments: End.allCases) func sourceStaysUntilTheCopyIsOnTheDisk(_ end: End) async throws {
        let volume = try TestVolume()
        let (work, other) = try (#require(Self.work), #require(Self.other))
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            try await account.create(work, specialUse: nil)
            try await account.create(other, specialUse: nil)
            try await store.put(message("m1"), account, work)
        }
        try await volume.with(self.unsynced(volume)) { store in
            let account = try await store.account(volume.identity("anna"))
            let mailbox = try await account.open(work, .readWrite, onChange: {})
            let all = UIDSet(mailbox.snapshot().records.map(\.uid))
            switch end {
            case .expunge:
                _ = try await mailbox.copy(all, to: other)
                _ = try await mailbox.remove(all)
            case .move:
                _ = try await mailbox.move(all, to: other)
            case .deletedMailbox:
                _ = try await mailbox.copy(all, to: other)
            }
            mailbox.close()
            if end == .deletedMailbox {
                let error = await #expect(throws: StoreError.self) { try await account.delete(work) }
                #expect(error?.code == .inUse)
            }
        }
        for path in self.files("\(volume.directory)/anna/.Other") { unlink(path) }
        volume.messages.withLock { $0 = [] }
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            let mailbox = try await account.open(other, .readOnly, onChange: {})
            #expect(try await mailbox.subjects() == ["m1"])
            mailbox.close()
        }
        // With a disk that syncs it goes.
        try await volume.with { store in
            if end == .deletedMailbox {
                try await store.account(volume.identity("anna")).delete(work)
            }
            try await store.finishFileWork()
        }
        #expect(self.files("\(volume.directory)/anna/.Work") == [])
        #expect(volume.problems == [])
    }

    /// A copy of a copy, when the first one is gone before its file was on the disk.
    @Test func copyOfACopy() async throws {
        let volume = try TestVolume()
        let (work, other) = try (#require(Self.work), #require(Self.other))
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            try await account.create(work, specialUse: nil)
            try await account.create(other, specialUse: nil)
            try await store.put(message("m1"), account)
        }
        try await volume.with(self.unsynced(volume)) { store in
            let account = try await store.account(volume.identity("anna"))
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            _ = try await inbox.move(UIDSet(inbox.snapshot().records.map(\.uid)), to: work)
            inbox.close()
            let mailbox = try await account.open(work, .readWrite, onChange: {})
            _ = try await mailbox.move(UIDSet(mailbox.snapshot().records.map(\.uid)), to: other)
            mailbox.close()
        }
        for name in [".Work", ".Other"] {
            for path in self.files("\(volume.directory)/anna/\(name)") { unlink(path) }
        }
        volume.messages.withLock { $0 = [] }
        for _ in 0..<2 {
            try await volume.with { store in
                let account = try await store.account(volume.identity("anna"))
                let mailbox = try await account.open(other, .readOnly, onChange: {})
                #expect(try await mailbox.subjects() == ["m1"])
                mailbox.close()
                #expect(try await account.status(of: .inbox).messages == 0)
                #expect(try await account.status(of: work).messages == 0)
            }
        }
        #expect(self.files("\(volume.directory)/anna").isEmpty)
        #expect(volume.problems == [])
    }

    /// A message goes, its file too, and comes back as a copy that has the same name. A start that still has to remove
    /// the file of the first one must leave that of the second.
    @Test func nameTakenAgain() async throws {
        let volume = try TestVolume()
        let work = try #require(Self.work)
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            try await account.create(work, specialUse: nil)
            try await store.put(message("m1"), account)
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            _ = try await inbox.copy(UIDSet(inbox.snapshot().records.map(\.uid)), to: work)
            inbox.close()
        }
        let before = self.files("\(volume.directory)/anna")
        let (removals, removed) = AsyncStream.makeStream(of: Void.self)
        try await volume.with { configuration in
            self.unsynced(volume)(&configuration)
            configuration.crashPoint = { if $0 == .afterFileWork { removed.yield() } }
        } _: { store in
            let account = try await store.account(volume.identity("anna"))
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            _ = try await inbox.remove(UIDSet(inbox.snapshot().records.map(\.uid)))
            for await _ in removals where self.files("\(volume.directory)/anna").isEmpty { break }
            let mailbox = try await account.open(work, .readWrite, onChange: {})
            _ = try await mailbox.copy(UIDSet(mailbox.snapshot().records.map(\.uid)), to: .inbox)
            mailbox.close()
            inbox.close()
        }
        #expect(self.files("\(volume.directory)/anna") == before)
        volume.messages.withLock { $0 = [] }
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            let inbox = try await account.open(.inbox, .readOnly, onChange: {})
            #expect(try await inbox.subjects() == ["m1"])
            inbox.close()
        }
        #expect(self.files("\(volume.directory)/anna") == before)
        #expect(volume.problems == [])
    }
}
