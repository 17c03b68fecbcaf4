import Glibc
import MailCore
import MailStore
import Synchronization
import Testing
import VolumeLog

@testable import IndexedStore

/// Two volumes as one store, and accounts that move between them.
@Suite struct VolumeSetTests {
    /// Two volumes in a directory that is removed with the last reference.
    final class Pair: Sendable {
        let volume: TestVolume

        init(_ format: TestFormat = .maildir) throws { self.volume = try TestVolume(format) }

        var configurations: [IndexedStore.Configuration] {
            ["one", "two"].map { name in
                self.volume.configuration { configuration in
                    configuration.directory = "\(self.volume.directory)/\(name)"
                    configuration.volumeName = name
                }
            }
        }

        func identity(_ name: String, _ place: String = "") -> AccountIdentity {
            var identity = self.volume.identity(name)
            identity.volume = place
            return identity
        }

        func with<R>(
            _ change: (inout [IndexedStore.Configuration]) -> Void = { _ in }, _ body: (VolumeSet) async throws -> R
        ) async throws -> R {
            var configurations = self.configurations
            change(&configurations)
            let set = try VolumeSet.open(configurations, usual: "one")
            do {
                let result = try await body(set)
                await set.close()
                return result
            } catch {
                await set.close()
                throw error
            }
        }
    }

    /// Of a file system that is full it is told which volume's it is, as long as something waits for it.
    @Test func aFullVolumeIsNamed() async throws {
        let pair = try Pair(.pack)
        let disk = FailingDisk()
        try await pair.with {
            $0[1].logFiles = disk.files
        } _: { set in
            let ben = try await set.account(pair.identity("ben", "two"))
            try await set.put(message("before"), ben)
            let inbox = try await ben.open(.inbox, .readWrite, onChange: {})
            let before = try await set.figures()
            #expect(before.failure == nil)
            #expect(before.volumes.map(\.name) == ["one", "two"])
            disk.trouble.withLock { $0 = .full }
            _ = try await inbox.store(FlagChange(.add, [.flagged]), [.first], unchangedSince: nil)
            let error = await #expect(throws: StoreError.self) { try await set.put(message("refused"), ben) }
            #expect(error?.code == .diskFull)
            let full = try await set.figures()
            #expect(full.failure?.hasPrefix("volume two: ") == true, "\(full.failure ?? "")")
            #expect(full.volumes.map({ $0.failure == nil }) == [true, false])
            disk.trouble.withLock { $0 = .none }
            try await set.put(message("after"), ben)
            let after = try await set.figures()
            #expect(after.failure == nil)
            #expect(after.volumes.map({ $0.failure == nil }) == [true, true])
            inbox.close()
        }
    }

    static let work = MailboxName("Work/2026") ?? .inbox

    /// Two mailboxes with messages of every sort, and what else an account can have.
    private func fill(_ store: VolumeSet, _ account: any MailAccount) async throws {
        try await account.create(Self.work, specialUse: .archive)
        try await account.subscribe(Self.work)
        let keyword = try #require(Keyword("$Label"))
        for number in 0..<90 {
            try await store.put(
                message("m\(number)", lines: 3 + number), account, number % 3 == 0 ? Self.work : .inbox,
                flags: number % 4 == 0 ? [.seen, .answered] : [], keywords: number % 5 == 0 ? [keyword] : [])
        }
        let inbox = try await account.open(.inbox, .readWrite, onChange: {})
        _ = try await inbox.store(
            FlagChange(.add, [.flagged]), UIDSet(UID.first...UID(nonZero: 9)), unchangedSince: nil)
        _ = try await inbox.remove(UIDSet(UID(nonZero: 20)...UID(nonZero: 24)))
        _ = try await inbox.copy(UIDSet(UID.first...UID(nonZero: 4)), to: Self.work)
        inbox.close()
        let comment = try #require(MetadataEntry("/private/comment"))
        try await account.setMetadata([MetadataChange(comment, Array("x".utf8))], of: .mailbox(Self.work))
        try await account.setMetadata([MetadataChange(comment, Array("y".utf8))], of: .server)
        try await account.changeAccessList(of: Self.work) { (list) throws(StoreError) in
            list.set(.user("ben"), isNegative: false, .replace, [.lookup, .read])
        }
        try await account.setQuotaLimits(QuotaLimits(storage: 1 << 30, messages: 5000))
    }

    /// What an account is for those who look at it.
    private struct Whole {
        var picture: KeeperTests.Picture
        var metadata: [String]
        var list: AccessList
        var usage: QuotaStatus

        init(_ account: any MailAccount) async throws {
            self.picture = try await KeeperTests.Picture(account, since: .zero)
            self.metadata = []
            for owner in [MetadataOwner.server, .mailbox(VolumeSetTests.work)] {
                for entry in try await account.metadata(of: owner) {
                    self.metadata.append("\(entry.entry.text) \(String(decoding: entry.value, as: UTF8.self))")
                }
            }
            self.list = try await account.accessList(of: VolumeSetTests.work)
            self.usage = try await account.quota()
        }
    }

    private func compare(_ account: any MailAccount, _ before: Whole) async throws {
        let after = try await Whole(account)
        #expect(after.picture.boxes.count == before.picture.boxes.count)
        for (a, b) in zip(after.picture.boxes, before.picture.boxes) { #expect(a == b) }
        #expect(after.picture.subscriptions == before.picture.subscriptions)
        #expect(after.metadata == before.metadata)
        #expect(after.list == before.list)
        #expect(after.usage == before.usage)
    }

    /// Who asks one volume alone, as a delivery to what a user sees of all mail does, opens no account there that is about to
    /// leave: what it took would be lost.
    @Test(arguments: TestFormat.allCases) func nobodyOpensWhatLeaves(_ format: TestFormat) async throws {
        let pair = try Pair(format)
        let identity = pair.identity("anna")
        let opener = Opener(identity)
        try await pair.with({ $0[1].crashPoint = { if $0 == .afterFlush { opener.run() } } }) { set in
            let account = try await set.account(identity)
            try await set.put(message("m"), account)
            opener.leaving.withLock { $0 = account as? StoreAccount }
            opener.store.withLock { $0 = set.stores[0] }
            _ = try await set.move(identity, toVolume: "two")
            opener.leaving.withLock { $0 = nil }
            #expect(opener.outcome.withLock { $0 } == "temporary")
            #expect(try await set.account(identity).identity.volume == "two")
            // And back again: the first volume takes it.
            _ = try await set.move(identity, toVolume: "one")
            let back = try await set.account(identity)
            #expect(back.identity.volume == "one")
            try await set.put(message("n"), back)
            opener.store.withLock { $0 = nil }
        }
    }

    /// Whatever flush fails on the way, and whether or not its records are on the disk: behind a restart the account is in one
    /// volume, with all that was acknowledged.
    @Test(arguments: TestFormat.allCases, [0, 1]) func everyFlushFails(_ format: TestFormat, _ place: Int) async throws
    {
        for point in 0..<40 {
            let pair = try Pair(format)
            let identity = pair.identity("anna")
            let disk = BrokenFlush()
            var stored = ["a", "b"]
            try await pair.with({ $0[place].logFiles = disk.files }) { set in
                let account = try await set.account(identity)
                for subject in stored { try await set.put(message(subject), account) }
                disk.left.withLock { $0 = point }
                _ = try? await set.move(identity, toVolume: "two")
                let late = try? await set.account(identity)
                if let late, (try? await set.put(message("late"), late)) != nil { stored.append("late") }
            }
            try await pair.with { set in
                let account = try await set.account(identity)
                let inbox = try await account.open(.inbox, .readWrite, onChange: {})
                let found = try await inbox.subjects()
                // What was refused may be there: nothing could be written over it.
                #expect(found == stored || found == stored + ["late"], "flush \(point)")
                inbox.close()
                try await set.put(message("after"), account)
            }
            if disk.left.withLock({ $0 > 0 }) { return }
        }
        Issue.record("more flushes than expected")
    }

    /// A disk of which one flush fails, although its octets have come to it, and which takes nothing from then on: what is
    /// refused cannot be taken back.
    private final class BrokenFlush: Sendable {
        /// Flushes before that one; negative: it was.
        let left = Mutex(Int.max)

        var files: FileOperations {
            var files = FileOperations.system
            files.flush = { [self] file in
                let done = FileOperations.system.flush(file)
                let fails = self.left.withLock { left in
                    left -= 1
                    return left == -1
                }
                guard fails else { return done }
                errno = EIO
                return -1
            }
            files.write = { [self] file, octets, offset in
                if self.left.withLock({ $0 >= 0 }) { return FileOperations.system.write(file, octets, offset) }
                errno = EIO
                return -1
            }
            return files
        }
    }

    /// Opens an account in one volume when its object there is of no use any more.
    private final class Opener: Sendable {
        let leaving = Mutex<StoreAccount?>(nil)
        let store = Mutex<IndexedStore?>(nil)
        let outcome = Mutex<String?>(nil)
        private let identity: AccountIdentity

        init(_ identity: AccountIdentity) { self.identity = identity }

        /// Waits until that is done, or refused.
        func run() {
            guard self.leaving.withLock({ $0?.isRetired ?? false }), let store = self.store.withLock({ $0 }),
                self.outcome.withLock({ $0 }) == nil
            else { return }
            self.outcome.withLock { $0 = "begun" }
            Task {
                do throws(StoreError) {
                    _ = try await store.account(self.identity)
                    self.outcome.withLock { $0 = "opened" }
                } catch {
                    self.outcome.withLock { $0 = "\(error.code)" }
                }
            }
            for _ in 0..<5000 where self.outcome.withLock({ $0 }) == "begun" { usleep(1000) }
        }
    }

    @Test(arguments: TestFormat.allCases) func everythingGoesAlong(_ format: TestFormat) async throws {
        let pair = try Pair(format)
        let identity = pair.identity("anna")
        let before = try await pair.with { set in
            let account = try await set.account(identity)
            #expect(account.identity.volume == "one")
            try await self.fill(set, account)
            let parcel = OutgoingTests.parcel(message("sent"), account, to: "x@example.net", remembering: "k")
            _ = try (await set.deliver([parcel])).first?.effects.get()
            let before = try await Whole(account)
            let session = try await account.open(.inbox, .readWrite, onChange: {})
            let count = try await set.move(identity, toVolume: "two")
            #expect(count == 90)
            #expect(session.isRetired && !session.isDeleted)
            session.close()
            // The old object takes nothing more, and says that it is to be tried again.
            let refused = await #expect(throws: StoreError.self) { try await set.put(message("late"), account) }
            #expect(refused?.code == .temporary)
            let created = await #expect(throws: StoreError.self) {
                try await account.create(try #require(MailboxName("Late")), specialUse: nil)
            }
            #expect(created?.code == .temporary)
            let moved = try await set.account(identity)
            #expect(moved.identity.volume == "two")
            try await self.compare(moved, before)
            #expect(try await set.move(identity, toVolume: "two") == 0)
            #expect(try !set.deliveryMemory.claim(OutgoingTests.key("k"), of: moved, at: 1_800_000_000))
            #expect(try await set.accountsSharing(with: [.user("ben")]) == ["anna"])
            #expect(try await set.accountNames() == ["anna"])
            // Nobody who still has the old place in hand makes an account there.
            let stale = await #expect(throws: StoreError.self) { try await set.stores[0].account(identity) }
            #expect(stale?.code == .temporary)
            // What waits for the MTA is sent from where it was.
            let mail = try #require(set.outgoingQueue?.mails.first)
            #expect(mail.account.name == "anna")
            _ = try await set.outgoingQueue?.content(of: mail.id)
            return before
        }
        // After a restart; and made again from the new volume's log alone.
        for losesIndex in [false, true] {
            if losesIndex {
                Shell.remove("\(pair.volume.directory)/two/index")
                Shell.remove("\(pair.volume.directory)/one/index")
            }
            try await pair.with { set in
                let account = try await set.account(identity)
                #expect(account.identity.volume == "two")
                try await self.compare(account, before)
                #expect(set.outgoingQueue?.mails.first?.account.name == "anna")
            }
        }
        // Back again, where its old number is another's by now; and it goes on.
        try await pair.with { set in
            try await set.put(message("x"), try await set.account(pair.identity("other")))
            _ = try await set.move(identity, toVolume: "one")
            let account = try await set.account(identity)
            try await self.compare(account, before)
            let stored = try await set.put(message("after"), account)
            #expect(stored.uid.rawValue == before.picture.boxes[0].uidNext)
            let other = try await set.account(pair.identity("other"))
            #expect(try await other.status(of: .inbox).messages == 1)
        }
        #expect(
            pair.volume.problems.filter { !$0.hasPrefix("the index is gone") && !$0.contains("is in the volume") } == []
        )
    }

    private final class Subjects: Sendable {
        let set = Mutex(Set<String>())
    }

    @Test(arguments: TestFormat.allCases) func accountIsUsedMeanwhile(_ format: TestFormat) async throws {
        let pair = try Pair(format)
        let identity = pair.identity("anna")
        let stored = Subjects()
        try await pair.with { set in
            try await self.fill(set, try await set.account(identity))
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    for number in 0..<200 {
                        guard let account = try? await set.account(identity) else { continue }
                        let subject = "d\(number)"
                        guard (try? await set.put(message(subject), account)) != nil else { continue }
                        stored.set.withLock { _ = $0.insert(subject) }
                        if number % 10 == 0, let inbox = try? await account.open(.inbox, .readWrite, onChange: {}) {
                            let uids = UIDSet(inbox.snapshot().records.suffix(3).map(\.uid))
                            _ = try? await inbox.store(FlagChange(.add, [.draft]), uids, unchangedSince: nil)
                            _ = try? await inbox.copy(uids, to: Self.work)
                            inbox.close()
                        }
                    }
                }
                group.addTask {
                    for place in ["two", "one", "two"] {
                        do {
                            _ = try await set.move(identity, toVolume: place)
                        } catch {
                            Issue.record("\(error)")
                        }
                    }
                }
            }
            let account = try await set.account(identity)
            let inbox = try await account.open(.inbox, .readOnly, onChange: {})
            let subjects = try await inbox.subjects()
            #expect(Set(subjects).count == subjects.count)
            #expect(stored.set.withLock { $0 }.isSubset(of: subjects))
            #expect(subjects.count { $0.hasPrefix("m") } == 55)
            inbox.close()
        }
        try await pair.with { set in
            let inbox = try await set.account(identity).open(.inbox, .readOnly, onChange: {})
            #expect(stored.set.withLock { $0 }.isSubset(of: try await inbox.subjects()))
            inbox.close()
        }
        #expect(pair.volume.problems.filter { !$0.contains("is in the volume") } == [])
    }

    /// All messages with a body that has come already go, and then there is one again.
    @Test(arguments: 1...14) func sharedBodiesComeAgain(_ time: Int) async throws {
        let pair = try Pair(.pack)
        let identity = pair.identity("anna")
        let last = try #require(MailboxName("Work/Last"))
        let turnstile = Turnstile(0)
        try await pair.with {
            $0[1].crashPoint = { if $0 == .afterApply { turnstile.pass() } }
        } _: { set in
            let account = try await set.account(identity)
            for name in [Self.work, last] { try await account.create(name, specialUse: nil) }
            try await set.put(message("shared"), account)
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            let work = try await account.open(Self.work, .readWrite, onChange: {})
            _ = try await inbox.copy([.first], to: Self.work)
            turnstile.arm(time)
            let isOver = Mutex(false)
            async let count: Int = {
                defer { isOver.withLock { $0 = true } }
                return try await set.move(identity, toVolume: "two")
            }()
            await eventually { turnstile.isHolding || isOver.withLock { $0 } }
            // Refused when the account is shut by now.
            if (try? await inbox.copy([.first], to: last)) != nil {
                _ = try? await inbox.remove([.first])
                _ = try? await work.remove([.first])
            }
            turnstile.open()
            _ = try await count
            inbox.close()
            work.close()
            let moved = try await KeeperTests.Picture(try await set.account(identity), since: .zero)
            #expect(moved.boxes.contains { !$0.messages.isEmpty })
        }
    }

    /// The process dies in the middle; the account is whole in one of the volumes, and the move is repeated.
    @Test(arguments: TestFormat.allCases, [1, 2, 3, 5, 8, 12, 16, 20, 24]) func diesWhileMoving(
        _ format: TestFormat, _ time: Int
    ) async throws {
        let pair = try Pair(format)
        let identity = pair.identity("anna")
        let before = try await pair.with { set in
            let account = try await set.account(identity)
            try await self.fill(set, account)
            return try await KeeperTests.Picture(account, since: .zero)
        }
        let directory = pair.volume.directory
        for point in [CrashPoint.afterFlush, .afterApply] {
            let point = point.rawValue
            let format = format.rawValue
            await #expect(processExitsWith: .exitCode(77)) {
                [
                    directory = directory as String, point = point as String, format = format as String,
                    time = time as Int
                ]
                in
                let countdown = Countdown(time)
                let test = TestDirectory(directory, .succeed, TestFormat(rawValue: format) ?? .maildir) { reached in
                    if reached.rawValue == point, countdown.isLast { _exit(77) }
                }
                let configurations = ["one", "two"].map { name in
                    var configuration = test.configuration
                    configuration.directory = "\(directory)/\(name)"
                    configuration.volumeName = name
                    return configuration
                }
                if let set = try? VolumeSet.open(configurations, usual: "one"),
                    let known = try? await set.account(test.identity("anna"))
                {
                    let place = known.identity.volume == "one" ? "two" : "one"
                    _ = try? await set.move(test.identity("anna"), toVolume: place)
                    await set.close()
                }
                _exit(77)
            }
            try await pair.with { set in
                var names: [String] = []
                for store in set.stores { names += try await store.accountNames() }
                #expect(names == ["anna"])
                let after = try await KeeperTests.Picture(try await set.account(identity), since: .zero)
                #expect(after.boxes.count == before.boxes.count)
                for (a, b) in zip(after.boxes, before.boxes) {
                    // An unclean end adds to the MODSEQ.
                    #expect(a.messages == b.messages && a.vanished == b.vanished && a.uidNext == b.uidNext)
                    #expect(a.modSeq >= b.modSeq && a.validity == b.validity && a.guid == b.guid)
                }
            }
        }
    }

    @Test func bothHaveIt() async throws {
        let pair = try Pair(.pack)
        let identity = pair.identity("anna")
        try await pair.with { set in
            try await set.put(message("a"), try await set.account(identity))
            _ = try await set.move(identity, toVolume: "two")
            try await set.put(message("b"), try await set.account(identity))
            // As after an end between the two records.
            var row = AccountRow(identity: identity)
            row.moves = 0
            _ = try set.stores[0].volume.commitAndApply([.accountArrived(AccountArrived(id: 9, row: row))])
        }
        try await pair.with { set in
            let account = try await set.account(identity)
            #expect(account.identity.volume == "two")
            #expect(try await account.status(of: .inbox).messages == 2)
            #expect(try await set.stores[0].accountNames() == [])
        }
    }

    @Test(arguments: TestFormat.allCases, TestFormat.allCases)
    func copiesAcross(_ from: TestFormat, _ to: TestFormat) async throws {
        let pair = try Pair(from)
        try await pair.with { set in
            var other = pair.identity("ben", "two")
            other.driver = to.rawValue
            let anna = try await set.account(pair.identity("anna"))
            let ben = try await set.account(other)
            #expect(ben.identity.volume == "two")
            let keyword = try #require(Keyword("$Label"))
            for number in 0..<5 {
                try await set.put(message("m\(number)"), anna, flags: [.seen], keywords: [keyword])
            }
            try await set.put(message("first"), ben)
            let inbox = try await anna.open(.inbox, .readWrite, onChange: {})
            defer { inbox.close() }
            let all = UIDSet(UID.first...UID(nonZero: 3))
            let copied = try await inbox.transfer(
                all, to: DepositDestination(account: ben, name: .inbox, rights: .all), .copy)
            #expect(copied.source == all)
            #expect(copied.target == UIDSet(UID(nonZero: 2)...UID(nonZero: 4)))
            let moved = try await inbox.transfer(
                [UID(nonZero: 5)], to: DepositDestination(account: ben, name: .inbox, rights: .all), .move)
            #expect(moved.target == [UID(nonZero: 5)])
            #expect(inbox.snapshot().uids == [1, 2, 3, 4])
            let target = try await ben.open(.inbox, .readOnly, onChange: {})
            defer { target.close() }
            #expect(try await target.subjects() == ["first", "m0", "m1", "m2", "m4"])
            let record = target.snapshot()[1]
            #expect(record.flags == [.seen] && record.size == inbox.snapshot()[0].size)
            #expect(target.snapshot().keywords.keywords == [keyword])
            #expect(
                try await target.details(of: UID(nonZero: 2)).guid == inbox.details(of: UID.first).guid)
            let missing = await #expect(throws: StoreError.self) {
                try await inbox.transfer(
                    all, to: DepositDestination(account: ben, name: Self.work, rights: .all), .copy)
            }
            #expect(missing?.code == .notFound)
            // Nothing stays of what does not fit.
            try await ben.setQuotaLimits(QuotaLimits(messages: 6))
            let full = await #expect(throws: StoreError.self) {
                try await inbox.transfer(
                    all, to: DepositDestination(account: ben, name: .inbox, rights: .all), .move)
            }
            #expect(full?.code == .overQuota)
            #expect(inbox.snapshot().count == 4)
            #expect(target.snapshot().count == 5)
        }
        #expect(pair.volume.problems == [])
    }

    @Test(arguments: TestFormat.allCases) func oneMessageForUsersOfBoth(_ format: TestFormat) async throws {
        let pair = try Pair(format)
        try await pair.with { set in
            let anna = try await set.account(pair.identity("anna"))
            let ben = try await set.account(pair.identity("ben", "two"))
            let shared = message("to all")
            let results = await set.deliver([
                Parcel(deposits: [Deposit(message: shared, account: anna, mailbox: .inbox)]),
                Parcel(deposits: [Deposit(message: shared, account: ben, mailbox: .inbox)]),
                Parcel(deposits: [
                    Deposit(message: shared, account: ben, mailbox: .inbox),
                    Deposit(message: shared, account: anna, mailbox: .inbox),
                ]),
                Parcel(deposits: [Deposit(message: shared, account: ben, mailbox: Self.work)]),
            ])
            #expect(results.map(\.deposits.count) == [1, 1, 2, 1])
            for result in results[..<3] {
                _ = try result.effects.get()
                for deposit in result.deposits { _ = try deposit.get() }
            }
            #expect(throws: StoreError.self) { try results[3].deposits[0].get() }
            for account in [anna, ben] {
                #expect(try await account.status(of: .inbox).messages == 2)
            }
            var parcel = OutgoingTests.parcel(message("w"), anna, to: "x@example.net", remembering: "k")
            parcel.deposits.append(Deposit(message: shared, account: ben, mailbox: Self.work))
            let failed = try #require(await set.deliver([parcel]).first)
            #expect(throws: StoreError.self) { try failed.effects.get() }
            #expect(set.outgoingQueue?.mails.count == 0)
        }
    }

    @Test func logsAreExaminedOneAfterTheOther() async throws {
        let pair = try Pair(.pack)
        try await pair.with { set in
            for name in ["anna", "ben"] {
                let account = try await set.account(pair.identity(name, name == "ben" ? "two" : ""))
                for number in 0..<40 { try await set.put(message("m\(number)", lines: 2000), account) }
            }
            var next: UInt32? = 0
            var octets = 0
            var slices = 0
            while let first = next {
                let slice = try await set.verifyLog(from: first)
                #expect(slice.findings == [])
                octets += slice.octets
                slices += 1
                next = slice.next
            }
            #expect(octets > 2 << 20 && slices > 3)
            #expect(try await set.identities().map(\.name) == ["anna", "ben"])
        }
    }

    /// Settings that leave out a volume with accounts are noticed before anything is opened.
    @Test func volumeLeftOut() async throws {
        let pair = try Pair()
        let entries = pair.configurations.map { VolumeRoster.Entry(name: $0.volumeName, directory: $0.directory) }
        let (one, two) = (entries[0], entries[1])
        #expect(VolumeRoster.missing(from: entries) == [])
        try await pair.with { set in _ = try await set.account(pair.identity("anna", "one")) }
        #expect(VolumeRoster.missing(from: [one]) == [])
        #expect(VolumeRoster.missing(from: [two]) == [one])
        try await pair.with { set in _ = try await set.account(pair.identity("ben", "two")) }
        #expect(VolumeRoster.missing(from: [one]) == [two])
        #expect(VolumeRoster.missing(from: entries) == [])
        // Under another name, or in another place.
        #expect(VolumeRoster.missing(from: [one, .init(name: "new", directory: two.directory)]) == [])
        #expect(VolumeRoster.missing(from: [one, .init(name: "two", directory: "/elsewhere")]) == [])
        try await pair.with { set in _ = try await set.move(pair.identity("ben"), toVolume: "one") }
        #expect(VolumeRoster.missing(from: [one]) == [])
        // Written before this release knew of it, or by nobody.
        Shell.write(Array("something else\n".utf8), "\(two.directory)/log/volumes")
        #expect(VolumeRoster.missing(from: [two]) == [])
        try await pair.with { _ in }
        #expect(VolumeRoster.missing(from: [two]) == [one])
    }

    @Test func unknownVolumes() async throws {
        let pair = try Pair()
        try await pair.with { set in
            let none = await #expect(throws: StoreError.self) { try await set.account(pair.identity("a", "three")) }
            #expect(none?.code == .cannot)
            let move = await #expect(throws: StoreError.self) {
                try await set.move(pair.identity("a"), toVolume: "three")
            }
            #expect(move?.code == .cannot)
        }
        #expect(throws: StoreError.self) { try VolumeSet.open(pair.configurations, usual: "three") }
    }
}

/// Flags of readers whose accounts are in another volume than the mailbox.
@Suite struct VolumeSetReaderTests {
    @Test(arguments: TestFormat.allCases) func goAlong(_ format: TestFormat) async throws {
        let pair = try VolumeSetTests.Pair(format)
        try await pair.with { set in
            let ben = try await set.account(pair.identity("ben", "two"))
            let own = PrivateFlags(of: ben, .seen, includesKeywords: true)
            func seen() async throws -> [UInt32] {
                let anna = try await set.account(pair.identity("anna"))
                let inbox = try await anna.open(.inbox, .readOnly, as: own, onChange: {})
                defer { inbox.close() }
                let all = inbox.snapshot().records.filter { $0.flags.contains(.seen) }.map(\.uid.rawValue)
                #expect(try await anna.status(of: .inbox, as: own).unseen == 3 - all.count)
                return all
            }
            let anna = try await set.account(pair.identity("anna"))
            for number in 0..<3 { try await set.put(message("m\(number)"), anna, flags: [.seen]) }
            let inbox = try await anna.open(.inbox, .readWrite, as: own, onChange: {})
            _ = try await inbox.store(FlagChange(.add, [.seen]), [UID(nonZero: 2)], unchangedSince: nil)
            // Into a mailbox of another volume goes what the reader sees.
            let goal = DepositDestination(account: ben, name: .inbox, rights: .all)
            let copied = try await inbox.transfer(UIDSet(UID.first...UID(nonZero: 2)), to: goal, .copy)
            #expect(copied.target == UIDSet(UID.first...UID(nonZero: 2)))
            inbox.close()
            let target = try await ben.open(.inbox, .readOnly, onChange: {})
            #expect(target.snapshot().records.map { $0.flags.contains(.seen) } == [false, true])
            target.close()
            #expect(try await seen() == [2])
            _ = try await set.move(pair.identity("anna"), toVolume: "two")
            #expect(try await seen() == [2])
        }
        try await pair.with { set in
            let ben = try await set.account(pair.identity("ben", "two"))
            let anna = try await set.account(pair.identity("anna"))
            let own = PrivateFlags(of: ben, .seen, includesKeywords: true)
            #expect(try await anna.status(of: .inbox, as: own).unseen == 2)
        }
    }
}
