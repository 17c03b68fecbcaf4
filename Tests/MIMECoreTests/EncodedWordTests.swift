import MIMECore
import Testing

@Suite struct EncodedWordTests {
    @Test(arguments: [
        // RFC 2047 section 8.
        ("=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>"),
        ("=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?= <keld@dkuug.dk>", "Keld Jørn Simonsen <keld@dkuug.dk>"),
        ("=?ISO-8859-1?Q?Andr=E9?= Pirard <PIRARD@vm1.ulg.ac.be>", "André Pirard <PIRARD@vm1.ulg.ac.be>"),
        (
            "=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n "
                + "=?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
            "If you can read this you understand the example."
        ),
        ("=?ISO-8859-8?b?7eXs+SDv4SDp7Oj08A==?=", "םולש ןב ילטפנ"),
        ("(=?ISO-8859-1?Q?a?=)", "(a)"),
        ("(=?ISO-8859-1?Q?a?= b)", "(a b)"),
        ("(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)"),
        ("(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)", "(ab)"),
        ("(=?ISO-8859-1?Q?a?=\r\n       =?ISO-8859-1?Q?b?=)", "(ab)"),
        ("(=?ISO-8859-1?Q?a_b?=)", "(a b)"),
        ("(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)"),
        // RFC 2231 section 5: a language.
        ("=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore"),
        // Characters split between words, euro signs, unknown and undeclared charsets.
        ("=?utf-8?Q?=C3?= =?UTF-8?Q?=A4?=", "ä"),
        ("=?utf-8?B?w6Q?= x", "ä x"),
        ("=?iso-8859-15?Q?=A4?= =?windows-1252?Q?=80?= =?iso-8859-1?Q?=80?=", "€€€"),
        ("=?koi8-r?B?8NLJ18XU?=", "Привет"),
        ("=?x-unknown?Q?=C3=A4?=", "ä"), ("=?x-unknown?Q?=E4?=", "ä"),
        ("ä =?utf-8?Q?=C3=B6?=", "ä ö"),
        // No encoded words.
        ("=?utf-8?Q?a", "=?utf-8?Q?a"), ("=?utf-8?X?a?=", "=?utf-8?X?a?="), ("=??Q?a?=", "=??Q?a?="),
        ("=?", "=?"), ("=?a?=", "=?a?="), ("=", "="), ("", ""), ("  a \r\n\tb ", "a \tb"),
        ("a=?utf-8?Q?b?=c", "abc"),
        ("=?utf-8?Q?with space?=", "with space"),
        ("=?utf-8?Q?=?=", "="), ("=?utf-8?Q??=", ""),
    ])
    func decodes(_ field: String, _ expected: String) {
        #expect(withOctets(field) { text(EncodedWord.decode($0)) } == expected)
    }

    @Test(arguments: [
        "plain", "Grüße", "Grüße aus Köln", "a ü b ö c", "", " ", "Привет, мир! Привет, мир! Привет, мир! Привет, мир!",
        "ü  ö", "日本語日本語日本語日本語日本語日本語", "tab\there", "😀😀😀😀😀😀😀😀😀😀",
    ])
    func encodedDecodesToTheSame(_ original: String) {
        let encoded = EncodedWord.encode(Array(original.utf8))
        #expect(encoded.allSatisfy { $0 >= 0x20 && $0 < 0x7F })
        for word in encoded.split(separator: 0x20) where word.starts(with: Array("=?".utf8)) {
            #expect(word.count <= 75)
        }
        let trimmed = original == " " ? "" : original
        #expect(encoded.withUnsafeBytes { text(EncodedWord.decode(Octets($0))) } == trimmed)
    }

    @Test(arguments: ["=?", "=?utf-8?Q?", "=?utf-8?Q?a?= ", "=?utf-8?B?=", "?=", "=?a?b?"])
    func hostileRunsStayLinear(_ piece: String) {
        let field = String(repeating: piece, count: 30_000)
        _ = withOctets(field) { EncodedWord.decode($0) }
    }

    @Test func otherCharsetsGoToTheFallback() {
        let converter = CharsetConverter { octets, charset in
            charset == Array("iso-2022-jp".utf8) ? Array("<\(octets.count)>".utf8) : nil
        }
        #expect(
            withOctets("=?ISO-2022-JP?B?GyRCJDMbKEI=?=") { text(EncodedWord.decode($0, converter: converter)) } == "<8>"
        )
        #expect(converter.knows(Array("iso-2022-jp".utf8)))
        #expect(!converter.knows(Array("x".utf8)))
        #expect(CharsetConverter.builtIn.knows(Array("ISO-8859-16".utf8)))
    }
}
