import Testing

@testable import SieveCore

/// What the base language does beyond the RFC's examples.
@Suite struct LanguageTests {
    // MARK: Tokens

    @Test(arguments: [
        ("\"a\\\"b\\\\c\\d\"", "a\"b\\cd"), ("\"two\nlines\"", "two\r\nlines"),
        ("\"two\r\nlines\"", "two\r\nlines"),
        ("text:\nline\n.\n", "line\r\n"),
        ("text: \t# comment\r\n..dot\r\n.x\r\n...\r\n.\r\n", ".dot\r\n.x\r\n..\r\n"),
        ("text:\n.\n", ""), ("TEXT:\n\"\\\n.", "\"\\\r\n"), ("\"é\"", "é"),
    ])
    func strings(_ source: String, _ expected: String) {
        var lexer = SieveLexer(Array(source.utf8), limits: SieveLimits())
        #expect(lexer.next().kind == .string(Array(expected.utf8)))
        #expect(lexer.next().kind == .end)
        #expect(lexer.diagnostics.errors == 0)
    }

    @Test(arguments: [
        ("0", UInt64(0)), ("100", 100), ("2147483647", 2_147_483_647), ("1k", 1024), ("1K", 1024),
        ("3M", 3 << 20),
        ("4g", 4 << 30), ("0009", 9),
    ])
    func numbers(_ source: String, _ expected: UInt64) {
        var lexer = SieveLexer(Array(source.utf8), limits: SieveLimits())
        #expect(lexer.next().kind == .number(expected))
        #expect(lexer.next().kind == .end)
    }

    @Test func positions() {
        var lexer = SieveLexer(Array("if /* ä\n */ \"é\" :Is\r\n\t_x9 ;".utf8), limits: SieveLimits())
        var tokens: [SieveToken] = []
        while true {
            tokens.append(lexer.next())
            if tokens.last?.kind == .end { break }
        }
        func token(_ kind: SieveToken.Kind, _ line: Int, _ column: Int) -> SieveToken {
            SieveToken(kind: kind, position: SievePosition(line: line, column: column))
        }
        #expect(
            tokens == [
                token(.identifier("if"), 1, 1), token(.string(Array("é".utf8)), 2, 5),
                token(.tag("is"), 2, 9),
                token(.identifier("_x9"), 3, 2), token(.semicolon, 3, 6), token(.end, 3, 7),
            ])
    }

    // MARK: Control

    @Test(arguments: [
        ("", ["implicit keep"]), ("# only a comment", ["implicit keep"]), ("\u{FEFF}keep;", ["keep"]),
        ("keep; keep;", ["keep"]), ("discard; keep;", ["discard", "keep"]),
        ("stop; discard;", ["implicit keep"]),
        ("keep; stop; discard;", ["keep"]), ("KEEP;", ["keep"]), ("if true { } discard;", ["discard"]),
        ("if false { discard; } elsif true { keep; } elsif true { stop; } else { discard; }", ["keep"]),
        ("if false { discard; } elsif false { discard; } else { keep; }", ["keep"]),
        ("if false { discard; } elsif false { discard; }", ["implicit keep"]),
        ("if true { if false { discard; } else { keep; } } else { discard; }", ["keep"]),
        ("if true { if false { discard; } } else { discard; }", ["implicit keep"]),
        ("if true { keep; } if true { discard; } else { stop; }", ["keep", "discard"]),
        ("if true { if true { stop; } } discard;", ["implicit keep"]),
        (#"require "fileinto"; fileinto "a"; fileinto "a"; fileinto "b";"#, ["fileinto a", "fileinto b"]),
        (#"require "fileinto"; fileinto "INBOX"; keep;"#, ["fileinto INBOX"]),
        (#"require "fileinto"; keep; fileinto "Inbox";"#, ["keep"]),
        (#"require ["fileinto", "comparator-i;octet"]; fileinto "odds & ends";"#, ["fileinto odds & ends"]),
        (
            #"redirect "a@b.example"; redirect "a@B.EXAMPLE"; redirect "A@b.example";"#,
            ["redirect a@b.example", "redirect A@b.example"]
        ),
        (#"redirect "Bart S. <bart@example.com>";"#, ["redirect bart@example.com"]),
        (#"redirect "\"a b\" <\"x y\"@[192.0.2.1]>";"#, [#"redirect "x y"@[192.0.2.1]"#]),
        ("redirect text:\na@b.example\n.\n;", ["bad"]),
    ])
    func scripts(_ source: String, _ expected: [String]) throws {
        if expected == ["bad"] {
            #expect(!complaints(source).isEmpty)
        } else {
            #expect(try decisions(source) == expected)
        }
    }

    @Test func requireInvalidatesNothing() throws {
        // An encoded-character sequence in `require` itself stays as it is.
        #expect(complaints(#"require ["encoded-character", "${hex:66}ileinto"];"#).count == 1)
    }

    // MARK: Headers and addresses

    static let mail = crlf(
        """
        Received: one
        From: =?utf-8?q?J=C3=BCrgen?= <"J x"@Example.ORG>, Group: a@one.example, <@r.example:b@two.example>;
        To : nobody
        Subject: =?iso-8859-1?Q?Gr=FC=DFe?=
         =?utf-8?B?IGFuIGFsbGU=?= und   mehr
        X-Number: 0042 things
        X-Star: a*b?c\\d
        Broken line
        Cc: undisclosed-recipients:;

        Subject: not a header

        """)

    @Test(arguments: [
        (#"header :is "subject" "Grüße an alle und   mehr""#, true),
        (#"header :is "SUBJECT" "grüße AN alle und   mehr""#, true),
        (#"header :is :comparator "i;octet" "SUBJECT" "grüße AN alle und   mehr""#, false),
        (#"header :contains "subject" "not a header""#, false), (#"exists ["to", "from"]"#, true),
        (#"exists ["to", "bcc"]"#, false), (#"exists "Broken line""#, false), (#"exists "To:""#, false),
        (#"header :is "to" "nobody""#, true), (#"address :is "to" "nobody""#, true),
        (#"address :localpart "to" "nobody""#, false), (#"address :domain "to" """#, false),
        (#"address :is "from" "j x@example.org""#, true), (#"address :localpart "from" "J x""#, true),
        (#"address :domain "from" "two.example""#, true), (#"address "from" "b@two.example""#, true),
        (#"address :contains "from" "Jürgen""#, false), (#"address :contains "from" "Group""#, false),
        (#"address :contains "cc" """#, false), (#"address :all :matches "from" "a@*.example""#, true),
        (#"size :over 0"#, true), (#"size :under 1G"#, true),
    ])
    func headers(_ test: String, _ expected: Bool) throws { #expect(try holds(test, Self.mail) == expected) }

    @Test func sizeIsExact() throws {
        let message = crlf("Subject: x\n\n")
        #expect(message.count == 14)
        #expect(try !holds("size :over 14", message))
        #expect(try !holds("size :under 14", message))
        #expect(try holds("size :over 13", message))
        #expect(try holds("size :under 15", message))
    }

    @Test(arguments: [
        ("42", true), ("00042", true), ("42x", true), ("43", false), ("x", false), ("", false), ("4", false),
        ("99999999999999999999999999", false),
    ])
    func asciiNumeric(_ key: String, _ expected: Bool) throws {
        let test = "header :comparator \"i;ascii-numeric\" \"x-number\" \"\(key)\""
        #expect(try holds(test, Self.mail, require: "\"comparator-i;ascii-numeric\"") == expected)
    }

    @Test func infinityIsEqualToItself() throws {
        #expect(
            try holds(
                #"header :comparator "i;ascii-numeric" "to" "anything""#, Self.mail,
                require: "\"comparator-i;ascii-numeric\""))
    }

    @Test(arguments: [
        ("*", true), ("?*", true), ("a\\\\*b\\\\?c*", true), ("a\\\\*b\\\\*c*", false), ("*\\\\\\\\d", true),
        ("a*b*c*d", true), ("a*b*c*d*", true), ("a*e", false), ("?????????", false), ("???????", true),
        ("**d", true), ("a*b?c", false),
    ])
    func wildcards(_ key: String, _ expected: Bool) throws {
        #expect(try holds("header :matches \"x-star\" \"\(key)\"", Self.mail) == expected)
    }

    @Test(arguments: [
        (#"envelope "from" "u@d.example""#, "u@d.example", true),
        (#"envelope :localpart "from" "u""#, "u@d.example", true),
        (#"envelope :domain ["from", "to"] "example.org""#, "u@d.example", true),
        (#"envelope :domain "FROM" """#, "", true), (#"envelope :localpart "from" """#, "", true),
        (#"envelope :contains "from" "@""#, "", false), (#"envelope "to" "user@EXAMPLE.org""#, "", true),
    ])
    func envelope(_ test: String, _ sender: String, _ expected: Bool) throws {
        #expect(try holds(test, require: "\"envelope\"", sender: sender) == expected)
    }

    // MARK: Outbound addresses

    @Test(arguments: [
        "a@b", "a.b+c@d-e.example", "\"a b\"@c.example", "x@[192.0.2.1]", "x@[IPv6:2001:db8::1]",
        "jürgen@bücher.example",
        "  a@b  ", "<a@b>", "A B <a@b>", "\"A, B\" <a@b>", "A. B < a@b >",
    ])
    func goodAddresses(_ text: String) { #expect(OutboundAddress.parse(Array(text.utf8)) != nil) }

    @Test(arguments: [
        "", "a", "@b", "a@", "a@@b", "a b@c", "a@b c", "a@b, c@d", "<a@b", "a@b>", "<@r:a@b>", "G: a@b;",
        "a..b@c", ".a@c",
        "a@c.", "a@b\n", "\"a@b", "a@[x y]", "a@b (comment)", "-",
    ])
    func badAddresses(_ text: String) { #expect(OutboundAddress.parse(Array(text.utf8)) == nil) }
}
