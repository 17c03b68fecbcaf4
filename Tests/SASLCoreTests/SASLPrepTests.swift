import SASLCore
import Testing

struct SASLPrepTests {
    @Test(
        arguments: [
            // RFC 4013 section 3
            ("I\u{AD}X", "IX"), ("user", "user"), ("USER", "USER"), ("\u{AA}", "a"), ("\u{2168}", "IX"),
            ("\u{07}", nil), ("\u{627}\u{31}", nil),
            // Mapping, normalization, and both in one.
            ("", ""), ("a\u{A0}b\u{3000}c", "a b c"), ("\u{FEFF}x\u{200D}", "x"), ("e\u{301}", "\u{E9}"),
            ("\u{1E9B}\u{323}", "\u{1E69}"), ("\u{385}", " \u{308}\u{301}"), ("\u{FB01}", "fi"), ("\u{FF21}", "A"),
            ("\u{3231}", "(\u{682A})"), ("\u{AC00}", "\u{AC00}"), ("\u{1112}\u{1161}\u{11AB}", "\u{D55C}"),
            ("\u{1D7F6}", "0"), ("pässwörd", "pässwörd"), ("\u{1F600}", "\u{1F600}"),
            // Not allowed.
            ("a\u{7F}", nil), ("\u{E000}", nil), ("\u{FFFD}", nil), ("\u{2028}", nil), ("\u{E0041}", nil),
            ("\u{0}", nil),
            // Directions.
            ("\u{627}1\u{628}", "\u{627}1\u{628}"), ("\u{627}a\u{628}", nil), ("\u{5D0}\u{5D1}", "\u{5D0}\u{5D1}"),
            ("a\u{5D0}", nil),
        ] as [(String, String?)])
    func prepares(_ text: String, _ expected: String?) {
        let prepared = SASLPrep.prepare(text)
        #expect(prepared.map { Array($0.unicodeScalars) } == expected.map { Array($0.unicodeScalars) })
    }

    @Test func passwordsThatCannotBePreparedStay() {
        #expect(SASLPrep.prepare(password: Array("\u{2168}".utf8)) == Array("IX".utf8))
        #expect(SASLPrep.prepare(password: [0xFF, 0x61]) == [0xFF, 0x61])
        #expect(SASLPrep.prepare(password: Array("a\u{E000}".utf8)) == Array("a\u{E000}".utf8))
        #expect(SASLPrep.prepare(password: Array("\u{AD}".utf8)) == Array("\u{AD}".utf8))
    }
}
