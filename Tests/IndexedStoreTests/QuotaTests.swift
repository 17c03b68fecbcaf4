import Glibc
import IndexedStore
import MailCore
import MailStore
import Synchronization
import Testing

/// What accounts hold, against what their mailboxes say, and what is refused.
@Suite struct QuotaTests {
    /// A message of exactly so many octets.
    static func sized(_ octets: Int, _ subject: String = "x") -> IncomingMessage {
        var text = "Subject: \(subject)\r\n\r\n"
        text += String(repeating: "a", count: max(0, octets - text.utf8.count - 2)) + "\r\n"
        return IncomingMessage(MessageOctets(Array(text.utf8)))
    }

    static func rules(storage: Int64? = nil, messages: Int64? = nil) -> QuotaRules {
        var rules = QuotaRules()
        rules.limits = QuotaLimits(storage: storage, messages: messages)
        return rules
    }

    /// The sum over all mailboxes, counted by STATUS.
    static func recount(
        _ account: any MailAccount, ignoring: (MailboxName) -> Bool = { _ in false }
    ) async throws -> QuotaUsage {
        var sum = QuotaUsage.zero
        for mailbox in try await account.mailboxes() where mailbox.isSelectable && !ignoring(mailbox.name) {
            let status = try await account.status(of: mailbox.name)
            sum = sum + QuotaUsage(storage: Int64(status.size), messages: Int64(status.messages))
        }
        return sum
    }

    static func deposit(
        _ message: IncomingMessage, _ account: any MailAccount, _ mailbox: MailboxName = .inbox,
        _ strictness: QuotaStrictness = .exact
    ) -> Deposit {
        Deposit(message: message, account: account, mailbox: mailbox, strictness: strictness)
    }

    static func code(_ result: Result<StoredMessage, StoreError>) -> StoreError.Code? {
        if case .failure(let error) = result { return error.code }
        return nil
    }

    /// A MOVE into another account's mailbox takes from one what it gives to the other.
    @Test(arguments: TestFormat.allCases) func moveBetweenAccounts(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        try await volume.with { store in
            let anna = try await store.account(volume.identity("anna"))
            let ben = try await store.account(volume.identity("ben"))
            try await store.put(Self.sized(100), anna)
            try await store.put(Self.sized(300), anna)
            let inbox = try await anna.open(.inbox, .readWrite, onChange: {})
            _ = try await inbox.transfer(
                [UID(nonZero: 2)], to: DepositDestination(account: ben, name: .inbox, rights: .all), .move)
            inbox.close()
            #expect(try await anna.quota().usage == QuotaUsage(storage: 100, messages: 1))
            #expect(try await ben.quota().usage == QuotaUsage(storage: 300, messages: 1))
        }
    }

    @Test func countsAndRefuses() async throws {
        let volume = try TestVolume()
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            account.apply(Self.rules(storage: 1000, messages: 3))
            #expect(Self.code(await store.deposit([Self.deposit(Self.sized(600), account)])[0]) == nil)
            #expect(try await account.quota().usage == QuotaUsage(storage: 600, messages: 1))
            let tooMuch = await store.deposit([Self.deposit(Self.sized(401), account)])
            #expect(Self.code(tooMuch[0]) == .overQuota)
            #expect(Self.code(await store.deposit([Self.deposit(Self.sized(400), account)])[0]) == nil)
            #expect(account.quotaNow.isExceeded)
            #expect(account.quotaNow.percentage(of: .storage) == 100)
            // All or none: nothing of what was refused stays reserved.
            account.apply(Self.rules(storage: 2000))
            await #expect(throws: StoreError.self) {
                try await store.depositAll([
                    Self.deposit(Self.sized(700), account),
                    Self.deposit(Self.sized(700, "y"), account),
                ])
            }
            #expect(account.quotaNow.usage == QuotaUsage(storage: 1000, messages: 2))
            try await store.put(Self.sized(1000), account)
            #expect(account.quotaNow.usage == QuotaUsage(storage: 2000, messages: 3))
        }
    }

    @Test func messageLimit() async throws {
        let volume = try TestVolume()
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            account.apply(Self.rules(messages: 1))
            try await store.put(message("1"), account)
            #expect(Self.code(await store.deposit([Self.deposit(message("2"), account)])[0]) == .overQuota)
            #expect(
                Self.code(await store.deposit([Self.deposit(message("2"), account, .inbox, .exempt)])[0]) == nil)
            var rules = Self.rules()
            rules.maximumMessageSize = 500
            account.apply(rules)
            let large = await store.deposit([Self.deposit(Self.sized(501), account)])
            #expect(Self.code(large[0]) == .tooBig)
            try await store.put(Self.sized(500), account)
        }
    }

    @Test func graceIsForTheLastDeliveryOnly() async throws {
        let volume = try TestVolume()
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            var rules = Self.rules(storage: 1000)
            rules.storageGrace = 200
            account.apply(rules)
            try await store.put(Self.sized(900), account)
            #expect(Self.code(await store.deposit([Self.deposit(Self.sized(150), account)])[0]) == .overQuota)
            let beyond = await store.deposit([Self.deposit(Self.sized(301), account, .inbox, .delivery)])
            #expect(Self.code(beyond[0]) == .overQuota)
            let last = await store.deposit([Self.deposit(Self.sized(300), account, .inbox, .delivery)])
            #expect(Self.code(last[0]) == nil)
            let after = await store.deposit([Self.deposit(Self.sized(100), account, .inbox, .delivery)])
            #expect(Self.code(after[0]) == .overQuota)
        }
    }

    @Test func mailboxRules() async throws {
        let volume = try TestVolume()
        let trash = try #require(MailboxName("Trash"))
        let junk = try #require(MailboxName("Junk"))
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            var rules = Self.rules(storage: 1000)
            var extra = MailboxQuotaRule(pattern: "Trash")
            extra.storagePercentage = 110
            var ignored = MailboxQuotaRule(pattern: "Junk*")
            ignored.isIgnored = true
            rules.mailboxRules = [extra, ignored]
            account.apply(rules)
            try await account.create(trash, specialUse: nil)
            try await account.create(junk, specialUse: nil)
            try await store.put(Self.sized(1000), account)
            try await store.put(Self.sized(5000), account, junk)
            #expect(try await account.quota().usage.storage == 1000)
            #expect(Self.code(await store.deposit([Self.deposit(Self.sized(100), account, trash)])[0]) == nil)
            let more = await store.deposit([Self.deposit(Self.sized(50), account, trash)])
            #expect(Self.code(more[0]) == .overQuota)
            // Out of a mailbox that does not count, a MOVE needs room; between those that count it needs none.
            let open = try await account.open(junk, .readWrite, onChange: {})
            await #expect(throws: StoreError.self) { try await open.move([.first], to: .inbox) }
            open.close()
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            _ = try await inbox.move([.first], to: trash)
            #expect(account.quotaNow.usage == QuotaUsage(storage: 1100, messages: 2))
            inbox.close()
            // The rule goes with the name.
            let renamed = try #require(MailboxName("Old"))
            try await account.rename(junk, to: renamed)
            #expect(account.quotaNow.usage == QuotaUsage(storage: 6100, messages: 3))
            account.apply(Self.rules())
            try await account.rename(renamed, to: junk)
            #expect(account.quotaNow.usage == QuotaUsage(storage: 6100, messages: 3))
            account.apply(rules)
            #expect(account.quotaNow.usage == QuotaUsage(storage: 1100, messages: 2))
        }
    }

    /// Many at once never exceed the limit together, and none is refused that would fit.
    @Test func concurrentDeliveries() async throws {
        let volume = try TestVolume()
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            account.apply(Self.rules(storage: 10_000))
            let stored = await withTaskGroup(of: Int.self) { group in
                for number in 0..<60 {
                    group.addTask {
                        let deposit = Self.deposit(Self.sized(300, "\(number)"), account)
                        return Self.code(await store.deposit([deposit])[0]) == nil ? 1 : 0
                    }
                }
                return await group.reduce(0, +)
            }
            #expect(stored == 33)
            #expect(account.quotaNow.usage == QuotaUsage(storage: 9900, messages: 33))
        }
    }

    @Test func recipientsCountEach() async throws {
        let volume = try TestVolume()
        try await volume.with { store in
            let anna = try await store.account(volume.identity("anna"))
            let bert = try await store.account(volume.identity("bert"))
            anna.apply(Self.rules(storage: 100))
            bert.apply(Self.rules(storage: 1000))
            let one = Self.sized(500)
            let results = await store.deposit([Self.deposit(one, anna), Self.deposit(one, bert)])
            #expect(results.map(Self.code) == [.overQuota, nil])
            #expect(anna.quotaNow.usage == .zero)
            #expect(bert.quotaNow.usage == QuotaUsage(storage: 500, messages: 1))
        }
    }

    @Test func limitsOfAnAdministratorLast() async throws {
        let volume = try TestVolume()
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            account.apply(Self.rules(storage: 1000))
            try await account.setQuotaLimits(QuotaLimits(storage: 5000, messages: 7))
        }
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            account.apply(Self.rules(storage: 1000))
            #expect(try await account.quota().limits == QuotaLimits(storage: 5000, messages: 7))
            try await account.setQuotaLimits(nil)
            #expect(account.quotaNow.limits == QuotaLimits(storage: 1000))
        }
    }

    @Test func levelsAreReportedOnce() async throws {
        let volume = try TestVolume()
        let seen = Mutex<[String]>([])
        let note: @Sendable (QuotaCrossing) -> Void = { crossing in
            seen.withLock { $0.append("\(crossing.account.name) \(crossing.threshold.name)") }
        }
        try await volume.with({ $0.quotaCrossed = note }) { store in
            let account = try await store.account(volume.identity("anna"))
            var rules = Self.rules(storage: 1000)
            rules.thresholds = [
                QuotaThreshold(name: "80", resource: .storage, percentage: 80, direction: .over),
                QuotaThreshold(name: "95", resource: .storage, percentage: 95, direction: .over),
                QuotaThreshold(name: "below", resource: .storage, percentage: 80, direction: .under),
            ]
            account.apply(rules)
            for _ in 0..<9 { try await store.put(Self.sized(100), account) }
            #expect(seen.withLock { $0 } == ["anna 80"])
            try await store.put(Self.sized(100), account)
            #expect(seen.withLock { $0 } == ["anna 80", "anna 95"])
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            defer { inbox.close() }
            _ = try await inbox.remove([.first])
            #expect(seen.withLock { $0 } == ["anna 80", "anna 95"])
            _ = try await inbox.remove(UIDSet(UID.first...UID(nonZero: 5)))
            #expect(seen.withLock { $0 } == ["anna 80", "anna 95", "anna below"])
        }
    }

    @Test(arguments: TestFormat.allCases) func recalculationChangesNothing(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        for round in 0..<2 {
            try await volume.with { store in
                let account = try await store.account(volume.identity("anna"))
                if round == 0 {
                    try await store.put(Self.sized(300), account, flags: .deleted)
                    try await store.put(Self.sized(200), account, flags: .seen)
                }
                let before = try await account.status(of: .inbox)
                #expect(try await account.recalculateQuota().usage == QuotaUsage(storage: 500, messages: 2))
                #expect(try await account.status(of: .inbox) == before)
            }
        }
        #expect(volume.problems == [])
    }

    @Test func deletedStorage() async throws {
        let volume = try TestVolume()
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            try await store.put(Self.sized(300), account, flags: .deleted)
            try await store.put(Self.sized(200), account)
            try await store.put(Self.sized(100), account, flags: [.deleted, .seen])
            #expect(try await account.deletedStorage(of: .inbox) == 400)
        }
    }

    /// After random steps, reopenings and a lost index the account's sum is that of its mailboxes.
    @Test(arguments: [11, 12, 13, 14] as [UInt64], TestFormat.allCases)
    func randomSteps(_ seed: UInt64, _ format: TestFormat) async throws {
        var random = ModelTests.Seeded(state: seed)
        let volume = try TestVolume(format)
        var names: [MailboxName] = [.inbox]
        var made = 0
        for session in 0..<5 {
            try await volume.with { store in
                let account = try await store.account(volume.identity("anna"))
                let other = try await store.account(volume.identity("bert"))
                var rules = Self.rules()
                var ignored = MailboxQuotaRule(pattern: "Box1*")
                ignored.isIgnored = true
                if Bool.random(using: &random) { rules.mailboxRules = [ignored] }
                account.apply(rules)
                let isIgnored: (MailboxName) -> Bool = {
                    !rules.mailboxRules.isEmpty && $0.text.hasPrefix("Box1")
                }
                #expect(try await account.quota().usage == Self.recount(account, ignoring: isIgnored))
                for _ in 0..<40 {
                    let name = names.randomElement(using: &random) ?? .inbox
                    switch Int.random(in: 0..<12, using: &random) {
                    case 0...3:
                        let octets = Int.random(in: 50..<5000, using: &random)
                        let one = Self.sized(octets)
                        _ = await store.deposit([
                            Self.deposit(one, account, name), Self.deposit(one, other),
                            Self.deposit(one, account, .inbox),
                        ])
                    case 4 where names.count < 6:
                        made += 1
                        let new = try #require(MailboxName("Box\(made % 12)"))
                        guard !names.contains(new) else { continue }
                        try await account.create(new, specialUse: nil)
                        names.append(new)
                    case 5 where !name.isInbox:
                        try await account.delete(name)
                        names.removeAll { $0 == name }
                    case 6 where !name.isInbox:
                        made += 1
                        let new = try #require(MailboxName("Box\(made % 12)"))
                        guard !names.contains(new) else { continue }
                        try await account.rename(name, to: new)
                        names.removeAll { $0 == name }
                        names.append(new)
                    default:
                        try await self.change(name, names, account, &random)
                    }
                    let isExpected =
                        try await account.quota().usage == Self.recount(account, ignoring: isIgnored)
                    #expect(isExpected, "seed \(seed)")
                }
                #expect(try await other.quota().usage == Self.recount(other))
            }
            // Of a pack account the log is all there is.
            if session == 2 { Shell.remove(volume.directory + (format == .pack ? "/volume/index" : "/volume")) }
        }
        #expect(volume.problems.filter { !$0.contains("index is gone") && !$0.contains("volume closing") } == [])
    }

    private func change(
        _ name: MailboxName, _ names: [MailboxName], _ account: any MailAccount,
        _ random: inout ModelTests.Seeded
    ) async throws {
        let open = try await account.open(name, .readWrite, onChange: {})
        defer { open.close() }
        let uids = UIDSet(open.snapshot().records.map(\.uid).filter { _ in Bool.random(using: &random) })
        let target = names.randomElement(using: &random) ?? .inbox
        switch Int.random(in: 0..<4, using: &random) {
        case 0: _ = try await open.copy(uids, to: target)
        case 1: _ = try await open.move(uids, to: target)
        case 2:
            _ = try await open.store(FlagChange(.add, .deleted), uids, unchangedSince: nil)
            _ = try await open.expunge(nil)
        default: _ = try await open.remove(uids)
        }
    }

    // MARK: maildirsize

    private static func sizeFile(_ volume: TestVolume) -> (head: String, sum: QuotaUsage)? {
        guard let bytes = Shell.read(volume.directory + "/anna/maildirsize") else { return nil }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        var sum = QuotaUsage.zero
        for line in lines.dropFirst() {
            let numbers = line.split(separator: " ").compactMap { Int64($0) }
            guard numbers.count == 2 else { return nil }
            sum = sum + QuotaUsage(storage: numbers[0], messages: numbers[1])
        }
        return (String(lines.first ?? ""), sum)
    }

    /// What the files hold by the sizes of the file system.
    private static func files(_ volume: TestVolume) -> QuotaUsage {
        var sum = QuotaUsage.zero
        let root = volume.directory + "/anna"
        let folders = [root] + Shell.names(root).filter { $0.hasPrefix(".") }.map { "\(root)/\($0)" }
        for folder in folders {
            for part in ["new", "cur"] {
                for name in Shell.names("\(folder)/\(part)") {
                    var status = stat()
                    guard stat("\(folder)/\(part)/\(name)", &status) == 0 else { continue }
                    sum = sum + QuotaUsage(storage: Int64(status.st_size), messages: 1)
                }
            }
        }
        return sum
    }

    @Test func sizeFileIsKept() async throws {
        let volume = try TestVolume()
        let box = try #require(MailboxName("Box"))
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            try await store.put(message("none"), account)
            try await store.finishFileWork()
            // Nobody asked for it.
            #expect(Self.sizeFile(volume) == nil)
            account.apply(Self.rules(storage: 100_000, messages: 50))
            try await account.create(box, specialUse: nil)
            for number in 0..<5 { try await store.put(message("m\(number)", lines: number), account) }
            try await store.finishFileWork()
            #expect(Self.sizeFile(volume)?.head == "100000S,50C")
            #expect(Self.sizeFile(volume)?.sum == Self.files(volume))
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            _ = try await inbox.copy(UIDSet(UID.first...UID(nonZero: 3)), to: box)
            _ = try await inbox.move([UID(nonZero: 4)], to: box)
            _ = try await inbox.remove([UID(nonZero: 5)])
            inbox.close()
            try await store.finishFileWork()
            #expect(Self.sizeFile(volume)?.sum == Self.files(volume))
            #expect(Self.files(volume).messages == 8)
            // Another program's message, with no word in the file.
            Shell.write(Array("Subject: foreign\n\n".utf8), volume.directory + "/anna/new/1.foreign")
            #expect(try await account.status(of: .inbox).messages == 5)
            try await store.finishFileWork()
            #expect(Self.sizeFile(volume)?.sum == Self.files(volume))
            try await account.delete(box)
            try await store.finishFileWork()
            #expect(Self.sizeFile(volume)?.sum == Self.files(volume))
        }
        #expect(volume.problems == [])
    }

    /// Without an index, what a former server wrote down counts until the mailboxes have been looked at.
    @Test func takeoverReadsTheSizeFile() async throws {
        let volume = try TestVolume()
        let root = volume.directory + "/anna"
        for directory in ["", "/new", "/cur", "/tmp", "/.Old", "/.Old/new", "/.Old/cur", "/.Old/tmp"] {
            mkdir(root + directory, 0o700)
        }
        Shell.write(Array("Subject: old\n\n".utf8), root + "/.Old/cur/1.M1P1.host,S=14,W=16:2,S")
        Shell.write(Array("1000S\n400 3\n100 1\n".utf8), root + "/maildirsize")
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            account.apply(Self.rules(storage: 1000))
            #expect(account.quotaNow.usage == QuotaUsage(storage: 500, messages: 4))
            #expect(Self.code(await store.deposit([Self.deposit(Self.sized(600), account)])[0]) == .overQuota)
            #expect(try await account.quota().usage == QuotaUsage(storage: 16, messages: 1))
            try await store.put(Self.sized(600), account)
        }
    }

    /// The file is the user's own.
    @Test func sizeFileMaySayAnything() async throws {
        let volume = try TestVolume()
        let root = volume.directory + "/anna"
        for directory in ["", "/new", "/cur", "/tmp"] { mkdir(root + directory, 0o700) }
        for directory in ["/.Old", "/.Old/new", "/.Old/cur", "/.Old/tmp"] { mkdir(root + directory, 0o700) }
        Shell.write(Array("1000S\n9223372036854775807 9223372036854775807\n".utf8), root + "/maildirsize")
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            account.apply(Self.rules(storage: 1000, messages: 10))
            #expect(Self.code(await store.deposit([Self.deposit(Self.sized(600), account)])[0]) == .overQuota)
            _ = try await account.quota()
            try await store.put(Self.sized(600), account)
        }
    }

    // MARK: Other names

    @Test func aliases() async throws {
        let volume = try TestVolume()
        let sent = try #require(MailboxName("Sent"))
        let items = try #require(MailboxName("Sent Items"))
        let below = try #require(MailboxName("Sent Items/2026"))
        let defaults = [
            IndexedStore.MailboxDefault(name: sent, specialUse: .sent, creation: .subscribe, aliases: [items])
        ]
        try await volume.with({ $0.mailboxDefaults = defaults }) { store in
            let account = try await store.account(volume.identity("anna"))
            try await store.put(message("1"), account, items)
            #expect(try await account.status(of: sent).messages == 1)
            #expect(try await account.mailboxes().map(\.name) == [.inbox, sent])
            try await account.subscribe(items)
            #expect(try await account.subscriptions() == [sent])
            await #expect(throws: StoreError.self) { try await account.create(items, specialUse: nil) }
            await #expect(throws: StoreError.self) { try await account.delete(items) }
            try await account.create(below, specialUse: nil)
            #expect(try await account.mailboxes().map(\.name.text) == ["INBOX", "Sent", "Sent/2026"])
            let open = try await account.open(items, .readWrite, onChange: {})
            #expect(open.name == sent)
            open.close()
        }
        // Made by another program: a mailbox of its own.
        for part in ["", "/cur", "/new", "/tmp"] {
            mkdir(volume.directory + "/anna/.Sent Items" + part, 0o700)
        }
        try await volume.with({ $0.mailboxDefaults = defaults }) { store in
            let account = try await store.account(volume.identity("anna"))
            #expect(
                Set(try await account.mailboxes().map(\.name.text)) == ["INBOX", "Sent", "Sent Items", "Sent/2026"])
            #expect(try await account.status(of: items).messages == 0)
        }
    }
}
