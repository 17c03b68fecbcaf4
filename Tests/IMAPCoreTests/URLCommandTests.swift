import MailCore
import Testing

@testable import IMAPCore

@Suite struct URLCommandTests {
    @Test func commands() {
        let input =
            "a GENURLAUTH \"imap://j@h/x/;UID=1;URLAUTH=anonymous\" internal {1+}\r\nu XSAMPLE\r\n"
            + "b RESETKEY\r\nc RESETKEY INBOX\r\nd RESETKEY INBOX Internal x-y.1\r\n"
            + "e URLFETCH u \"v w\" (x) (y BODY) (z bodypartstructure BINARY)\r\n"
        let (whole, differing) = events(input)
        #expect(differing == nil)
        #expect(
            whole == [
                command(
                    "a",
                    .signURLs([
                        URLToSign(
                            url: bytes("imap://j@h/x/;UID=1;URLAUTH=anonymous"), mechanism: bytes("INTERNAL")),
                        URLToSign(url: bytes("u"), mechanism: bytes("XSAMPLE")),
                    ])),
                command("b", .resetKey(nil, mechanisms: [])),
                command("c", .resetKey(box("INBOX"), mechanisms: [])),
                command("d", .resetKey(box("INBOX"), mechanisms: [bytes("INTERNAL"), bytes("X-Y.1")])),
                command(
                    "e",
                    .fetchURLs([
                        URLToFetch(url: bytes("u")), URLToFetch(url: bytes("v w")), URLToFetch(url: bytes("x")),
                        URLToFetch(url: bytes("y"), items: [.body]),
                        URLToFetch(url: bytes("z"), items: [.structure, .binary]),
                    ])),
            ])
    }

    @Test(arguments: [
        "GENURLAUTH", "GENURLAUTH u", "GENURLAUTH u \"\"", "GENURLAUTH u a_b", "GENURLAUTH u internal ",
        "RESETKEY ", "RESETKEY INBOX ", "RESETKEY INBOX a_b", "URLFETCH", "URLFETCH ", "URLFETCH ()",
        "URLFETCH (u BODY BINARY)", "URLFETCH (u BINARY BINARY)", "URLFETCH (u BODY[])", "URLFETCH (u BODY",
        "URLFETCH" + String(repeating: " u", count: 101),
    ])
    func bad(_ text: String) {
        let (whole, differing) = events("a \(text)\r\nb NOOP\r\n")
        #expect(differing == nil)
        #expect(whole.last == command("b", .noop))
        #expect(whole.first != nil && whole.count == 2)
        if case .step(.command) = whole.first { Issue.record("\(text) is a command") }
    }

    @Test func responses() {
        var out = ResponseEncoder()
        out.signedURLs([bytes("imap://a"), bytes("imap://b")])
        out.missingURL(bytes("x y"))
        out.untagged(.ok, .urlMechanisms, "Mechanisms")
        #expect(
            String(decoding: out.bytes, as: UTF8.self)
                == "* GENURLAUTH \"imap://a\" \"imap://b\"\r\n* URLFETCH \"x y\" NIL\r\n"
                + "* OK [URLMECH INTERNAL] Mechanisms\r\n")
    }
}
