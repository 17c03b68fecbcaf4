import Glibc
import IndexedStore
import MailCore
import MailStore
import MaildirFormat
import Synchronization
import Testing

private final class ChangeCount: Sendable { let value = Mutex(0) }

/// What sessions do while files are compared with the index.
@Suite struct ScanTests {
    private static let box = MailboxName("Box") ?? .inbox
    private let volume: TestVolume
    private let scans = ScanWatch()
    /// How often a mailbox's files were about to be made or removed.
    private let changes = ChangeCount()

    init() throws { self.volume = try TestVolume() }

    private var directory: String { "\(self.volume.directory)/anna/.Box" }

    /// A mailbox with three messages, of which another program has flagged the first.
    private func with(_ body: (IndexedStore, any MailAccount, any Mailbox) async throws -> Void) async throws {
        let (scans, changes) = (self.scans, self.changes)
        let configure: @Sendable (inout IndexedStore.Configuration) -> Void = {
            var options = MaildirOptions()
            options.syncTextFiles = false
            $0.bodyFormats["maildir"] = UnsyncedFormat(
                format: MaildirFormat(options), isSynced: true, scans: scans)
            $0.crashPoint = { if $0 == .aroundMailboxFiles { changes.value.withLock { $0 += 1 } } }
        }
        let store = try self.volume.open(configure)
        let account = try await store.account(self.volume.identity("anna"))
        try await account.create(Self.box, specialUse: nil)
        for subject in ["one", "two", "three"] { try await store.put(message(subject), account, Self.box) }
        try await store.finishFileWork()
        let mailbox = try await account.open(Self.box, .readWrite, onChange: {})
        try self.flagFirst()
        scans.whole.withLock { $0 = 0 }
        try await body(store, account, mailbox)
        mailbox.close()
        await store.close()
    }

    private func flagFirst() throws {
        let name = try #require(Shell.names(self.directory + "/new").sorted().first)
        try #require(rename("\(self.directory)/new/\(name)", "\(self.directory)/cur/\(name):2,F") == 0)
    }

    /// Has files compared, and `body` done between the look at them and the comparison.
    private func during(
        _ account: any MailAccount, _ body: () async throws -> Void
    ) async throws -> Result<MailboxStatus, any Error> {
        self.scans.looked.arm(1)
        let status = Task { try await account.status(of: Self.box) }
        await eventually { self.scans.looked.isHolding }
        try await body()
        self.scans.looked.open()
        return await status.result
    }

    private func flags(_ mailbox: any Mailbox) -> [MessageFlags] { mailbox.snapshot().records.map(\.flags) }

    @Test func changesMeanwhileStay() async throws {
        try await self.with { store, account, mailbox in
            _ = try await self.during(account) {
                for uid in [1, 2] as [UInt32] {
                    _ = try await mailbox.store(
                        FlagChange(.add, .seen), [UID(nonZero: uid)], unchangedSince: nil)
                }
            }.get()
            try await store.finishFileWork()
            #expect(self.flags(mailbox).map { $0.contains(.seen) } == [true, true, false])
            // And the files say the same, at the next look as well.
            let before = self.flags(mailbox)
            rename(self.directory + "/tmp", self.directory + "/cur/tmp")
            rename(self.directory + "/cur/tmp", self.directory + "/tmp")
            _ = try await account.status(of: Self.box)
            #expect(self.flags(mailbox) == before)
            #expect(mailbox.snapshot().uids == [1, 2, 3])
        }
    }

    /// Its file is looked at for nothing more: it is known where it will be removed.
    @Test func messagesMayGoMeanwhile() async throws {
        try await self.with { store, account, mailbox in
            _ = try await self.during(account) {
                for uid in [1, 2] as [UInt32] {
                    _ = try await mailbox.store(
                        FlagChange(.add, .deleted), [UID(nonZero: uid)], unchangedSince: nil)
                }
                _ = try await mailbox.expunge(nil)
            }.get()
            #expect(self.scans.whole.withLock { $0 } == 0)
            #expect(mailbox.snapshot().uids == [3])
            try await store.finishFileWork()
            let names = Shell.names(self.directory + "/new") + Shell.names(self.directory + "/cur")
            #expect(names.count == 1)
        }
    }

    /// Nothing of a mailbox that is deleted meanwhile comes back in the one that has its name next.
    @Test func mailboxesMayGoMeanwhile() async throws {
        try await self.with { store, account, mailbox in
            let before = self.changes.value.withLock { $0 }
            let deletion = Mutex<Task<Void, any Error>?>(nil)
            _ = try await self.during(account) {
                let task = Task { try await account.delete(Self.box) }
                deletion.withLock { $0 = task }
                // The log has it; the files wait for the scan. The index follows by itself.
                await eventually { self.changes.value.withLock { $0 } > before }
                _ = try await store.accountNames()
            }
            try await deletion.withLock { $0 }?.value
            #expect(self.scans.whole.withLock { $0 } == 0)
            try await account.create(Self.box, specialUse: nil)
            try await store.finishFileWork()
            let list = String(decoding: Shell.read(self.directory + "/dovecot-uidlist") ?? [], as: UTF8.self)
            #expect(list.split(separator: "\n").count == 1, "\(list)")
            let opened = try await account.open(Self.box, .readOnly, onChange: {})
            #expect(list.hasPrefix("3 V\(opened.snapshot().uidValidity.rawValue) "), "\(list)")
            #expect(opened.snapshot().count == 0)
            opened.close()
        }
    }
}
