import MIMECore
import Testing

@Suite struct SubjectTests {
    @Test(arguments: [
        ("hello", "hello", false), ("Re: hello", "hello", true), ("RE:re: Fwd:  hello", "hello", true),
        ("Re[2]: hello", "hello", true), ("re [list] : hello", "hello", true), ("[list] hello", "hello", false),
        ("[a] [b] Re: [c] hello", "hello", true), ("[list]", "[list]", false), ("Re: [list]", "[list]", true),
        ("hello (fwd)", "hello", true), ("hello (FWD) (fwd) ", "hello", true), ("[fwd: hello]", "hello", true),
        ("[Fwd: [Fwd: Re: hello (fwd)]]", "hello", true), ("", "", false), ("Re:", "", true),
        ("Reply", "Reply", false), ("=?utf-8?Q?Re=3A_Gr=C3=BC=C3=9Fe?=", "Grüße", true),
        ("a\r\n\t b", "a b", false), ("[a[b] c", "[a[b] c", false), ("fwd hello", "fwd hello", false),
    ])
    func baseSubjects(_ subject: String, _ base: String, _ isReply: Bool) {
        let found = withOctets(subject) { BaseSubject.extract($0) }
        #expect(text(found.subject) == base)
        #expect(found.isReply == isReply)
    }

    @Test(arguments: ["[", "[]", "re:", "[fwd:", "(fwd)", "[a", "]"])
    func hostileRuns(_ piece: String) {
        _ = withOctets(String(repeating: piece, count: 20_000)) { BaseSubject.extract($0) }
    }

    @Test(arguments: [
        ("<a@b>", ["a@b"]), (" <a@b>\r\n <c@d>,<e@f>", ["a@b", "c@d", "e@f"]), ("a@b", []), ("<a@b", []),
        ("<<a@b>>", ["a@b"]), ("<>", []), ("x <a @b> y", ["a@b"]),
    ])
    func messageIDs(_ field: String, _ expected: [String]) {
        #expect(withOctets(field) { MessageIDs.all(in: $0, maximum: 10) }.map { text($0) } == expected)
    }

    @Test func onlyTheFirstAndTheLastMessageIDs() {
        let field = (0..<10).map { "<\($0)>" }.joined()
        let found = withOctets(field) { MessageIDs.all(in: $0, maximum: 4) }
        #expect(found.map { text($0) } == ["0", "7", "8", "9"])
        #expect(withOctets(field) { MessageIDs.all(in: $0, maximum: 1) }.map { text($0) } == ["0"])
    }

    struct PreviewCase: Sendable {
        var message: String
        var preview: String
    }

    @Test(arguments: [
        PreviewCase(message: "\nHello,\n  world\n", preview: "Hello, world"),
        PreviewCase(message: "\n> old\nnew\n", preview: "new"),
        PreviewCase(message: "\n> old\n", preview: "> old"),
        PreviewCase(message: "Content-Type: image/png\n\nx", preview: ""),
        PreviewCase(
            message: "Content-Type: text/html\n\n<html><head><title>t</title><style>p{}</style></head>"
                + "<body><!-- - > --><p>A&amp;B &lt;&#228;&#xe4;&nbsp;c</p><script>x</script></body>",
            preview: "A&B <ää c"),
        PreviewCase(
            message: "Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/html\n\nhtml\n"
                + "--b\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n"
                + "pl=E4in\n--b--\n",
            preview: "pläin"),
        PreviewCase(
            message: "Content-Disposition: attachment\n\nsecret", preview: ""),
        // What was looked at first does not end within a character, nor before the first own line.
        PreviewCase(
            message: "\nx" + String(repeating: "€", count: 400), preview: "x" + String(repeating: "€", count: 199)),
        PreviewCase(
            message: "\nx" + String(repeating: " ", count: 870) + String(repeating: "€", count: 400),
            preview: "x " + String(repeating: "€", count: 198)),
        PreviewCase(message: "\n" + String(repeating: "> old\n", count: 300) + "new\n", preview: "new"),
    ])
    func previews(_ test: PreviewCase) {
        let preview = crlf(test.message).withUnsafeBytes { Preview.make($0, PartTable($0)) }
        #expect(text(preview) == test.preview)
    }
}
