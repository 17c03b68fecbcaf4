import MIMECore
import Testing

@Suite struct SearchTests {
    static let message = crlf(
        """
        Subject: =?utf-8?Q?GR=C3=9CSSE?= aus
         Köln
        From: a@b
        Content-Type: multipart/mixed; boundary=b

        --b
        Content-Type: text/plain; charset=iso-8859-1
        Content-Transfer-Encoding: quoted-printable

        sch=F6ne wei=
        te Welt
        --b
        Content-Type: text/html; charset=windows-1251
        Content-Transfer-Encoding: base64

        z/Do4uXy
        --b
        Content-Type: application/octet-stream; name=hidden.bin
        Content-Description: =?utf-8?B?QmVpbGFnZQ==?=

        opaque words
        --b--

        """)

    static func search(_ body: (MessageText) -> Bool) -> Bool {
        message.withUnsafeBytes { body(MessageText($0, PartTable($0))) }
    }

    @Test(arguments: [
        ("grüsse AUS köln", true), ("Köln", true), ("kÖL", true), ("", true), ("grüsse  aus", false), ("x", false),
    ])
    func subjects(_ needle: String, _ expected: Bool) {
        #expect(Self.search { $0.headerContains(Array("SUBJECT".utf8), SearchNeedle(needle.utf8)) } == expected)
    }

    @Test func emptyNeedleAsksForTheField() {
        #expect(Self.search { $0.headerContains(Array("from".utf8), SearchNeedle("".utf8)) })
        #expect(!Self.search { $0.headerContains(Array("bcc".utf8), SearchNeedle("".utf8)) })
    }

    @Test(arguments: [
        ("schöne weite", true, true), ("SCHÖNE", true, true), ("привет", true, true), ("Привет", true, true),
        ("opaque", false, false), ("beilage", false, true), ("köln", false, true), ("from: a@", false, true),
        ("hidden.bin", false, true), ("=F6ne", false, false),
    ])
    func bodiesAndTexts(_ needle: String, _ inBody: Bool, _ inText: Bool) {
        #expect(Self.search { $0.bodyContains(SearchNeedle(needle.utf8)) } == inBody)
        #expect(Self.search { $0.textContains(SearchNeedle(needle.utf8)) } == inText)
    }

    @Test func hitsAcrossChunks() {
        for shift in 0..<5 {
            var message = crlf("Content-Type: text/plain; charset=utf-8\n\n")
            message.append(contentsOf: [UInt8](repeating: 0x78, count: 65_530 + shift))
            message.append(contentsOf: Array("Ünïcode".utf8))
            message.append(contentsOf: [UInt8](repeating: 0x79, count: 70_000))
            let isFound = message.withUnsafeBytes {
                MessageText($0, PartTable($0)).bodyContains(SearchNeedle("üNÏCODEY".utf8))
            }
            #expect(isFound)
        }
    }

    /// i;unicode-casemap: title case, then decomposed (RFC 5051 section 2).
    @Test(arguments: [
        ("\u{E9}tude", "E\u{301}TUDE", true), ("e\u{301}", "caf\u{C9}", true), ("\u{3C2}", "\u{3A3}", true),
        ("fi", "\u{FB01}", false), ("\u{1C6}", "\u{1C4}", true), ("I", "\u{131}", true), ("s", "\u{17F}", true),
        ("ss", "\u{DF}", false), ("caf\u{E9}", "cafe", false), ("\u{439}", "\u{418}\u{306}", true),
        ("\u{FF21}", "\u{FF41}", true), ("i", "\u{130}", true),
    ])
    func comparesByUnicodeCasemap(_ needle: String, _ text: String, _ expected: Bool) {
        #expect(SearchNeedle(needle.utf8).isFound(in: Array(text.utf8)) == expected)
    }

    @Test func octetsThatAreNoTextAreFoundAsTheyAre() {
        #expect(SearchNeedle([0xFF, 0x61]).isFound(in: [0x78, 0xFF, 0x41, 0xFE]))
        #expect(!SearchNeedle([0xFF]).isFound(in: Array("\u{FF}".utf8)))
    }

    static let html = crlf(
        """
        Content-Type: text/html; charset=utf-8

        <html><head><style>p { hidden: 1 }</style></head><body><p>Gr&uuml;&szlig;e
           aus <b>K</b>&ouml;l<i>n</i>,</p><p>Mei&#223;en &amp; Jena</p><!-- secret --></body></html>
        """)

    @Test(arguments: [
        ("grüße aus köln", true), ("meißen & jena", true), ("<p>gr&uuml;", true), ("köln, meißen", true),
        ("secret", true), ("hidden: 1", true), ("kölnx", false), ("bonn", false),
    ])
    func htmlIsSourceAndText(_ needle: String, _ expected: Bool) {
        let isFound = Self.html.withUnsafeBytes {
            MessageText($0, PartTable($0)).bodyContains(SearchNeedle(needle.utf8))
        }
        #expect(isFound == expected)
    }

    /// Of a charset whose characters have several octets a chunk ends with a line.
    @Test func chunksEndWithLines() {
        let converter = CharsetConverter { octets, charset in
            guard charset.elementsEqual("x-pairs".utf8) else { return nil }
            // Two letters make one.
            var out: [UInt8] = []
            var isFirst = true
            for byte in octets where byte != 0x0D {
                if byte == 0x0A { isFirst = true } else if isFirst { isFirst = false } else { isFirst = true }
                if isFirst { out.append(byte) }
            }
            return out
        }
        var message = crlf("Content-Type: text/plain; charset=x-pairs\n\n")
        for _ in 0..<9000 { message.append(contentsOf: Array(".a.b.c.d.e\r\n".utf8)) }
        message.append(contentsOf: Array(".f.g".utf8))
        let isFound = message.withUnsafeBytes { bytes in
            let text = MessageText(bytes, PartTable(bytes), converter: converter)
            return text.bodyContains(SearchNeedle("e\nfg".utf8)) && !text.bodyContains(SearchNeedle(".".utf8))
        }
        #expect(isFound)
    }

    @Test func hostileNeedlesStayLinear() {
        let text = [UInt8](repeating: 0x41, count: 300_000)
        let needle = SearchNeedle([0x62] + [UInt8](repeating: 0x61, count: 20_000))
        let isFoundInNothing = needle.isFound(inMapped: text)
        let isFoundInside = needle.isFound(inMapped: text + [0x42] + text)
        let isFoundAtTheEnd = SearchNeedle("aab".utf8).isFound(inMapped: Array("AAAAAAAAAAAAAAAAB".utf8))
        #expect(!isFoundInNothing)
        #expect(isFoundInside)
        #expect(isFoundAtTheEnd)
    }
}
