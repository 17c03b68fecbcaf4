import MIMECore
import Testing

@testable import MailStore

/// Texts in the charsets that mail has and that are not built in.
@Suite struct SystemCharsetsTests {
    struct Case: CustomTestStringConvertible {
        var charset: String
        var octets: [UInt8]
        var text: String
        var testDescription: String { self.charset }
    }

    static let cases = [
        Case(charset: "ISO-2022-JP", octets: Array("\u{1B}$B$3$s$K$A$O\u{1B}(B!".utf8), text: "こんにちは!"),
        Case(charset: "Shift_JIS", octets: [0x93, 0xFA, 0x96, 0x7B, 0x87, 0x40, 0xB1], text: "日本①ｱ"),
        Case(charset: "EUC-JP", octets: [0xC6, 0xFC, 0xCB, 0xDC], text: "日本"),
        Case(charset: "GB18030", octets: [0xC4, 0xE3, 0xBA, 0xC3, 0x81, 0x30, 0x81, 0x30], text: "你好\u{80}"),
        Case(charset: "gb2312", octets: [0xC4, 0xE3, 0xBA, 0xC3], text: "你好"),
        Case(charset: "GBK", octets: [0xE9, 0x46], text: "镕"),
        Case(charset: "Big5", octets: [0xA7, 0x41, 0xA6, 0x6E], text: "你好"),
        Case(charset: "EUC-KR", octets: [0xBE, 0xC8, 0xB3, 0xE7], text: "안녕"),
        Case(charset: "ks_c_5601-1987", octets: [0xBE, 0xC8, 0xB3, 0xE7], text: "안녕"),
        Case(charset: "KOI8-R", octets: [0xF0, 0xD2, 0xC9], text: "При"),
        Case(charset: "windows-1251", octets: [0xCF, 0xF0, 0xE8], text: "При"),
        Case(charset: "windows-874", octets: [0xCA, 0xC7, 0x80], text: "สว€"),
        Case(charset: "IBM850", octets: [0x81, 0xE1], text: "üß"),
        Case(charset: "macintosh", octets: [0x9F, 0xA7], text: "üß"),
        Case(charset: "UTF-7", octets: Array("Gr+APw-n +2D3eAA-".utf8), text: "Grün 😀"),
        Case(charset: "unicode-1-1-utf-7", octets: Array("+APw-".utf8), text: "ü"),
        Case(charset: "UTF-16", octets: [0x00, 0x41, 0xD8, 0x3D, 0xDE, 0x00], text: "A😀"),
        Case(charset: "UTF-16", octets: [0xFF, 0xFE, 0x41, 0x00, 0xFC, 0x00], text: "Aü"),
        Case(charset: "UTF-16LE", octets: [0x41, 0x00, 0x42, 0x00], text: "AB"),
        Case(charset: "UTF-32BE", octets: [0, 1, 0xF6, 0], text: "😀"),
        Case(charset: "iso-2022-kr", octets: Array("\u{1B}$)Ca\u{0E}>H3g\u{0F}b".utf8), text: "a안녕b"),
        Case(charset: "utf-8*de", octets: Array("ü".utf8), text: "ü"),
    ]

    @Test(arguments: cases) func converts(_ test: Case) {
        let text = CharsetConverter.system.convert(test.octets, charset: Array(test.charset.utf8))
        #expect(text.map { String(decoding: $0, as: UTF8.self) } == test.text)
    }

    /// A conversion that ended in the middle of something begins anew with the next text.
    @Test func eachTextBeginsAnew() {
        let name = Array("iso-2022-jp".utf8)
        let shifted = CharsetConverter.system.convert(Array("\u{1B}$B$3".utf8), charset: name)
        #expect(shifted.map { String(decoding: $0, as: UTF8.self) } == "こ")
        #expect(CharsetConverter.system.convert(Array("abc".utf8), charset: name) == Array("abc".utf8))
    }

    @Test(arguments: [
        "klingon", "", "utf-8/../../x", "utf-16//TRANSLIT", "../../../../tmp/x", "internal", "WCHAR_T", "char", "a,b",
        "x y", "\u{FC}", String(repeating: "a", count: 5000),
    ])
    func refusesNames(_ name: String) {
        #expect(SystemCharsets.shared.convert([0x61], charset: Array(name.lowercased().utf8)) == nil)
    }

    /// What has no meaning becomes U+FFFD, what is cut off one of them; the rest stays readable.
    @Test func replacesWhatMeansNothing() {
        func text(_ octets: [UInt8], _ charset: String) -> String? {
            CharsetConverter.system.convert(octets, charset: Array(charset.utf8)).map {
                String(decoding: $0, as: UTF8.self)
            }
        }
        #expect(text([0x61, 0x93], "shift_jis") == "a\u{FFFD}")
        #expect(text([0x61, 0xFF, 0x62], "euc-kr") == "a\u{FFFD}b")
        #expect(text([0x00, 0x41, 0xDC, 0x00, 0x00, 0x42], "utf-16be") == "A\u{FFFD}B")
        #expect(text([0x00, 0x41, 0x00], "utf-16be") == "A\u{FFFD}")
        #expect(text([], "gb18030") == "")
    }

    /// Every charset that mail can name, with octets that mean nothing in it: the answer is UTF-8 and its size bounded.
    @Test(arguments: [
        "iso-2022-jp", "iso-2022-jp-3", "iso-2022-kr", "iso-2022-cn-ext", "gb18030", "big5", "big5-hkscs", "euc-kr",
        "euc-jp", "euc-tw", "shift_jis", "cp949", "johab", "utf-7", "utf-16", "utf-32", "ucs-2", "ucs-4", "tscii",
        "ibm1364", "ibm1390", "ibm930", "armscii-8", "koi8-t", "utf-7-imap", "tcvn5712-1",
    ])
    func hostileOctets(_ charset: String) {
        var seed: UInt64 = 7
        for count in [1, 2, 3, 64, 4000] {
            for style in 0..<3 {
                let octets = (0..<count).map { _ -> UInt8 in
                    seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                    let value = UInt8(truncatingIfNeeded: seed >> 40)
                    return style == 0
                        ? value : style == 1 ? value | 0x80 : [0x1B, 0x24, 0x0E, 0x28, 0x42][Int(value) % 5]
                }
                guard let text = CharsetConverter.system.convert(octets, charset: Array(charset.utf8)) else {
                    return
                }
                #expect(UTF8Text.isValid(text))
                #expect(text.count <= 64 + 16 * count + 8192)
            }
        }
    }
}
