import Glibc
import IndexedStore
import MailCore
import MailStore
import Synchronization
import Testing

/// Checkpoints, cleaning, and an index made again from the log.
@Suite struct KeeperTests {
    /// Everything that clients can be told of an account.
    struct Picture: Equatable {
        struct Box: Equatable {
            var name: String
            var validity: UInt32
            var uidNext: UInt32
            var modSeq: UInt64
            var guid: String
            var specialUse: SpecialUse?
            var status: MailboxStatus
            var messages: [String]
            var vanished: UIDSet?
        }

        var boxes: [Box] = []
        var subscriptions: [String] = []

        init(_ account: any MailAccount, since: ModSeq) async throws {
            self.subscriptions = try await account.subscriptions().map(\.text)
            for listing in try await account.mailboxes() where listing.isSelectable {
                let mailbox = try await account.open(listing.name, .readOnly, onChange: {})
                let snapshot = mailbox.snapshot()
                let subjects = try await mailbox.subjects()
                var messages: [String] = []
                for (record, subject) in zip(snapshot.records, subjects) {
                    let keywords = snapshot.keywords.numbers(in: record.keywords).map {
                        snapshot.keywords.keywords[Int($0)].name
                    }
                    let details = try await mailbox.details(of: record.uid)
                    messages.append(
                        "\(record.uid) \(subject) \(record.flags) \(keywords) \(record.modSeq) \(record.internalDate) "
                            + "\(record.size) \(details.saveDate) \(details.guid)")
                }
                let all = UIDSet(UID.first...UID(nonZero: .max))
                self.boxes.append(
                    Box(
                        name: listing.name.text, validity: snapshot.uidValidity.rawValue,
                        uidNext: snapshot.uidNext.rawValue, modSeq: snapshot.highestModSeq.rawValue,
                        guid: mailbox.guid, specialUse: listing.specialUse,
                        status: try await account.status(of: listing.name), messages: messages,
                        vanished: try await mailbox.vanished(all, since: since)))
                mailbox.close()
            }
        }
    }

    /// When checkpoints are written while the load runs.
    enum Checkpoints: CaseIterable { case none, early, late, often }

    @Test(arguments: TestFormat.allCases, Checkpoints.allCases)
    func lostIndexComesBackFromTheLog(_ format: TestFormat, _ checkpoints: Checkpoints) async throws {
        let volume = try TestVolume(format)
        var since = ModSeq.zero
        let before = try await volume.with { configuration in
            configuration.logSegmentSize = 16_384
        } _: { store in
            let account = try await store.account(volume.identity("anna"))
            since = try await account.status(of: .inbox).highestModSeq
            try await self.load(store, account, "a")
            if checkpoints != .none { try await store.keepLogShort() }
            try await self.load(store, account, "b")
            if checkpoints == .often { try await store.keepLogShort() }
            if checkpoints != .early { try await self.load(store, account, "c") }
            if checkpoints == .late || checkpoints == .often { try await store.keepLogShort() }
            return try await Picture(account, since: since)
        }
        for round in 0..<2 {
            Shell.remove("\(volume.directory)/volume/index")
            try await volume.with { store in
                #expect(store.openReport.isIndexNew)
                #expect(store.openReport.wasClean)
                let account = try await store.account(volume.identity("anna"))
                let after = try await Picture(account, since: since)
                #expect(after.boxes.count == before.boxes.count)
                for (a, b) in zip(after.boxes, before.boxes) { #expect(a == b, "round \(round)") }
                #expect(after.subscriptions == before.subscriptions)
                // And it goes on from there.
                if round == 1 { try await self.load(store, account, "d") }
            }
        }
        #expect(volume.problems.allSatisfy { $0.hasPrefix("the index is gone") })
    }

    /// Mailboxes made, renamed and deleted; messages stored, copied, moved, flagged and removed.
    private func load(_ store: IndexedStore, _ account: any MailAccount, _ run: String) async throws {
        let work = try #require(MailboxName("Work \(run)"))
        let gone = try #require(MailboxName("Gone \(run)"))
        let kept = try #require(MailboxName("Kept \(run)/below"))
        try await account.create(work, specialUse: run == "a" ? .archive : nil)
        try await account.create(gone, specialUse: nil)
        try await account.subscribe(work)
        try await account.subscribe(gone)
        try await account.unsubscribe(gone)
        let keyword = try #require(Keyword("k\(run)"))
        for number in 0..<10 {
            try await store.put(
                message("\(run)\(number)", lines: 40), account, flags: number == 3 ? [.flagged] : [],
                keywords: number == 4 ? [keyword] : [])
            try await store.put(message("\(run)g\(number)"), account, gone)
        }
        let inbox = try await account.open(.inbox, .readWrite, onChange: {})
        let uids = inbox.snapshot().records.suffix(10).map(\.uid)
        _ = inbox.takeRecent()
        _ = try await inbox.store(FlagChange(.add, [.seen], [keyword]), UIDSet(uids[0..<4]), unchangedSince: nil)
        _ = try await inbox.copy(UIDSet(uids[2..<6]), to: work)
        _ = try await inbox.move(UIDSet(uids[5..<7]), to: work)
        _ = try await inbox.remove(UIDSet(uids[7..<9]))
        _ = try await inbox.store(FlagChange(.replace, [.answered]), UIDSet(uids[1..<2]), unchangedSince: nil)
        inbox.close()
        try await account.rename(work, to: kept)
        try await account.delete(gone)
    }

    /// A checkpoint is read while mailboxes change: what is in it is of many moments.
    @Test(arguments: TestFormat.allCases) func checkpointOfAWorkingVolume(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        let before = try await volume.with { configuration in
            configuration.logSegmentSize = 16_384
        } _: { store in
            let account = try await store.account(volume.identity("anna"))
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    for run in 0..<6 { try? await self.load(store, account, "w\(run)") }
                }
                group.addTask {
                    for _ in 0..<25 { try? await store.keepLogShort() }
                }
            }
            return try await Picture(account, since: .zero)
        }
        Shell.remove("\(volume.directory)/volume/index")
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            let after = try await Picture(account, since: .zero)
            #expect(after.boxes.count == before.boxes.count)
            for (a, b) in zip(after.boxes, before.boxes) { #expect(a == b) }
        }
        #expect(volume.problems.allSatisfy { $0.hasPrefix("the index is gone") })
    }

    /// A message comes into a mailbox, is copied, and the mailbox is deleted, all between two rows of a checkpoint.
    @Test func mailboxDeletedDuringACheckpoint() async throws {
        let volume = try TestVolume(.pack)
        let from = try #require(MailboxName("From"))
        let to = try #require(MailboxName("To"))
        let isHeld = Mutex(false)
        let (reached, arrival) = AsyncStream.makeStream(of: Void.self)
        var ends: [CInt] = [-1, -1]
        try #require(pipe(&ends) == 0)
        let (wait, release) = (ends[0], ends[1])
        try await volume.with { configuration in
            configuration.crashPoint = { point in
                guard point == .inCheckpoint, isHeld.withLock({ $0 }) else { return }
                isHeld.withLock { $0 = false }
                arrival.yield()
                var byte: UInt8 = 0
                _ = read(wait, &byte, 1)
            }
        } _: { store in
            let account = try await store.account(volume.identity("anna"))
            try await account.create(from, specialUse: nil)
            try await account.create(to, specialUse: nil)
            try await store.put(message("before"), account)
            isHeld.withLock { $0 = true }
            // Bodies have been read then, mailboxes and messages not.
            async let kept: Void = store.keepLogShort()
            for await _ in reached { break }
            try await store.put(message("copied"), account, from)
            let source = try await account.open(from, .readWrite, onChange: {})
            _ = try await source.copy([.first], to: to)
            source.close()
            try await account.delete(from)
            close(release)
            try await kept
        }
        close(wait)
        Shell.remove("\(volume.directory)/volume/index")
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            let target = try await account.open(to, .readOnly, onChange: {})
            #expect(try await target.subjects() == ["copied"])
            target.close()
            #expect(try await account.mailboxes().map(\.name.text) == ["INBOX", "To"])
        }
        #expect(volume.problems.allSatisfy { $0.hasPrefix("the index is gone") })
    }

    /// Sparse segments are given back, what is left in them stays readable, and the log does not grow with what was.
    @Test func cleaningGivesSpaceBack() async throws {
        let volume = try TestVolume(.pack)
        let kept = try #require(MailboxName("Kept"))
        func check(_ store: IndexedStore) async throws {
            let account = try await store.account(volume.identity("anna"))
            let mailbox = try await account.open(kept, .readOnly, onChange: {})
            #expect(try await mailbox.subjects() == (0..<10).map { "k\($0)" })
            mailbox.close()
        }
        try await volume.with { configuration in
            configuration.logSegmentSize = 65_536
        } _: { store in
            let account = try await store.account(volume.identity("anna"))
            try await account.create(kept, specialUse: nil)
            for round in 0..<10 {
                try await store.put(message("k\(round)", lines: 50), account, kept)
                for number in 0..<20 { try await store.put(message("x\(number)", lines: 200), account) }
                try await account.open(.inbox, .readWrite, onChange: {}).removeAll()
                try await store.keepLogShort()
            }
            try await check(store)
            let segments = Shell.names("\(volume.directory)/volume/log").filter { $0.hasSuffix(".segment") }
            #expect(segments.count <= 4)
        }
        try await volume.with { store in try await check(store) }
        Shell.remove("\(volume.directory)/volume/index")
        try await volume.with { store in try await check(store) }
        #expect(volume.problems.allSatisfy { $0.hasPrefix("the index is gone") })
    }

    /// Damage in the middle of the log: told, and only what is in it is lost.
    @Test func damageIsToldAndSkipped() async throws {
        let volume = try TestVolume(.pack)
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            for number in 0..<20 { try await store.put(message("m\(number)", lines: 20), account) }
        }
        let path = "\(volume.directory)/volume/log/00000001.segment"
        var octets = try #require(Shell.read(path))
        let place = try #require(Self.find("Line 3 of m7.", in: octets))
        octets[place] ^= 0x20
        Shell.write(octets, path)
        for losesIndex in [false, true] {
            if losesIndex { Shell.remove("\(volume.directory)/volume/index") }
            try await volume.with { store in
                let account = try await store.account(volume.identity("anna"))
                let inbox = try await account.open(.inbox, .readWrite, onChange: {})
                let records = inbox.snapshot().records
                #expect(records.map(\.uid.rawValue) == (1...20).filter { !losesIndex || $0 != 8 }.map { UInt32($0) })
                var lost = 0
                for record in records {
                    do {
                        _ = try #require(await inbox.octets(of: [record], limit: 1 << 20).first).get()
                    } catch {
                        #expect((error as? StoreError)?.code == .damaged)
                        #expect(record.uid.rawValue == 8)
                        lost += 1
                    }
                }
                #expect(lost == (losesIndex ? 0 : 1))
                inbox.close()
            }
        }
        #expect(volume.problems.contains { $0.contains("is damaged at") })
    }

    /// What `martlet dump log` shows: every record, understood.
    @Test(arguments: TestFormat.allCases) func dumpKnowsEveryRecord(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            try await self.load(store, account, "a")
            try await store.keepLogShort()
        }
        var rows: [LogDump.Row] = []
        try LogDump.run(directory: "\(volume.directory)/volume/log") { row in
            rows.append(row)
            return true
        }
        #expect(rows.map(\.sequence) == Array(1...UInt64(rows.count)))
        let kinds = Set(rows.map(\.kind))
        #expect(!kinds.contains("unknown"))
        #expect(kinds.isSuperset(of: ["account", "mailboxCreated", "added", "flagged", "checkpoint", "closed"]))
    }

    private static func find(_ text: String, in octets: [UInt8]) -> Int? {
        let wanted = Array(text.utf8)
        return octets.indices.first { octets[$0...].starts(with: wanted) }
    }
}

/// The process dies while the log is kept short, or the power fails.
@Suite struct KeeperCrashTests {
    static let points: [CrashPoint] = [
        .beforeCheckpoint, .inCheckpoint, .afterCheckpoint, .beforeCleaning, .afterCleaning, .beforeRecycling,
    ]

    static let cases: [CrashTests.Case] = TestFormat.allCases.flatMap { format in
        Self.points.filter { format == .pack || ($0 != .beforeCleaning && $0 != .afterCleaning) }.flatMap { point in
            [1, 2, 3, 7].map { CrashTests.Case(point: point, time: $0, format: format) }
        }
    }

    /// What else is lost with the process.
    enum Loss: String, CaseIterable { case nothing, index, power }

    @Test(arguments: cases, Loss.allCases)
    func everyAnswerHolds(_ crash: CrashTests.Case, _ loss: Loss) async throws {
        // Of a Maildir's files, power loss is CrashTests' business.
        if loss == .power, crash.format == .maildir { return }
        try await Self.run(crash, loss)
    }

    static let powerCases: [CrashTests.Case] = CrashTests.packCases.flatMap { crash in
        (0..<3).map { CrashTests.Case(point: crash.point, time: crash.time + 9 * $0, format: .pack) }
    }

    @Test(arguments: powerCases) func powerLossTakesNothing(_ crash: CrashTests.Case) async throws {
        try await Self.run(crash, .power)
    }

    @Test(arguments: powerCases) func lossOfPowerAndIndexTakesNothing(_ crash: CrashTests.Case) async throws {
        try await Self.run(crash, .power, removesIndex: true)
    }

    private static func run(
        _ crash: CrashTests.Case, _ loss: Loss, removesIndex: Bool = false
    ) async throws {
        let volume = try TestVolume(crash.format)
        let directory = volume.directory
        let point = crash.point.rawValue
        let time = crash.time
        let format = crash.format.rawValue
        let losing = loss.rawValue
        await #expect(processExitsWith: .exitCode(77)) {
            [
                directory = directory as String, point = point as String, time = time as Int,
                format = format as String, losing = losing as String
            ] in
            let disk = losing == "power" ? LosingDisk() : nil
            await CrashLoad(
                directory, .succeed, point, time, TestFormat(rawValue: format) ?? .maildir, .isCleaned, disk: disk
            ).run()
        }
        let journal = CrashJournal(String(decoding: Shell.read("\(directory)/answers") ?? [], as: UTF8.self))
        if time == 1 { #expect(!journal.isFinished, "the process never came to \(crash.point)") }
        if loss == .index || removesIndex { Shell.remove("\(directory)/volume/index") }
        try await volume.with { store in try await journal.check(store, volume) }
        try await volume.with { store in
            #expect(store.openReport.wasClean)
            try await store.keepLogShort()
            try await journal.check(store, volume)
        }
        Shell.remove("\(directory)/volume/index")
        try await volume.with { store in try await journal.check(store, volume) }
        #expect(volume.problems.filter { !$0.hasPrefix("the index is gone") } == [])
    }
}
