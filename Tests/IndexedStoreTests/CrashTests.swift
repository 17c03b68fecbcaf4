import Glibc
import IndexedStore
import MailCore
import MailStore
import Testing

/// A process that dies at each point of the write path, and what the next one finds.
@Suite struct CrashTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var point: CrashPoint
        /// The process dies when it comes to the point for this time.
        var time: Int
        var format: TestFormat
        var testDescription: String { "\(self.format) \(self.point) \(self.time)" }
    }

    static let maildirCases: [Case] = CrashPoint.allCases.filter { !KeeperCrashTests.points.contains($0) }.flatMap {
        point in
        [1, 2, 5, 9].map { Case(point: point, time: $0, format: .maildir) }
    }

    /// Points that an account without files comes to.
    static let packCases: [Case] =
        [
            CrashPoint.afterPrepare, .beforeLogWrite, .afterFlush, .beforePublish, .afterPublish, .inApply, .afterApply,
            .aroundMailboxFiles,
        ].flatMap { point in [1, 2, 5, 9].map { Case(point: point, time: $0, format: .pack) } }

    @Test(arguments: maildirCases + packCases) func everyAnswerHolds(_ crash: Case) async throws {
        let volume = try TestVolume(crash.format)
        let directory = volume.directory
        let point = crash.point.rawValue
        let time = crash.time
        let format = crash.format.rawValue
        await #expect(processExitsWith: .exitCode(77)) {
            [
                directory = directory as String, point = point as String, time = time as Int,
                format = format as String
            ] in
            await CrashLoad(directory, .succeed, point, time, TestFormat(rawValue: format) ?? .maildir).run()
        }
        let journal = CrashJournal(String(decoding: Shell.read("\(directory)/answers") ?? [], as: UTF8.self))
        if time == 1 { #expect(!journal.isFinished, "the process never came to \(crash.point)") }
        try await volume.with { store in try await journal.check(store, volume) }
        // And once more, from what the first repair left.
        try await volume.with { store in
            #expect(store.openReport.wasClean)
            #expect(store.openReport.replayedRecords == 0)
            try await journal.check(store, volume)
        }
        #expect(volume.problems == [])
    }

    /// The power fails: the log survives, of the message files nothing does.
    @Test(arguments: maildirCases) func powerLossTakesNothing(_ crash: Case) async throws {
        let volume = try TestVolume()
        let directory = volume.directory
        let point = crash.point.rawValue
        let time = crash.time
        await #expect(processExitsWith: .exitCode(77)) {
            [directory = directory as String, point = point as String, time = time as Int] in
            await CrashLoad(directory, .fail, point, time).run()
        }
        let journal = CrashJournal(String(decoding: Shell.read("\(directory)/answers") ?? [], as: UTF8.self))
        for user in ["anna", "bert"] { self.loseFiles("\(directory)/\(user)") }
        try await volume.with { store in try await journal.check(store, volume) }
        try await volume.with { store in
            #expect(store.openReport.checkedFiles == 0)
            try await journal.check(store, volume)
        }
        #expect(volume.problems == [])
    }

    private func loseFiles(_ maildir: String) {
        for name in Shell.names(maildir) where name.hasPrefix(".") { self.loseFiles("\(maildir)/\(name)") }
        for folder in ["new", "cur", "tmp"] {
            for (number, name) in Shell.names("\(maildir)/\(folder)").enumerated() {
                // A name without octets is what a delayed allocation leaves.
                if number % 2 == 0 {
                    unlink("\(maildir)/\(folder)/\(name)")
                } else {
                    Shell.write([], "\(maildir)/\(folder)/\(name)")
                }
            }
        }
        for name in Shell.names(maildir) where name.hasPrefix("dovecot-uidlist") || name.hasSuffix(".lock") {
            unlink("\(maildir)/\(name)")
        }
    }
}

/// What a process was told before it died: lines written as soon as an answer is there.
struct CrashJournal {
    /// `user subject` -> mailbox, of deposits.
    var stored: [String: String] = [:]
    /// `mailbox uid` -> subject.
    var uids: [String: String] = [:]
    var moved: [String: String] = [:]
    /// Those whose move was begun; they may be in either place.
    var moving = Set<String>()
    var removing = Set<String>()
    var removed = Set<String>()
    /// What was to be replaced, and by what.
    var replacing: [(old: String, new: String)] = []
    var created: [String] = []
    var deleted: [String] = []
    var isFinished = false

    init(_ text: String) {
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            switch words[0] {
            case "stored":
                let user = words[1].prefix { $0 != "/" }
                self.stored["\(user) \(words[3])"] = words[1]
                self.uids["\(words[1]) \(words[2])"] = words[3]
            case "moving": self.moving.insert("anna \(words[1])")
            case "moved": self.moved["anna \(words[3])"] = words[1]
            case "created": self.created.append(words[1])
            case "deleting": self.created.removeAll { $0 == words[1] }
            case "removing": self.removing.insert("\(words[1]) \(words[2])")
            case "replacing":
                self.removing.insert("\(words[1]) \(words[2])")
                self.replacing.append((old: "\(words[1]) \(words[2])", new: "\(words[1]) \(words[3])"))
            case "removed": self.removed.insert("\(words[1]) \(words[2])")
            case "finished": self.isFinished = true
            case "deleted": self.deleted.append(words[1])
            default: break
            }
        }
    }

    /// Compares what was told with what a store has.
    func check(_ store: IndexedStore, _ volume: TestVolume) async throws {
        var places: [String: [String]] = [:]
        for user in ["anna", "bert"] {
            let account = try await store.account(volume.identity(user))
            for listing in try await account.mailboxes() where listing.isSelectable {
                let mailbox = try await account.open(listing.name, .readOnly, onChange: {})
                let subjects = try await mailbox.subjects()
                let uids = mailbox.snapshot().uids
                #expect(Set(subjects).count == subjects.count, "a message is there twice")
                #expect(uids == Array(Set(uids)).sorted())
                for (uid, subject) in zip(uids, subjects) {
                    let place = "\(user)/\(listing.name)"
                    places["\(user) \(subject)", default: []].append(place)
                    if let told = self.uids["\(place) \(uid)"] {
                        #expect(told == subject, "UID \(uid) of \(place) had been told for \(told)")
                    }
                }
                let status = try await account.status(of: listing.name)
                #expect(status.messages == subjects.count)
                #expect(status.unseen == mailbox.snapshot().records.count { !$0.flags.contains(.seen) })
                // Every file belongs to a message: nothing is shown as new mail that is not.
                mailbox.close()
            }
            #expect(try await account.quota().usage == QuotaTests.recount(account))
        }
        for (message, place) in self.stored where self.moved[message] == nil {
            let found = places[message, default: []]
            if self.removed.contains(message) {
                #expect(found == [], "\(message) came back")
                continue
            }
            if self.removing.contains(message), found == [] { continue }
            #expect(found.count == 1, "\(message) is lost or there twice")
            #expect(found == [place] || self.moving.contains(message), "\(message) is not in \(place)")
        }
        for (old, new) in self.replacing {
            let count = places[old, default: []].count + places[new, default: []].count
            #expect(count > 0, "neither \(old) is there nor \(new) in its place")
            if self.removed.contains(old) { #expect(places[new, default: []].count == 1) }
        }
        for (message, place) in self.moved {
            #expect(places[message, default: []] == [place], "\(message) was moved to \(place)")
        }
        for name in self.created {
            let account = try await store.account(volume.identity("anna"))
            #expect(try await account.mailboxes().contains { $0.name.text == name }, "\(name) is gone")
        }
        for name in self.deleted {
            let account = try await store.account(volume.identity("anna"))
            #expect(try await !account.mailboxes().contains { $0.name.text == name }, "\(name) came back")
        }
    }
}

/// The work of the process that dies.
struct CrashLoad {
    private let volume: TestDirectory
    private let answers: CInt

    private let log: KeptLog

    /// Whether the log is cut short after each round.
    enum KeptLog: Sendable { case grows, isCleaned }

    init(
        _ directory: String, _ syncs: TestDirectory.Syncs, _ point: String, _ time: Int,
        _ format: TestFormat = .maildir, _ log: KeptLog = .grows, disk: LosingDisk? = nil
    ) {
        let countdown = Countdown(time)
        self.log = log
        var volume = TestDirectory(directory, syncs, format) { reached in
            guard reached.rawValue == point, countdown.isLast else { return }
            disk?.losePower(UInt64(time))
            _exit(77)
        }
        if let disk { volume.files = disk.files }
        if log == .isCleaned { volume.segmentSize = 16_384 }
        self.volume = volume
        self.answers = open("\(directory)/answers", O_WRONLY | O_CREAT | O_APPEND, 0o600)
    }

    private func told(_ line: String) {
        let octets = Array((line + "\n").utf8)
        _ = Glibc.write(self.answers, octets, octets.count)
    }

    func run() async {
        do {
            let store = try IndexedStore.open(self.volume.configuration)
            for round in 0..<4 { try await self.round(store, round) }
            await store.close()
        } catch {
            self.told("error \(error)")
            _exit(1)
        }
        // The point was not reached so often: as good as a death after everything.
        self.told("finished")
        _exit(77)
    }

    /// Fills segments, removes most of what is in them, and has the rest copied.
    private func clean(_ store: IndexedStore, _ account: any MailAccount, _ round: Int) async throws {
        for number in 0..<12 {
            let subject = "r\(round)x\(number)"
            let stored = try await store.put(message(subject, lines: 100), account)
            self.told("stored bert/INBOX \(stored.uid.rawValue) \(subject)")
        }
        let inbox = try await account.open(.inbox, .readWrite, onChange: {})
        let all = Array(zip(inbox.snapshot().records, try await inbox.subjects()))
        let removed = all.filter { $0.1.contains("x") && !$0.1.hasSuffix("0") }
        for (_, subject) in removed { self.told("removing bert \(subject)") }
        _ = try await inbox.remove(UIDSet(removed.map(\.0.uid)))
        for (_, subject) in removed { self.told("removed bert \(subject)") }
        inbox.close()
        try await store.keepLogShort()
    }

    private func round(_ store: IndexedStore, _ round: Int) async throws {
        let anna = try await store.account(self.volume.identity("anna"))
        let bert = try await store.account(self.volume.identity("bert"))
        let folder = "Folder\(round)"
        guard let name = MailboxName(folder) else { return }
        try await anna.create(name, specialUse: nil)
        self.told("created \(folder)")
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<6 {
                group.addTask {
                    let subject = "r\(round)n\(number)"
                    let message = message(subject)
                    let results = await store.deposit([
                        Deposit(message: message, account: anna, mailbox: .inbox),
                        Deposit(message: message, account: bert, mailbox: .inbox, flags: [.flagged]),
                    ])
                    for (result, user) in zip(results, ["anna", "bert"]) {
                        guard case .success(let stored) = result else { continue }
                        self.told("stored \(user)/INBOX \(stored.uid.rawValue) \(subject)")
                    }
                }
            }
        }
        if self.log == .isCleaned { try await self.clean(store, bert, round) }
        let inbox = try await anna.open(.inbox, .readWrite, onChange: {})
        let records = inbox.snapshot().records
        let subjects = try await inbox.subjects()
        let wanted = Array(zip(records, subjects).suffix(2))
        for (_, subject) in wanted { self.told("moving \(subject)") }
        _ = try await inbox.store(FlagChange(.add, [.seen]), UIDSet(records.map(\.uid)), unchangedSince: nil)
        let moved = try await inbox.move(UIDSet(wanted.map(\.0.uid)), to: name)
        for ((_, subject), uid) in zip(wanted, moved.target) {
            self.told("moved anna/\(folder) \(uid.rawValue) \(subject)")
        }
        if let old = records.first, let subject = subjects.first {
            let new = "r\(round)q"
            self.told("replacing anna \(subject) \(new)")
            let stored = try await store.replace(
                old.uid, in: inbox, by: Deposit(message: message(new), account: anna, mailbox: .inbox))
            self.told("removed anna \(subject)")
            self.told("stored anna/INBOX \(stored.uid.rawValue) \(new)")
        }
        inbox.close()
        // Names are changed only where the disk takes that at once.
        if round % 2 == 1, self.volume.syncs == .succeed, let old = MailboxName("Empty\(round)"), let new = MailboxName("Renamed\(round)") {
            try await anna.create(old, specialUse: nil)
            try await anna.rename(old, to: new)
            self.told("created \(new)")
            self.told("deleting \(new)")
            try await anna.delete(new)
            self.told("deleted \(new)")
        }
    }
}
