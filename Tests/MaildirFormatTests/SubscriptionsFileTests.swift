import MailCore
import Testing

@testable import MaildirFormat

@Suite struct SubscriptionsFileTests {
    @Test(arguments: [
        ("", [] as [String], SubscriptionsFile.Version.two),
        ("V\t2\n\nINBOX\nA\tB\n&AMk-t&AOk-\ty\n", ["INBOX", "A/B", "Été/y"], .two),
        ("V\t2\n\na.b\nx\\2ey\n\u{1}tq\n", ["a.b", "x.y"], .two),
        ("V\t2\n", [], .two),
        ("INBOX\nA.B\nA.B\n", ["INBOX", "A/B"], .one),
        ("A\\2eB.C\n", ["A.B/C"], .one),
        ("A", ["A"], .one),
        // The header behind empty lines, and where it is none.
        ("\n\nV\t2\n\nA\tB\n", ["A/B"], .two),
        ("a\nV\t2\nb\n", ["a", "b"], .one),
    ])
    func reads(_ text: String, _ names: [String], _ version: SubscriptionsFile.Version) {
        let file = SubscriptionsFile(Array(text.utf8))
        #expect(file.names.map(\.text) == names)
        #expect(file.version == version)
        #expect(SubscriptionsFile(file.encoded()).names == file.names)
    }

    /// Found by fuzzing: in UTF-8 `&APw-` was written as it is, and read as `ü`.
    @Test func keepsWhatLooksEncoded() {
        var codec = MailboxLevelCodec()
        codec.writesUTF8 = true
        var file = SubscriptionsFile(Array("a\n".utf8), codec)
        let names = [mailbox("a"), mailbox("b/\u{E9}t&APw-x"), mailbox("t&APw-x"), mailbox("A&B")]
        let isChanged = file.set(names)
        #expect(isChanged)
        #expect(SubscriptionsFile(file.encoded(), codec).names == names)
    }

    @Test func keepsVersionOrderAndStrangeLines() {
        var oneChanged = false
        var twoChanged = false
        var one = SubscriptionsFile(Array("b\nA.B\n..odd\n".utf8))
        oneChanged = one.set([mailbox("A/B"), mailbox("é.x/y"), mailbox("b")])
        #expect(oneChanged)
        #expect(String(decoding: one.encoded(), as: UTF8.self) == "b\nA.B\n..odd\n&AOk-\\2ex.y\n")
        oneChanged = one.set([mailbox("b"), mailbox("é.x/y"), mailbox("A/B")])
        #expect(!oneChanged)
        var two = SubscriptionsFile()
        twoChanged = two.set([mailbox("inbox"), mailbox("A/é")])
        #expect(twoChanged)
        #expect(String(decoding: two.encoded(), as: UTF8.self) == "V\t2\n\nINBOX\nA\t&AOk-\n")
        twoChanged = two.set([])
        #expect(twoChanged)
        #expect(String(decoding: two.encoded(), as: UTF8.self) == "V\t2\n\n")
    }
}
