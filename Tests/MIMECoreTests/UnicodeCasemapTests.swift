import Testing

@testable import MIMECore

@Suite struct UnicodeCasemapTests {
    struct Case: CustomTestStringConvertible {
        var text: String
        var mapped: String
        var testDescription: String { self.text }
    }

    static let cases = [
        Case(text: "", mapped: ""),
        Case(text: "hello, World_{}", mapped: "HELLO, WORLD_{}"),
        Case(text: "\u{E9}tude", mapped: "E\u{301}TUDE"),
        Case(text: "\u{C9}TUDE", mapped: "E\u{301}TUDE"),
        Case(text: "\u{DF}", mapped: "\u{DF}"),
        Case(text: "\u{1C6}", mapped: "Dz\u{30C}"),
        Case(text: "\u{3C3}\u{3C2}", mapped: "\u{3A3}\u{3A3}"),
        Case(text: "\u{430}\u{439}", mapped: "\u{410}\u{418}\u{306}"),
        Case(text: "\u{FB01}", mapped: "fi"),
        Case(text: "\u{1E69}", mapped: "S\u{323}\u{307}"),
        Case(text: "\u{101}\u{103}", mapped: "A\u{304}A\u{306}"),
        Case(text: "\u{10428}", mapped: "\u{10400}"),
        Case(text: "\u{6F22}\u{AC00}", mapped: "\u{6F22}\u{AC00}"),
    ]

    @Test(arguments: cases) func maps(_ test: Case) {
        var out: [UInt8] = []
        UnicodeCasemap.append(Array(test.text.utf8), to: &out)
        #expect(out == Array(test.mapped.utf8))
    }

    @Test func keepsWhatIsNotUTF8() {
        var out: [UInt8] = []
        UnicodeCasemap.append([0x61, 0xFF, 0xC3, 0x62, 0xE2, 0x82], to: &out)
        #expect(out == [0x41, 0xFF, 0xC3, 0x42, 0xE2, 0x82])
    }

    @Test func stopsAtTheLimit() {
        var out: [UInt8] = [1]
        UnicodeCasemap.append([UInt8](repeating: 0x61, count: 100), limit: 10, to: &out)
        #expect(out == [1] + [UInt8](repeating: 0x41, count: 10))
    }
}
