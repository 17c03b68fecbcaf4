import IMAPCore
import MIMECore
import MailCore
import MailStore
import Synchronization
import Testing

@testable import MailSearch

/// Random searches over random messages find what the model finds by looking at each message in the simplest way.
@Suite struct SearchPropertyTests {
    static let threads = StorageThreads(count: 2)

    struct World {
        var messages: [ModelMessage] = []
        var view: MailboxSnapshot
        var mailbox: ListedMailbox
        var recent: UIDSet

        init(_ chance: inout Chance, count: Int) {
            var table = KeywordTable()
            var uid: UInt32 = 0
            for _ in 0..<count {
                uid += 1 + UInt32(chance.below(3))
                self.messages.append(
                    ModelMessage(uid: uid, modSeq: UInt64(1 + chance.below(500)), &table, &chance))
            }
            var view = MailboxSnapshot(
                uidValidity: UIDValidity(rawValue: 1)!, uidNext: UID(nonZero: uid + 1),
                highestModSeq: ModSeq(rawValue: 500))
            view.keywords = table
            var listed: [UID: ListedMailbox.Message] = [:]
            for message in self.messages {
                view.append(message.record)
                listed[message.record.uid] = ListedMailbox.Message(
                    octets: message.octets,
                    saveDate: ModelMessage.epoch + Int64(message.saveDay) * 86_400 + Int64(chance.below(86_400)),
                    hasCache: !chance.happens(10), hasSignature: !chance.happens(5), hasKeys: !chance.happens(6))
            }
            self.view = view
            self.mailbox = ListedMailbox(view, listed)
            self.recent = UIDSet(self.messages.map(\.record.uid).filter { _ in chance.happens(3) })
        }

        func expected(_ key: SearchKey) -> [Int] {
            let largest = self.messages.last?.record.uid.rawValue ?? 0
            return self.messages.indices.filter {
                self.messages[$0].matches(
                    key, at: $0, of: self.messages.count, largest: largest, recent: self.recent)
            }
        }
    }

    static func key(_ chance: inout Chance, count: Int, depth: Int) -> SearchKey {
        func date() -> CivilDate { ModelMessage.date(chance.below(700)) }
        func needle() -> [UInt8] {
            if chance.happens(12) { return [] }
            var text = ModelMessage.text(&chance)
            if chance.happens(2) { text = chance.happens(2) ? text.lowercased() : text.uppercased() }
            return Array(text.utf8)
        }
        func bound() -> UInt32 { chance.happens(6) ? 0 : UInt32(1 + chance.below(count)) }
        func set() -> SequenceSet {
            SequenceSet((0..<1 + chance.below(4)).map { _ in .init(first: bound(), last: bound()) })
        }
        switch chance.below(depth > 3 ? 25 : 32) {
        case 0: return .all
        case 1: return .flags(MessageFlags(rawValue: UInt8(1 << chance.below(5))))
        case 2: return .notFlags(MessageFlags(rawValue: UInt8(1 << chance.below(5))))
        case 3: return .recent
        case 4: return .keyword(Keyword(chance.one(of: ["$junk", "WORK", "later", "unknown"]))!)
        case 5: return .sequence(set())
        case 6: return .uid(set())
        case 7: return .modSeq(ModSeq(rawValue: UInt64(chance.below(500))))
        case 8: return .before(date())
        case 9: return .on(date())
        case 10: return .since(date())
        case 11: return .savedBefore(date())
        case 12: return chance.happens(5) ? .saveDateSupported : .savedOn(date())
        case 13: return .savedSince(date())
        case 14: return .older(UInt32(1 + chance.below(700 * 86_400)))
        case 15: return .younger(UInt32(1 + chance.below(700 * 86_400)))
        case 16: return .sentBefore(date())
        case 17: return .sentOn(date())
        case 18: return .sentSince(date())
        case 19: return .larger(UInt64(chance.below(6000)))
        case 20: return .smaller(UInt64(chance.below(6000)))
        case 21:
            let name = chance.one(of: ["from", "To", "cc", "BCC", "subject", "x-odd-field", "Date", "x-none"])
            return .header(name: Array(name.utf8), contains: needle())
        case 22: return .body(needle())
        case 23: return .text(needle())
        case 24: return .header(name: Array("Subject".utf8), contains: needle())
        case 25, 26: return .not(self.key(&chance, count: count, depth: depth + 1))
        case 27, 28:
            return .or(
                self.key(&chance, count: count, depth: depth + 1),
                self.key(&chance, count: count, depth: depth + 1))
        default:
            return .and(
                (0..<1 + chance.below(3)).map { _ in self.key(&chance, count: count, depth: depth + 1) })
        }
    }

    @Test(arguments: 1...6) func findsWhatTheModelFinds(_ seed: Int) async throws {
        var chance = Chance(UInt64(seed))
        let world = World(&chance, count: [300, 1, 60][seed % 3])
        let search = MailboxSearch(world.mailbox, world.view, Self.threads)
        for step in 0..<80 {
            let key = Self.key(&chance, count: world.messages.count, depth: 0)
            let plan = try #require(
                SearchPlan(key, world.view, recent: world.recent, now: ModelMessage.now, bounds: .clamped))
            let expected = world.expected(key)
            let found = try await search.matches(plan)
            guard found == expected else {
                Issue.record("seed \(seed), step \(step): \(key): found \(found), not \(expected)")
                return
            }
            // The first and the last ones alone are those of the whole.
            let few = 1 + chance.below(5)
            let first = try await search.matches(plan, .first(few))
            #expect(Array(first.prefix(few)) == Array(expected.prefix(few)), "seed \(seed), step \(step)")
            let last = try await search.matches(plan, .last(few))
            #expect(Array(last.suffix(few)) == Array(expected.suffix(few)), "seed \(seed), step \(step)")
            // Some messages alone.
            let some = world.messages.indices.filter { _ in chance.happens(3) }
            let among = try await search.matches(plan, among: some)
            #expect(among == expected.filter { some.contains($0) }, "seed \(seed), step \(step)")
        }
    }

    /// A key that is pinned finds the same, and does so when sequence numbers have moved on.
    @Test func pinnedKeysKeepTheirMessages() async throws {
        var chance = Chance(99)
        let world = World(&chance, count: 60)
        for _ in 0..<60 {
            let key = Self.key(&chance, count: world.messages.count, depth: 0)
            let pinned = key.pinned(to: world.view)
            #expect(world.expected(key) == world.expected(pinned), "\(key)")
            #expect(!pinned.hasSequenceNumbers)
        }
        let open = SearchKey.uid(SequenceSet([.init(first: 50, last: 0)])).pinned(to: world.view)
        guard case .uid(let set) = open else { return #expect(Bool(false)) }
        #expect(set.elements.map(\.last) == [.max])
    }

    /// One message that cannot be read does not hide the others.
    @Test func damagedMessagesDoNotMatch() async throws {
        var view = MailboxSnapshot(
            uidValidity: try #require(UIDValidity(rawValue: 1)), uidNext: UID(nonZero: 5),
            highestModSeq: ModSeq(rawValue: 1))
        let none = view.keywords.set(of: [])
        var listed: [UID: ListedMailbox.Message] = [:]
        for number in 1...4 as ClosedRange<UInt32> {
            let octets = Array("Subject: \(number)\r\n\r\nneedle\r\n".utf8)
            view.append(
                MessageRecord(
                    uid: UID(nonZero: number), flags: [], keywords: none,
                    modSeq: ModSeq(rawValue: 1), internalDate: 0, size: UInt32(octets.count)))
            listed[UID(nonZero: number)] = ListedMailbox.Message(
                octets: octets, hasCache: false, hasSignature: false, isDamaged: number % 2 == 0)
        }
        let search = MailboxSearch(ListedMailbox(view, listed), view, Self.threads)
        for key in [SearchKey.body(Array("needle".utf8)), .text(Array("needle".utf8))] {
            let plan = try #require(SearchPlan(key, view, recent: [], now: 0))
            #expect(try await search.matches(plan) == [0, 2])
        }
    }

    /// Who is gone is noticed between two messages and two keys, also in a mailbox that is one batch.
    @Test func stopsWhenNobodyWaits() async throws {
        let octets = Array("Subject: a\r\n\r\nneedle\r\n".utf8)
        var view = MailboxSnapshot(
            uidValidity: try #require(UIDValidity(rawValue: 1)), uidNext: UID(nonZero: 41),
            highestModSeq: ModSeq(rawValue: 1))
        let none = view.keywords.set(of: [])
        var listed: [UID: ListedMailbox.Message] = [:]
        for number in UInt32(1)...40 {
            view.append(
                MessageRecord(
                    uid: UID(nonZero: number), flags: [], keywords: none,
                    modSeq: ModSeq(rawValue: 1), internalDate: 0, size: UInt32(octets.count)))
            listed[UID(nonZero: number)] = ListedMailbox.Message(octets: octets, hasCache: false, hasSignature: false)
        }
        let asked = Mutex(0)
        let search = MailboxSearch(ListedMailbox(view, listed), view, Self.threads) {
            asked.withLock { asked in
                asked += 1
                return asked > 10
            }
        }
        let keys = (0..<50).map { SearchKey.not(.body(Array("n\($0)".utf8))) }
        let plan = try #require(SearchPlan(.and(keys), view, recent: [], now: 0))
        _ = try await search.matches(plan)
        #expect(asked.withLock { $0 } < 200)
    }

    @Test func stopsWhenToldTo() async throws {
        var chance = Chance(5)
        let world = World(&chance, count: 300)
        let search = MailboxSearch(world.mailbox, world.view, Self.threads)
        let plan = try #require(
            SearchPlan(.text(Array("x".utf8)), world.view, recent: [], now: 0))
        var asked = 0
        _ = try await search.matches(plan) { _ in
            asked += 1
            return false
        }
        #expect(asked == 1)
    }
}
