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
        ["(", "seen"], ["seen", ")"], ["text"], ["subject", "a", "b"],
    ])
    func refuses(_ words: [String]) {
        let error = #expect(throws: AdminError.self) { _ = try MessageSelection(words) }
        #expect(error?.exit == .usage)
    }
}
