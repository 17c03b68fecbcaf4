import MailCore
import Testing

@testable import MaildirFormat

@Suite struct KeywordsFileTests {
    @Test(arguments: [
        ("", [:] as [Int: String]),
        ("0 $Forwarded\n1 Work\n", [0: "$Forwarded", 1: "Work"]),
        ("3 b\n0 a\n", [0: "a", 3: "b"]),
        ("0 a\n26 z\nx\n1\n2 \n-1 q\n 4 r\n5 c", [0: "a", 5: "c"]),
        ("0 a\n1 A\n2 b\n", [0: "a", 2: "b"]),
        ("0 a\n0 b\n", [0: "b"]),
        ("0 two words\n1 c\n", [0: "two words", 1: "c"]),
        ("99999999999999999999 a\n", [:]),
    ])
    func reads(_ text: String, _ expected: [Int: String]) {
        let file = KeywordsFile(Array(text.utf8))
        var found: [Int: String] = [:]
        for (number, name) in file.names.enumerated() { found[number] = name }
        #expect(found == expected)
        #expect(KeywordsFile(file.encoded()) == file)
    }

    @Test func givesFreeLetters() throws {
        var file = KeywordsFile(Array("0 a\n2 c\n".utf8))
        #expect(file.add(try #require(Keyword("A"))) == 0)
        #expect(file.add(try #require(Keyword("b"))) == 1)
        #expect(file.add(try #require(Keyword("d"))) == 3)
        for number in 4..<26 { #expect(file.add(try #require(Keyword("k\(number)"))) == number) }
        #expect(file.add(try #require(Keyword("more"))) == nil)
        #expect(file.letters(keywords("d", "more", "a")) == 0b1001)
        #expect(file.keywords(0b11) == keywords("a", "b"))
    }

    @Test func namesUnknownLetters() {
        var file = KeywordsFile(Array("0 a\n".utf8))
        file.nameUnknown(0b1101)
        #expect(String(decoding: file.encoded(), as: UTF8.self) == "0 a\n2 unknown-2\n3 unknown-3\n")
    }
}
