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
        ("opaque", false, false), ("beilage", true, true), ("köln", false, true), ("from: a@", false, true),
        ("hidden.bin", true, true), ("=F6ne", false, false),
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

    /// Folding agrees with the standard library's lower case where that is one scalar.
    @Test func foldingOfLatinGreekCyrillic() {
        for value in Array(0x41...0x5A) + Array(0xC0...0x24F) + Array(0x386...0x3AB) + Array(0x400...0x52F)
            + Array(0x531...0x556) + Array(0x1E00...0x1E95) + Array(0x10400...0x10427)
        {
            guard let scalar = Unicode.Scalar(UInt32(value)) else { continue }
            let lower = Array(scalar.properties.lowercaseMapping.unicodeScalars)
            guard lower.count == 1, lower[0] != scalar else { continue }
            var folded: [UInt8] = []
            CaseFolding.appendFolded(Array(String(scalar).utf8), to: &folded)
            #expect(text(folded) == String(lower[0]), "\(value)")
        }
        var sigma: [UInt8] = []
        CaseFolding.appendFolded(Array("Σςσẞß".utf8), to: &sigma)
        #expect(text(sigma) == "σσσßß")
    }

    @Test func hostileNeedlesStayLinear() {
        let text = [UInt8](repeating: 0x61, count: 300_000)
        let needle = SearchNeedle([0x62] + [UInt8](repeating: 0x61, count: 20_000))
        #expect(!needle.isFound(inFolded: text))
        #expect(needle.isFound(inFolded: text + [0x62] + text))
        #expect(SearchNeedle("aab".utf8).isFound(inFolded: Array("aaaaaaaaaaaaaaaab".utf8)))
    }
}
