import MailCore
import Testing

@Suite struct EscapedFieldsTests {
    static func encoded(_ field: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        EscapedFields.append(field, to: &out)
        return out
    }

    @Test func everyOctetSurvives() {
        let all = (0...255).map { UInt8($0) }
        let line = Self.encoded(all) + [0x09] + Self.encoded([]) + [0x09] + Self.encoded([0x01, 0x09])
        #expect(!Self.encoded(all).contains { [0x00, 0x09, 0x0A, 0x0D].contains($0) })
        #expect(EscapedFields.split(line) == [all, [], [0x01, 0x09]])
        #expect(EscapedFields.unescaped(Self.encoded(all)) == all)
    }

    @Test(arguments: [
        ("", [""]), ("a", ["a"]), ("a\tb", ["a", "b"]), ("\t", ["", ""]), ("\u{1}x", ["x"]), ("a\u{1}", ["a"]),
        ("\u{1}1t", ["\u{1}t"]),
    ])
    func split(_ line: String, _ fields: [String]) {
        #expect(EscapedFields.split(line.utf8).map { String(decoding: $0, as: UTF8.self) } == fields)
    }
}
