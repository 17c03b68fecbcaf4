import Testing

@testable import SieveCore

/// Every example of RFC 5228 that can be run.
@Suite struct RFC5228ExampleTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var section: String
        var script: String
        var ofA: [String]
        var ofB: [String]
        var testDescription: String { self.section }
    }

    static let cases: [Case] = [
        Case(
            section: "2.3 hash comment",
            script: """
                if size :over 100k { # this is a comment
                   discard;
                }
                """, ofA: ["implicit keep"], ofB: ["implicit keep"]),
        Case(
            section: "2.3 bracketed comment",
            script: """
                if size :over 100K { /* this is a comment
                   this is still a comment */ discard /* this is a comment
                   */ ;
                }
                """, ofA: ["implicit keep"], ofB: ["implicit keep"]),
        Case(
            section: "2.4.2.4",
            script: """
                require "encoded-character";
                if header :contains "Subject" "$${hex:24 24}" {
                   discard;
                }
                """, ofA: ["implicit keep"], ofB: ["discard"]),
        Case(
            section: "2.5.1",
            script: """
                if anyof (not exists ["From", "Date"],
                      header :contains "from" "fool@example.com") {
                   discard;
                }
                """, ofA: ["implicit keep"], ofB: ["implicit keep"]),
        Case(
            section: "2.7.3",
            script: """
                if header :contains :comparator "i;octet" "Subject"
                      "MILLIONAIRE" {
                   discard;
                }
                """, ofA: ["implicit keep"], ofB: ["discard"]),
        Case(
            section: "2.10.2", script: "if size :over 500K { discard; }", ofA: ["implicit keep"],
            ofB: ["implicit keep"]),
        Case(
            section: "3.1 first",
            script: """
                require "fileinto";
                if header :contains "from" "coyote" {
                   discard;
                } elsif header :contains ["subject"] ["$$$"] {
                   discard;
                } else {
                   fileinto "INBOX";
                }
                """, ofA: ["discard"], ofB: ["discard"]),
        Case(
            section: "3.1 second",
            script: """
                if header :contains ["From"] ["coyote"] {
                   redirect "acm@example.com";
                } elsif header :contains "Subject" "$$$" {
                   redirect "postmaster@example.com";
                } else {
                   redirect "field@example.com";
                }
                """, ofA: ["redirect acm@example.com"], ofB: ["redirect postmaster@example.com"]),
        Case(
            section: "4.1",
            script: """
                require "fileinto";
                if header :contains ["from"] "coyote" {
                   fileinto "INBOX.harassment";
                }
                """, ofA: ["fileinto INBOX.harassment"], ofB: ["implicit keep"]),
        Case(
            section: "4.2", script: #"redirect "bart@example.com";"#, ofA: ["redirect bart@example.com"],
            ofB: ["redirect bart@example.com"]),
        Case(
            section: "4.3", script: "if size :under 1M { keep; } else { discard; }", ofA: ["keep"],
            ofB: ["keep"]),
        Case(
            section: "4.3 the same", script: "if not size :under 1M { discard; }", ofA: ["implicit keep"],
            ofB: ["implicit keep"]),
        Case(
            section: "4.4",
            script: """
                if header :contains ["from"] ["idiot@example.com"] {
                   discard;
                }
                """, ofA: ["implicit keep"], ofB: ["implicit keep"]),
        Case(
            section: "5.1",
            script: """
                if address :is :all "from" "coyote@desert.example.org" {
                   discard;
                }
                """, ofA: ["discard"], ofB: ["implicit keep"]),
        Case(
            section: "5.4",
            script: """
                require "envelope";
                if envelope :all :is "from" "tim@example.com" {
                   discard;
                }
                """, ofA: ["implicit keep"], ofB: ["implicit keep"]),
        Case(
            section: "5.5",
            script: """
                if not exists ["From","Date"] {
                   discard;
                }
                """, ofA: ["implicit keep"], ofB: ["implicit keep"]),
        Case(section: "9", script: extended, ofA: ["fileinto spam"], ofB: ["fileinto spam"]),
    ]

    static let extended = """
        #
        # Example Sieve Filter
        # Declare any optional features or extension used by the script
        #
        require ["fileinto"];

        #
        # Handle messages from known mailing lists
        # Move messages from IETF filter discussion list to filter mailbox
        #
        if header :is "Sender" "owner-ietf-mta-filters@imc.org"
                {
                fileinto "filter";  # move to "filter" mailbox
                }
        #
        # Keep all messages to or from people in my company
        #
        elsif address :DOMAIN :is ["From", "To"] "example.com"
                {
                keep;               # keep in "In" mailbox
                }

        #
        # Try and catch unsolicited email.  If a message is not to me,
        # or it contains a subject known to be spam, file it away.
        #
        elsif anyof (NOT address :all :contains
                       ["To", "Cc", "Bcc"] "me@example.com",
                     header :matches "subject"
                       ["*make*money*fast*", "*university*dipl*mas*"])
                {
                fileinto "spam";   # move to "spam" mailbox
                }
        else
                {
                # Move all other (non-company) mail to "personal"
                # mailbox.
                fileinto "personal";
                }
        """

    @Test(arguments: cases)
    func example(_ example: Case) throws {
        #expect(try decisions(example.script, Messages.a) == example.ofA)
        #expect(try decisions(example.script, Messages.b) == example.ofB)
        // The same with the line ends of the wire.
        let wire = String(decoding: crlf(example.script), as: UTF8.self)
        #expect(try decisions(wire, Messages.b) == example.ofB)
    }

    @Test func extendedExampleOtherWays() throws {
        func message(_ fields: String) -> [UInt8] { crlf(fields + "\n\nHello.\n") }
        #expect(
            try decisions(Self.extended, message("Sender: owner-ietf-mta-filters@imc.org")) == [
                "fileinto filter"
            ])
        #expect(try decisions(Self.extended, message("From: \"A\" <a@EXAMPLE.com>")) == ["keep"])
        #expect(
            try decisions(Self.extended, message("To: me@example.com.invalid\nFrom: x@y.invalid")) == [
                "fileinto personal"
            ])
        #expect(
            try decisions(
                Self.extended, message("To: me@example.com.invalid\nSubject: Make some MONEY really fast!"))
                == [
                    "fileinto spam"
                ])
    }

    /// Section 2.4.2.4; `nil`: an error.
    static let encodings: [(String, String?)] = [
        ("$${hex:40}", "$@"), ("${hex: 40 }", "@"), ("${HEX: 40}", "@"), ("${hex:40", "${hex:40"),
        ("${hex:400}", "${hex:400}"), ("${hex:4${hex:30}}", "${hex:40}"), ("${unicode:40}", "@"),
        ("${ unicode:40}", "${ unicode:40}"), ("${UNICODE:40}", "@"), ("${UnICoDE:0000040}", "@"),
        ("${Unicode:40}", "@"), ("${Unicode:Cool}", "${Unicode:Cool}"), ("${unicode:200000}", nil),
        ("${Unicode:DF01}", nil),
        // Not in the RFC.
        ("${hex:}", "${hex:}"), ("${hex: }", "${hex: }"), ("${hex:\r\n4\t41}", "\u{4}A"), ("$", "$"),
        ("${", "${"),
        ("${unicode:20ac 21}", "€!"), ("${unicode:200000 x}", "${unicode:200000 x}"),
        ("${unicode:FFFFFFFFFFFFFFFFFF}", nil), ("${hex:c3 a9}", "é"), ("${hex:41}${hex:42}", "AB"),
    ]

    @Test(arguments: encodings)
    func encodedCharacter(_ text: String, _ expected: String?) {
        switch EncodedCharacter.decode(Array(text.utf8)) {
        case .success(let octets): #expect(String(decoding: octets, as: UTF8.self) == expected)
        case .failure: #expect(expected == nil)
        }
    }

    /// Sections 5.2 and 5.3.
    @Test(arguments: [
        ("allof (false, false)", false), ("allof (false, true)", false), ("allof (true,  true)", true),
        ("anyof (false, false)", false), ("anyof (false, true)", true), ("anyof (true,  true)", true),
        ("not true", false), ("not false", true), ("not anyof (not true, allof (true, not true))", true),
        ("allof (true, false, true)", false), ("anyof (false, true, false)", true), ("allof (true)", true),
        ("not allof (anyof (false, true), anyof (true, false))", false),
    ])
    func logic(_ test: String, _ expected: Bool) throws { #expect(try holds(test) == expected) }

    /// Section 5.7.
    @Test func emptyKeys() throws {
        let message = crlf("X-Caffeine: C8H10N4O2\nX-Empty:   \n\n")
        #expect(try !holds(#"header :is ["X-Caffeine"] [""]"#, message))
        #expect(try holds(#"header :contains ["X-Caffeine"] [""]"#, message))
        #expect(try !holds(#"header :contains ["X-Absent"] [""]"#, message))
        #expect(try holds(#"not header :matches "Cc" "?*""#, message))
        #expect(try holds(#"not header :matches "X-Empty" "?*""#, message))
        #expect(try holds(#"header :is "X-Empty" """#, message))
    }

    /// Section 2.7.1.
    @Test(arguments: [
        (":contains", "frob", true), (":contains", "nit", true), (":contains", "fbm", false),
        (":contains", "", true), (":is", "frobnitzm", true), (":is", "FROBNITZM", true), (":is", "", false),
        (":matches", "f*m", true), (":matches", "f?m", false), (":matches", "?????????", true),
    ])
    func matchTypes(_ tag: String, _ key: String, _ expected: Bool) throws {
        #expect(try holds("header \(tag) \"X-T\" \"\(key)\"", crlf("X-T: frobnitzm\n\n")) == expected)
    }
}
