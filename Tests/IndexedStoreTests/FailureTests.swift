import Glibc
import IndexedStore
import MailCore
import MailStore
import Synchronization
import Testing
import VolumeLog

/// A log whose disk fails on demand.
final class FailingDisk: Sendable {
    enum Trouble: Sendable { case none, full, broken }

    let trouble = Mutex(Trouble.none)

    var files: FileOperations {
        var files = FileOperations.system
        let system = FileOperations.system
        files.write = { [self] file, bytes, offset in
            guard self.trouble.withLock({ $0 }) == .full else { return system.write(file, bytes, offset) }
            errno = ENOSPC
            return -1
        }
        files.flush = { [self] file in
            guard self.trouble.withLock({ $0 }) == .broken else { return system.flush(file) }
            errno = EIO
            return -1
        }
        return files
    }
}

@Suite struct FailureTests {
    @Test(arguments: TestFormat.allCases) func fullDiskIsToldAndPasses(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        let disk = FailingDisk()
        try await volume.with {
            $0.logFiles = disk.files
        } _: { store in
            let account = try await store.account(volume.identity("anna"))
            try await store.put(message("before"), account)
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            disk.trouble.withLock { $0 = .full }
            let keyword = try #require(Keyword("during"))
            for _ in 0..<2 {
                let error = await #expect(throws: StoreError.self) {
                    try await store.put(message("refused"), account, keywords: [keyword])
                }
                #expect(error?.code == .diskFull)
            }
            // A flag is not waited for; it stays and is written later.
            _ = try await inbox.store(FlagChange(.add, [.flagged], [keyword]), [.first], unchangedSince: nil)
            #expect(inbox.snapshot().count == 1)
            #expect(inbox.snapshot()[0].flags == [.flagged])
            disk.trouble.withLock { $0 = .none }
            let after = try await store.put(message("after"), account)
            #expect(inbox.snapshot().uids == [1, after.uid.rawValue])
            #expect(try await inbox.subjects() == ["before", "after"])
            #expect(inbox.snapshot().highestModSeq == inbox.snapshot()[1].modSeq)
            inbox.close()
        }
        #expect(Shell.names("\(volume.directory)/anna/tmp").isEmpty)
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            let snapshot = inbox.snapshot()
            #expect(try await inbox.subjects() == ["before", "after"])
            #expect(snapshot[0].flags == [.flagged])
            #expect(
                snapshot.keywords.numbers(in: snapshot[0].keywords).map {
                    snapshot.keywords.keywords[Int($0)].name
                } == ["during"])
            inbox.close()
        }
    }

    /// What was refused has not happened, and what clients were told of numbers holds after a restart.
    @Test(arguments: TestFormat.allCases) func refusedChangesLeaveNothing(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        let disk = FailingDisk()
        let work = try #require(MailboxName("Work"))
        let other = try #require(MailboxName("Other/Work"))
        var told: (next: UID, modSeq: ModSeq)?
        try await volume.with {
            $0.logFiles = disk.files
        } _: { store in
            let account = try await store.account(volume.identity("anna"))
            try await account.create(work, specialUse: nil)
            try await store.put(message("before"), account, work)
            disk.trouble.withLock { $0 = .full }
            let error = await #expect(throws: StoreError.self) { try await account.rename(work, to: other) }
            #expect(error?.code == .diskFull)
            let deposits = ["a", "b"].map { Deposit(message: message($0), account: account, mailbox: work) }
            await #expect(throws: StoreError.self) { _ = try await store.depositAll(deposits) }
            disk.trouble.withLock { $0 = .none }
            #expect(try await account.mailboxes().map(\.name) == [.inbox, work])
            let status = try await account.status(of: work)
            #expect(status.messages == 1)
            told = (status.uidNext, status.highestModSeq)
        }
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            let status = try await account.status(of: work)
            let known = try #require(told)
            #expect(status.messages == 1)
            #expect(status.uidNext >= known.next)
            #expect(status.highestModSeq >= known.modSeq)
        }
    }

    /// A refused CREATE leaves no mailbox, and the name is free.
    @Test(arguments: TestFormat.allCases) func refusedMailboxIsNotThere(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        let disk = FailingDisk()
        let work = try #require(MailboxName("Work"))
        try await volume.with {
            $0.logFiles = disk.files
        } _: { store in
            let account = try await store.account(volume.identity("anna"))
            #expect(try await account.mailboxes().map(\.name) == [.inbox])
            disk.trouble.withLock { $0 = .full }
            let error = await #expect(throws: StoreError.self) { try await account.create(work, specialUse: .archive) }
            #expect(error?.code == .diskFull)
            #expect(try await account.mailboxes().map(\.name) == [.inbox])
            disk.trouble.withLock { $0 = .none }
            #expect(try await account.mailboxes().map(\.name) == [.inbox])
        }
        #expect(!Shell.names("\(volume.directory)/anna").contains(".Work"))
        for _ in 0..<2 {
            try await volume.with { store in
                let account = try await store.account(volume.identity("anna"))
                #expect(try await account.mailboxes().map(\.name) == [.inbox])
            }
            Shell.remove("\(volume.directory)/volume/index")
        }
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            try await account.create(work, specialUse: nil)
            try await store.put(message("m1"), account, work)
            #expect(try await account.status(of: work).messages == 1)
        }
    }

    /// With the disk full, what other programs did to flags and with removals is shown at once and written later; nobody
    /// waits for that.
    @Test func changesOfOtherProgramsOnAFullDisk() async throws {
        let volume = try TestVolume()
        let disk = FailingDisk()
        try await volume.with {
            $0.logFiles = disk.files
        } _: { store in
            let account = try await store.account(volume.identity("anna"))
            for number in 1...3 { try await store.put(message("m\(number)"), account) }
            try await store.finishFileWork()
            let directory = "\(volume.directory)/anna"
            let files = try ["m1", "m2", "m3"].map { subject in
                try #require(
                    Shell.names("\(directory)/new").first { name in
                        Shell.read("\(directory)/new/\(name)").map {
                            String(decoding: $0, as: UTF8.self).contains("Subject: \(subject)")
                        } ?? false
                    })
            }
            disk.trouble.withLock { $0 = .full }
            rename("\(directory)/new/\(files[0])", "\(directory)/cur/\(files[0]):2,F")
            unlink("\(directory)/new/\(files[1])")
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            #expect(inbox.snapshot().uids == [1, 3])
            #expect(inbox.snapshot()[0].flags == [.flagged])
            inbox.close()
            disk.trouble.withLock { $0 = .none }
        }
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            #expect(inbox.snapshot().uids == [1, 3])
            #expect(inbox.snapshot()[0].flags == [.flagged])
            inbox.close()
        }
    }

    @Test(arguments: TestFormat.allCases) func failedFlushStopsTheVolume(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        let disk = FailingDisk()
        try await volume.with {
            $0.logFiles = disk.files
        } _: { store in
            let account = try await store.account(volume.identity("anna"))
            try await store.put(message("before"), account)
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            disk.trouble.withLock { $0 = .broken }
            for _ in 0..<2 {
                let error = await #expect(throws: StoreError.self) {
                    try await store.put(message("lost"), account)
                }
                #expect(error?.code == .temporary)
                // Whatever the disk says now: what it has is not known.
                disk.trouble.withLock { $0 = .none }
            }
            await #expect(throws: StoreError.self) {
                try await inbox.store(FlagChange(.add, [.seen]), [.first], unchangedSince: nil)
            }
            // Reading goes on.
            #expect(try await inbox.subjects() == ["before"])
            inbox.close()
        }
        #expect(volume.problems.contains { $0.hasPrefix("volume stopped") })
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            try await store.put(message("after"), account)
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            #expect(try await inbox.subjects().filter { $0 != "lost" } == ["before", "after"])
            inbox.close()
        }
    }

    @Test func modSeqsJumpAfterAnUncleanEnd() async throws {
        let volume = try TestVolume()
        let directory = volume.directory
        await #expect(processExitsWith: .exitCode(77)) { [directory = directory as String] in
            let volume = TestDirectory(directory, .succeed) { _ in }
            do {
                let store = try IndexedStore.open(volume.configuration)
                let account = try await store.account(volume.identity("anna"))
                try await store.put(message("a"), account)
                let inbox = try await account.open(.inbox, .readWrite, onChange: {})
                var told: UInt64 = 0
                for number in 0..<20 {
                    let change = FlagChange(number % 2 == 0 ? .add : .remove, [.flagged])
                    told = try await inbox.store(change, [.first], unchangedSince: nil).modSeq?.rawValue ?? 0
                }
                Shell.write(Array("\(told)".utf8), "\(directory)/told")
                _exit(77)
            } catch {
                _exit(1)
            }
        }
        let told = try #require(
            UInt64(String(decoding: Shell.read("\(directory)/told") ?? [], as: UTF8.self)))
        var last = told
        for _ in 0..<2 {
            try await volume.with { store in
                let account = try await store.account(volume.identity("anna"))
                let inbox = try await account.open(.inbox, .readWrite, onChange: {})
                #expect(inbox.snapshot().highestModSeq.rawValue >= last)
                _ = try await inbox.store(FlagChange(.add, [.answered]), [.first], unchangedSince: nil)
                _ = try await inbox.store(FlagChange(.remove, [.answered]), [.first], unchangedSince: nil)
                #expect(inbox.snapshot().highestModSeq.rawValue > last)
                last = inbox.snapshot().highestModSeq.rawValue
                inbox.close()
            }
        }
    }

    @Test func lostListOfUIDsIsWrittenAgain() async throws {
        let volume = try TestVolume()
        let list = "\(volume.directory)/anna/dovecot-uidlist"
        let validity = try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            for number in 1...3 { try await store.put(message("m\(number)"), account) }
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            _ = try await inbox.remove([UID(nonZero: 2)])
            defer { inbox.close() }
            return inbox.snapshot().uidValidity.rawValue
        }
        unlink(list)
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            #expect(inbox.snapshot().uids == [1, 3])
            #expect(inbox.snapshot().uidValidity.rawValue == validity)
            inbox.close()
        }
        let text = String(decoding: Shell.read(list) ?? [], as: UTF8.self)
        let lines = text.split(separator: "\n")
        #expect(lines.first?.hasPrefix("3 V\(validity) N4 G") == true)
        #expect(lines.dropFirst().map { $0.prefix { $0 != " " } } == ["1", "3"])
    }
}

@Suite struct OwnerTests {
    @Test(.enabled(if: geteuid() == 0, "needs root to act as others")) func filesBelongToTheAccountsOwner()
        async throws
    {
        let volume = try TestVolume()
        chmod(volume.directory, 0o711)
        let home = "\(volume.directory)/nobody"
        mkdir(home, 0o700)
        chown(home, 65_534, 65_534)
        let identity = AccountIdentity(
            name: "nobody", home: home, mailPath: "\(home)/Maildir", owner: .init(uid: 65_534, gid: 65_534))
        try await volume.with { store in
            let account = try await store.account(identity)
            try await store.put(message("a"), account)
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            _ = try await inbox.store(FlagChange(.add, [.seen]), [.first], unchangedSince: nil)
            #expect(try await inbox.subjects() == ["a"])
            inbox.close()
        }
        var status = stat()
        for path in [
            "", "/cur", "/dovecot-uidlist", "/cur/\(Shell.names("\(home)/Maildir/cur").first ?? "")",
        ] {
            #expect(stat("\(home)/Maildir\(path)", &status) == 0)
            #expect(status.st_uid == 65_534)
            #expect(status.st_gid == 65_534)
        }
        #expect(stat("\(volume.directory)/volume/log", &status) == 0)
        #expect(status.st_uid == 0)
        // A home that the owner may not enter is refused by the kernel, root or not.
        let closed = "\(volume.directory)/closed"
        mkdir(closed, 0o700)
        let foreign = AccountIdentity(
            name: "foreign", home: closed, mailPath: "\(closed)/Maildir",
            owner: .init(uid: 65_534, gid: 65_534))
        let error = try await volume.with { store in
            await #expect(throws: StoreError.self) { try await store.account(foreign) }
        }
        #expect(error?.code == .noPermission)
    }

    /// What the group of the daemon may read is nothing for a user who has a link to it.
    @Test(.enabled(if: geteuid() == 0, "needs root to act as others")) func groupsOfTheProcessAreNotTheOwners()
        async throws
    {
        let volume = try TestVolume()
        chmod(volume.directory, 0o711)
        let home = "\(volume.directory)/nobody"
        mkdir(home, 0o700)
        chown(home, 65_534, 65_534)
        let identity = AccountIdentity(
            name: "nobody", home: home, mailPath: "\(home)/Maildir", owner: .init(uid: 65_534, gid: 65_534))
        let others = "\(volume.directory)/others"
        mkdir(others, 0o750)
        chown(others, 0, getegid())
        try await volume.with { store in
            try await store.put(message("a"), try await store.account(identity))
            rename("\(home)/Maildir/cur", "\(home)/Maildir/old")
            symlink(others, "\(home)/Maildir/cur")
            await #expect(throws: StoreError.self) {
                let account = try await store.account(identity)
                let inbox = try await account.open(.inbox, .readWrite, onChange: {})
                inbox.close()
            }
            unlink("\(home)/Maildir/cur")
            rename("\(home)/Maildir/old", "\(home)/Maildir/cur")
        }
    }
}
