import MailCore
import Testing

@Suite struct NameTests {
    // RFC 3501 section 5.1.3 gives the first two.
    @Test(arguments: [
        ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
        ("Hi Mom -☺-!", "Hi Mom -&Jjo--!"),
        ("A&B", "A&-B"),
        ("Entwürfe", "Entw&APw-rfe"),
        ("😀", "&2D3eAA-"),
        ("plain", "plain"),
    ])
    func modifiedUTF7(_ text: String, _ encoded: String) {
        #expect(String(decoding: ModifiedUTF7.encode(text), as: UTF8.self) == encoded)
        #expect(ModifiedUTF7.decode(encoded.utf8) == text)
    }

    // The superfluous shift of RFC 3501 section 5.1.3, unended shifts, ASCII in a shift, lone surrogates, 8-bit.
    @Test(arguments: ["&Jjo!", "&U,BTFw-&ZeVnLIqe-", "&AGE-", "&2D0-", "&", "a&Jjo", "\u{7}", "é", "&A-"])
    func badModifiedUTF7(_ encoded: String) {
        #expect(ModifiedUTF7.decode(encoded.utf8) == nil)
    }

    @Test func inbox() {
        #expect(MailboxName("inbox") == .inbox)
        #expect(MailboxName("iNbOx/a")?.text == "INBOX/a")
        #expect(MailboxName("inboxes")?.text == "inboxes")
        #expect(MailboxName("a/inbox")?.text == "a/inbox")
    }

    @Test(arguments: ["", "/", "a/", "/a", "a//b", "a/../b", ".", "a\u{0}b", "a\nb", "a\u{85}", "a/\u{301}b"])
    func badNames(_ text: String) { #expect(MailboxName(text) == nil) }

    @Test func longNames() {
        #expect(MailboxName(String(repeating: "a", count: 1000)) != nil)
        #expect(MailboxName(String(repeating: "a", count: 1001)) == nil)
        #expect(MailboxName(Array(repeating: "a", count: 65).joined(separator: "/")) == nil)
    }

    @Test func hierarchy() throws {
        let name = try #require(MailboxName("a/b/c"))
        let parent = try #require(MailboxName("a/b"))
        let target = try #require(MailboxName("x"))
        #expect(name.parent == parent)
        #expect(name.isDescendant(of: parent))
        #expect(!parent.isDescendant(of: parent))
        #expect(name.moved(from: parent, to: target)?.text == "x/c")
    }

    @Test func keywords() {
        #expect(Keyword("$Forwarded") == Keyword("$forwarded"))
        for bad in ["", "\\Seen", "a b", "a]", "é", String(repeating: "k", count: 251)] {
            #expect(Keyword(bad) == nil)
        }
    }
}
