import MIMECore
import MailCore
import Testing

@testable import IMAPCore

@Suite struct IMAPURLTests {
    @Test func relativeURLs() throws {
        // RFC 4469, appendix A.
        let header = try #require(IMAPURL(bytes("/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER")))
        #expect(header.server == nil && header.mailbox == bytes("Drafts"))
        #expect(header.uidValidity == 385_759_045 && header.uid == 20)
        #expect(header.section == Section(kind: .header) && header.partial == nil)
        let part = try #require(IMAPURL(bytes("/a%20b/c/;UID=3/;SECTION=1.5.9/;PARTIAL=1024.5")))
        #expect(part.mailbox == bytes("a b/c") && part.section == Section(path: [1, 5, 9]))
        #expect(part.partial == IMAPURL.Partial(first: 1024, count: 5))
        let whole = try #require(IMAPURL(bytes(";UID=1")))
        #expect(whole.mailbox == nil && whole.section == Section() && whole.authorization == nil)
        let fields = try #require(IMAPURL(bytes("/x/;UID=1/;SECTION=HEADER.FIELDS%20(To%20Cc)")))
        #expect(fields.section == Section(kind: .headerFields([bytes("To"), bytes("Cc")])))
        #expect(IMAPURL(bytes("/x/;UID=1/;PARTIAL=7"))?.partial == IMAPURL.Partial(first: 7, count: nil))
        // Numbers of 63 bits (RFC 9051 section 9, partial-range).
        let far = try #require(IMAPURL(bytes("/x/;UID=1/;PARTIAL=4294967296.9223372036854775807")))
        #expect(far.partial == IMAPURL.Partial(first: 4_294_967_296, count: UInt64(Int64.max)))
    }

    @Test func absoluteURLs() throws {
        // RFC 4467, section 1.2 and others.
        let text =
            "imap://joe@example.com/INBOX/;uid=20/;section=1.2;expire=2005-03-01T00:00:00Z;urlauth=submit+fred:internal:91354a473744909de610943775f92038"
        let url = try #require(IMAPURL(bytes(text)))
        #expect(url.server == IMAPURL.Server(user: bytes("joe"), host: bytes("example.com"), port: nil))
        #expect(url.section == Section(path: [1, 2]))
        let authorization = try #require(url.authorization)
        #expect(authorization.access == .submit(bytes("fred")))
        #expect(authorization.expiration == 1_109_635_200)
        #expect(authorization.verification?.mechanism == bytes("INTERNAL"))
        #expect(authorization.verification?.token.count == 16)
        #expect(text.utf8.prefix(authorization.rumpLength).elementsEqual(text.split(separator: ":i")[0].utf8))
        let anonymous = try #require(
            IMAPURL(bytes("imap://a;AUTH=*@[::1]:143/INBOX/;UID=1;URLAUTH=anonymous")))
        #expect(anonymous.server == IMAPURL.Server(user: bytes("a"), host: bytes("[::1]"), port: 143))
        #expect(anonymous.authorization?.access == .anonymous && anonymous.authorization?.verification == nil)
    }

    @Test(arguments: [
        "", "/", "/INBOX", "/INBOX/", "/INBOX/;UID=", "/INBOX/;UID=0", "/INBOX/;UID=4294967296", "/;UID=1",
        "/INBOX;UID=1", "/INBOX/;UID=1/", "/INBOX/;UID=1x", "/INBOX/;UID=1/;SECTION=", "/a%2/;UID=1", "/a%00/;UID=1",
        "/INBOX/;UID=1/;SECTION=1.", "/INBOX/;UID=1/;PARTIAL=1.0", "/INBOX;UIDVALIDITY=0/;UID=1",
        "/INBOX/;UID=1/;PARTIAL=9223372036854775808",
        "http://example.org/INBOX/;UID=1", "imap:///INBOX/;UID=1", "imap://h:x/INBOX/;UID=1", "/a b/;UID=1",
        "/INBOX/;UID=1;URLAUTH=", "/INBOX/;UID=1;URLAUTH=submit+", "/INBOX/;UID=1;URLAUTH=anonymous:INTERNAL:1234",
        "/INBOX/;UID=1;EXPIRE=2005-13-01T00:00:00Z;URLAUTH=anonymous", "/INBOX/;UID=1;EXPIRE=2005-03-01T00:00:00Z",
    ])
    func noURLs(_ text: String) {
        // `imap:///...` has no host; section-less `;SECTION=` says nothing.
        let url = IMAPURL(bytes(text))
        if text.hasSuffix(";SECTION=") { #expect(url?.section == Section()) } else { #expect(url == nil) }
    }

    @Test func neverTraps() {
        let text = bytes(
            "imap://u;AUTH=*@h:1/b%41;UIDVALIDITY=2/;UID=3/;SECTION=1.TEXT/;PARTIAL=4.5;EXPIRE=2026-01-01T00:00:00+01:00;URLAUTH=user+x:INTERNAL:00112233445566778899aabbccddeeff"
        )
        #expect(IMAPURL(text) != nil)
        for index in text.indices {
            _ = IMAPURL(Array(text[..<index]))
            for byte: UInt8 in [0, 0x25, 0x2F, 0x3A, 0x3B, 0x40, 0x5D, 0x39, 0xFF] {
                var changed = text
                changed[index] = byte
                _ = IMAPURL(changed)
            }
        }
    }
}

@Suite struct CatenateCommandTests {
    @Test func piecesComeInOrderHoweverTheyArrive() {
        let input =
            "a APPEND x (\\Seen) CATENATE (URL /i/;UID=1 TEXT {3+}\r\nabc URL {1+}\r\nu TEXT {2}\r\nde URL z) {1+}\r\nf CATENATE (URL q)\r\nb NOOP\r\n"
        let (whole, differing) = events(input)
        #expect(differing == nil)
        let tag = Tag(unchecked: bytes("a"))
        let first = AppendMessage(
            flags: FlagList(system: .seen), size: 0, isSynchronizing: false,
            catenated: AppendPart(
                urls: [bytes("/i/;UID=1")], text: AppendPart.Text(size: 3, isSynchronizing: false)))
        #expect(
            whole == [
                .step(.append(AppendCommand(tag: tag, mailbox: box("x"), message: first))), .message(bytes("abc")),
                .step(
                    .appendPart(
                        AppendPart(urls: [bytes("u")], text: AppendPart.Text(size: 2, isSynchronizing: true)))),
                .message(bytes("de")), .step(.appendPart(AppendPart(urls: [bytes("z")]))),
                .step(.appendNext(AppendMessage(size: 1, isSynchronizing: false))), .message(bytes("f")),
                .step(
                    .appendNext(
                        AppendMessage(
                            size: 0, isSynchronizing: false, catenated: AppendPart(urls: [bytes("q")])))),
                .step(.appendEnd), command("b", .noop),
            ])
    }

    @Test func urlsAlone() {
        let (whole, differing) = events("a UID REPLACE 7 x CATENATE (URL \"b\")\r\n")
        #expect(differing == nil)
        let message = AppendMessage(
            size: 0, isSynchronizing: false, catenated: AppendPart(urls: [bytes("b")]))
        #expect(
            whole == [
                .step(
                    .append(
                        AppendCommand(
                            tag: Tag(unchecked: bytes("a")), mailbox: box("x"), message: message,
                            replaced: AppendCommand.Replaced(7, .uid)))),
                .step(.appendEnd),
            ])
    }
}
