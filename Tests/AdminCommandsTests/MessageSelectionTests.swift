import IMAPCore
import MailCore
import Testing

@testable import AdminCommands

struct MessageSelectionTests {
    @Test(
        arguments: [
            (["all"], [], .all),
            (["mailbox", "INBOX"], ["INBOX"], .all),
            (["MAILBOX", "A", "mailbox", "B*", "deleted"], ["A", "B*"], .flags(.deleted)),
            (["unseen"], [], .notFlags(.seen)),
            (["not", "flagged"], [], .not(.flags(.flagged))),
            (["subject", "two words"], [], .header(name: Array("subject".utf8), contains: Array("two words".utf8))),
            (["body", "say \"hi\" \\o/"], [], .body(Array("say \"hi\" \\o/".utf8))),
            (["text", "grün"], [], .text(Array("grün".utf8))),
            (["text", ""], [], .text([])),
            (["text", "a\r\nb"], [], .text(Array("ab".utf8))),
            (["larger", "100"], [], .larger(100)),
            // The shell's words may be one or many.
            (
                ["or", "(seen", "answered)", "draft"], [],
                .or(.and([.flags(.seen), .flags(.answered)]), .flags(.draft))
            ),
            (["(", "seen", ")"], [], .flags(.seen)),
            (
                ["or", "(", "seen", "answered", ")", "draft"], [],
                .or(.and([.flags(.seen), .flags(.answered)]), .flags(.draft))
            ),
            (["(not", "((seen", "draft)))"], [], .not(.and([.flags(.seen), .flags(.draft)]))),
            // Words of an argument are its own.
            (["subject", "since"], [], .header(name: Array("subject".utf8), contains: Array("since".utf8))),
            (["subject", "a)"], [], .header(name: Array("subject".utf8), contains: Array("a)".utf8))),
            (
                ["(header", "X-A", "mailbox)"], [],
                .header(name: Array("X-A".utf8), contains: Array("mailbox".utf8))
            ),
            (["larger", "10k"], [], .larger(10_240)), (["smaller", "1M"], [], .smaller(1 << 20)),
            (
                ["uid", "1:*"], [],
                .uid(SequenceSet([SequenceSet.Element(first: 1, last: SequenceSet.Element.star)]))
            ),
        ] as [([String], [String], SearchKey)])
    func understands(_ words: [String], _ mailboxes: [String], _ key: SearchKey) throws {
        let selection = try MessageSelection(words)
        #expect(selection.mailboxes == mailboxes)
        #expect(Self.flat(selection.key) == key)
    }

    /// A list of one key is the key.
    private static func flat(_ key: SearchKey) -> SearchKey {
        switch key {
        case .and(let keys) where keys.count == 1: Self.flat(keys[0])
        case .not(let key): .not(Self.flat(key))
        case .or(let a, let b): .or(Self.flat(a), Self.flat(b))
        default: key
        }
    }

    @Test(arguments: [
        ["mailbox"], ["unseen", "mailbox"], ["froom", "bob"], ["since", "yesterday"], ["larger", "much"],
        ["(", "seen"], ["seen", ")"], ["text"], ["subject", "a", "b"], ["unseen seen"], ["$"], ["or", "seen"],
        ["larger", "1x"], ["larger", "99999999999999999999"], ["larger", "99999999999G"], ["mailbox-guid"], [""],
        ["not"],
        ["header", "a"], ["uid", "x"], ["seen", "or", "flagged"],
    ])
    func refuses(_ words: [String]) {
        let error = #expect(throws: AdminError.self) { _ = try MessageSelection(words) }
        #expect(error?.exit == .usage)
    }

    /// 2026-11-23 02:26:39.
    private static let now: Int64 = 1_795_400_799

    @Test(arguments: [
        ("1-Nov-2026", CivilDate(year: 2026, month: 11, day: 1)),
        ("01-nov-2026", CivilDate(year: 2026, month: 11, day: 1)),
        ("2026-11-01", CivilDate(year: 2026, month: 11, day: 1)),
        ("30d", CivilDate(year: 2026, month: 10, day: 24, hour: 2, minute: 26, second: 39)),
        ("30days", CivilDate(year: 2026, month: 10, day: 24, hour: 2, minute: 26, second: 39)),
        ("2 weeks", CivilDate(year: 2026, month: 11, day: 9, hour: 2, minute: 26, second: 39)),
        ("1W", CivilDate(year: 2026, month: 11, day: 16, hour: 2, minute: 26, second: 39)),
        ("2h", CivilDate(year: 2026, month: 11, day: 23, hour: 0, minute: 26, second: 39)),
        ("26m", CivilDate(year: 2026, month: 11, day: 23, hour: 2, minute: 0, second: 39)),
        ("39secs", CivilDate(year: 2026, month: 11, day: 23, hour: 2, minute: 26, second: 0)),
        ("1176418800", CivilDate(year: 2007, month: 4, day: 12, hour: 23)),
    ])
    func datesAreWrittenInManyWays(_ text: String, _ date: CivilDate) throws {
        #expect(try MessageSelection(["savedbefore", text], now: Self.now).key == .savedBefore(date))
        #expect(try MessageSelection(["(since", text + ")"], now: Self.now).key == .since(date))
    }

    @Test(arguments: [
        "yesterday", "2026-13-01", "2026-11-31", "1-Foo-2026", "5x", "30 dogs", "-1", "", "d", "99999999999999999w",
    ])
    func aDateThatIsNoneIsNamed(_ text: String) {
        let error = #expect(throws: AdminError.self) { _ = try MessageSelection(["since", text]) }
        #expect(error?.exit == .usage)
        #expect(error?.message.hasPrefix("since: not a date: \(text);") == true, "\(error?.message ?? "")")
    }

    @Test func mailboxesMayBeNamedByTheirGUIDs() throws {
        let selection = try MessageSelection(["MAILBOX-GUID", "D0d2", "mailbox", "A", "all"])
        #expect(selection.guids == ["d0d2"])
        #expect(selection.mailboxes == ["A"])
        #expect(selection.key == .all)
        try selection.checkIsDeliberate("expunge")
        #expect(throws: AdminError.self) {
            try MessageSelection(["mailbox-guid", "d0d2"]).checkIsDeliberate("expunge")
        }
    }
}
