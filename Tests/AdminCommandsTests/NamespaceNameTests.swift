import MailCore
import MailStore
import Testing

/// Administrators write mailboxes as clients see them.
struct NamespaceNameTests {
    private func spelling(_ prefix: String, _ separator: Character, _ others: String...) -> MailboxSpelling {
        let octet = separator.asciiValue ?? 0
        return MailboxSpelling(
            [Namespace(kind: .personal, prefix: prefix, separator: octet)]
                + others.map { Namespace(kind: .shared, prefix: $0, separator: octet) })
    }

    @Test(arguments: [
        ("", "/", "A/B", "A/B"), ("", ".", "A.B", "A/B"), ("INBOX.", ".", "INBOX.A.B", "INBOX/A/B"),
        ("", ".", "Grün", "Grün"), ("", "/", "INBOX", "INBOX"), ("INBOX.", ".", "INBOX", "INBOX"),
        ("", "/", "A.B", "A.B"),
    ])
    func bothWays(_ prefix: String, _ separator: Character, _ shown: String, _ inside: String) throws {
        let spelling = self.spelling(prefix, separator)
        let name = try #require(MailboxName(inside))
        #expect(spelling.name(of: shown) == name)
        #expect(spelling.text(of: name) == shown)
    }

    @Test(arguments: [("", ".", "A/B"), ("", ".", "A..B"), ("", "/", ""), ("", "/", "A//B")])
    func refuses(_ prefix: String, _ separator: Character, _ shown: String) {
        #expect(self.spelling(prefix, separator).name(of: shown) == nil)
    }

    @Test func namesWithoutPrefixAreInside() {
        let spelling = self.spelling("INBOX.", ".", "Public.")
        #expect(spelling.name(of: "A.B") == MailboxName("INBOX/A/B"))
        #expect(spelling.name(of: "inbox") == .inbox)
        #expect(spelling.name(of: "inbox.A") == MailboxName("INBOX/A"))
        #expect(spelling.name(of: "Public.A") == MailboxName("Public/A"))
        #expect(spelling.exactName(of: "A.B") == MailboxName("A/B"))
    }
}
