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
