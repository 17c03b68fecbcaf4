import MailCore
import MailStore
import Testing

/// Administrators write mailboxes as clients see them.
struct NamespaceNameTests {
    @Test(arguments: [
        ("", "/", "A/B", "A/B"), ("", ".", "A.B", "A/B"), ("INBOX.", ".", "INBOX.A.B", "A/B"), ("", ".", "Grün", "Grün"),
        ("", "/", "INBOX", "INBOX"), ("INBOX.", ".", "INBOX", "INBOX"), ("", "/", "A.B", "A.B"),
    ])
    func bothWays(_ prefix: String, _ separator: Character, _ shown: String, _ inside: String) throws {
        let namespace = Namespace(kind: .personal, prefix: prefix, separator: separator.asciiValue ?? 0)
        let name = try #require(MailboxName(inside))
        #expect(namespace.name(of: shown) == name)
        #expect(namespace.text(of: name) == shown)
    }

    @Test(arguments: [("", ".", "A/B"), ("", ".", "A..B"), ("", "/", ""), ("", "/", "A//B")])
    func refuses(_ prefix: String, _ separator: Character, _ shown: String) {
        #expect(Namespace(kind: .personal, prefix: prefix, separator: separator.asciiValue ?? 0).name(of: shown) == nil)
    }

    @Test func namesWithoutPrefixAreInside() {
        let namespace = Namespace(kind: .personal, prefix: "INBOX.", separator: UInt8(ascii: "."))
        #expect(namespace.name(of: "A.B") == MailboxName("A/B"))
        #expect(namespace.name(of: "inbox") == .inbox)
    }
}
