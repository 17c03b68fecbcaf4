import IMAPCore
import MIMECore
import MailCore
import MailStore
import Testing

@testable import MailSearch

/// What the keys of headers answer is what the headers themselves answer.
@Suite struct HeaderKeysPropertyTests {
    private static let words = [
        "lunch", "Budget", "=?utf-8?Q?Gr=C3=BC=C3=9Fe?=", "=?koi8-r?B?0NLJ18XU?=", "=?x-unknown?Q?abc?=", "[list]",
        "(fwd)",
        "report 4711", "a", "\u{E9}", "Re: again", "=?utf-8?Q?=E6=97=A5=E6=9C=AC?=",
        String(repeating: "long subjects are long ", count: 6),
    ]

    private static func subject(_ chance: inout Chance) -> String {
        let prefix = chance.one(of: ["", "", "Re: ", "RE:  re:", "Fwd: ", "[x] Re: ", "[fwd: "])
        let text = (0..<1 + chance.below(3)).map { _ in chance.one(of: self.words) }.joined(separator: " ")
        return prefix + text + (prefix == "[fwd: " ? "]" : chance.happens(8) ? " (fwd)" : "")
    }

    private static func sender(_ chance: inout Chance) -> String {
        chance.one(of: [
            "Ann Albers <ann@example.org>", "ann@example.org", "\"Doe, John\" <john@example.org>", "broken",
            "=?utf-8?Q?Zo=C3=AB?= <zoe@example.org>", "team: a@x.example, b@x.example;", "<only@example.org> (comment)",
            "Somebody with a name that is far too long to be kept with all the others because nobody would believe it "
                + "<long@example.org>", "Ann  Albers\r\n <ann@example.org>",
        ])
    }

    private static func message(_ number: Int, _ chance: inout Chance) -> [UInt8] {
        var header = ""
        if !chance.happens(10) { header += "Subject: \(self.subject(&chance))\r\n" }
        if chance.happens(15) { header += "Subject: a second one\r\n" }
        if !chance.happens(8) { header += "From: \(self.sender(&chance))\r\n" }
        if chance.happens(15) { header += "From: second@example.org\r\n" }
        if !chance.happens(8) {
            let zone = chance.one(of: ["+0000", "-0730", "+1200", "nonsense"])
            header += "Date: \(1 + chance.below(9)) Jan 2024 0\(chance.below(9)):00:00 \(zone)\r\n"
        }
        if !chance.happens(8) {
            let id = chance.below(number + 2)
            header += chance.happens(5) ? "Message-ID: <\"m\(id)\"@x>\r\n" : "Message-ID: <m\(id)@x>\r\n"
        }
        if !chance.happens(3) {
            let count = chance.happens(6) ? 30 : chance.below(4)
            header += "References:"
            for _ in 0..<count { header += " <m\(chance.below(number + 4))@x>" }
            header += "\r\n"
        }
        if chance.happens(3) { header += "In-Reply-To: <m\(chance.below(number + 1))@x>\r\n" }
        if chance.happens(30) { header += "X-Long: \(String(repeating: "x", count: 20_000))\r\n" }
        if chance.happens(30) { header += "To: \(String(repeating: "y@example.org, ", count: 1500))\r\n" }
        return Array("\(header)\r\ntext\r\n".utf8)
    }

    /// The same messages, with keys for about so many of a hundred, and without any.
    private static func mailboxes(_ chance: inout Chance, count: Int, keys: Int) -> (
        with: MailboxSearch, without: MailboxSearch
    ) {
        var view = MailboxSnapshot(uidValidity: .init(rawValue: 1)!, uidNext: UID(nonZero: UInt32(count * 3 + 1)))
        var with: [UID: ListedMailbox.Message] = [:]
        var without: [UID: ListedMailbox.Message] = [:]
        for number in 0..<count {
            let uid = UID(nonZero: UInt32(number * 3 + 1))
            let octets = Self.message(number, &chance)
            view.append(
                MessageRecord(
                    uid: uid, flags: [], keywords: .empty, modSeq: .zero,
                    internalDate: 1_704_067_200 + Int64(chance.below(900_000)), size: UInt32(octets.count)))
            with[uid] = ListedMailbox.Message(octets: octets, hasKeys: chance.below(100) < keys)
            without[uid] = ListedMailbox.Message(octets: octets, hasKeys: false)
        }
        let threads = SearchPropertyTests.threads
        return (
            MailboxSearch(ListedMailbox(view, with), view, threads),
            MailboxSearch(ListedMailbox(view, without), view, threads)
        )
    }

    private static func text(_ threads: MessageThreads) -> String {
        var out: [UInt8] = []
        for root in threads.roots { threads.append(root, to: &out) { UInt32($0) + 1 } }
        return String(decoding: out, as: UTF8.self)
    }

    @Test(arguments: [0, 5, 60, 97, 100]) func sortsAndThreadsTheSame(_ keys: Int) async throws {
        var chance = Chance(UInt64(7 + keys))
        let (with, without) = Self.mailboxes(&chance, count: 150, keys: keys)
        for places in [Array(0..<150), (0..<150).filter { $0 % 7 < 2 }, [4], []] {
            for criteria: [SortCommand.Criterion] in [
                [.init(.subject)], [.init(.subject, .descending)], [.init(.date)], [.init(.date, .descending)],
                [.init(.subject), .init(.date, .descending)], [.init(.date), .init(.subject)],
                [.init(.from), .init(.subject)],
                [.init(.size), .init(.subject, .descending)], [.init(.arrival, .descending)],
            ] {
                let a = try await with.sorted(places, by: criteria)
                let b = try await without.sorted(places, by: criteria)
                #expect(a == b, "\(criteria)")
            }
            for algorithm in [ThreadCommand.Algorithm.references, .refs, .orderedSubject] {
                let a = try await with.threads(places, by: algorithm)
                let b = try await without.threads(places, by: algorithm)
                #expect(Self.text(a) == Self.text(b), "\(algorithm)")
            }
        }
    }

    @Test(arguments: [5, 60, 100]) func findsTheSame(_ keys: Int) async throws {
        var chance = Chance(UInt64(70 + keys))
        let (with, without) = Self.mailboxes(&chance, count: 150, keys: keys)
        let view = with.view
        var needles = Self.words.map { Array($0.utf8) }
        needles += [
            "ann", "ANN@EXAMPLE", "albers <", ">", ", ", ">, ", "doe, j", "\"doe", "zo\u{EB}", "", "re:", "team: a",
            "gr\u{FC}\u{DF}e",
        ]
        .map { Array($0.utf8) }
        for needle in needles {
            for key in [
                SearchKey.header(name: Array("Subject".utf8), contains: needle),
                .header(name: Array("FROM".utf8), contains: needle),
                .not(.header(name: Array("subject".utf8), contains: needle)),
                .or(.header(name: Array("from".utf8), contains: needle), .text(needle)),
                .and([
                    .header(name: Array("from".utf8), contains: needle),
                    .header(name: Array("subject".utf8), contains: Array("r".utf8)),
                    .sentSince(CivilDate(year: 2024, month: 1, day: 4)),
                ]), .sentOn(CivilDate(year: 2024, month: 1, day: 1 + chance.below(9))),
            ] {
                let plan = try #require(SearchPlan(key, view, recent: [], now: 0))
                let a = try await with.matches(plan)
                let b = try await without.matches(plan)
                #expect(a == b, "\(key)")
            }
        }
    }

    @Test func numbersComeInOrder() {
        var chance = Chance(3)
        for count in [0, 1, 2, 63, 64, 500] {
            for spread in [1, 3, 300, 1 << 40] {
                let numbers = (0..<count).map { _ in Int64(chance.below(spread)) - Int64(spread / 2) }
                let up = NumberOrder(numbers, .ascending).positions
                #expect(up == (0..<Int32(count)).sorted { (numbers[Int($0)], $0) < (numbers[Int($1)], $1) })
                let down = NumberOrder(numbers, .descending).positions
                #expect(down == (0..<Int32(count)).sorted { (-numbers[Int($0)], $0) < (-numbers[Int($1)], $1) })
            }
        }
        #expect(NumberOrder([.max, .min, 0] + [Int64](repeating: 5, count: 70), .ascending).positions.last == 0)
    }
}
