import Glibc
import IndexedStore
import MailCore
import MailStore
import Synchronization
import Testing

@Suite struct ExternalChangeTests {
    private func drop(_ volume: TestVolume, _ name: String, _ subject: String, into folder: String = "new") {
        let octets = message(subject).octets.withUnsafeBytes { Array($0) }
        Shell.write(octets, "\(volume.directory)/anna/tmp/\(name)")
        rename("\(volume.directory)/anna/tmp/\(name)", "\(volume.directory)/anna/\(folder)/\(name)")
    }

    @Test func newMailIsSeenOnOpenAndStatus() async throws {
        let volume = try TestVolume()
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            try await store.put(message("own"), account)
            // A change by another program in the same moment as ours may be seen later; not in this test.
            try await store.finishFileWork()
            self.drop(volume, "1700000000.M1P1.elsewhere", "theirs")
            #expect(try await account.status(of: .inbox).messages == 2)
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            #expect(try await inbox.subjects() == ["own", "theirs"])
            try await store.finishFileWork()
            self.drop(volume, "1700000001.M1P1.elsewhere:2,S", "seen", into: "cur")
            let second = try await account.open(.inbox, .readWrite, onChange: {})
            #expect(inbox.snapshot().uids == [1, 2, 3])
            #expect(inbox.snapshot()[2].flags == [.seen])
            inbox.close()
            second.close()
        }
        // The same UIDs after a restart, and no second copy of anything.
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            #expect(inbox.snapshot().uids == [1, 2, 3])
            #expect(try await inbox.subjects() == ["own", "theirs", "seen"])
            inbox.close()
        }
        #expect(volume.problems == [])
    }

    /// Two changes within one tick of the kernel's clock leave the same times; the second comes behind a look at the first.
    @Test func changesOfOneTickAreSeen() async throws {
        let volume = try TestVolume()
        let anna = "\(volume.directory)/anna"
        func restoringTimes(of directory: String, _ change: () -> Void) {
            var status = stat()
            stat(directory, &status)
            change()
            var times = [status.st_atim, status.st_mtim]
            utimensat(AT_FDCWD, directory, &times, 0)
        }
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            try await store.put(message("own"), account)
            try await store.finishFileWork()
            self.drop(volume, "1700000000.M1P1.elsewhere", "first")
            mkdir("\(anna)/.Theirs", 0o700)
            mkdir("\(anna)/.Theirs/cur", 0o700)
            #expect(try await account.mailboxes().count == 2)
            #expect(try await account.status(of: .inbox).messages == 2)
            restoringTimes(of: "\(anna)/new") { self.drop(volume, "1700000000.M2P1.elsewhere", "second") }
            restoringTimes(of: anna) { Shell.remove("\(anna)/.Theirs") }
            let end = ContinuousClock.now + .seconds(20)
            var isSeen = false
            while !isSeen, ContinuousClock.now < end {
                let messages = try await account.status(of: .inbox).messages
                let mailboxes = try await account.mailboxes().count
                isSeen = messages == 3 && mailboxes == 1
            }
            #expect(isSeen)
        }
    }

    /// The same behind a change of our own.
    @Test func mailboxOfTheTickOfOurOwnIsSeen() async throws {
        let volume = try TestVolume()
        let anna = "\(volume.directory)/anna"
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            _ = try await account.mailboxes()
            try await account.create(try #require(MailboxName("Ours")), specialUse: nil)
            var status = stat()
            stat(anna, &status)
            mkdir("\(anna)/.Theirs", 0o700)
            mkdir("\(anna)/.Theirs/cur", 0o700)
            var times = [status.st_atim, status.st_mtim]
            utimensat(AT_FDCWD, anna, &times, 0)
            let end = ContinuousClock.now + .seconds(20)
            var count = 0
            while count != 3, ContinuousClock.now < end { count = try await account.mailboxes().count }
            #expect(count == 3)
        }
    }

    /// A row of the list far up, behind which there would be no UIDs for the messages without one.
    @Test(arguments: [4_294_901_758, 4_294_967_293] as [UInt32]) func listLeavesUIDsForAll(_ uid: UInt32) async throws {
        let volume = try TestVolume()
        let list = "\(volume.directory)/anna/dovecot-uidlist"
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            try await store.put(message("own"), account)
            try await store.finishFileWork()
        }
        try await volume.with { store in
            Shell.write((Shell.read(list) ?? []) + Array("\(uid) :1700000000.M1P1.elsewhere\n".utf8), list)
            for number in 1...3 { self.drop(volume, "1700000000.M\(number)P1.elsewhere", "theirs") }
            let account = try await store.account(volume.identity("anna"))
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            #expect(inbox.snapshot().uids == [1, 2, 3, 4])
            #expect(inbox.snapshot().uidNext.rawValue == 5)
            inbox.close()
        }
    }

    /// What another server told while it had the mailbox is below all that is told afterwards, also when that server has
    /// changed nothing in the end, or its files are gone by then.
    @Test func modSeqsPassThoseOfAnotherServer() async throws {
        let volume = try TestVolume()
        let used: Int64 = 1_800_000_000
        volume.time.withLock { $0 = used - 100 }
        let log = "\(volume.directory)/anna/dovecot.index.log"
        let before = try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            try await store.put(message("own"), account)
            return try await account.status(of: .inbox).highestModSeq
        }
        volume.time.withLock { $0 = used + 100 }
        Shell.write([1], log)
        var times = [timespec(tv_sec: Int(used), tv_nsec: 0), timespec(tv_sec: Int(used), tv_nsec: 0)]
        utimensat(AT_FDCWD, log, &times, 0)
        let passed = ModSeq(rawValue: UInt64(used + 1) << 20)
        #expect(before < passed)
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            #expect(try await account.status(of: .inbox).highestModSeq == passed)
        }
        unlink(log)
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            #expect(try await account.status(of: .inbox).highestModSeq == passed)
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            _ = try await inbox.store(FlagChange(.add, .seen), [UID.first], unchangedSince: nil)
            #expect(inbox.snapshot().highestModSeq > passed)
            inbox.close()
        }
        #expect(volume.problems == [])
    }

    @Test func pop3OrdersAreKept() async throws {
        let volume = try TestVolume()
        Shell.write([], "\(volume.directory)/anna/dovecot-uidlist")
        try await volume.with { store in
            // Makes the directories.
            _ = try await store.account(volume.identity("anna")).status(of: .inbox)
        }
        for number in 1...3 { self.drop(volume, "170000000\(number).M1P1.elsewhere", "m\(number)") }
        let rows = "7 O9 :1700000001.M1P1.elsewhere\n8 :1700000002.M1P1.elsewhere\n9 O3 :1700000003.M1P1.elsewhere\n"
        let list = "\(volume.directory)/bert/dovecot-uidlist"
        rename("\(volume.directory)/anna", "\(volume.directory)/bert")
        Shell.write(Array("3 V1234567 N10 G00112233445566778899aabbccddeeff\n\(rows)".utf8), list)
        for _ in 0..<2 {
            try await volume.with { store in
                let account = try await store.account(volume.identity("bert"))
                let inbox = try await account.open(.inbox, .readOnly, onChange: {})
                #expect(inbox.snapshot().uids == [7, 8, 9])
                #expect(try await inbox.pop3Orders() == [UID(nonZero: 7): 9, UID(nonZero: 9): 3])
                inbox.close()
            }
        }
    }

    @Test func flagsAndRemovalsAreTakenIn() async throws {
        let volume = try TestVolume()
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            for number in 1...3 { try await store.put(message("m\(number)"), account, flags: [.flagged]) }
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            try await store.finishFileWork()
            let folder = "\(volume.directory)/anna/cur"
            let names = Shell.names(folder)
            #expect(names.count == 3)
            let base = try #require(names[0].split(separator: ":").first)
            rename("\(folder)/\(names[0])", "\(folder)/\(base):2,FS")
            unlink("\(folder)/\(names[1])")
            let before = inbox.snapshot()
            _ = try await account.status(of: .inbox)
            let changes = MailboxChanges(from: before, to: inbox.snapshot())
            #expect(changes.expunged.count == 1)
            #expect(changes.updated.count == 1)
            let status = try await account.status(of: .inbox)
            #expect(status.messages == 2)
            #expect(status.unseen == 1)
            inbox.close()
        }
        #expect(volume.problems == [])
    }

    @Test func idleSessionIsTold() async throws {
        let volume = try TestVolume()
        try await volume.with {
            $0.watchesFiles = true
        } _: { store in
            let account = try await store.account(volume.identity("anna"))
            let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
            let inbox = try await account.open(.inbox, .readWrite, onChange: { continuation.yield() })
            self.drop(volume, "1700000000.M1P1.elsewhere", "theirs")
            for await _ in stream { break }
            #expect(try await inbox.subjects() == ["theirs"])
            inbox.close()
        }
        #expect(volume.problems == [])
    }

    @Test func ownChangesReachTheFiles() async throws {
        let volume = try TestVolume()
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            for number in 1...3 { try await store.put(message("m\(number)"), account) }
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            _ = try await inbox.store(
                FlagChange(.add, [.seen, .answered]), [UID(nonZero: 2)], unchangedSince: nil)
            _ = try await inbox.store(
                FlagChange(.add, [], [try #require(Keyword("work"))]), [UID(nonZero: 2)], unchangedSince: nil)
            _ = try await inbox.remove([UID(nonZero: 3)])
            // A look at the files meanwhile must not take the old names for a change.
            _ = try await account.status(of: .inbox)
            #expect(inbox.snapshot()[1].flags == [.seen, .answered])
            inbox.close()
        }
        let current = Shell.names("\(volume.directory)/anna/cur")
        #expect(current.count == 1)
        #expect(current.first?.hasSuffix(":2,RSa") == true)
        #expect(Shell.names("\(volume.directory)/anna/new").count == 1)
        let list = String(
            decoding: Shell.read("\(volume.directory)/anna/dovecot-uidlist") ?? [], as: UTF8.self)
        #expect(list.split(separator: "\n").count >= 3)
        let keywords = String(
            decoding: Shell.read("\(volume.directory)/anna/dovecot-keywords") ?? [], as: UTF8.self)
        #expect(keywords == "0 work\n")
        #expect(volume.problems == [])
    }

    @Test func lostIndexComesBackFromFiles() async throws {
        let volume = try TestVolume()
        let work = try #require(MailboxName("Work"))
        let key = try #require(Keyword("$Label1"))
        let before = try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            try await account.create(work, specialUse: nil)
            for number in 1...5 {
                try await store.put(
                    message("m\(number)"), account, work, flags: number % 2 == 0 ? [.seen] : [],
                    keywords: number == 3 ? [key] : [])
            }
            let mailbox = try await account.open(work, .readWrite, onChange: {})
            _ = try await mailbox.remove([UID(nonZero: 2)])
            defer { mailbox.close() }
            return (mailbox.snapshot(), mailbox.guid)
        }
        Shell.remove(volume.directory + "/volume")
        volume.time.withLock { $0 += 60 }
        try await volume.with { store in
            #expect(store.openReport.isIndexNew)
            let account = try await store.account(volume.identity("anna"))
            let mailbox = try await account.open(work, .readWrite, onChange: {})
            let after = mailbox.snapshot()
            #expect(mailbox.guid == before.1)
            #expect(after.uidValidity == before.0.uidValidity)
            #expect(after.uidNext == before.0.uidNext)
            #expect(after.uids == [1, 3, 4, 5])
            #expect(after.records.map(\.flags) == before.0.records.map(\.flags))
            #expect(after.records.map(\.size) == before.0.records.map(\.size))
            #expect(after.records.map(\.internalDate) == before.0.records.map(\.internalDate))
            #expect(after.highestModSeq > before.0.highestModSeq)
            #expect(after.keywords.keywords == [key])
            #expect(after.keywords.numbers(in: after[1].keywords) == [0])
            #expect(try await mailbox.subjects() == ["m1", "m3", "m4", "m5"])
            mailbox.close()
        }
    }

    @Test func foldersOfOthersAppearAndGo() async throws {
        let volume = try TestVolume()
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            #expect(try await account.mailboxes().map(\.name.text) == ["INBOX"])
            let folder = "\(volume.directory)/anna/.Lists.swift"
            for path in [folder, folder + "/cur", folder + "/new", folder + "/tmp"] { mkdir(path, 0o700) }
            Shell.write(message("x").octets.withUnsafeBytes { Array($0) }, folder + "/new/1700000000.M1P1.x")
            #expect(try await account.mailboxes().map(\.name.text) == ["INBOX", "Lists", "Lists/swift"])
            let name = try #require(MailboxName("Lists/swift"))
            #expect(try await account.status(of: name).messages == 1)
            Shell.remove(folder)
            #expect(try await account.mailboxes().map(\.name.text) == ["INBOX"])
        }
    }
}
