import Testing

@testable import AdminCommands

@Suite struct MailboxMasksTests {
    @Test(
        arguments: [
            ([], "A", true), (["A"], "A", true), (["A"], "B", false), (["A", "B"], "B", true),
            (["*"], "A/B", true), (["%"], "A", true), (["%"], "A/B", false), (["A/%"], "A/B", true),
            (["A/%"], "A/B/C", false), (["A*"], "A/B/C", true), (["%/C"], "A/C", true), (["%/C"], "A/B/C", false),
            // No wildcard, as with doveadm: it may be in a name.
            (["A?"], "AB", false), (["A?"], "A?", true),
            (["inbox"], "INBOX", true), (["Inbox/A"], "INBOX/A", true), (["inboxes"], "INBOXes", false),
            (["Entwürfe"], "Entwürfe", true),
        ] as [([String], String, Bool)])
    func matches(_ masks: [String], _ name: String, _ matches: Bool) {
        #expect(MailboxMasks(masks, separator: UInt8(ascii: "/")).matches(name) == matches)
    }

    @Test func levelsEndAtTheSeparator() {
        let masks = MailboxMasks(["%", "Inbox.B"], separator: UInt8(ascii: "."))
        #expect(masks.matches("A/B"))
        #expect(!masks.matches("A.B"))
        #expect(masks.matches("INBOX.B"))
    }
}
