import Glibc
import IndexedStore
import MailCore
import MailStore
import Testing

/// Accounts at one moment, and mailboxes that come back from them.
@Suite struct BackupTests {
    private static let work = MailboxName("Work") ?? .inbox

    static func fill(_ store: IndexedStore, _ account: any MailAccount, _ count: Int = 24) async throws {
        try await account.create(Self.work, specialUse: .archive)
        let keyword = try #require(Keyword("k"))
        for number in 0..<count {
            try await store.put(
                message("m\(number)", lines: 20), account, number % 3 == 0 ? Self.work : .inbox,
                flags: number % 4 == 0 ? [.seen] : [], keywords: number % 5 == 0 ? [keyword] : [])
        }
        let inbox = try await account.open(.inbox, .readWrite, onChange: {})
        _ = try await inbox.remove([UID(nonZero: 2), UID(nonZero: 5)])
        inbox.close()
    }

    /// What `martlet restore` does with what `martlet backup` sends.
    static func restore(
        _ archive: any AccountArchive, into account: any MailAccount, _ store: IndexedStore
    ) async throws {
        var open: [any MailboxRestoration] = []
        for box in archive.mailboxes { open.append(try await store.restore(box, in: account, .kept)) }
        while true {
            let some = try await archive.next(5)
            if some.isEmpty { break }
            var deposits: [Deposit] = []
            for found in some where !open[found.mailbox].has(found.uid, guid: found.guid) {
                let box = archive.mailboxes[found.mailbox]
                let octets = try await archive.octets(of: found)
                deposits.append(
                    Deposit(
                        message: IncomingMessage(octets), account: account, mailbox: box.name, flags: found.flags,
                        keywords: found.keywords.map { box.keywords[Int($0)] }, internalDate: found.internalDate,
                        strictness: .exempt,
                        restored: RestoredMessage(uid: found.uid, saveDate: found.saveDate, guid: found.guid)))
            }
            for result in await store.deposit(deposits) { _ = try result.get() }
        }
        for restoration in open { try await restoration.end(.whole) }
    }

    @Test(arguments: TestFormat.allCases) func everythingComesBack(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        try await volume.with { store in
            let anna = try await store.account(volume.identity("anna"))
            try await Self.fill(store, anna)
            let bert = try await store.account(volume.identity("bert"))
            try await Self.restore(try await store.archive(anna), into: bert, store)
            for name in [MailboxName.inbox, Self.work] {
                let from = try await anna.open(name, .readOnly, onChange: {})
                let to = try await bert.open(name, .readOnly, onChange: {})
                #expect(to.snapshot().uids == from.snapshot().uids)
                #expect(to.snapshot().uidValidity == from.snapshot().uidValidity)
                #expect(to.snapshot().highestModSeq > from.snapshot().highestModSeq)
                #expect(to.snapshot().uidNext > from.snapshot().uidNext)
                #expect(try await to.subjects() == (try await from.subjects()))
                for (a, b) in zip(from.snapshot().records, to.snapshot().records) {
                    #expect(a.flags == b.flags && a.internalDate == b.internalDate && a.size == b.size)
                    #expect(try await from.details(of: a.uid).guid == (try await to.details(of: b.uid).guid))
                    #expect(try await from.details(of: a.uid).saveDate == (try await to.details(of: b.uid).saveDate))
                }
                from.close()
                to.close()
            }
            // Once more: nothing comes twice, and new mail gets UIDs that nobody can have been told.
            let before = try await Self.uids(bert)
            try await Self.restore(try await store.archive(anna), into: bert, store)
            #expect(try await Self.uids(bert) == before)
            let stored = try await store.put(message("new"), bert)
            #expect(stored.uid.rawValue > 10_000)
        }
        // And in a new life, without the index.
        Shell.remove("\(volume.directory)/volume/index")
        try await volume.with { store in
            let anna = try await store.account(volume.identity("anna"))
            let bert = try await store.account(volume.identity("bert"))
            let uids = try await Self.uids(anna)
            #expect(try await Self.uids(bert) == uids.map { $0.hasPrefix("INBOX") ? $0 + ",\(10_000 + 17)" : $0 })
        }
    }

    static func uids(_ account: any MailAccount) async throws -> [String] {
        var all: [String] = []
        for listing in try await account.mailboxes() {
            let mailbox = try await account.open(listing.name, .readOnly, onChange: {})
            let uids = mailbox.snapshot().uids.map { String($0) }.joined(separator: ",")
            all.append("\(listing.name) \(mailbox.snapshot().uidValidity.rawValue) \(uids)")
            mailbox.close()
        }
        return all
    }

    /// What happens after the moment does not show; what was moved is found, what was removed is gone.
    @Test(arguments: TestFormat.allCases) func isOfOneMoment(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            try await Self.fill(store, account)
            let archive = try await store.archive(account)
            let wanted = try await Self.uids(account)
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            let uids = inbox.snapshot().records.map(\.uid)
            _ = try await inbox.store(FlagChange(.add, [.flagged]), UIDSet(uids), unchangedSince: nil)
            _ = try await inbox.move(UIDSet(uids[0..<2]), to: Self.work)
            _ = try await inbox.remove(UIDSet(uids[3..<4]))
            try await store.put(message("later"), account)
            inbox.close()
            try await store.finishFileWork()
            var found: [String] = []
            var lost: [ArchivedMessage] = []
            while true {
                let some = try await archive.next(7)
                if some.isEmpty { break }
                for message in some {
                    #expect(!message.flags.contains(.flagged))
                    found.append("\(archive.mailboxes[message.mailbox].name) \(message.uid.rawValue)")
                    do {
                        #expect(try await archive.octets(of: message).count == Int(message.size))
                    } catch {
                        #expect((error as? StoreError)?.code == .expunged)
                        lost.append(message)
                    }
                }
            }
            #expect(
                found
                    == wanted.flatMap { row in
                        let words = row.split(separator: " ")
                        return words[2].split(separator: ",").map { "\(words[0]) \($0)" }
                    })
            #expect(archive.messageCount == found.count)
            #expect(lost.map(\.uid) == (format == .maildir ? [uids[0], uids[1], uids[3]] : []))
            let again = try await archive.found(lost)
            #expect(again.map(\.uid) == (format == .maildir ? [uids[0], uids[1]] : []))
            for message in again { #expect(try await archive.octets(of: message).count == Int(message.size)) }
        }
    }

    /// While a mailbox is restored, nothing else comes in.
    @Test(arguments: TestFormat.allCases) func othersWait(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            try await Self.fill(store, account)
            let archive = try await store.archive(account)
            let restoration = try await store.restore(archive.mailboxes[0], in: account, .kept)
            #expect(restoration.isSame)
            let inbox = try await account.open(Self.work, .readWrite, onChange: {})
            for attempt in 0..<2 {
                do {
                    if attempt == 0 {
                        try await store.put(message("new"), account)
                    } else {
                        _ = try await inbox.copy([.first], to: .inbox)
                    }
                    Issue.record("it came in")
                } catch {
                    #expect((error as? StoreError)?.code == .temporary)
                }
            }
            do {
                _ = try await store.restore(archive.mailboxes[0], in: account, .kept)
                Issue.record("twice at once")
            } catch {
                #expect((error as? StoreError)?.code == .inUse)
            }
            inbox.close()
            try await restoration.end(.cutShort)
            try await store.put(message("new"), account)
        }
    }

    /// A mailbox that is in use keeps its UIDs; what comes back gets new ones.
    @Test(arguments: TestFormat.allCases) func usedMailboxesStay(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        try await volume.with { store in
            let anna = try await store.account(volume.identity("anna"))
            try await Self.fill(store, anna)
            let bert = try await store.account(volume.identity("bert"))
            try await store.put(message("own"), bert)
            let before = try await bert.status(of: .inbox)
            try await Self.restore(try await store.archive(anna), into: bert, store)
            let inbox = try await bert.open(.inbox, .readOnly, onChange: {})
            #expect(inbox.snapshot().uidValidity == before.uidValidity)
            #expect(inbox.guid == before.guid)
            let subjects = try await inbox.subjects()
            #expect(subjects.first == "own")
            #expect(subjects.count == 15)
            inbox.close()
            // By GUID nothing comes twice, although UIDs are others.
            try await Self.restore(try await store.archive(anna), into: bert, store)
            #expect(try await bert.status(of: .inbox).messages == 15)
            // What was removed since comes back with a new UID.
            let own = try await anna.open(.inbox, .readWrite, onChange: {})
            let archive = try await store.archive(anna)
            let last = try #require(own.snapshot().last)
            _ = try await own.remove([last.uid])
            own.close()
            if format == .pack {
                try await Self.restore(archive, into: anna, store)
                let back = try await anna.open(.inbox, .readOnly, onChange: {})
                #expect(try #require(back.snapshot().last).uid > last.uid)
                back.close()
            }
        }
    }

    // MARK: Crashes

    static let crashes: [CrashTests.Case] = TestFormat.allCases.flatMap { format in
        [
            CrashPoint.aroundMailboxFiles, .afterPrepare, .beforeLogWrite, .afterFlush, .beforePublish, .afterPublish,
            .inApply, .afterApply,
        ].flatMap { point in [1, 2, 4].map { CrashTests.Case(point: point, time: $0, format: format) } }
    }

    /// The process dies in the middle of a restore; repeated, the restore is what it would have been.
    @Test(arguments: crashes) func restoreIsRepeated(_ crash: CrashTests.Case) async throws {
        let volume = try TestVolume(crash.format)
        let directory = volume.directory
        let point = crash.point.rawValue
        let time = crash.time
        let format = crash.format.rawValue
        try await volume.with { store in
            try await Self.fill(store, try await store.account(volume.identity("anna")))
        }
        await #expect(processExitsWith: .exitCode(77)) {
            [
                directory = directory as String, point = point as String, time = time as Int,
                format = format as String
            ] in
            let countdown = Countdown(time)
            let volume = TestDirectory(directory, .succeed, TestFormat(rawValue: format) ?? .maildir) { reached in
                guard reached.rawValue == point, access("\(directory)/armed", F_OK) == 0 else { return }
                if countdown.isLast { _exit(77) }
            }
            do {
                let store = try IndexedStore.open(volume.configuration)
                let anna = try await store.account(volume.identity("anna"))
                let bert = try await store.account(volume.identity("bert"))
                let archive = try await store.archive(anna)
                Shell.write([], "\(directory)/armed")
                try await BackupTests.restore(archive, into: bert, store)
                _exit(77)
            } catch {
                _exit(1)
            }
        }
        for _ in 0..<2 {
            try await volume.with { store in
                let anna = try await store.account(volume.identity("anna"))
                let bert = try await store.account(volume.identity("bert"))
                try await Self.restore(try await store.archive(anna), into: bert, store)
                #expect(try await Self.uids(bert) == (try await Self.uids(anna)))
            }
        }
        #expect(volume.problems == [])
    }
}
