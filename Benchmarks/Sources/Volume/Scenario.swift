import Glibc
import IndexedStore
import MailCore
import MailStore
import MaildirFormat
import PackFormat

/// Makes the volume, and measures.
struct Scenario {
    let options: Options
    /// The volume and the users' homes.
    let directory: String

    init(_ options: Options) throws {
        self.options = options
        self.directory =
            options.isChild ? options.directory : "\(options.directory)/martlet-volume-benchmark-\(getpid())"
        if !options.isChild { mkdir(self.directory, 0o700) }
    }

    private func open(_ name: String = "volume") throws -> IndexedStore {
        var maildir = MaildirOptions()
        maildir.syncTextFiles = true
        var configuration = IndexedStore.Configuration(
            directory: "\(self.directory)/\(name)",
            bodyFormats: ["maildir": MaildirFormat(maildir), "pack": PackFormat()],
            clock: { Int64(time(nil)) })
        configuration.log = { level, text in if level != .notice { print("store: \(text)") } }
        return try IndexedStore.open(configuration)
    }

    private func identity(_ name: String) -> AccountIdentity {
        AccountIdentity(
            name: name, home: "\(self.directory)/homes/\(name)", mailPath: "\(self.directory)/homes/\(name)",
            driver: self.options.format)
    }

    // MARK: Filling

    private static func message(_ number: Int) -> IncomingMessage {
        var text =
            "Return-Path: <list-bounces@example.org>\r\nReceived: from mx.example.org by mail.example.net with LMTP; "
            + "Sat, 01 Nov 2025 10:00:00 +0000\r\nFrom: Writer \(number % 977) <writer\(number % 977)@example.org>\r\n"
            + "To: Reader <reader@example.net>\r\nSubject: Message \(number) about subject \(number % 5003)\r\n"
            + "Date: Sat, 01 Nov 2025 10:00:00 +0000\r\nMessage-ID: <\(number).bench@example.org>\r\n"
            + "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        var value = UInt64(truncatingIfNeeded: number) &* 0x9E37_79B9_7F4A_7C15 &+ 1
        for _ in 0..<22 {
            for _ in 0..<10 {
                value = value &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                text += Self.words[Int(value >> 33) % Self.words.count] + " "
            }
            text += "\r\n"
        }
        return IncomingMessage(MessageOctets(Array(text.utf8)))
    }

    private static let words = [
        "meeting", "invoice", "please", "attached", "report", "Monday", "thanks", "question", "about", "delivery",
        "schedule", "update", "release", "change", "review", "agenda", "budget", "customer", "contract", "minutes",
        "the", "a", "of", "with", "for", "and", "will", "not", "be", "this", "that", "from", "your", "our",
    ]

    private static let atOnce = 500

    private func fill(_ store: IndexedStore, _ name: String, _ count: Int) async throws {
        let account = try await store.account(self.identity(name))
        var number = 0
        while number < count {
            let deposits = (number..<min(number + Self.atOnce, count)).map {
                Deposit(
                    message: Self.message($0), account: account, mailbox: .inbox,
                    flags: $0 % 3 == 0 ? [] : [.seen])
            }
            for result in await store.deposit(deposits) { _ = try result.get() }
            number += deposits.count
        }
    }

    private static func user(_ number: Int) -> String { "user\(number)@example.net" }

    private func fillUsers(_ store: IndexedStore, _ count: Int) async throws {
        for number in 0..<count { try await self.fill(store, Self.user(number), Options.perUser) }
    }

    // MARK: Measuring

    func run() async throws -> Report {
        defer { Machine.remove(self.directory) }
        var report = Report()
        report.note("format", self.options.format)
        try await self.measureAccounts(&report)
        try await self.measureUsers(&report)
        return report
    }

    private func seconds(_ start: Double) -> String {
        let tenths = Int((Cost.wallNow() - start) / 1e5)
        return "\(tenths / 10).\(tenths % 10) s"
    }

    private func measureAccounts(_ report: inout Report) async throws {
        let total = self.options.messages + Options.small
        var store = try self.open()
        var start = Cost.wallNow()
        try await self.fill(store, "small", Options.small)
        try await self.fill(store, "large", self.options.messages)
        report.note("deliver \(total) messages", self.seconds(start))
        start = Cost.wallNow()
        try await store.keepLogShort()
        report.note("checkpoint", self.seconds(start))
        start = Cost.wallNow()
        await store.close()
        report.note("close", self.seconds(start))
        let index = Machine.octets("\(self.directory)/volume/index")
        report.note("index, octets a message", "\(index / total)")
        report.note("log, octets a message", "\(Machine.octets("\(self.directory)/volume/log") / total)")

        start = Cost.wallNow()
        store = try self.open()
        report.note("open the volume", self.seconds(start))
        let before = Machine.memory("RssAnon")
        let first = try await self.coldSelect(store, "small")
        let cold = try await self.coldSelect(store, "large")
        report.note("first SELECT of \(Options.small), wall / CPU ms", Self.milliseconds(first))
        report.note("first SELECT of \(self.options.messages), wall / CPU ms", Self.milliseconds(cold))
        report.note("RssAnon before, KiB", "\(before)")
        // As a session has it, while the operations run.
        let account = try await store.account(self.identity("large"))
        let session = try await account.open(.inbox, .readWrite, onChange: {})
        report.note("RssAnon with the large mailbox open, KiB", "\(Machine.memory("RssAnon"))")
        let other = try await store.account(self.identity("small")).open(.inbox, .readWrite, onChange: {})
        let small = try await self.operations(store, "small")
        let large = try await self.operations(store, "large")
        report.compare("\(Options.small) and \(self.options.messages) messages in a mailbox", small, large)
        report.lines.append("")
        session.close()
        other.close()
        await store.close()

        try self.runChild()
        start = Cost.wallNow()
        store = try self.open()
        report.note("open after a crash, \(Self.lostDeliveries) deliveries replayed", self.seconds(start))
        await store.close()
        Machine.remove("\(self.directory)/volume/index")
        start = Cost.wallNow()
        store = try self.open()
        report.note("open without an index", self.seconds(start))
        let again = try await store.account(self.identity("large")).status(of: .inbox).messages
        report.note("messages afterwards", "\(again)")
        await store.close()
    }

    private static func milliseconds(_ cost: Cost) -> String {
        "\(Double(Int(cost.wall / 10)) / 100) / \(Double(Int(cost.cpu / 10)) / 100)"
    }

    private func coldSelect(_ store: IndexedStore, _ name: String) async throws -> Cost {
        try await Cost.measure("first SELECT", rounds: 1) { _ in
            let mailbox = try await store.account(self.identity(name)).open(.inbox, .readWrite, onChange: {})
            _ = mailbox.snapshot().count
            mailbox.close()
        }
    }

    /// What users do in one account, each with a session that has the mailbox open beside.
    private func operations(_ store: IndexedStore, _ name: String) async throws -> [Cost] {
        let identity = self.identity(name)
        let account = try await store.account(identity)
        var costs: [Cost] = []
        costs.append(
            try await Cost.measure("open account", rounds: 51) { _ in _ = try await store.account(identity) })
        costs.append(try await Cost.measure("LIST", rounds: 51) { _ in _ = try await account.mailboxes() })
        costs.append(
            try await Cost.measure("SELECT", rounds: 51) { _ in
                let mailbox = try await account.open(.inbox, .readWrite, onChange: {})
                _ = mailbox.snapshot().count
                mailbox.close()
            })
        costs.append(try await Cost.measure("STATUS", rounds: 51) { _ in _ = try await account.status(of: .inbox) })
        costs.append(
            try await Cost.measure("deliver one", rounds: 101) { round in
                let deposit = Deposit(
                    message: Self.message(50_000_000 + round), account: account, mailbox: .inbox)
                for result in await store.deposit([deposit]) { _ = try result.get() }
            })
        let mailbox = try await account.open(.inbox, .readWrite, onChange: {})
        defer { mailbox.close() }
        costs.append(
            try await Cost.measure("flag one", rounds: 101) { round in
                let snapshot = mailbox.snapshot()
                let uid = snapshot[snapshot.count / 2 + round].uid
                _ = try await mailbox.store(FlagChange(.add, [.flagged]), [uid], unchangedSince: nil)
            })
        costs.append(
            try await Cost.measure("fetch one body", rounds: 101) { round in
                let snapshot = mailbox.snapshot()
                let record = snapshot[snapshot.count / 3 + round]
                _ = try await mailbox.octets(of: [record], limit: 1 << 20)
            })
        costs.append(
            try await Cost.measure("expunge one", rounds: 101) { round in
                let snapshot = mailbox.snapshot()
                _ = try await mailbox.remove([snapshot[snapshot.count / 4].uid])
            })
        costs.append(
            try await Cost.measure("quota", rounds: 51) { _ in _ = try await account.quota() })
        return costs
    }

    private func measureUsers(_ report: inout Report) async throws {
        let count = self.options.users
        let few = max(1, min(100, count / 10))
        report.lines.append("")
        for (name, users) in [("few", few), ("many", count)] {
            let store = try self.open(name)
            let start = Cost.wallNow()
            try await self.fillUsers(store, users)
            report.note("make \(users) users of \(Options.perUser) messages", self.seconds(start))
            await store.close()
        }
        var costs: [[Cost]] = []
        for (name, users) in [("few", few), ("many", count)] {
            let start = Cost.wallNow()
            let store = try self.open(name)
            report.note("open a volume of \(users) users", self.seconds(start))
            costs.append(try await self.userOperations(store, users))
            report.note("RssAnon, KiB", "\(Machine.memory("RssAnon"))")
            await store.close()
        }
        report.compare("\(few) and \(count) users in a volume", costs[0], costs[1])
    }

    private func userOperations(_ store: IndexedStore, _ users: Int) async throws -> [Cost] {
        func identity(_ round: Int) -> AccountIdentity { self.identity(Self.user(round * 7919 % users)) }
        var costs: [Cost] = []
        costs.append(
            try await Cost.measure("first use of an account", rounds: min(users, 101)) { round in
                _ = try await store.account(identity(round))
            })
        costs.append(
            try await Cost.measure("LIST", rounds: 51) { round in
                _ = try await store.account(identity(round)).mailboxes()
            })
        costs.append(
            try await Cost.measure("SELECT", rounds: 51) { round in
                let mailbox = try await store.account(identity(round)).open(.inbox, .readWrite, onChange: {})
                _ = mailbox.snapshot().count
                mailbox.close()
            })
        costs.append(
            try await Cost.measure("deliver one", rounds: 101) { round in
                let account = try await store.account(identity(round))
                let deposit = Deposit(message: Self.message(round), account: account, mailbox: .inbox)
                for result in await store.deposit([deposit]) { _ = try result.get() }
            })
        costs.append(
            try await Cost.measure("expunge one", rounds: 51) { round in
                let mailbox = try await store.account(identity(round)).open(.inbox, .readWrite, onChange: {})
                _ = try await mailbox.remove([mailbox.snapshot()[0].uid])
                mailbox.close()
            })
        costs.append(
            try await Cost.measure("who shares with a user", rounds: 51) { _ in
                _ = try await store.accountsSharing(with: [.user("nobody")])
            })
        return costs
    }

    // MARK: A crash

    private static let lostDeliveries = 20_000

    /// Delivers into the volume and ends without closing it.
    func dieAfterDelivering() async throws {
        let store = try self.open()
        try await self.fill(store, "other", Self.lostDeliveries)
        _exit(0)
    }

    private func runChild() throws {
        var process: pid_t = 0
        let words = [
            CommandLine.arguments[0], "--child", "--directory", self.directory, "--format", self.options.format,
        ]
        var arguments = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        guard posix_spawn(&process, "/proc/self/exe", nil, nil, &arguments, environ) == 0 else {
            throw StoreError(.temporary, "posix_spawn")
        }
        var status: CInt = 0
        waitpid(process, &status, 0)
    }
}
