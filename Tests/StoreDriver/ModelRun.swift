import Glibc
import IndexedStore
import MailCore
import MailStore

/// Random operations on one account against a naive model in memory. The volume is closed and opened at random steps,
/// with and without being closed in order, and with its index lost.
final class ModelRun {
    private struct Message: Equatable {
        var uid: UInt32
        var subject: String
        var flags: MessageFlags
        var keywords: Set<String>
        var date: Int64
        var size: Int
        /// When it last changed.
        var modSeq: UInt64 = 0
    }

    private struct Box {
        var messages: [Message] = []
        var uidNext: UInt32 = 1
        var validity: UInt32 = 0
        var guid = ""
        /// HIGHESTMODSEQ at some moments, and what had vanished since then.
        var moments: [(modSeq: UInt64, vanished: Set<UInt32>)] = []
        var highest: UInt64 = 0

        mutating func remove(_ uids: Set<UInt32>) {
            self.messages.removeAll { uids.contains($0.uid) }
            for index in self.moments.indices { self.moments[index].vanished.formUnion(uids) }
        }
    }

    private let volume: DriverVolume
    private var random: Seeded
    private let steps: Int
    private var boxes: [MailboxName: Box] = [:]
    private var subscribed = Set<MailboxName>()
    private var metadata: [MailboxName: [UInt8]] = [:]
    private var counter = 0
    private var done: [String: Int] = [:]
    private var trail: [String] = []

    init(_ volume: DriverVolume, seed: UInt64, steps: Int) {
        self.volume = volume
        self.random = Seeded(state: seed)
        self.steps = steps
    }

    private static let keywordNames = ["$Forwarded", "NonJunk", "work", "k1", "k2"]
    private static let flagChoices: [MessageFlags] = [[], .seen, .deleted, .flagged, [.seen, .answered], .draft]

    func run() async throws {
        var left = self.steps
        var store: IndexedStore? = nil
        do {
            while left > 0 {
                let opened = try self.volume.open { $0.fsync = .always }
                store = opened
                let account = try await opened.account(self.volume.identity("anna"))
                for listing in try await account.mailboxes()
                where listing.isSelectable && self.boxes[listing.name] == nil {
                    try self.expect(listing.name.isInbox, "\(listing.name) is there again")
                    try await self.learn(listing.name, account)
                }
                try await self.compareAll(account)
                for _ in 0..<Int.random(in: 5...60, using: &self.random) where left > 0 {
                    left -= 1
                    try await self.step(opened, account)
                }
                try await self.compareAll(account)
                try await self.end(opened)
            }
        } catch {
            Report.line(
                "failed", ["text": .text("\(error)"), "trail": .list(self.trail.suffix(25).map { .text($0) })])
            exit(4)
        }
        let errors = self.volume.problems
        Report.line(
            "end", errors.merging(["done": .object(self.done.mapValues { .number(Int64($0)) })]) { a, _ in a })
        _ = store
    }

    private func note(_ what: String, _ more: String = "") {
        self.done[what, default: 0] += 1
        self.trail.append("\(what) \(more)")
    }

    private func expect(_ condition: Bool, _ text: @autoclosure () -> String) throws {
        if !condition { throw DriverError(text()) }
    }

    // MARK: Ends

    private func end(_ store: IndexedStore) async throws {
        switch Int.random(in: 0..<6, using: &self.random) {
        case 0, 1, 2:
            self.note("close")
            await store.close()
        case 3, 4:
            self.note("crash")
            try await store.finishFileWork()
            let copy = self.volume.directory + ".crash"
            try Files.copy(self.volume.directory, copy)
            await store.close()
            Files.remove(self.volume.directory)
            rename(copy, self.volume.directory)
            // It stands for the volume itself.
            unlink("\(self.volume.directory)/volume/log/place")
        default:
            self.note("lost index")
            await store.close()
            Files.remove(self.volume.indexPath)
            // What vanished when is not always known after that.
            for name in self.boxes.keys { self.boxes[name]?.moments = [] }
        }
    }

    // MARK: Steps

    private func learn(_ name: MailboxName, _ account: any MailAccount) async throws {
        let mailbox = try await account.open(name, .readOnly, onChange: {})
        defer { mailbox.close() }
        var box = Box()
        box.validity = mailbox.snapshot().uidValidity.rawValue
        box.guid = mailbox.guid
        box.highest = mailbox.snapshot().highestModSeq.rawValue
        self.boxes[name] = box
    }

    private func step(_ store: IndexedStore, _ account: any MailAccount) async throws {
        let names = self.boxes.keys.sorted()
        let name = names.randomElement(using: &self.random) ?? .inbox
        let other = names.randomElement(using: &self.random) ?? .inbox
        guard let box = self.boxes[name] else { return }
        let chosen = box.messages.filter { _ in Int.random(in: 0..<4, using: &self.random) == 0 }
        let uids = UIDSet(chosen.compactMap { UID(rawValue: $0.uid) })
        let mailbox = try await account.open(name, .readWrite, onChange: {})
        defer { mailbox.close() }
        switch Int.random(in: 0..<40, using: &self.random) {
        case 0..<11: try await self.deposit(store, account, name)
        case 11..<18: try await self.change(mailbox, name, uids, Set(chosen.map(\.uid)))
        case 18..<21:
            self.note("expunge", "\(name)")
            let gone = Set(box.messages.filter { $0.flags.contains(.deleted) }.map(\.uid))
            let removed = try await mailbox.expunge(nil)
            try self.expect(Set(removed.map(\.rawValue)) == gone, "EXPUNGE removed \(removed), wanted \(gone)")
            self.boxes[name]?.remove(gone)
        case 21..<23:
            self.note("remove", "\(name) \(uids)")
            _ = try await mailbox.remove(uids)
            self.boxes[name]?.remove(Set(chosen.map(\.uid)))
        case 23..<31: try await self.transfer(mailbox, name, other, uids, chosen)
        case 31..<38: try await self.structure(account, name)
        default:
            self.note("keep log short")
            try await store.keepLogShort()
        }
        for name in Set([name, other]) where self.boxes[name] != nil { try await self.compare(name, account) }
    }

    private func deposit(_ store: IndexedStore, _ account: any MailAccount, _ name: MailboxName) async throws {
        let count = [1, 1, 1, 3].randomElement(using: &self.random) ?? 1
        self.note(count > 1 ? "multiappend" : "append", "\(name)")
        var deposits: [Deposit] = []
        var messages: [Message] = []
        for _ in 0..<count {
            self.counter += 1
            let subject = "s\(self.counter)"
            let lines = [0, 3, 3, 20, 300].randomElement(using: &self.random) ?? 3
            let flags = Self.flagChoices.randomElement(using: &self.random) ?? []
            let keywords = Self.keywordNames.filter { _ in Int.random(in: 0..<4, using: &self.random) == 0 }
            let date = 1_600_000_000 + Int64(self.counter)
            deposits.append(
                Deposit(
                    message: Sample.message(subject, lines: lines), account: account, mailbox: name, flags: flags,
                    keywords: keywords.compactMap(Keyword.init), internalDate: date))
            messages.append(
                Message(
                    uid: 0, subject: subject, flags: flags, keywords: Set(keywords), date: date,
                    size: Sample.octets(subject, lines: lines).count))
        }
        let stored = try await store.depositAll(deposits)
        for (place, message) in zip(stored, messages) { try self.arrived(message, name, place.uid) }
    }

    private func arrived(_ message: Message, _ name: MailboxName, _ uid: UID) throws {
        guard var box = self.boxes[name] else { return }
        try self.expect(uid.rawValue >= box.uidNext, "\(name): UID \(uid), UIDNEXT was \(box.uidNext)")
        var message = message
        message.uid = uid.rawValue
        message.modSeq = 0
        box.messages.append(message)
        box.uidNext = uid.rawValue + 1
        self.boxes[name] = box
    }

    private func change(_ mailbox: any Mailbox, _ name: MailboxName, _ uids: UIDSet, _ chosen: Set<UInt32>) async throws
    {
        let mode: FlagChange.Mode = [.add, .remove, .replace].randomElement(using: &self.random) ?? .add
        let flags = Self.flagChoices.randomElement(using: &self.random) ?? []
        let keywords = Self.keywordNames.filter { _ in Int.random(in: 0..<4, using: &self.random) == 0 }
        let snapshot = mailbox.snapshot()
        let since = Bool.random(using: &self.random) ? snapshot.highestModSeq : nil
        self.note("flags", "\(name) \(mode) \(flags.rawValue) \(keywords) \(uids)")
        let result = try await mailbox.store(
            FlagChange(mode, flags, keywords.compactMap(Keyword.init)), uids, unchangedSince: since)
        try self.expect(result.modified.isEmpty, "UNCHANGEDSINCE refused \(result.modified)")
        guard var box = self.boxes[name] else { return }
        for index in box.messages.indices where chosen.contains(box.messages[index].uid) {
            switch mode {
            case .add:
                box.messages[index].flags.formUnion(flags)
                box.messages[index].keywords.formUnion(keywords)
            case .remove:
                box.messages[index].flags.subtract(flags)
                box.messages[index].keywords.subtract(keywords)
            case .replace:
                box.messages[index].flags = flags
                box.messages[index].keywords = Set(keywords)
            }
        }
        self.boxes[name] = box
    }

    private func transfer(
        _ mailbox: any Mailbox, _ name: MailboxName, _ other: MailboxName, _ uids: UIDSet, _ chosen: [Message]
    ) async throws {
        let moves = Bool.random(using: &self.random)
        self.note(moves ? "move" : "copy", "\(name) to \(other) \(uids)")
        let result = moves ? try await mailbox.move(uids, to: other) : try await mailbox.copy(uids, to: other)
        try self.expect(result.source == uids, "COPYUID \(result.source), wanted \(uids)")
        if !uids.isEmpty {
            try self.expect(result.uidValidity.rawValue == self.boxes[other]?.validity, "COPYUID's UIDVALIDITY")
        }
        for (message, uid) in zip(chosen, result.target) { try self.arrived(message, other, uid) }
        if moves { self.boxes[name]?.remove(Set(chosen.map(\.uid))) }
    }

    private func structure(_ account: any MailAccount, _ name: MailboxName) async throws {
        self.counter += 1
        switch Int.random(in: 0..<7, using: &self.random) {
        case 0, 1:
            let parent = Bool.random(using: &self.random) ? "" : "\(name)/"
            guard self.boxes.count < 9, let new = MailboxName("\(parent)B\(self.counter)") else { return }
            self.note("create", "\(new)")
            try await account.create(new, specialUse: nil)
            try await self.learn(new, account)
        case 2 where !name.isInbox:
            self.note("delete", "\(name)")
            try await account.delete(name)
            self.boxes[name] = nil
            self.metadata[name] = nil
        case 3 where !name.isInbox:
            guard let new = MailboxName("R\(self.counter)") else { return }
            self.note("rename", "\(name) to \(new)")
            try await account.rename(name, to: new)
            for old in self.boxes.keys where old == name || old.isDescendant(of: name) {
                guard let moved = old.moved(from: name, to: new) else { continue }
                self.boxes[moved] = self.boxes.removeValue(forKey: old)
                self.metadata[moved] = self.metadata.removeValue(forKey: old)
            }
        case 4:
            self.note("subscribe", "\(name)")
            try await account.subscribe(name)
            self.subscribed.insert(name)
        case 5:
            self.note("unsubscribe", "\(name)")
            try await account.unsubscribe(name)
            self.subscribed.remove(name)
        default:
            guard let entry = MetadataEntry("/private/comment") else { return }
            self.note("metadata", "\(name)")
            let value = Array("v\(self.counter)".utf8)
            try await account.setMetadata([MetadataChange(entry, value)], of: .mailbox(name))
            self.metadata[name] = value
        }
    }

    // MARK: Comparing

    private func compareAll(_ account: any MailAccount) async throws {
        let there = Set(try await account.mailboxes().filter(\.isSelectable).map(\.name))
        try self.expect(
            there == Set(self.boxes.keys),
            "mailboxes \(there.map(\.text).sorted()), wanted \(self.boxes.keys.map(\.text).sorted())")
        for name in self.boxes.keys.sorted() { try await self.compare(name, account) }
        let subscriptions = Set(try await account.subscriptions())
        try self.expect(
            subscriptions == self.subscribed,
            "subscriptions \(subscriptions.map(\.text).sorted()), wanted \(self.subscribed.map(\.text).sorted())")
        let quota = try await account.quota().usage
        let all = self.boxes.values.flatMap(\.messages)
        try self.expect(
            quota == QuotaUsage(storage: all.reduce(0) { $0 + Int64($1.size) }, messages: Int64(all.count)),
            "quota \(quota), there are \(all.count) messages of \(all.reduce(0) { $0 + $1.size }) octets")
    }

    private func compare(_ name: MailboxName, _ account: any MailAccount) async throws {
        guard var box = self.boxes[name] else { return }
        let mailbox = try await account.open(name, .readOnly, onChange: {})
        defer { mailbox.close() }
        let snapshot = mailbox.snapshot()
        let records = (0..<snapshot.count).map { snapshot[$0] }
        var subjects: [String] = []
        while subjects.count < records.count {
            for octets in try await mailbox.octets(of: Array(records[subjects.count...]), limit: 8 << 20) {
                subjects.append(Sample.subject(of: try octets.get()) ?? "not as it came")
            }
        }
        var seen: [Message] = []
        for (record, subject) in zip(records, subjects) {
            let keywords = snapshot.keywords.numbers(in: record.keywords).map {
                snapshot.keywords.keywords[Int($0)].name
            }
            seen.append(
                Message(
                    uid: record.uid.rawValue, subject: subject, flags: record.flags, keywords: Set(keywords),
                    date: record.internalDate, size: Int(record.size), modSeq: record.modSeq.rawValue))
        }
        let plain = seen.map { message in
            var message = message
            message.modSeq = 0
            return message
        }
        let wanted = box.messages.map { message in
            var message = message
            message.modSeq = 0
            return message
        }
        if plain != wanted {
            let pair = zip(plain, wanted).first { $0 != $1 }
            throw DriverError(
                "\(name): \(plain.count) of \(wanted.count) messages, first difference \(String(describing: pair))")
        }
        try self.expect(snapshot.uidValidity.rawValue == box.validity, "\(name): UIDVALIDITY")
        try self.expect(mailbox.guid == box.guid, "\(name): GUID")
        try self.expect(snapshot.uidNext.rawValue >= box.uidNext, "\(name): UIDNEXT goes back")
        let highest = snapshot.highestModSeq.rawValue
        try self.expect(highest >= box.highest, "\(name): HIGHESTMODSEQ goes back")
        // A message that changed has a MODSEQ above all that there was before, others keep theirs.
        for (now, known) in zip(seen, box.messages) where known.modSeq != 0 {
            var same = now
            same.modSeq = known.modSeq
            if same == known {
                try self.expect(now.modSeq == known.modSeq || now.modSeq > box.highest, "\(name): MODSEQ of \(now.uid)")
            } else {
                try self.expect(now.modSeq > box.highest, "\(name): MODSEQ of changed \(now.uid)")
            }
        }
        try self.expect(seen.allSatisfy { $0.modSeq <= highest }, "\(name): a MODSEQ above HIGHESTMODSEQ")
        for (index, known) in zip(box.messages.indices, seen) { box.messages[index].modSeq = known.modSeq }
        box.uidNext = snapshot.uidNext.rawValue
        box.highest = highest
        // QRESYNC: what a client that comes back is told.
        for moment in box.moments {
            let all = UIDSet(UID.first...UID(nonZero: .max))
            guard let vanished = try await mailbox.vanished(all, since: ModSeq(rawValue: moment.modSeq)) else {
                continue
            }
            let told = Set(vanished.map(\.rawValue))
            try self.expect(
                moment.vanished.isSubset(of: told),
                "\(name): VANISHED since \(moment.modSeq): \(told), not \(moment.vanished)")
            try self.expect(
                told.isDisjoint(with: seen.map(\.uid)), "\(name): VANISHED \(told) are there")
        }
        if box.moments.count < 4 || Int.random(in: 0..<10, using: &self.random) == 0 {
            box.moments.append((highest, []))
            if box.moments.count > 6 { box.moments.removeFirst() }
        }
        self.boxes[name] = box
        let status = try await account.status(of: name)
        try self.expect(
            status.messages == seen.count && status.unseen == seen.count { !$0.flags.contains(.seen) }
                && status.deleted == seen.count { $0.flags.contains(.deleted) }
                && status.size == UInt64(seen.reduce(0) { $0 + $1.size }), "\(name): STATUS \(status)")
        let comment = try await account.metadata(of: .mailbox(name)).first?.value
        try self.expect(comment == self.metadata[name], "\(name): metadata")
    }
}
