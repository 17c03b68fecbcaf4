import LMTPCore
import Testing

@Suite struct DotDecoderTests {
    struct Case: Sendable {
        var input: String
        /// `nil`: the end is not reached.
        var output: String?
        var rest = ""
    }

    private static let long = String(repeating: "0123456789\r\n", count: 7) + "0123456789"

    static let cases: [Case] = [
        Case(input: ".\r\n", output: ""),
        Case(input: "a\r\n.\r\n", output: "a\r\n"),
        Case(input: "a\r\n..b\r\n.\r\nQUIT\r\n", output: "a\r\n.b\r\n", rest: "QUIT\r\n"),
        Case(input: "..\r\n.\r\n", output: ".\r\n"),
        // None of these may end a message (smuggling).
        Case(input: "a\n.\nb\r\n.\r\n", output: "a\n.\nb\r\n"),
        Case(input: "a\n.\r\nb\r\n.\r\n", output: "a\n.\r\nb\r\n"),
        Case(input: "a\r\n.\nb\r\n.\r\n", output: "a\r\n\nb\r\n"),
        Case(input: "a\r.\rb\r\n.\r\n", output: "a\r.\rb\r\n"),
        Case(input: "a\r\r\n.\r\n", output: "a\r\r\n"),
        Case(input: "a\r\n.\r\r\n.\r\n", output: "a\r\n\r\r\n"),
        Case(input: "a\r\n.\rb\r\n.\r\n", output: "a\r\n\rb\r\n"),
        Case(input: "no end\r\n.", output: nil),
        // Longer than what is looked at in one step.
        Case(
            input: Self.long + "\n.x\r\n..y" + Self.long + "\r\n.\r\nrest",
            output: Self.long + "\n.x\r\n.y" + Self.long + "\r\n", rest: "rest"),
    ]

    @Test(arguments: cases)
    func everySplit(_ testCase: Case) {
        let bytes = Array(testCase.input.utf8)
        for split in 0...bytes.count {
            var decoder = DotDecoder()
            var out: [UInt8] = []
            var consumed = 0
            let first = Array(bytes[..<split])
            consumed += decoder.decode(first.span, into: &out)
            if !decoder.isEnded {
                #expect(consumed == split)
                let second = Array(bytes[split...])
                consumed += decoder.decode(second.span, into: &out)
            }
            if let expected = testCase.output {
                #expect(decoder.isEnded)
                #expect(String(decoding: out, as: UTF8.self) == expected)
                #expect(String(decoding: bytes[consumed...], as: UTF8.self) == testCase.rest)
            } else {
                #expect(!decoder.isEnded)
            }
        }
    }

    @Test func byteByByte() {
        for testCase in Self.cases {
            var decoder = DotDecoder()
            var out: [UInt8] = []
            for byte in testCase.input.utf8 where !decoder.isEnded {
                let one = [byte]
                _ = decoder.decode(one.span, into: &out)
            }
            if let expected = testCase.output { #expect(String(decoding: out, as: UTF8.self) == expected) }
        }
    }
}
