import MIMECore
import Testing

@Suite struct EnvelopeTests {
    /// RFC 3501 section 8 (the same in RFC 9051 section 8).
    @Test func sampleConnection() {
        let header = crlf(
            """
            Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)
            From: Terry Gray <gray@cac.washington.edu>
            Subject: IMAP4rev1 WG mtg summary and minutes
            To: imap@cac.washington.edu
            cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>
            Message-Id: <B27397-0100000@cac.washington.edu>
            MIME-Version: 1.0
            Content-Type: TEXT/PLAIN; CHARSET=US-ASCII


            """)
        let gray = "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\"))"
        #expect(
            envelope(header)
                == "(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev1 WG mtg summary and minutes\" "
                + "\(gray) \(gray) \(gray) ((NIL NIL \"imap\" \"cac.washington.edu\")) "
                + "((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")"
                + "(\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) NIL NIL "
                + "\"<B27397-0100000@cac.washington.edu>\")")
    }

    struct Case: Sendable {
        var header: String
        var envelope: String
    }

    @Test(arguments: [
        Case(header: "", envelope: "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"),
        // Present but empty is the empty string, for addresses NIL.
        Case(
            header: "Date:\nSubject: \nFrom:\nTo: ()\nMessage-ID:\n",
            envelope: "(\"\" \"\" NIL NIL NIL NIL NIL NIL NIL \"\")"),
        // An empty Sender is what From is.
        Case(
            header: "From: a@b\nSender: \nReply-To: c@d\n",
            envelope:
                "(NIL NIL ((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" \"b\")) ((NIL NIL \"c\" \"d\")) NIL NIL NIL NIL NIL)"),
        // Groups, routes.
        Case(
            header: "To: g: a@b;, h:;\nCc: <@r.test:c@d>\n",
            envelope: "(NIL NIL NIL NIL NIL ((NIL NIL \"g\" NIL)(NIL NIL \"a\" \"b\")(NIL NIL NIL NIL)"
                + "(NIL NIL \"h\" NIL)(NIL NIL NIL NIL)) ((NIL \"@r.test\" \"c\" \"d\")) NIL NIL NIL)"),
        // A NIL host would be a group, so a missing one has a name.
        Case(
            header: "From: root\nTo: <>\n",
            envelope: "(NIL NIL ((NIL NIL \"root\" \"MISSING_DOMAIN\")) ((NIL NIL \"root\" \"MISSING_DOMAIN\")) "
                + "((NIL NIL \"root\" \"MISSING_DOMAIN\")) ((NIL NIL \"MISSING_MAILBOX\" \"MISSING_DOMAIN\")) NIL NIL NIL NIL)"
        ),
        // Folded, quoted, with white space of all kinds.
        Case(
            header: "Subject: a\n\tb \"c\"  \\d \nDate:  x\n y \n",
            envelope: "(\"x y\" \"a b \\\"c\\\" \\\\d\" NIL NIL NIL NIL NIL NIL NIL NIL)"),
        // Twice: the last string, all addresses.
        Case(
            header: "Subject: a\nSubject: b\nTo: a@b\nTo: c@d\n",
            envelope: "(NIL \"b\" NIL NIL NIL ((NIL NIL \"a\" \"b\")(NIL NIL \"c\" \"d\")) NIL NIL NIL NIL)"),
        // Raw 8-bit text as encoded words; what is encoded stays.
        Case(
            header: "Subject: Grüße an alle Übel =?utf-8?Q?x?=\nFrom: Jörg <j@ü.test>\n",
            envelope: "(NIL \"=?utf-8?Q?Gr=C3=BC=C3=9Fe?= an alle =?utf-8?Q?=C3=9Cbel?= =?utf-8?Q?x?=\" "
                + "((\"=?utf-8?Q?J=C3=B6rg?=\" NIL \"j\" \"=?utf-8?Q?=C3=BC=2Etest?=\")) "
                + "((\"=?utf-8?Q?J=C3=B6rg?=\" NIL \"j\" \"=?utf-8?Q?=C3=BC=2Etest?=\")) "
                + "((\"=?utf-8?Q?J=C3=B6rg?=\" NIL \"j\" \"=?utf-8?Q?=C3=BC=2Etest?=\")) NIL NIL NIL NIL NIL)"),
        Case(
            header: "In-Reply-To: <a@b>\n <c@d>\nMessage-ID: <e@f>\n\nSubject: body",
            envelope: "(NIL NIL NIL NIL NIL NIL NIL NIL \"<a@b> <c@d>\" \"<e@f>\")"),
    ])
    func envelopes(_ test: Case) {
        #expect(envelope(crlf(test.header)) == test.envelope)
        #expect(envelope(Array(test.header.utf8)) == test.envelope, "bare LF")
        #expect(isWellFormed(test.envelope))
    }

    @Test func octetsThatAreNoText() {
        let header = Array("Subject: a\0b\r c \u{7F}".utf8) + [0xFF, 0xE4, 0x0D, 0x0A]
        #expect(envelope(header) == "(NIL \"ab c =?unknown-8bit?Q?=7F=FF=E4?=\" NIL NIL NIL NIL NIL NIL NIL NIL)")
    }

    @Test func utf8ForClientsThatAskedForIt() {
        let header = crlf("Subject: Grüße\nFrom: Jörg <jörg@ü.test>\n")
        #expect(envelope(header, .utf8).hasPrefix("(NIL \"Grüße\" ((\"Jörg\" NIL \"jörg\" \"ü.test\"))"))
    }

    @Test func longAddressListsAreCutInsideTheGroup() {
        var header = Array("To: g:".utf8)
        for _ in 0..<30_000 { header.append(contentsOf: Array("a@b,".utf8)) }
        #expect(isWellFormed(envelope(header)))
    }
}
