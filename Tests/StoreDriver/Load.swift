import IndexedStore
import MailCore
import MailStore
import Synchronization

/// A sequence of numbers that is the same in each run.
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state = self.state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        var value = self.state
        value = (value ^ (value >> 33)) &* 0xFF51_AFD7_ED55_8CCD
        return value ^ (value >> 33)
    }
}

/// Several users at once, for the replay of power losses: everything that is answered is noted in the disk's trace at
/// that moment, and so is the beginning of what takes messages away.
struct Load {
    private let volume: DriverVolume
    private let seed: UInt64
    private let steps: Int

    init(_ volume: DriverVolume, seed: UInt64, steps: Int) {
        self.volume = volume
        self.seed = seed
        self.steps = steps
    }

    func run() async throws {
        Disk.arm()
        let store = try self.volume.open()
        let anna = try await store.account(self.volume.identity("anna"))
        let bob = try await store.account(self.volume.identity("bob"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<4 as Range<UInt64> {
                let user = LoadUser(
                    number: number, random: Seeded(state: self.seed &* 31 &+ number), store: store, anna: anna, bob: bob
                )
                group.addTask {
                    var user = user
                    for _ in 0..<self.steps { try await user.step() }
                }
            }
            group.addTask {
                // What goes on behind everybody's back.
                for _ in 0..<max(1, self.steps / 12) {
                    try await Task.sleep(for: .milliseconds(60))
                    try await store.keepLogShort()
                }
            }
            try await group.waitForAll()
        }
        await store.close()
        Disk.disarm()
        Report.line("end", self.volume.problems)
    }
}

private struct LoadUser {
    let number: UInt64
    var random: Seeded
    let store: IndexedStore
    let anna: any MailAccount
    let bob: any MailAccount
    private var count = 0
    private var made: [MailboxName] = []

    init(number: UInt64, random: Seeded, store: IndexedStore, anna: any MailAccount, bob: any MailAccount) {
        self.number = number
        self.random = random
        self.store = store
        self.anna = anna
        self.bob = bob
    }

    private static let boxes: [MailboxName] = [.inbox, Scenario.work, Scenario.empty]

    private func note(_ words: String...) { Disk.note(words.joined(separator: "\t")) }

    private func acked(_ account: any MailAccount, _ mailbox: MailboxName, _ uid: UID, _ subject: String) {
        self.note("acked", account.identity.name, mailbox.text, "\(uid.rawValue)", subject)
    }

    mutating func step() async throws {
        self.count += 1
        let box = Self.boxes.randomElement(using: &self.random) ?? .inbox
        let other = Self.boxes.filter { $0 != box }.randomElement(using: &self.random) ?? .inbox
        switch Int.random(in: 0..<16, using: &self.random) {
        case 0...5: try await self.deliver(box)
        case 6: try await self.append(box)
        case 7, 8: try await self.transfer(from: box, to: other, .copy)
        case 9, 10: try await self.transfer(from: box, to: other, .move)
        case 11, 12: try await self.flag(box)
        case 13: try await self.remove(box)
        default: try await self.structure()
        }
    }

    private mutating func deliver(_ box: MailboxName) async throws {
        let subject = "l\(self.number).\(self.count)"
        let lines = [2, 10, 40, 40, 900].randomElement(using: &self.random) ?? 2
        let message = Sample.message(subject, lines: lines)
        var deposits = [Deposit(message: message, account: self.anna, mailbox: box, missingMailbox: .create)]
        if Bool.random(using: &self.random) {
            deposits.append(Deposit(message: message, account: self.bob, mailbox: .inbox))
        }
        for (deposit, result) in zip(deposits, await self.store.deposit(deposits)) {
            self.acked(deposit.account, deposit.mailbox, try result.get().uid, subject)
        }
    }

    private mutating func append(_ box: MailboxName) async throws {
        let subject = "a\(self.number).\(self.count)"
        let keyword = Keyword("k\(self.count % 7)")
        let stored = try await self.store.depositAll([
            Deposit(
                message: Sample.message(subject), account: self.anna, mailbox: box, flags: .seen,
                keywords: keyword.map { [$0] } ?? [])
        ])
        for one in stored { self.acked(self.anna, box, one.uid, subject) }
    }

    /// Some messages of a mailbox, and the subjects they have.
    private mutating func some(
        _ mailbox: any Mailbox, _ limit: Int
    ) async throws -> [(uid: UID, subject: String)] {
        let snapshot = mailbox.snapshot()
        guard snapshot.count > 0 else { return [] }
        var chosen: [MessageRecord] = []
        for _ in 0..<limit {
            let record = snapshot[Int.random(in: 0..<snapshot.count, using: &self.random)]
            if !chosen.contains(where: { $0.uid == record.uid }) { chosen.append(record) }
        }
        chosen.sort { $0.uid < $1.uid }
        var found: [(UID, String)] = []
        for (record, octets) in zip(chosen, try await mailbox.octets(of: chosen, limit: 16 << 20)) {
            // Others may have taken it away meanwhile.
            if case .success(let octets) = octets { found.append((record.uid, Sample.subject(of: octets) ?? "?")) }
        }
        return found
    }

    private mutating func transfer(from box: MailboxName, to other: MailboxName, _ kind: TransferKind) async throws {
        let mailbox = try await self.anna.open(box, .readWrite, onChange: {})
        defer { mailbox.close() }
        let some = try await self.some(mailbox, 3)
        let toBob = Int.random(in: 0..<4, using: &self.random) == 0
        let account = toBob ? self.bob : self.anna
        let name = toBob ? .inbox : other
        if kind == .move { self.leaving(box, some.map(\.uid)) }
        let result = try await mailbox.transfer(
            UIDSet(some.map(\.uid)), to: DepositDestination(account: account, name: name, rights: .all), kind)
        for (source, target) in zip(result.source, result.target) {
            guard let subject = some.first(where: { $0.uid == source })?.subject else { continue }
            self.acked(account, name, target, subject)
        }
    }

    private func leaving(_ box: MailboxName, _ uids: [UID]) {
        for uid in uids { self.note("leaving", "anna", box.text, "\(uid.rawValue)") }
    }

    private mutating func flag(_ box: MailboxName) async throws {
        let mailbox = try await self.anna.open(box, .readWrite, onChange: {})
        defer { mailbox.close() }
        let uids = try await self.some(mailbox, 4).map(\.uid)
        let mode: FlagChange.Mode = Bool.random(using: &self.random) ? .add : .remove
        let keyword = Keyword("k\(self.count % 5)")
        let change = FlagChange(mode, .flagged, keyword.map { [$0] } ?? [])
        let result = try await mailbox.store(change, UIDSet(uids), unchangedSince: nil)
        if let modSeq = result.modSeq { self.note("modseq", "anna", box.text, "\(modSeq.rawValue)") }
    }

    private mutating func remove(_ box: MailboxName) async throws {
        let mailbox = try await self.anna.open(box, .readWrite, onChange: {})
        defer { mailbox.close() }
        let uids = try await self.some(mailbox, 2).map(\.uid)
        self.leaving(box, uids)
        _ = try await mailbox.remove(UIDSet(uids))
    }

    /// Mailboxes of its own, so that names mean something.
    private mutating func structure() async throws {
        switch self.made.isEmpty ? 0 : Int.random(in: 0..<4, using: &self.random) {
        case 0:
            guard let name = MailboxName("Box\(self.number)/N\(self.count)") else { return }
            try await self.anna.create(name, specialUse: nil)
            self.note("mailbox", "anna", name.text)
            self.made.append(name)
            let subject = "n\(self.number).\(self.count)"
            let stored = try await self.store.depositAll([
                Deposit(message: Sample.message(subject), account: self.anna, mailbox: name)
            ])
            for one in stored { self.acked(self.anna, name, one.uid, subject) }
        case 1:
            let old = self.made.removeLast()
            guard let new = MailboxName("Box\(self.number)/R\(self.count)") else { return }
            self.note("renaming", "anna", old.text, new.text)
            try await self.anna.rename(old, to: new)
            self.note("renamed", "anna", old.text, new.text)
            self.made.append(new)
        case 2:
            let name = self.made.removeLast()
            self.note("deleting", "anna", name.text)
            try await self.anna.delete(name)
        default:
            guard let name = self.made.last, let comment = MetadataEntry("/private/comment") else { return }
            try await self.anna.subscribe(name)
            self.note("subscribed", "anna", name.text)
            try await self.anna.setMetadata(
                [MetadataChange(comment, Array("\(self.count)".utf8))], of: .mailbox(name))
            self.note("metadata", "anna", name.text, "/private/comment \(self.count)")
        }
    }
}
