import Testing

@testable import MIMECore

@Suite struct TextSignatureTests {
    /// A source of the same numbers for the same seed.
    struct Chance {
        private var state: UInt64
        init(_ seed: UInt64) { self.state = seed &* 2_862_933_555_777_941_757 &+ 3_037_000_493 }

        mutating func below(_ bound: Int) -> Int {
            self.state = self.state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(self.state >> 33) % max(1, bound)
        }

        mutating func one<Element>(of list: [Element]) -> Element { list[self.below(list.count)] }
    }

    static let words = [
        "lunch", "Größe", "ΟΔΟΣ", "отчёт", "会議の資料", "naïve", "a", "ab", "I'm", "50%", "=?", "=?utf-8?q?x?=", "İstanbul",
        "<b>bold</b>", "&amp;", "x@y.example", "straße", "ﬁne", "\u{0}", "\u{1B}$B", "qu=3Doted", "tab\there", "end.",
    ]

    static func text(_ chance: inout Chance, _ count: Int) -> String {
        (0..<count).map { _ in chance.one(of: words) }.joined(separator: chance.one(of: [" ", "  ", " ", "\n", ""]))
    }

    static func folded(_ text: String, _ chance: inout Chance) -> String {
        switch chance.below(4) {
        case 0: text.split(separator: " ").joined(separator: "\r\n ").replacing("\n", with: " ")
        case 1: "=?utf-8?B?\(base64(Array(text.utf8)))?= =?UTF-8?Q?=C3=?= =?utf-8?q?=A4nd?="
        case 2: text.replacing("\n", with: " \t\r\n\t ")
        default: text.replacing("\n", with: "")
        }
    }

    static func base64(_ octets: [UInt8]) -> String {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var out: [UInt8] = []
        for start in stride(from: 0, to: octets.count, by: 3) {
            let three = (0..<3).map { start + $0 < octets.count ? UInt32(octets[start + $0]) : 0 }
            let value = three[0] << 16 | three[1] << 8 | three[2]
            for position in 0..<4 {
                out.append(
                    start + position > octets.count
                        ? UInt8(ascii: "=") : digits[Int(value >> UInt32(18 - 6 * position) & 63)])
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    static func message(_ chance: inout Chance) -> [UInt8] {
        var header = ""
        for name in ["From", "to", "Subject", "X-Odd", "Received", "Reply-To"] where chance.below(4) > 0 {
            header +=
                "\(name):\(chance.one(of: ["", " ", "\t"]))\(folded(text(&chance, 1 + chance.below(6)), &chance))\r\n"
        }
        if chance.below(3) == 0 {
            header += "From: \"Quill, \\\"M\\\"\" <m.q@example.net>, team: a@b, =?utf-8?q?J=C3=B6?= <j@k>;\r\n"
        }
        func part(_ depth: Int, _ chance: inout Chance) -> String {
            let text = Self.text(&chance, 1 + chance.below(30))
            switch chance.below(depth > 2 ? 5 : 7) {
            case 0:
                return
                    "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n\(base64(Array(text.utf8)))\r\n"
            case 1: return "Content-Type: text/html; charset=utf-8\r\n\r\n<p>\(text)</p>\(text)<br>x&euro;y\r\n"
            case 2: return "Content-Type: application/octet-stream; name=\"\(chance.below(1000))\"\r\n\r\n\(text)\r\n"
            case 3:
                return
                    "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=\r\n=DFe \(text)\r\n"
            case 4: return "\r\n\(text)"
            case 5:
                let boundary = "b\(depth)-\(chance.below(1000))"
                let parts = (0..<1 + chance.below(3)).map { _ in "--\(boundary)\r\n\(part(depth + 1, &chance))\r\n" }
                return
                    "Content-Type: multipart/mixed; boundary=\"\(boundary)\"\r\n\r\n\(parts.joined())--\(boundary)--\r\n"
            default:
                return
                    "Content-Type: message/rfc822\r\n\r\nSubject: inner \(folded("Größe  x", &chance))\r\n\(part(depth + 1, &chance))"
            }
        }
        return Array((header + part(0, &chance)).utf8)
    }

    /// Texts in which something can be found: for BODY, and for TEXT and HEADER.
    static func texts(_ message: [UInt8]) -> [[UInt8]] {
        var texts: [[UInt8]] = []
        message.withUnsafeBytes { octets in
            let table = PartTable(octets)
            let text = MessageText(octets, table)
            for part in table.parts {
                _ = text.forEachHeaderLine(of: part) {
                    texts.append($0); return false
                }
                _ = text.forEachText(of: part, keeping: 0) {
                    texts.append($0); return false
                }
            }
            let header = Octets(octets)[table.root.header]
            for field in HeaderScanner(header) where MessageText.hasAddresses(header[field.name]) {
                texts.append(MessageText.mappedAddresses(header[field.body], converter: .builtIn))
            }
        }
        return texts
    }

    /// What a search finds in a message, its signature never denies.
    @Test(arguments: 1...6) func neverDeniesAHit(_ seed: Int) {
        var chance = Chance(UInt64(seed))
        var needles: [[UInt8]] = Self.words.map { Array($0.utf8) } + [[], Array("zephyrquartz".utf8)]
        let messages = (0..<16).map { _ in Self.message(&chance) }
        for message in messages {
            let texts = Self.texts(message).filter { !$0.isEmpty }
            guard !texts.isEmpty else { continue }
            for _ in 0..<5 {
                let text = chance.one(of: texts)
                let start = chance.below(text.count)
                needles.append(Array(text[start..<min(text.count, start + 1 + chance.below(24))]))
            }
        }
        var hits = 0
        var denied = 0
        let names = ["From", "to", "SUBJECT", "x-odd", "reply-to", "X-None"].map { Array($0.utf8) }
        let asked = needles.map { octets in
            let needle = SearchNeedle(octets)
            return (
                needle, TextProbe(needle, in: .text), TextProbe(needle, in: .body),
                names.map { ($0, TextProbe(needle, in: .header(name: $0))) }
            )
        }
        for message in messages {
            message.withUnsafeBytes { octets in
                let table = PartTable(octets)
                let signature = TextSignature.build(from: octets, table: table)
                let text = MessageText(octets, table)
                signature.withUnsafeBytes { row in
                    guard let view = TextSignature.View(row) else {
                        Issue.record("no signature")
                        return
                    }
                    for (needle, inText, inBody, inFields) in asked {
                        var answers = [
                            (text.textContains(needle), inText.mayMatch(view)),
                            (text.bodyContains(needle), inBody.mayMatch(view)),
                        ]
                        for (name, probe) in inFields {
                            answers.append((text.headerContains(name, needle), probe.mayMatch(view)))
                        }
                        for (isHit, mayMatch) in answers {
                            if isHit { hits += 1 } else if !mayMatch { denied += 1 }
                            #expect(
                                mayMatch || !isHit,
                                "seed \(seed): denied \(String(decoding: needle.mapped, as: UTF8.self))")
                        }
                    }
                }
            }
        }
        #expect(hits > 300 && denied > 300, "the test must see both: \(hits) hits, \(denied) denied")
    }

    /// Also where a text is decoded in pieces.
    @Test func piecesAreOneText() {
        for shift in 0..<4 {
            var message = Array("Content-Type: text/plain; charset=utf-8\r\n\r\n".utf8)
            message.append(contentsOf: repeatElement(UInt8(ascii: "x"), count: 65_530 + shift - message.count))
            message.append(contentsOf: Array("Zephyrquartzé 123456789 end".utf8))
            let needle = SearchNeedle("zephyrquartzÉ 1".utf8)
            message.withUnsafeBytes { octets in
                let table = PartTable(octets)
                #expect(MessageText(octets, table).bodyContains(needle))
                TextSignature.build(from: octets, table: table).withUnsafeBytes { row in
                    #expect(TextSignature.View(row).map { TextProbe(needle, in: .body).mayMatch($0) } == true)
                    let other = TextProbe(SearchNeedle("zephyrquarts".utf8), in: .body)
                    #expect(TextSignature.View(row).map { other.mayMatch($0) } == false)
                }
            }
        }
    }

    /// A change of what signatures are made of must change their version, so that those in indexes are made again. When
    /// this fails, raise `TextSignature.version` and put the new number here.
    @Test func versionFollowsTheContent() {
        var chance = Chance(4711)
        var sum: UInt64 = 0xCBF2_9CE4_8422_2325
        for _ in 0..<60 {
            let message = Self.message(&chance)
            let signature = message.withUnsafeBytes { TextSignature.build(from: $0, table: PartTable($0)) }
            for octet in signature { sum = (sum ^ UInt64(octet)) &* 0x100_0000_01B3 }
        }
        #expect(TextSignature.version == 1)
        #expect(sum == 3_789_294_885_050_178_905, "\(sum)")
    }

    /// In one pass, fields say what they say in two.
    @Test func plainFieldsAreMappedAlike() {
        var chance = Chance(3)
        let pieces: [[UInt8]] = [" ", "\t", "\r\n ", "\r", "\n", "a", "Zz", "=", "?", "=?", "é", "\u{0}", "{[`@"].map {
            Array($0.utf8)
        }
        for _ in 0..<4000 {
            let body = (0..<chance.below(9)).flatMap { _ in chance.one(of: pieces) }
            var quick: [UInt8] = [7]
            var slow: [UInt8] = [7]
            body.withUnsafeBytes {
                MappedField.append(Octets($0), converter: .builtIn, to: &quick)
                UnicodeCasemap.append(MessageText.text(ofField: Octets($0)), to: &slow)
            }
            #expect(quick == slow, "\(body)")
        }
    }

    @Test func otherVersionsMeanNothing() {
        func view(_ octets: [UInt8]) -> Bool { octets.withUnsafeBytes { TextSignature.View($0) != nil } }
        #expect(!view([]))
        #expect(!view([TextSignature.version &+ 1, 0, 0, 0]))
        #expect(!view([TextSignature.version, 5, 0, 0]))
        #expect(view([TextSignature.version, 0, 0]))
    }

    /// Signatures are a small part of real mail, small and odd messages included.
    @Test(.enabled(if: !CorpusTests.files.isEmpty, "no ../shared/corpus beside the package"))
    func corpusSignaturesAreSmall() {
        var mail = 0
        var signatures = 0
        for name in CorpusTests.files {
            let message = CorpusTests.read(name)
            mail += message.count
            signatures += message.withUnsafeBytes { TextSignature.build(from: $0, table: PartTable($0)).count }
        }
        // Half of the 15 % that the rows with their keys and pages may take.
        #expect(signatures * 100 < mail * 10, "\(signatures) octets for \(mail)")

    }
}
