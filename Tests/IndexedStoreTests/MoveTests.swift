import Glibc
import IndexedStore
import MailCore
import MailStore
import Synchronization
import Testing

/// Accounts moved from one format to another.
@Suite struct MoveTests {
    /// Two mailboxes with messages of every sort.
    private func fill(_ store: IndexedStore, _ account: any MailAccount) async throws {
        let name = try #require(MailboxName("Work/2026"))
        try await account.create(name, specialUse: .archive)
        try await account.subscribe(name)
        let keyword = try #require(Keyword("$Label"))
        for number in 0..<150 {
            try await store.put(
                message("m\(number)", lines: 3 + number), account, number % 3 == 0 ? name : .inbox,
                flags: number % 4 == 0 ? [.seen, .answered] : [], keywords: number % 5 == 0 ? [keyword] : [])
        }
        let inbox = try await account.open(.inbox, .readWrite, onChange: {})
        _ = try await inbox.store(
            FlagChange(.add, [.flagged]), UIDSet(UID.first...UID(nonZero: 9)), unchangedSince: nil)
        _ = try await inbox.remove(UIDSet(UID(nonZero: 20)...UID(nonZero: 24)))
        _ = try await inbox.copy(UIDSet(UID.first...UID(nonZero: 4)), to: name)
        inbox.close()
    }

    @Test(arguments: TestFormat.allCases) func everythingStays(_ from: TestFormat) async throws {
        let to: TestFormat = from == .pack ? .maildir : .pack
        let volume = try TestVolume(from)
        let identity = volume.identity("anna")
        let before = try await volume.with { store in
            let account = try await store.account(identity)
            try await self.fill(store, account)
            let before = try await KeeperTests.Picture(account, since: .zero)
            let session = try await account.open(.inbox, .readWrite, onChange: {})
            #expect(try await store.move(identity, toFormat: to.rawValue) == 149)
            // Nothing is gone for who has it open.
            #expect(session.isRetired && account.isRetired && !session.isDeleted)
            #expect(session.snapshot().count == 95)
            await self.refusesAll(session, account)
            session.close()
            // The old object takes no more mail, and says that it is to be tried again.
            let refused = await #expect(throws: StoreError.self) { try await store.put(message("late"), account) }
            #expect(refused?.code == .temporary)
            let after = try await KeeperTests.Picture(try await store.account(identity), since: .zero)
            self.compare(after, before)
            #expect(try await store.move(identity, toFormat: to.rawValue) == 0)
            return before
        }
        let files = ["new", "cur"].flatMap { Shell.names("\(volume.directory)/anna/\($0)") }
        #expect(files.count == (to == .maildir ? 95 : 0))
        for losesIndex in [false, true] {
            if losesIndex { Shell.remove("\(volume.directory)/volume/index") }
            try await volume.with { store in
                let account = try await store.account(identity)
                self.compare(try await KeeperTests.Picture(account, since: .zero), before)
            }
        }
        // And back.
        try await volume.with { store in
            _ = try await store.move(identity, toFormat: from.rawValue)
            let account = try await store.account(identity)
            self.compare(try await KeeperTests.Picture(account, since: .zero), before)
            try await store.put(message("after"), account)
        }
        #expect(volume.problems.allSatisfy { $0.hasPrefix("the index is gone") })
    }

    /// Whatever is asked of an object whose account has moved, the answer is that it is to be asked again, and never that
    /// a mailbox or a message does not exist.
    private func refusesAll(_ session: any Mailbox, _ account: any MailAccount) async {
        let all = UIDSet(UID.first...UID(nonZero: 500))
        let new = MailboxName("New") ?? .inbox
        let work = MailboxName("Work/2026") ?? .inbox
        let use = MetadataChange(.specialUse, Array("\\Trash".utf8))
        let requests: [(String, () async throws -> Void)] = [
            ("STATUS", { _ = try await account.status(of: work) }),
            ("SELECT", { _ = try await account.open(.inbox, .readOnly, onChange: {}) }),
            ("SELECT of what is new", { _ = try await account.open(new, .readOnly, onChange: {}) }),
            ("CREATE", { try await account.create(new, specialUse: nil) }),
            ("DELETE", { try await account.delete(work) }),
            ("RENAME", { try await account.rename(work, to: new) }),
            ("SUBSCRIBE", { try await account.subscribe(new) }),
            ("GETACL", { _ = try await account.accessList(of: work) }),
            ("SETMETADATA", { try await account.setMetadata([use], of: .mailbox(work)) }),
            ("STORE", { _ = try await session.store(FlagChange(.add, .seen), all, unchangedSince: nil) }),
            ("EXPUNGE", { _ = try await session.expunge(all) }),
            ("DELE", { _ = try await session.remove(all) }),
            ("COPY", { _ = try await session.copy(all, to: work) }),
            ("MOVE", { _ = try await session.move(all, to: work) }),
            ("VANISHED", { _ = try await session.vanished(all, since: .zero) }),
        ]
        for (name, request) in requests {
            do {
                try await request()
                Issue.record("\(name) was done")
            } catch {
                #expect((error as? StoreError)?.code == .temporary, "\(name): \(error)")
            }
        }
    }

    @Test(arguments: TestFormat.allCases) func accessListsGoAlong(_ from: TestFormat) async throws {
        let to: TestFormat = from == .pack ? .maildir : .pack
        let volume = try TestVolume(from)
        let identity = volume.identity("anna")
        let name = try #require(MailboxName("Projects"))
        try await volume.with { store in
            let account = try await store.account(identity)
            try await account.create(name, specialUse: nil)
            var rights: [MailRights] = [[.lookup], [.lookup, .read], []]
            for format in [to, from, to, from] {
                // Also that a list which is gone does not come back from a file of former times.
                let given = rights.isEmpty ? MailRights.read : rights.removeFirst()
                try await store.account(identity).changeAccessList(of: name) { (list) throws(StoreError) in
                    list.set(.user("ben"), isNegative: false, .replace, given)
                }
                let before = try await store.account(identity).accessList(of: name)
                _ = try await store.move(identity, toFormat: format.rawValue)
                #expect(try await store.account(identity).accessList(of: name) == before)
            }
        }
        #expect(volume.problems == [])
    }

    /// A message whose record is in the log, but whose file has no name yet, when the account changes its format.
    @Test(arguments: [false, true]) func messagesOnTheirWayGoAlong(_ isReplacing: Bool) async throws {
        let volume = try TestVolume(.maildir)
        let identity = volume.identity("anna")
        let isHeld = Mutex(false)
        let (reached, arrival) = AsyncStream.makeStream(of: Void.self)
        var ends: [CInt] = [-1, -1]
        try #require(pipe(&ends) == 0)
        let (wait, release) = (ends[0], ends[1])
        try await volume.with { configuration in
            configuration.crashPoint = { point in
                guard point == .beforePublish else { return }
                let isOurs = isHeld.withLock { held in
                    defer { held = false }
                    return held
                }
                guard isOurs else { return }
                arrival.yield()
                var byte: UInt8 = 0
                _ = read(wait, &byte, 1)
            }
        } _: { store in
            let account = try await store.account(identity)
            try await store.put(message("before"), account)
            try await store.put(message("old"), account)
            let session = try await account.open(.inbox, .readWrite, onChange: {})
            isHeld.withLock { $0 = true }
            let deposit = Deposit(message: message("late"), account: account, mailbox: .inbox)
            async let late =
                isReplacing
                ? store.replace(UID(nonZero: 2), in: session, by: deposit) : store.put(message("late"), account)
            for await _ in reached { break }
            async let moved = store.move(identity, toFormat: "pack")
            // The mailboxes are closed to newcomers; what is on its way has time.
            while !session.isRetired { await Task.yield() }
            close(release)
            _ = try await late
            #expect(try await moved == 3)
            session.close()
            let inbox = try await store.account(identity).open(.inbox, .readOnly, onChange: {})
            #expect(try await inbox.subjects() == (isReplacing ? ["before", "late"] : ["before", "old", "late"]))
            inbox.close()
        }
        close(wait)
        #expect(volume.problems == [])
    }

    /// The disk is full from the n-th write of the log on: whatever the move has done until then, each message stays, and
    /// is there also after the move that succeeds.
    @Test(arguments: TestFormat.allCases) func fullDiskLosesNothing(_ from: TestFormat) async throws {
        let to: TestFormat = from == .pack ? .maildir : .pack
        for time in 1...8 {
            let volume = try TestVolume(from)
            let identity = volume.identity("anna")
            let disk = FailingDisk()
            let countdown = Mutex<Countdown?>(nil)
            try await volume.with {
                $0.logFiles = disk.files
                $0.crashPoint = { point in
                    guard point == .beforeLogWrite, countdown.withLock({ $0?.isLast ?? false }) else { return }
                    disk.trouble.withLock { $0 = .full }
                }
            } _: { store in
                let account = try await store.account(identity)
                try await self.fill(store, account)
                let before = try await KeeperTests.Picture(account, since: .zero)
                countdown.withLock { $0 = Countdown(time) }
                _ = try? await store.move(identity, toFormat: to.rawValue)
                countdown.withLock { $0 = nil }
                disk.trouble.withLock { $0 = .none }
                for format in [nil, to] {
                    if let format { _ = try await store.move(identity, toFormat: format.rawValue) }
                    let account = try await store.account(identity)
                    // A look at the files takes what is missing for removed by another program.
                    let after = try await KeeperTests.Picture(account, since: .zero)
                    for (a, b) in zip(after.boxes, before.boxes) { #expect(a.messages == b.messages, "\(time)") }
                    let inbox = try await account.open(.inbox, .readOnly, onChange: {})
                    #expect(try await inbox.subjects().count == 95, "\(time)")
                    inbox.close()
                }
            }
        }
    }

    private func compare(_ after: KeeperTests.Picture, _ before: KeeperTests.Picture) {
        #expect(after.boxes.count == before.boxes.count)
        for (a, b) in zip(after.boxes, before.boxes) { #expect(a == b) }
        #expect(after.subscriptions == before.subscriptions)
    }

    private final class Names: Sendable {
        let set = Mutex(Set<String>())
    }

    /// Mail comes in, is flagged, copied and removed while the account moves there and back.
    @Test(arguments: TestFormat.allCases) func accountIsUsedMeanwhile(_ from: TestFormat) async throws {
        let volume = try TestVolume(from)
        let identity = volume.identity("anna")
        let work = try #require(MailboxName("Work/2026"))
        let stored = Names()
        try await volume.with { store in
            try await self.fill(store, try await store.account(identity))
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    for number in 0..<200 {
                        guard let account = try? await store.account(identity) else { continue }
                        let subject = "d\(number)"
                        guard (try? await store.put(message(subject), account)) != nil else { continue }
                        stored.set.withLock { _ = $0.insert(subject) }
                        if number % 10 == 0, let inbox = try? await account.open(.inbox, .readWrite, onChange: {}) {
                            let uids = UIDSet(inbox.snapshot().records.suffix(3).map(\.uid))
                            _ = try? await inbox.store(FlagChange(.add, [.draft]), uids, unchangedSince: nil)
                            _ = try? await inbox.copy(uids, to: work)
                            inbox.close()
                        }
                    }
                }
                group.addTask {
                    for format in ["pack", "maildir", "pack", "maildir"] {
                        do {
                            _ = try await store.move(identity, toFormat: format)
                        } catch {
                            Issue.record("\(error)")
                        }
                    }
                }
            }
            let account = try await store.account(identity)
            let inbox = try await account.open(.inbox, .readOnly, onChange: {})
            let subjects = try await inbox.subjects()
            #expect(Set(subjects).count == subjects.count)
            #expect(stored.set.withLock { $0 }.isSubset(of: subjects))
            #expect(subjects.count { $0.hasPrefix("m") } == 95)
            inbox.close()
        }
        #expect(volume.problems == [])
    }

    /// The process dies in the middle of a move; the account is whole, and the move is repeated.
    @Test(arguments: TestFormat.allCases, [1, 2, 3, 4, 6, 9, 13]) func diesWhileMoving(
        _ from: TestFormat, _ time: Int
    ) async throws {
        let to: TestFormat = from == .pack ? .maildir : .pack
        let volume = try TestVolume(from)
        let identity = volume.identity("anna")
        let before = try await volume.with { store in
            let account = try await store.account(identity)
            try await self.fill(store, account)
            return try await KeeperTests.Picture(account, since: .zero)
        }
        let directory = volume.directory
        for point in [CrashPoint.afterFlush, .afterApply, .beforeFileWork, .afterFileWork] {
            let point = point.rawValue
            let from = from.rawValue
            let to = to.rawValue
            let time = time
            await #expect(processExitsWith: .exitCode(77)) {
                [
                    directory = directory as String, point = point as String, from = from as String,
                    to = to as String, time = time as Int
                ] in
                let countdown = Countdown(time)
                let test = TestDirectory(directory, .succeed, TestFormat(rawValue: from) ?? .maildir) { reached in
                    if reached.rawValue == point, countdown.isLast { _exit(77) }
                }
                if let store = try? IndexedStore.open(test.configuration) {
                    _ = try? await store.move(test.identity("anna"), toFormat: to)
                    await store.close()
                }
                _exit(77)
            }
            try await volume.with { store in
                let after = try await KeeperTests.Picture(try await store.account(identity), since: .zero)
                for (a, b) in zip(after.boxes, before.boxes) {
                    #expect(a.messages == b.messages, "\(point) \(time)")
                    #expect(a.uidNext == b.uidNext)
                }
            }
        }
        try await volume.with { store in
            _ = try await store.move(identity, toFormat: to.rawValue)
            let after = try await KeeperTests.Picture(try await store.account(identity), since: .zero)
            for (a, b) in zip(after.boxes, before.boxes) { #expect(a.messages == b.messages) }
        }
        #expect(volume.problems == [])
    }
}
