import Glibc
import IndexedStore
import MailCore
import MailStore
import Testing

/// The store against a naive model, with random steps and reopenings.
@Suite struct ModelTests {
    struct Message: Equatable {
        var uid: UInt32
        var subject: String
        var flags: MessageFlags
        var keywords: Set<String>
    }

    struct Box {
        var name: MailboxName
        var messages: [Message] = []
        var uidNext: UInt32 = 1
        var highest: UInt64 = 0

        mutating func append(_ subject: String, _ flags: MessageFlags, _ keywords: Set<String>) {
            self.messages.append(
                Message(uid: self.uidNext, subject: subject, flags: flags, keywords: keywords))
            self.uidNext += 1
        }
    }

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

    static let keywordNames = ["$Forwarded", "NonJunk", "work"]
    static let flagChoices: [MessageFlags] = [[], .seen, .deleted, .flagged, [.seen, .answered], .draft]

    @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64], TestFormat.allCases)
    func randomSteps(_ seed: UInt64, _ format: TestFormat) async throws {
        var random = Seeded(state: seed)
        let volume = try TestVolume(format)
        var boxes = [Box(name: .inbox), Box(name: try #require(MailboxName("Work")))]
        var counter = 0
        for session in 0..<4 {
            try await volume.with { store in
                let account = try await store.account(volume.identity("anna"))
                if session == 0 { try await account.create(boxes[1].name, specialUse: nil) }
                var open: [any Mailbox] = []
                for box in boxes { open.append(try await account.open(box.name, .readWrite, onChange: {})) }
                for (index, box) in boxes.enumerated() { try await self.compare(open[index], box, account) }
                for _ in 0..<25 {
                    let number = Int.random(in: 0..<2, using: &random)
                    let before = open.map { $0.snapshot() }
                    try await self.step(&random, &boxes, number, open, account, store, volume, &counter)
                    for (index, box) in boxes.enumerated() {
                        self.compareChanges(before[index], open[index].snapshot())
                        let after = open[index].snapshot()
                        #expect(after.highestModSeq >= before[index].highestModSeq)
                        #expect(after.uids == box.messages.map(\.uid))
                    }
                }
                for (index, box) in boxes.enumerated() { try await self.compare(open[index], box, account) }
                for mailbox in open { mailbox.close() }
            }
        }
        #expect(volume.problems == [])
    }

    private func step(
        _ random: inout Seeded, _ boxes: inout [Box], _ number: Int, _ open: [any Mailbox],
        _ account: any MailAccount, _ store: IndexedStore, _ volume: TestVolume, _ counter: inout Int
    ) async throws {
        let other = 1 - number
        var chosen: [Int] = []
        for index in boxes[number].messages.indices where Int.random(in: 0..<3, using: &random) == 0 {
            chosen.append(index)
        }
        let uids = UIDSet(chosen.compactMap { UID(rawValue: boxes[number].messages[$0].uid) })
        let flags = Self.flagChoices.randomElement(using: &random) ?? []
        let keyword = Self.keywordNames.randomElement(using: &random) ?? ""
        let keywords = Bool.random(using: &random) ? [keyword] : []
        switch Int.random(in: 0..<10, using: &random) {
        case 0, 1, 2:
            counter += 1
            try await store.put(
                message("s\(counter)"), account, boxes[number].name, flags: flags,
                keywords: keywords.compactMap(Keyword.init))
            boxes[number].append("s\(counter)", flags, Set(keywords))
        case 3, 4:
            let mode: FlagChange.Mode = [.add, .remove, .replace].randomElement(using: &random) ?? .add
            _ = try await open[number].store(
                FlagChange(mode, flags, keywords.compactMap(Keyword.init)), uids, unchangedSince: nil)
            for index in chosen {
                switch mode {
                case .add:
                    boxes[number].messages[index].flags.formUnion(flags)
                    boxes[number].messages[index].keywords.formUnion(keywords)
                case .remove:
                    boxes[number].messages[index].flags.subtract(flags)
                    boxes[number].messages[index].keywords.subtract(keywords)
                case .replace:
                    boxes[number].messages[index].flags = flags
                    boxes[number].messages[index].keywords = Set(keywords)
                }
            }
        case 5:
            let removed = try await open[number].expunge(nil)
            #expect(removed.count == boxes[number].messages.count { $0.flags.contains(.deleted) })
            boxes[number].messages.removeAll { $0.flags.contains(.deleted) }
        case 6, 7:
            let moves = Bool.random(using: &random)
            let result =
                moves
                ? try await open[number].move(uids, to: boxes[other].name)
                : try await open[number].copy(uids, to: boxes[other].name)
            #expect(result.source == uids)
            for index in chosen {
                let message = boxes[number].messages[index]
                boxes[other].append(message.subject, message.flags, message.keywords)
            }
            if moves {
                boxes[number].messages.removeAll { UID(rawValue: $0.uid).map { uids.contains($0) } == true }
            }
        case 8 where volume.format == .maildir:
            // Another program delivers into INBOX.
            counter += 1
            let octets = message("s\(counter)").octets.withUnsafeBytes { Array($0) }
            let name = "17000\(counter).M\(counter)P1.other"
            Shell.write(octets, "\(volume.directory)/anna/tmp/\(name)")
            rename("\(volume.directory)/anna/tmp/\(name)", "\(volume.directory)/anna/new/\(name)")
            // Hidden at times by our own change in the same moment, so ask for a comparison.
            try await store.resync(.inbox, of: account)
            boxes[0].append("s\(counter)", [], [])
        default:
            _ = try await account.status(of: boxes[number].name)
        }
    }

    private func compare(_ mailbox: any Mailbox, _ box: Box, _ account: any MailAccount) async throws {
        let snapshot = mailbox.snapshot()
        let subjects = try await mailbox.subjects()
        var seen: [Message] = []
        for (record, subject) in zip(snapshot.records, subjects) {
            let keywords = snapshot.keywords.numbers(in: record.keywords).map {
                snapshot.keywords.keywords[Int($0)].name
            }
            seen.append(
                Message(
                    uid: record.uid.rawValue, subject: subject, flags: record.flags, keywords: Set(keywords)))
        }
        #expect(seen == box.messages)
        #expect(snapshot.uidNext.rawValue == box.uidNext)
        let status = try await account.status(of: box.name)
        #expect(status.messages == box.messages.count)
        #expect(status.unseen == box.messages.count { !$0.flags.contains(.seen) })
        #expect(status.deleted == box.messages.count { $0.flags.contains(.deleted) })
        #expect(status.size == snapshot.records.reduce(0) { $0 + UInt64($1.size) })
        #expect(status.highestModSeq == snapshot.highestModSeq)
    }

    /// A client that applies the changes to what it knew has what is there now.
    private func compareChanges(_ old: MailboxSnapshot, _ new: MailboxSnapshot) {
        let changes = MailboxChanges(from: old, to: new)
        var view = old.records
        for (index, uid) in changes.expunged.reversed() {
            #expect(view[index].uid == uid)
            view.remove(at: index)
        }
        view.append(contentsOf: new.records.suffix(changes.appended))
        for index in changes.updated { view[index] = new[index] }
        #expect(view == new.records)
    }
}
