import LMTPCore
import Testing

@Suite struct LMTPReplyTests {
    private let address = EnvelopeAddress(localPart: "ann", domain: "example.org")

    private func lines(_ reply: LMTPReply) -> [String] {
        var out: [UInt8] = []
        reply.encode(into: &out)
        return String(decoding: out, as: UTF8.self).split(separator: "\r\n", omittingEmptySubsequences: false)
            .map(String.init)
    }

    @Test func encoding() {
        #expect(self.lines(LMTPReply(354, "", "OK")) == ["354 OK", ""])
        #expect(self.lines(LMTPReply(250, "2.0.0", "a\r\nb\tc\u{0}")) == ["250 2.0.0 a??b\tc?", ""])
        var reply = LMTPReply(250, "", "mail.example.org")
        reply.more = ["PIPELINING", "SIZE"]
        #expect(self.lines(reply) == ["250-mail.example.org", "250-PIPELINING", "250 SIZE", ""])
    }

    /// RFC 5429 section 2.5.
    @Test(arguments: [
        ("Go away.", ["550 5.7.1 <ann@example.org> Go away."]),
        ("one\r\ntwo\r\n", ["550-5.7.1 <ann@example.org> one", "550 5.7.1 two"]),
        ("one\n\ntwo\n\n", ["550-5.7.1 <ann@example.org> one", "550-5.7.1 ", "550 5.7.1 two"]),
        ("", ["550 5.7.1 <ann@example.org> "]), ("\r\n", ["550 5.7.1 <ann@example.org> "]),
        (
            "Gr\u{FC}\u{DF}e",
            ["550 5.7.1 <ann@example.org> The message was refused by the recipient's mail filtering program"]
        ),
    ])
    func refusals(_ reason: String, _ expected: [String]) {
        #expect(self.lines(LMTPReply.refusing(self.address, reason: reason)) == expected + [""])
    }

    @Test(arguments: [
        String(repeating: "x", count: 5000), String(repeating: "word ", count: 1000),
        String(repeating: "x", count: 449) + " " + String(repeating: "y", count: 451),
    ])
    func longRefusals(_ reason: String) {
        let lines = self.lines(LMTPReply.refusing(self.address, reason: reason)).dropLast()
        #expect(lines.count > 1 && lines.allSatisfy { $0.utf8.count + 2 <= 512 })
        let text = lines.map { $0.dropFirst(10).replacing(" ", with: "") }.joined()
        #expect(text == "<ann@example.org>" + reason.replacing(" ", with: ""))
    }

    @Test func endlessRefusals() {
        let reason = String(repeating: "line\n", count: 100_000)
        #expect(self.lines(LMTPReply.refusing(self.address, reason: reason)).count == 101)
    }
}
