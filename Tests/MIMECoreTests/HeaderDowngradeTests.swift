import MailCore
import Testing

@testable import MIMECore

private func downgraded(_ header: String) -> String {
    var octets: [UInt8] = []
    for byte in header.utf8 {
        if byte == 0x0A { octets.append(0x0D) }
        octets.append(byte)
    }
    var out: [UInt8] = []
    octets.withUnsafeBytes { HeaderDowngrade.append(Octets($0), to: &out) }
    out.removeAll { $0 == 0x0D }
    return String(decoding: out, as: UTF8.self)
}

@Suite struct HeaderDowngradeTests {
    // RFC 6857 section 3.1 has these ways of writing; an address that cannot be written becomes a group's name.
    @Test(arguments: [
        ("Subject: plain\n\n", "Subject: plain\n\n"),
        ("Subject: Gr\u{FC}\u{DF}e\n", "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\n"),
        ("Subject: a\n \u{E9}\n b\nX: y\n\n", "Subject: a =?utf-8?Q?=C3=A9?= b\nX: y\n\n"),
        ("From: J\u{FC}rgen <j@e.org>\n", "From: =?utf-8?Q?J=C3=BCrgen?= <j@e.org>\n"),
        ("From: \"M\u{FC}ller, J.\" <j@e.org>\n", "From: =?utf-8?Q?M=C3=BCller=2C_J=2E?= <j@e.org>\n"),
        ("To: \u{E9}@e.org\n", "To: =?utf-8?Q?=3C=C3=A9=40e=2Eorg=3E?= :;\n"),
        ("To: A <a@\u{E9}.org>\n", "To: =?utf-8?Q?A_=3Ca=40=C3=A9=2Eorg=3E?= :;\n"),
        ("To: \u{E9} <a@b.org>, \"c d\"@e.org\n", "To: =?utf-8?Q?=C3=A9?= <a@b.org>, \"c d\"@e.org\n"),
        ("Cc: Gr\u{FC}n: a@b.org, c@d.org;\n", "Cc: =?utf-8?Q?Gr=C3=BCn?=: a@b.org, c@d.org;\n"),
        (
            "Content-Type: text/plain; charset=utf-8; name=\"\u{E9} a.txt\"\n",
            "Content-Type: text/plain; charset=\"utf-8\"; name*=utf-8''%C3%A9%20a.txt\n"
        ),
        ("X-Any: \u{E9}\n", "X-Any: =?utf-8?Q?=C3=A9?=\n"),
        ("no field \u{E9}\nSubject: x\n", "no field \u{E9}\nSubject: x\n"),
    ])
    func fields(_ header: String, _ expected: String) { #expect(downgraded(header) == expected) }

    @Test func unknownCharsetsStay() {
        let header: [UInt8] = Array("Subject: gr".utf8) + [0xFC, 0xDF, 0x0D, 0x0A, 0x0D, 0x0A]
        var out: [UInt8] = []
        header.withUnsafeBytes { HeaderDowngrade.append(Octets($0), to: &out) }
        #expect(out == header)
    }

    /// No line is longer than 998 octets for want of folds (RFC 5322 section 2.1.1), and all of it is US-ASCII.
    @Test func longFieldsAreFolded() {
        for field in ["Subject", "To", "Content-Type"] {
            let text = downgraded("\(field): a/b; \(String(repeating: "w\u{F6}rd <a@b.org>, ", count: 2000))\n\n")
            #expect(text.utf8.allSatisfy { $0 < 0x80 })
            #expect(text.split(separator: "\n").allSatisfy { $0.utf8.count < 998 }, "\(field)")
        }
    }

    /// Whatever stands in a header: its fields keep names and order, and what was UTF-8 is US-ASCII afterwards.
    @Test func anyHeaderStaysOne() {
        let pieces = [
            "From:", "to: ", "Content-Type: ", "Subject:", "X:", "Content-Disposition: a; ", "\r\n", "\r\n ", "\"",
            "\\", "(",
            ")", "<", ">", "@", ",", ";", ":", "=", "*0*=", "name=", "\u{E9}", "\u{65E5}\u{672C}", "a", "b.c", " ",
            "\t", "%41", "''",
            "=?utf-8?q?x?=", "\r\n\r\n",
        ]
        var state: UInt64 = 6857
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        for _ in 0..<20_000 {
            var header: [UInt8] = []
            for _ in 0..<random(24) { header.append(contentsOf: pieces[random(pieces.count)].utf8) }
            if !header.isEmpty, random(2) == 0 { header.append(contentsOf: [0x0D, 0x0A, 0x0D, 0x0A]) }
            self.check(header)
        }
    }

    @Test(.enabled(if: !CorpusTests.files.isEmpty, "no ../shared/corpus beside the package"))
    func headersOfTheCorpusStayHeaders() {
        for name in CorpusTests.files {
            let message = CorpusTests.read(name)
            self.check(Array(message[table(message).root.header]))
        }
    }

    private func check(_ header: [UInt8]) {
        var out: [UInt8] = []
        header.withUnsafeBytes { HeaderDowngrade.append(Octets($0), to: &out) }
        let before = Self.fields(header)
        let after = Self.fields(out)
        let text = String(decoding: header, as: UTF8.self)
        #expect(before.map(\.name) == after.map(\.name), "\(text)")
        for (old, new) in zip(before, after) {
            if !old.octets.contains(where: { $0 >= 0x80 }) || old.name.isEmpty {
                #expect(old.octets == new.octets, "\(text)")
            } else if UTF8Text.isValid(old.octets), old.name.allSatisfy({ $0 < 0x80 }) {
                #expect(new.octets.allSatisfy { $0 < 0x80 }, "\(text)")
            }
        }
        var again: [UInt8] = []
        out.withUnsafeBytes { HeaderDowngrade.append(Octets($0), to: &again) }
        #expect(again == out, "\(text)")
    }

    private static func fields(_ header: [UInt8]) -> [(name: [UInt8], octets: [UInt8])] {
        header.withUnsafeBytes { bytes in
            let octets = Octets(bytes)
            return HeaderScanner(octets).map { (Array(octets[$0.name].buffer), Array(octets[$0.range].buffer)) }
        }
    }
}
