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

    /// A mailbox may be called so, but not get the name. As scalars: some may not stand in a literal.
    @Test(
        arguments: [
            ([0xFEFF, 0x61], false), ([0x61, 0x2F, 0xFEFF, 0x62], false), ([0x61, 0xFEFF], true),
            ([0x61, 0xFEFF, 0x2F, 0x62], true), ([0xFDCF], true), ([0xFDD0], false), ([0x61, 0xFDEF, 0x62], false),
            ([0xFDF0], true), ([0xFFFD], true), ([0x61, 0xFFFE], false), ([0xFFFF], false), ([0x1FFFE], false),
            ([0x10FFFF], false), ([0x1F600], true), ([0x61], true),
        ] as [([UInt32], Bool)])
    func netUnicode(_ scalars: [UInt32], _ isNetUnicode: Bool) throws {
        var text = String.UnicodeScalarView()
        for scalar in scalars { text.append(try #require(Unicode.Scalar(scalar))) }
        #expect(try #require(MailboxName(String(text))).isNetUnicode == isNetUnicode)
    }

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

    /// Names are octets: what differs in normalization only is two names (RFC 5198 section 3 explains the forms).
    @Test func normalization() throws {
        let composed = try #require(MailboxName("\u{E9}t\u{E9}"))
        let decomposed = try #require(MailboxName("e\u{301}te\u{301}"))
        #expect(composed != decomposed)
        #expect(Set([composed, decomposed]).count == 2)
        #expect(decomposed.normalized == composed)
        #expect(composed.normalized == composed)
        #expect("\u{212B}".normalizedToNFC.utf8.elementsEqual("\u{C5}".utf8))
        #expect("\u{1112}\u{1161}\u{11AB}".normalizedToNFC.utf8.elementsEqual("\u{D55C}".utf8))
        #expect("q\u{307}\u{323}".normalizedToNFC.utf8.elementsEqual("q\u{323}\u{307}".utf8))
    }

    @Test(
        arguments: [
            // Asked for, what exists, what is meant.
            ("\u{E9}", [], "\u{E9}"),
            ("e\u{301}", [], "\u{E9}"),
            ("e\u{301}", ["\u{E9}"], "\u{E9}"),
            ("\u{E9}", ["e\u{301}"], "e\u{301}"),
            ("e\u{301}", ["e\u{301}", "\u{E9}"], "e\u{301}"),
            ("\u{E9}", ["e\u{301}", "\u{E9}"], "\u{E9}"),
            ("\u{E9}/e\u{301}", ["e\u{301}/x"], "e\u{301}/\u{E9}"),
            ("e\u{301}/x/\u{E9}", ["e\u{301}/x"], "e\u{301}/x/\u{E9}"),
            ("a/e\u{301}", ["a"], "a/\u{E9}"),
            ("INBOX/e\u{301}", ["INBOX"], "INBOX/\u{E9}"),
        ] as [(String, [String], String)])
    func resolves(_ asked: String, _ existing: [String], _ meant: String) throws {
        let names = existing.compactMap { MailboxName($0) }
        let name = try #require(MailboxName(asked))
        let resolved = name.resolved(among: Set(names).contains, candidates: { names })
        #expect(resolved.text.utf8.elementsEqual(meant.utf8))
    }

    @Test func sortsByLevels() {
        let names = ["a", "a b", "a-b", "a/b", "a/b/c", "a0"].compactMap { MailboxName($0) }
        #expect(names.shuffled().sorted().map(\.text) == ["a", "a/b", "a/b/c", "a b", "a-b", "a0"])
    }

    /// Whatever decodes is the one encoding of its text, and every text comes back.
    @Test func modifiedUTF7IsStrict() {
        var generator = SplitMix(seed: 9051)
        let alphabet = Array("&-AOk,+/a !~\u{7F}".utf8) + [0x80, 0xC3]
        for _ in 0..<20_000 {
            let octets = (0..<Int.random(in: 0...8, using: &generator)).map { _ in
                alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
            }
            if let text = ModifiedUTF7.decode(octets) { #expect(ModifiedUTF7.encode(text) == octets) }
        }
        let scalars: [Unicode.Scalar] = ["a", "&", "-", "~", "\u{E9}", "\u{53F0}", "\u{1F600}", "\u{FFFF}", "\u{7F}"]
        for _ in 0..<5_000 {
            var text = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 0...6, using: &generator) {
                text.append(scalars[Int.random(in: 0..<scalars.count, using: &generator)])
            }
            let decoded = ModifiedUTF7.decode(ModifiedUTF7.encode(String(text)))
            #expect(decoded?.utf8.elementsEqual(String(text).utf8) == true)
        }
    }

    @Test func keywords() {
        #expect(Keyword("$Forwarded") == Keyword("$forwarded"))
        for bad in ["", "\\Seen", "a b", "a]", "é", String(repeating: "k", count: 251)] {
            #expect(Keyword(bad) == nil)
        }
    }
}

/// Random numbers that are the same in each run.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) { self.state = seed }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var z = self.state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
