import Glibc
import MailCore
import MailStore
import MaildirFormat
import Synchronization
import Testing

@testable import IndexedStore

/// Files that refuse what is to be done to them, for long or for ever: others are not kept waiting, the log does not grow,
/// and what was refused is done when the files let it.
@Suite(.timeLimit(.minutes(5))) struct RefusedFileTests {
    private static let work = MailboxName("Work")

    /// Told of each time when files have been worked on.
    private let rounds = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    private func quick(_ configuration: inout IndexedStore.Configuration) {
        configuration.shortestRetry = 2_000_000
        configuration.logSegmentSize = 16_384
        let round = self.rounds.continuation
        configuration.crashPoint = { if $0 == .afterFileWork { round.yield() } }
    }

    /// Returns when that is so after some work on files; else the time limit of the test ends it.
    private func await(_ condition: () async throws -> Bool) async throws {
        if try await condition() { return }
        for await _ in self.rounds.stream where try await condition() { break }
    }

    private func segments(_ volume: TestVolume) -> Int {
        Shell.names("\(volume.directory)/volume/log").count { $0.hasSuffix(".segment") }
    }

    /// Returns when the log has given back what is not needed.
    private func awaitShortLog(_ store: IndexedStore, _ volume: TestVolume) async throws {
        let account = try await store.account(volume.identity("carl"))
        try await self.await {
            try await store.keepLogShort()
            if self.segments(volume) <= 6 { return true }
            // So that there is work on files, and with it a look at the log.
            try await store.put(message("tick"), account)
            return false
        }
    }

    private func fill(_ store: IndexedStore, _ account: any MailAccount, _ count: Int = 16) async throws {
        for number in 0..<count { try await store.put(message("fill\(number)", lines: 700), account) }
    }

    private func files(_ maildir: String) -> [String] {
        ["new", "cur"].flatMap { folder in Shell.names("\(maildir)/\(folder)").map { "\(folder)/\($0)" } }
    }

    // MARK: Messages

    /// Whoever is told that a message is refused sends it again: the first must not come back by a crash a moment later.
    @Test func refusalIsOnTheDisk() async throws {
        let volume = try TestVolume()
        let new = "\(volume.directory)/anna/new"
        let breaks = Atomic(false)
        try await volume.with({
            $0.crashPoint = {
                guard $0 == .beforePublish, breaks.load(ordering: .relaxed) else { return }
                rename(new, new + ".aside")
                Shell.write([], new)
            }
        }) { store in
            let anna = try await store.account(volume.identity("anna"))
            try await store.put(message("m1"), anna)
            let inbox = try await anna.open(.inbox, .readWrite, onChange: {})
            defer { inbox.close() }
            for isCopy in [false, true] {
                breaks.store(true, ordering: .relaxed)
                let error = await #expect(throws: StoreError.self) {
                    if isCopy {
                        _ = try await inbox.copy([UID(nonZero: 1)], to: .inbox)
                    } else {
                        try await store.put(message("m2"), anna)
                    }
                }
                breaks.store(false, ordering: .relaxed)
                #expect(store.volume.committer.waitingRecords == 0, "\(String(describing: error))")
                unlink(new)
                rename(new + ".aside", new)
            }
            try await store.put(message("m3"), anna)
            #expect(try await anna.status(of: .inbox).messages == 2)
        }
    }

    // MARK: Lists of UIDs

    @Test func listThatCannotBeWrittenPinsNothing() async throws {
        let volume = try TestVolume()
        let list = "\(volume.directory)/anna/dovecot-uidlist"
        try await volume.with(self.quick) { store in
            let anna = try await store.account(volume.identity("anna"))
            let ben = try await store.account(volume.identity("ben"))
            try await store.put(message("m1"), anna)
            try await store.finishFileWork()
            unlink(list)
            mkdir(list, 0o700)
            try await store.put(message("m2"), anna)
            try await self.fill(store, ben)
            try await self.awaitShortLog(store, volume)
            #expect(volume.problems.count { $0.contains("anna/INBOX: list of UIDs cannot be written now") } == 1)
            // Nobody else is concerned.
            #expect(volume.problems.allSatisfy { $0.contains("anna/INBOX") })
            rmdir(list)
            // A look at the files finds what else is not in the list.
            try await anna.open(.inbox, .readOnly, onChange: {}).close()
            try await store.finishFileWork()
            #expect(volume.problems.last?.contains("list of UIDs is written again") == true)
        }
        let text = String(decoding: Shell.read(list) ?? [], as: UTF8.self)
        #expect(text.split(separator: "\n").dropFirst().map { $0.prefix { $0 != " " } } == ["1", "2"])
    }

    /// The store closes with such a list, and the UIDs stay when it is gone.
    @Test func listThatCannotBeWrittenAtTheEnd() async throws {
        let volume = try TestVolume()
        let list = "\(volume.directory)/anna/dovecot-uidlist"
        try await volume.with(self.quick) { store in
            let anna = try await store.account(volume.identity("anna"))
            try await store.put(message("m1"), anna)
            try await store.finishFileWork()
            let inbox = try await anna.open(.inbox, .readWrite, onChange: {})
            unlink(list)
            mkdir(list, 0o700)
            for number in 2...4 { try await store.put(message("m\(number)"), anna) }
            _ = try await inbox.remove([UID(nonZero: 2)])
            inbox.close()
            try await self.fill(store, try await store.account(volume.identity("ben")))
            try await self.awaitShortLog(store, volume)
        }
        rmdir(list)
        try await volume.with { store in
            let anna = try await store.account(volume.identity("anna"))
            let inbox = try await anna.open(.inbox, .readWrite, onChange: {})
            #expect(inbox.snapshot().uids == [1, 3, 4])
            #expect(try await inbox.subjects() == ["m1", "m3", "m4"])
            inbox.close()
            try await store.finishFileWork()
        }
        let text = String(decoding: Shell.read(list) ?? [], as: UTF8.self)
        #expect(text.split(separator: "\n").dropFirst().map { $0.prefix { $0 != " " } } == ["1", "3", "4"])
    }

    // MARK: Names and removals

    /// A removal and a rename that fail are tried again, and those of other messages go on meanwhile.
    @Test func removalsAndRenamesAreTriedAgain() async throws {
        let volume = try TestVolume()
        let maildir = "\(volume.directory)/anna"
        try await volume.with(self.quick) { store in
            let anna = try await store.account(volume.identity("anna"))
            for number in 1...3 { try await store.put(message("m\(number)"), anna) }
            try await store.finishFileWork()
            let scanned = try self.byMessage(maildir)
            let (first, second) = (try #require(scanned["m1"]), try #require(scanned["m2"]))
            let inbox = try await anna.open(.inbox, .readWrite, onChange: {})
            // In the place of the first file is a directory, and another where the second one is to go.
            rename("\(maildir)/new/\(first)", "\(volume.directory)/aside")
            mkdir("\(maildir)/new/\(first)", 0o700)
            mkdir("\(maildir)/cur/\(second):2,F", 0o700)
            _ = try await inbox.store(
                FlagChange(.add, [.flagged]), [UID(nonZero: 2), UID(nonZero: 3)], unchangedSince: nil)
            _ = try await inbox.remove([UID.first])
            inbox.close()
            try await self.await {
                volume.problems.contains { $0.contains("cannot be changed") }
                    && self.files(maildir).contains { $0.hasSuffix(":2,F") && !$0.contains(second) }
            }
            rmdir("\(maildir)/new/\(first)")
            rename("\(volume.directory)/aside", "\(maildir)/new/\(first)")
            rmdir("\(maildir)/cur/\(second):2,F")
            try await store.finishFileWork()
            #expect(self.files(maildir).count == 2)
            #expect(self.files(maildir).allSatisfy { $0.hasPrefix("cur/") && $0.hasSuffix(":2,F") })
            #expect(volume.problems.count { $0.contains("cannot be changed") } == 1)
            #expect(volume.problems.last?.contains("files are as the index says again") == true)
            // Nothing is left to do: other programs' changes of flags count again.
            let name = try #require(self.files(maildir).first { $0.contains(second) })
            rename("\(maildir)/\(name)", "\(maildir)/cur/\(second):2,S")
            let again = try await anna.open(.inbox, .readWrite, onChange: {})
            #expect(again.snapshot().uids == [2, 3])
            #expect(again.snapshot()[0].flags == [.seen])
            again.close()
        }
    }

    /// What was refused until the end is done by the next start.
    @Test func removalThatFailsUntilTheEnd() async throws {
        let volume = try TestVolume()
        let maildir = "\(volume.directory)/anna"
        var name = ""
        try await volume.with(self.quick) { store in
            let anna = try await store.account(volume.identity("anna"))
            try await store.put(message("m1"), anna)
            try await store.finishFileWork()
            name = try #require(try self.byMessage(maildir)["m1"])
            rename("\(maildir)/new/\(name)", "\(volume.directory)/aside")
            mkdir("\(maildir)/new/\(name)", 0o700)
            let inbox = try await anna.open(.inbox, .readWrite, onChange: {})
            _ = try await inbox.remove([UID.first])
            inbox.close()
        }
        rmdir("\(maildir)/new/\(name)")
        rename("\(volume.directory)/aside", "\(maildir)/new/\(name)")
        try await volume.with { store in
            let anna = try await store.account(volume.identity("anna"))
            #expect(try await anna.status(of: .inbox).messages == 0)
            try await store.finishFileWork()
        }
        #expect(self.files(maildir) == [])
    }

    private func byMessage(_ maildir: String) throws -> [String: String] {
        var names: [String: String] = [:]
        for name in Shell.names("\(maildir)/new") {
            let text = String(decoding: Shell.read("\(maildir)/new/\(name)") ?? [], as: UTF8.self)
            let line = try #require(text.split(whereSeparator: \.isNewline).first { $0.hasPrefix("Subject: ") })
            names[String(line.dropFirst(9))] = name
        }
        return names
    }

    // MARK: Moves of accounts

    /// One account's files refuse for ever; another account moves. The first one does not, and goes on as it was.
    @Test(arguments: [TestFormat.pack, nil]) func accountsMoveAlone(_ format: TestFormat?) async throws {
        let pair = try VolumeSetTests.Pair()
        try await pair.with { configurations in
            for place in configurations.indices {
                self.quick(&configurations[place])
                configurations[place].longestFileWait = 4_000_000_000
            }
        } _: { set in
            try await self.moveAlone(set, pair.volume, format)
        }
    }

    private func moveAlone(_ set: VolumeSet, _ volume: TestVolume, _ format: TestFormat?) async throws {
        let maildir = "\(volume.directory)/anna"
        func move(_ name: String) async throws -> Int {
            if let format { return try await set.move(volume.identity(name), toFormat: format.rawValue) }
            return try await set.move(volume.identity(name), toVolume: "two")
        }
        let anna = try await set.account(volume.identity("anna"))
        for number in 1...2 { try await set.put(message("m\(number)"), anna) }
        try await set.put(message("m1"), try await set.account(volume.identity("ben")))
        try await self.await { Shell.read("\(maildir)/dovecot-uidlist")?.count { $0 == 0x0A } == 3 }
        let name = try #require(try self.byMessage(maildir)["m1"])
        rename("\(maildir)/new/\(name)", "\(volume.directory)/aside")
        mkdir("\(maildir)/new/\(name)", 0o700)
        let inbox = try await anna.open(.inbox, .readWrite, onChange: {})
        _ = try await inbox.remove([UID.first])
        try await self.await { volume.problems.contains { $0.contains("cannot be changed") } }
        #expect(try await move("ben") == 1)
        let error = await #expect(throws: StoreError.self) { try await move("anna") }
        #expect(error?.code == .temporary)
        #expect(error?.detail.contains("cannot move now") == true)
        // Who has it open goes on.
        #expect(!inbox.isDeleted)
        #expect(try await inbox.subjects() == ["m2"])
        inbox.close()
        try await set.put(message("m3"), anna)
        rmdir("\(maildir)/new/\(name)")
        rename("\(volume.directory)/aside", "\(maildir)/new/\(name)")
        var moved = 0
        while moved == 0 {
            do { moved = try await move("anna") } catch let error as StoreError where error.code == .temporary {}
        }
        #expect(moved == 2)
        let after = try await set.account(volume.identity("anna")).open(.inbox, .readOnly, onChange: {})
        #expect(after.snapshot().uids == [2, 3])
        #expect(try await after.subjects() == ["m2", "m3"])
        after.close()
    }

    // MARK: Metadata and deletion

    @Test func metadataThatCannotBeWrittenPinsNothing() async throws {
        let volume = try TestVolume()
        let file = "\(volume.directory)/anna/dovecot-attributes"
        let entry = try #require(MetadataEntry("/private/comment"))
        let other = try #require(MetadataEntry("/shared/comment"))
        for isWrittenByTheNextStart in [false, true] {
            let (first, second) = isWrittenByTheNextStart ? ("three", "four") : ("one", "two")
            try await volume.with(self.quick) { store in
                let anna = try await store.account(volume.identity("anna"))
                unlink(file)
                mkdir(file, 0o700)
                try await anna.setMetadata([MetadataChange(entry, Array(first.utf8))], of: .mailbox(.inbox))
                try await anna.setMetadata([MetadataChange(other, Array(first.utf8))], of: .server)
                try await anna.setMetadata([MetadataChange(entry, Array(second.utf8))], of: .mailbox(.inbox))
                #expect(volume.problems.count { $0.contains("attributes cannot be written now") } == 1)
                try await self.fill(store, try await store.account(volume.identity("ben")))
                try await self.awaitShortLog(store, volume)
                guard !isWrittenByTheNextStart else { return }
                rmdir(file)
                try await store.finishFileWork()
                let text = String(decoding: Shell.read(file) ?? [], as: UTF8.self)
                #expect(text.contains(second))
                #expect(text.contains(first))
                #expect(volume.problems.last?.contains("attributes are written again") == true)
                volume.messages.withLock { $0 = [] }
            }
            rmdir(file)
            try await volume.with { store in
                let anna = try await store.account(volume.identity("anna"))
                let text = String(decoding: Shell.read(file) ?? [], as: UTF8.self)
                #expect(text.contains(second))
                #expect(try await anna.metadata(of: .mailbox(.inbox)).map(\.value) == [Array(second.utf8)])
                #expect(try await anna.metadata(of: .server).map(\.value) == [Array(first.utf8)])
            }
        }
    }

    @Test func deletionThatFilesRefusePinsNothing() async throws {
        let volume = try TestVolume()
        let work = try #require(Self.work)
        let deletions = RenameLimit()
        try await volume.with { configuration in
            self.quick(&configuration)
            var options = MaildirOptions()
            options.syncTextFiles = false
            configuration.bodyFormats["maildir"] = UnsyncedFormat(
                format: MaildirFormat(options), deletions: deletions, isSynced: true)
        } _: { store in
            let anna = try await store.account(volume.identity("anna"))
            try await anna.create(work, specialUse: nil)
            try await store.put(message("m1"), anna, work)
            try await store.finishFileWork()
            deletions.set(0)
            let error = await #expect(throws: StoreError.self) { try await anna.delete(work) }
            #expect(error?.code == .diskFull)
            try await self.fill(store, try await store.account(volume.identity("ben")))
            try await self.awaitShortLog(store, volume)
            // Refused, so it is there.
            #expect(try await anna.mailboxes().map(\.name) == [.inbox, work])
            let mailbox = try await anna.open(work, .readOnly, onChange: {})
            #expect(try await mailbox.subjects() == ["m1"])
            mailbox.close()
            deletions.set(nil)
            try await anna.delete(work)
            #expect(try await anna.mailboxes().map(\.name) == [.inbox])
        }
        #expect(!Shell.names("\(volume.directory)/anna").contains(".Work"))
    }
}
