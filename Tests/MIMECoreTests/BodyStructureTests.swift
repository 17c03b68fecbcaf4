import MIMECore
import Testing

@Suite struct BodyStructureTests {
    struct Case: Sendable {
        var name: String
        var message: String
        var structure: String
    }

    static let plain = "\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\""

    /// RFC 2046 section 5.1.1.
    static let simpleMultipart = """
        From: Nathaniel Borenstein <nsb@bellcore.com>
        MIME-Version: 1.0
        Content-type: multipart/mixed; boundary="simple boundary"

        This is the preamble.  It is to be ignored, though it
        is a handy place for composition agents to include an
        explanatory note to non-MIME conformant readers.

        --simple boundary

        This is implicitly typed plain US-ASCII text.
        It does NOT end with a linebreak.
        --simple boundary
        Content-type: text/plain; charset=us-ascii

        This is explicitly typed plain US-ASCII text.
        It DOES end with a linebreak.

        --simple boundary--

        This is the epilogue.  It is also to be ignored.

        """

    @Test(arguments: [
        Case(
            name: "RFC 2046 section 5.1.1", message: simpleMultipart,
            structure: "(\(plain) 80 1 NIL NIL NIL NIL)(\(plain) 78 2 NIL NIL NIL NIL) \"mixed\" "
                + "(\"boundary\" \"simple boundary\") NIL NIL NIL"),
        Case(name: "nothing", message: "", structure: "\(plain) 0 0 NIL NIL NIL NIL"),
        Case(name: "no header", message: "\nx\n", structure: "\(plain) 3 1 NIL NIL NIL NIL"),
        Case(
            name: "charset is implied", message: "Content-Type: text/html\n\nx",
            structure: "\"text\" \"html\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 1 0 NIL NIL NIL NIL"),
        Case(
            name: "invalid type is text/plain (RFC 2045 section 5.2)", message: "Content-Type: ?\n\nx",
            structure: "\(plain) 1 0 NIL NIL NIL NIL"),
        Case(
            name: "multipart without boundary is text/plain", message: "Content-Type: multipart/mixed\n\nx",
            structure: "\(plain) 1 0 NIL NIL NIL NIL"),
        Case(
            name: "multipart without parts", message: "Content-Type: multipart/mixed; boundary=b\n\nx\n",
            structure: "(\(plain) 0 0 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"b\") NIL NIL NIL"),
        Case(
            name: "boundary at the very end", message: "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b",
            structure: "(\(plain) 1 0 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"b\") NIL NIL NIL"),
        Case(
            name: "no MIME (RFC 2045 section 4)", message: "Content-ID: <a>\nContent-Transfer-Encoding: base64\n\nx",
            structure: "\(plain) 1 0 NIL NIL NIL NIL"),
        Case(
            name: "several dispositions",
            message: """
                MIME-Version: 1.0
                Content-Disposition: inline
                Content-Disposition: attachment; filename=f
                Content-Disposition: inline

                """,
            structure: "\(plain) 0 0 NIL (\"attachment\" (\"filename\" \"f\")) NIL NIL"),
        Case(
            name: "all fields",
            message: """
                Content-Type: Image/PNG; name="a b.png"
                Content-ID: <1@x>
                Content-Description: a
                 picture
                Content-Transfer-Encoding: BASE64
                Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==
                Content-Disposition: attachment; filename=a.png
                Content-Language: de, en
                Content-Location: http://x.test/a

                QUJD

                """,
            structure: "\"Image\" \"PNG\" (\"name\" \"a b.png\") \"<1@x>\" \"a picture\" \"BASE64\" 6 "
                + "\"Q2hlY2sgSW50ZWdyaXR5IQ==\" (\"attachment\" (\"filename\" \"a.png\")) (\"de\" \"en\") "
                + "\"http://x.test/a\""),
        Case(
            name: "boundary missing at the end",
            message: "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\ntwo\n",
            structure: "(\(plain) 3 0 NIL NIL NIL NIL)(\(plain) 5 1 NIL NIL NIL NIL) \"mixed\" "
                + "(\"boundary\" \"b\") NIL NIL NIL"),
        Case(
            name: "empty parts, parts that end in their header, white space after the boundary",
            message: "Content-Type: multipart/mixed; boundary=b\n\n--b\n--b \nX: y\n--b\n\n--b\n\n\n--b--\n",
            structure: "(\(plain) 0 0 NIL NIL NIL NIL)(\(plain) 0 0 NIL NIL NIL NIL)"
                + "(\(plain) 0 0 NIL NIL NIL NIL)(\(plain) 0 0 NIL NIL NIL NIL) "
                + "\"mixed\" (\"boundary\" \"b\") NIL NIL NIL"),
        Case(
            name: "nested boundaries of which one begins the other; outer ends the inner one",
            message: "Content-Type: multipart/a; boundary=b\n\n--b\nContent-Type: multipart/c; boundary=bb\n\n"
                + "--bb\n\nx\n--b\n\ny\n--b--\n--bb\n",
            structure: "((\(plain) 1 0 NIL NIL NIL NIL) \"c\" (\"boundary\" \"bb\") NIL NIL NIL)"
                + "(\(plain) 1 0 NIL NIL NIL NIL) \"a\" (\"boundary\" \"b\") NIL NIL NIL"),
        Case(
            name: "equal nested boundaries: the innermost multipart has them until it ends",
            message: "Content-Type: multipart/a; boundary=b\n\n--b\nContent-Type: multipart/c; boundary=b\n\n"
                + "--b\n\nx\n--b--\n--b\n\ny\n--b--\n",
            structure: "((\(plain) 1 0 NIL NIL NIL NIL) \"c\" (\"boundary\" \"b\") NIL NIL NIL)"
                + "(\(plain) 1 0 NIL NIL NIL NIL) \"a\" (\"boundary\" \"b\") NIL NIL NIL"),
        Case(
            name: "message/rfc822",
            message: "Content-Type: message/rfc822\n\nSubject: s\n\nline\nline\n",
            structure: "\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 26 "
                + "(NIL \"s\" NIL NIL NIL NIL NIL NIL NIL NIL) (\(plain) 12 2 NIL NIL NIL NIL) 4 NIL NIL NIL NIL"),
        Case(
            name: "digest: messages by default",
            message: "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: s\n\nx\n--b\n"
                + "Content-Type: text/plain\n\ny\n--b--\n",
            structure: "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 15 "
                + "(NIL \"s\" NIL NIL NIL NIL NIL NIL NIL NIL) (\(plain) 1 0 NIL NIL NIL NIL) 2 NIL NIL NIL NIL)"
                + "(\(plain) 1 0 NIL NIL NIL NIL) \"digest\" (\"boundary\" \"b\") NIL NIL NIL"),
        Case(
            name: "message/rfc822 that ends in its header",
            message: "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n--b--\n",
            structure: "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 0 "
                + "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) (\(plain) 0 0 NIL NIL NIL NIL) 0 NIL NIL NIL NIL) "
                + "\"mixed\" (\"boundary\" \"b\") NIL NIL NIL"),
        Case(
            name: "RFC 2231 values stay encoded, their pieces joined",
            message: "Content-Type: a/b; n*0*=utf-8''%C3%A4; n*1=\"x y\"\n\n",
            structure: "\"a\" \"b\" (\"n*\" \"utf-8''%C3%A4x%20y\") NIL NIL \"7bit\" 0 NIL NIL NIL NIL"),
        Case(
            name: "raw 8-bit file name", message: "Content-Type: a/b; name=\"ä.txt\"\n\n",
            structure: "\"a\" \"b\" (\"name\" \"=?utf-8?Q?=C3=A4=2Etxt?=\") NIL NIL \"7bit\" 0 NIL NIL NIL NIL"),
    ])
    func structures(_ test: Case) {
        let full = "(\(test.structure))"
        #expect(bodyStructure(crlf(test.message)) == full, "\(test.name)")
        #expect(isWellFormed(full))
        #expect(isWellFormed(body(crlf(test.message))))
    }

    @Test func bodyIsWithoutExtensions() {
        #expect(body(crlf(Self.simpleMultipart)) == "((\(Self.plain) 80 1)(\(Self.plain) 78 2) \"mixed\")")
        #expect(
            body(crlf("Content-Type: message/rfc822\n\nSubject: s\n\nx\n"))
                == "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 17 (NIL \"s\" NIL NIL NIL NIL NIL NIL NIL NIL) "
                + "(\(Self.plain) 3 1) 3)")
    }

    @Test func cutAnywhereItStaysWellFormed() {
        let message = crlf(
            "Content-Type: multipart/digest; boundary=\"b\"\n\n--b\n\nTo: \"a\" <b@c>\n\nx\n--b\n"
                + "Content-Type: multipart/x; boundary=bb; n*0=\"ä\n\n--bb\n\n--bb--\n--b--\n")
        for length in 0...message.count {
            let piece = Array(message[..<length])
            #expect(isWellFormed(bodyStructure(piece)))
            #expect(isWellFormed(body(piece)))
            let back = table(piece)
            var encoded: [UInt8] = []
            back.encode(into: &encoded)
            #expect(CacheTests.decode(encoded, length) == back)
        }
    }

    @Test func limitsMakeTheRestOpaque() {
        var deep = "Content-Type: multipart/a; boundary=b0x\n\n"
        for level in 1..<20 {
            deep += "--b\(level - 1)x\nContent-Type: multipart/a; boundary=b\(level)x\n\n"
        }
        let limited = table(crlf(deep), .init(maximumDepth: 5))
        #expect(limited.parts.count == 6)
        #expect(limited.parts.last?.kind == .opaque)
        #expect(limited.parts.last?.bodyEnd == crlf(deep).count)
        #expect(bodyStructure(crlf(deep), .init(maximumDepth: 1)).hasPrefix("((\"application\" \"octet-stream\" NIL"))

        let many = crlf("Content-Type: multipart/a; boundary=b\n\n" + String(repeating: "--b\n\nx\n", count: 50))
        let cut = table(many, .init(maximumParts: 10))
        #expect(cut.parts.count == 10)
        #expect(cut.parts.last?.bodyEnd == many.count)
        #expect(cut.root.bodyEnd == many.count)
    }
}
