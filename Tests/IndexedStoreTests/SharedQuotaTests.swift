import MailCore
import MailStore
import Synchronization
import Testing

@testable import IndexedStore

/// One quota for several accounts of a user.
@Suite struct SharedQuotaTests {
    static let box = MailboxName("Box") ?? .inbox

    /// The account with INBOX, and that of a further namespace which counts in its quota.
    struct Circle {
        var anna: any MailAccount
        var archive: any MailAccount

        static let name = AccountIdentity.namespacePrefix + "anna:archive"

        init(
            _ store: any MailStore, _ volume: TestVolume, storage: Int64? = nil, messages: Int64? = nil,
            rules: QuotaRules = QuotaRules()
        ) async throws {
            self.anna = try await store.account(volume.identity("anna"))
            self.anna.apply(QuotaTests.rules(storage: storage, messages: messages))
            self.archive = try await store.account(volume.identity(Self.name))
            try await self.join(store, volume, rules)
            if try await !self.archive.hasMailbox(SharedQuotaTests.box) {
                try await self.archive.create(SharedQuotaTests.box, specialUse: nil)
            }
        }

        func join(_ store: any MailStore, _ volume: TestVolume, _ rules: QuotaRules? = nil) async throws {
            await self.anna.shareQuota(with: [QuotaMember(name: Self.name, rules: rules)]) {
                (member) async throws(StoreError) -> any MailAccount in
                try await store.account(volume.identity(member.name))
            }
        }
    }

    private static func usage(_ storage: Int64, _ messages: Int64) -> QuotaUsage {
        QuotaUsage(storage: storage, messages: messages)
    }

    @Test(arguments: TestFormat.allCases) func countsTogether(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        try await volume.with { store in
            let circle = try await Circle(store, volume, storage: 1000)
            try await store.put(QuotaTests.sized(600), circle.anna)
            try await store.put(QuotaTests.sized(300), circle.archive, Self.box)
            #expect(try await circle.anna.quota().usage == Self.usage(900, 2))
            #expect(try await circle.archive.quota() == circle.anna.quotaNow)
            for (account, name) in [(circle.anna, MailboxName.inbox), (circle.archive, Self.box)] {
                let refused = await store.deposit([QuotaTests.deposit(QuotaTests.sized(101), account, name)])
                #expect(QuotaTests.code(refused[0]) == .overQuota)
                await #expect(throws: StoreError.self) { try await account.checkQuota(octets: 101, in: name, .exact) }
                try await account.checkQuota(octets: 100, in: name, .exact)
            }
            #expect(try await circle.anna.recalculateQuota().usage == Self.usage(900, 2))
            // Those of an administrator are for all of it.
            try await circle.anna.setQuotaLimits(QuotaLimits(storage: 2000))
            try await store.put(QuotaTests.sized(1100), circle.archive, Self.box)
            try await circle.archive.delete(Self.box)
            #expect(circle.anna.quotaNow.usage == Self.usage(600, 1))
            // What does not belong to the user any more, as settings have it, does not count.
            await circle.anna.shareQuota(with: []) { (_) throws(StoreError) in throw StoreError(.notFound) }
            try await circle.archive.create(Self.box, specialUse: nil)
            try await store.put(QuotaTests.sized(500), circle.archive, Self.box, flags: [])
            #expect(circle.anna.quotaNow.usage == Self.usage(600, 1))
            try await circle.join(store, volume)
            #expect(circle.anna.quotaNow.usage == Self.usage(1100, 2))
        }
        #expect(volume.problems == [])
    }

    /// Many at once never exceed the limit together, wherever they go, and none is refused that would fit.
    @Test func concurrentDeliveries() async throws {
        let volume = try TestVolume()
        try await volume.with { store in
            let circle = try await Circle(store, volume, storage: 10_000)
            let stored = await withTaskGroup(of: Int.self) { group in
                for number in 0..<60 {
                    group.addTask {
                        let (account, name) =
                            number % 2 == 0 ? (circle.anna, MailboxName.inbox) : (circle.archive, Self.box)
                        let deposit = QuotaTests.deposit(QuotaTests.sized(300, "\(number)"), account, name)
                        return QuotaTests.code(await store.deposit([deposit])[0]) == nil ? 1 : 0
                    }
                }
                return await group.reduce(0, +)
            }
            #expect(stored == 33)
            #expect(circle.anna.quotaNow.usage == Self.usage(9900, 33))
        }
    }

    /// In both directions, between namespaces too, with no room left and no level crossed.
    @Test(arguments: TestFormat.allCases) func moveNeedsNoRoom(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        let seen = Mutex<[String]>([])
        let note: @Sendable (QuotaCrossing) -> Void = { crossing in
            seen.withLock { $0.append("\(crossing.account.name) \(crossing.threshold.name)") }
        }
        try await volume.with({ $0.quotaCrossed = note }) { store in
            let circle = try await Circle(store, volume)
            let second = AccountIdentity.namespacePrefix + "anna:second"
            let names = [Circle.name, second].map { QuotaMember(name: $0, rules: nil) }
            await circle.anna.shareQuota(with: names) { (member) async throws(StoreError) -> any MailAccount in
                try await store.account(volume.identity(member.name))
            }
            let other = try await store.account(volume.identity(second))
            try await other.create(Self.box, specialUse: nil)
            var rules = QuotaTests.rules(storage: 1000, messages: 2)
            rules.thresholds = [
                QuotaThreshold(name: "over", resource: .storage, percentage: 100, direction: .over),
                QuotaThreshold(name: "under", resource: .storage, percentage: 100, direction: .under),
            ]
            circle.anna.apply(rules)
            try await store.put(QuotaTests.sized(400), circle.anna)
            try await store.put(QuotaTests.sized(600), circle.anna)
            #expect(seen.withLock { $0 } == ["anna over"])
            func transfer(_ from: any MailAccount, _ name: MailboxName, _ to: any MailAccount, _ goal: MailboxName)
                async throws
            {
                let open = try await from.open(name, .readWrite, onChange: {})
                defer { open.close() }
                let uids = UIDSet(open.snapshot().records.map(\.uid))
                let goal = DepositDestination(account: to, name: goal, rights: .all)
                await #expect(throws: StoreError.self) { try await open.transfer(uids, to: goal, .copy) }
                _ = try await open.transfer(uids, to: goal, .move)
                #expect(circle.anna.quotaNow.usage == Self.usage(1000, 2))
            }
            try await transfer(circle.anna, .inbox, circle.archive, Self.box)
            try await transfer(circle.archive, Self.box, other, Self.box)
            try await transfer(other, Self.box, circle.archive, Self.box)
            try await transfer(circle.archive, Self.box, circle.anna, .inbox)
            // REPLACE into the other account: what it adds counts.
            let inbox = try await circle.anna.open(.inbox, .readWrite, onChange: {})
            let uid = try #require(inbox.snapshot().records.last?.uid)
            let large = QuotaTests.deposit(QuotaTests.sized(601), circle.archive, Self.box)
            await #expect(throws: StoreError.self) { try await store.replace(uid, in: inbox, by: large) }
            let same = QuotaTests.deposit(QuotaTests.sized(600), circle.archive, Self.box)
            _ = try await store.replace(uid, in: inbox, by: same)
            inbox.close()
            #expect(try await circle.anna.recalculateQuota().usage == Self.usage(1000, 2))
            #expect(seen.withLock { $0 } == ["anna over"])
        }
        #expect(volume.problems == [])
    }

    /// Rules of mailboxes are those of the namespace; limits are the user's.
    @Test func rulesOfMailboxes() async throws {
        let volume = try TestVolume()
        try await volume.with { store in
            var trash = MailboxQuotaRule(pattern: "Box")
            trash.storagePercentage = 110
            var junk = MailboxQuotaRule(pattern: "Junk")
            junk.isIgnored = true
            var rules = QuotaRules()
            rules.mailboxRules = [trash, junk]
            rules.maximumMessageSize = 3000
            let circle = try await Circle(store, volume, storage: 1000, rules: rules)
            let ignored = try #require(MailboxName("Junk"))
            try await circle.archive.create(ignored, specialUse: nil)
            try await circle.anna.create(ignored, specialUse: nil)
            try await store.put(QuotaTests.sized(2500), circle.archive, ignored)
            try await store.put(QuotaTests.sized(900), circle.anna, ignored)
            #expect(try await circle.anna.quota().usage == Self.usage(900, 1))
            #expect(circle.anna.countsForQuota(ignored) && !circle.archive.countsForQuota(ignored))
            try await store.put(QuotaTests.sized(200), circle.archive, Self.box)
            let full = await store.deposit([QuotaTests.deposit(QuotaTests.sized(50), circle.anna)])
            #expect(QuotaTests.code(full[0]) == .overQuota)
            let large = await store.deposit([QuotaTests.deposit(QuotaTests.sized(3001), circle.archive, ignored)])
            #expect(QuotaTests.code(large[0]) == .tooBig)
            // Out of a mailbox that does not count a MOVE needs room.
            let open = try await circle.archive.open(ignored, .readWrite, onChange: {})
            let goal = DepositDestination(account: circle.anna, name: .inbox, rights: .all)
            await #expect(throws: StoreError.self) { try await open.transfer([.first], to: goal, .move) }
            // And so does REPLACE, whole.
            let smaller = QuotaTests.deposit(QuotaTests.sized(2400), circle.anna)
            await #expect(throws: StoreError.self) { try await store.replace(.first, in: open, by: smaller) }
            open.close()
            #expect(try await circle.anna.recalculateQuota().usage == Self.usage(1100, 2))
        }
    }

    /// What was there before the start, and what the index does not know yet.
    @Test func afterAStart() async throws {
        let volume = try TestVolume()
        for round in 0..<3 {
            try await volume.with { store in
                let circle = try await Circle(store, volume, storage: 1000)
                if round == 0 {
                    try await store.put(QuotaTests.sized(400), circle.anna)
                    try await store.put(QuotaTests.sized(500), circle.archive, Self.box)
                }
                let full = await store.deposit([QuotaTests.deposit(QuotaTests.sized(101), circle.anna)])
                #expect(QuotaTests.code(full[0]) == .overQuota, "round \(round)")
                #expect(try await circle.anna.quota().usage == Self.usage(900, 2))
            }
            if round == 1 { Shell.remove(volume.directory + "/volume") }
        }
    }

    /// The user's account keeps the others in memory, and none of them keeps it.
    @Test func whoKeepsWhom() async throws {
        let volume = try TestVolume()
        try await volume.with({ $0.maximumIdleAccounts = 0 }) { store in
            weak var former: StoreAccount?
            do {
                var circle: Circle? = try await Circle(store, volume, storage: 1000)
                try await store.put(QuotaTests.sized(300), try #require(circle).archive, Self.box)
                weak let archive = circle?.archive as? StoreAccount
                let anna = try #require(circle?.anna as? StoreAccount)
                circle = nil
                #expect(archive != nil)
                // Whoever else opens it has the same object.
                let again = try await store.account(volume.identity(Circle.name))
                try await store.put(QuotaTests.sized(100), again, Self.box)
                #expect(anna.quotaNow.usage == Self.usage(400, 2))
                former = anna
            }
            // Others take its place.
            for name in ["ben", "carl", "dora"] { _ = try await store.account(volume.identity(name)) }
            #expect(former == nil)
            let archive = try await store.account(volume.identity(Circle.name))
            try await store.put(QuotaTests.sized(50), archive, Self.box)
            let circle = try await Circle(store, volume, storage: 1000)
            #expect(try await circle.anna.quota().usage == Self.usage(450, 3))
        }
    }

    /// A disk that is away keeps no mail away, and is told of once.
    @Test func whatCannotBeOpened() async throws {
        let volume = try TestVolume()
        try await volume.with { store in
            let anna = try await store.account(volume.identity("anna"))
            anna.apply(QuotaTests.rules(storage: 1000))
            let tries = Atomic(0)
            let isAway = Mutex(true)
            func share() async {
                await anna.shareQuota(with: [QuotaMember(name: Circle.name, rules: nil)]) {
                    (member) async throws(StoreError) -> any MailAccount in
                    tries.add(1, ordering: .relaxed)
                    if isAway.withLock({ $0 }) { throw StoreError(.temporary, "not mounted") }
                    return try await store.account(volume.identity(member.name))
                }
            }
            for _ in 0..<5 {
                await share()
                try await store.put(QuotaTests.sized(100), anna)
            }
            #expect(tries.load(ordering: .relaxed) == 1)
            volume.time.withLock { $0 += 60 }
            await share()
            #expect(tries.load(ordering: .relaxed) == 2)
            #expect(volume.problems.count { $0.contains("does not count for the quota") } == 1)
            isAway.withLock { $0 = false }
            volume.time.withLock { $0 += 60 }
            await share()
            let archive = try await store.account(volume.identity(Circle.name))
            try await archive.create(Self.box, specialUse: nil)
            try await store.put(QuotaTests.sized(400), archive, Self.box)
            #expect(anna.quotaNow.usage == Self.usage(900, 6))
        }
    }

    /// Each of the accounts moves to another volume, and counts once before and after.
    @Test(arguments: TestFormat.allCases) func afterMoves(_ format: TestFormat) async throws {
        let pair = try VolumeSetTests.Pair(format)
        try await pair.with { set in
            let circle = try await Circle(set, pair.volume, storage: 1000)
            try await set.put(QuotaTests.sized(300), circle.anna)
            try await set.put(QuotaTests.sized(500), circle.archive, Self.box)
            #expect(try await set.move(pair.identity(Circle.name), toVolume: "two") == 1)
            #expect(circle.anna.quotaNow.usage == Self.usage(800, 2))
            // The new object counts from its first use on, in place of the old one.
            let moved = try await Circle(set, pair.volume, storage: 1000)
            #expect(moved.archive !== circle.archive && moved.anna === circle.anna)
            #expect(moved.anna.quotaNow.usage == Self.usage(800, 2))
            try await set.put(QuotaTests.sized(200), moved.archive, Self.box)
            #expect(moved.anna.quotaNow.usage == Self.usage(1000, 3))
            // Between volumes a MOVE needs no room either.
            let inbox = try await moved.anna.open(.inbox, .readWrite, onChange: {})
            let goal = DepositDestination(account: moved.archive, name: Self.box, rights: .all)
            await #expect(throws: StoreError.self) { try await inbox.transfer([.first], to: goal, .copy) }
            _ = try await inbox.transfer([.first], to: goal, .move)
            inbox.close()
            #expect(moved.anna.quotaNow.usage == Self.usage(1000, 3))
            #expect(try await set.move(pair.identity("anna"), toVolume: "two") == 0)
            let last = try await Circle(set, pair.volume, storage: 1000)
            #expect(last.anna !== moved.anna && last.archive === moved.archive)
            #expect(try await last.anna.quota().usage == Self.usage(1000, 3))
            let full = await set.deposit([QuotaTests.deposit(QuotaTests.sized(50), last.anna)])
            #expect(QuotaTests.code(full[0]) == .overQuota)
        }
    }

    /// What lies in two volumes during a MOVE takes the room of one.
    @Test(arguments: TestFormat.allCases) func deliveryDuringAMoveBetweenVolumes(_ format: TestFormat) async throws {
        let pair = try VolumeSetTests.Pair(format)
        let ledger = Mutex<QuotaLedger?>(nil)
        let admitted = Mutex<[Bool]>([])
        let tryDelivery: @Sendable (CrashPoint) -> Void = { point in
            guard point == .afterFlush, let ledger = ledger.withLock({ $0 }) else { return }
            let usage = QuotaUsage(storage: 200, messages: 1)
            let fits =
                (try? ledger.admit(usage, largest: 200, into: .inbox, .exact, reserving: false)) != nil
            admitted.withLock { $0.append(fits) }
        }
        try await pair.with({ for index in $0.indices { $0[index].crashPoint = tryDelivery } }) { set in
            let first = try await Circle(set, pair.volume, storage: 1000)
            #expect(try await set.move(pair.identity(Circle.name), toVolume: "two") == 0)
            let circle = try await Circle(set, pair.volume, storage: 1000)
            #expect(circle.archive !== first.archive)
            try await set.put(QuotaTests.sized(800), circle.anna)
            let inbox = try await circle.anna.open(.inbox, .readWrite, onChange: {})
            ledger.withLock { $0 = (circle.anna as? StoreAccount)?.core.quota }
            let goal = DepositDestination(account: circle.archive, name: Self.box, rights: .all)
            _ = try await inbox.transfer([.first], to: goal, .move)
            ledger.withLock { $0 = nil }
            inbox.close()
            // That of the copy, and that of the removal.
            #expect(admitted.withLock { $0.count >= 2 && $0.allSatisfy { $0 } })
            let full = await set.deposit([QuotaTests.deposit(QuotaTests.sized(201), circle.anna)])
            #expect(QuotaTests.code(full[0]) == .overQuota)
            try await set.put(QuotaTests.sized(200), circle.anna)
        }
    }

    /// Deliveries, moves and joinings at once end, and the sum is right.
    @Test func everythingAtOnce() async throws {
        let volume = try TestVolume(.pack)
        try await volume.with { store in
            let circle = try await Circle(store, volume, storage: 1 << 30)
            let second = try await store.account(volume.identity(AccountIdentity.namespacePrefix + "anna:second"))
            try await second.create(Self.box, specialUse: nil)
            let members = [circle.archive, second].map { QuotaMember(name: $0.identity.name, rules: nil) }
            let places = [(circle.anna, MailboxName.inbox), (circle.archive, Self.box), (second, Self.box)]
            try await withThrowingTaskGroup(of: Void.self) { group in
                for task in 0..<6 {
                    group.addTask {
                        for step in 0..<20 {
                            let (account, name) = places[(task + step) % 3]
                            try await store.put(QuotaTests.sized(100 + step), account, name)
                            let (other, goal) = places[(task + 2 * step + 1) % 3]
                            guard other !== account else { continue }
                            let open = try await account.open(name, .readWrite, onChange: {})
                            let uids = UIDSet(open.snapshot().records.suffix(2).map(\.uid))
                            let destination = DepositDestination(account: other, name: goal, rights: .all)
                            // Another task may have taken them.
                            _ = try? await open.transfer(uids, to: destination, .move)
                            open.close()
                        }
                    }
                    group.addTask {
                        for step in 0..<30 {
                            await circle.anna.shareQuota(with: step % 2 == 0 ? members : [members[task % 2]]) {
                                (member) async throws(StoreError) -> any MailAccount in
                                try await store.account(volume.identity(member.name))
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            await circle.anna.shareQuota(with: members) { (member) async throws(StoreError) -> any MailAccount in
                try await store.account(volume.identity(member.name))
            }
            var sum = QuotaUsage.zero
            for (account, _) in places { sum = sum + (try await QuotaTests.recount(account)) }
            #expect(sum.messages == 120)
            #expect(circle.anna.quotaNow.usage == sum)
            let ledger = try #require(circle.anna as? StoreAccount).core.quota
            #expect(ledger.state.withLock { $0.reserved } == .zero)
        }
    }

    /// Of two objects of one account the newer counts.
    @Test func theNewerObjectCounts() throws {
        func ledger(_ name: String) -> QuotaLedger {
            QuotaLedger(AccountIdentity(name: name, home: "/", mailPath: "/"), limits: nil, report: { _ in })
        }
        let (anna, ben) = (ledger("anna"), ledger("ben"))
        let (older, newer) = (ledger(Circle.name), ledger(Circle.name))
        older.apply(QuotaLedger.Change(used: Self.usage(100, 1), reserved: Self.usage(10, 1)))
        newer.apply(QuotaLedger.Change(used: Self.usage(70, 1)))
        older.join(anna)
        #expect(anna.status.usage == Self.usage(100, 1))
        newer.join(anna)
        #expect(anna.status.usage == Self.usage(70, 1))
        older.apply(QuotaLedger.Change(used: Self.usage(50, 1)))
        #expect(anna.status.usage == Self.usage(70, 1))
        #expect(!older.hasJoined(anna) && newer.hasJoined(anna))
        QuotaLedger.apply(
            QuotaLedger.Change(used: Self.usage(5, 0)), newer, QuotaLedger.Change(used: Self.usage(1, 0)), anna)
        #expect(anna.status.usage == Self.usage(76, 1))
        newer.join(ben)
        #expect(anna.status.usage == Self.usage(1, 0) && ben.status.usage == Self.usage(75, 1))
        // Users are in no quota of others, and nobody is in its own.
        ben.join(anna)
        anna.join(anna)
        #expect(anna.status.usage == Self.usage(1, 0))
        #expect(QuotaLedger.areOne(newer, ben) && !QuotaLedger.areOne(newer, anna))
    }
}
