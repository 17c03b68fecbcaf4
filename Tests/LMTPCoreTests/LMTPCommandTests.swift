import LMTPCore
import Testing

@Suite struct LMTPCommandTests {
    static func parse(_ line: String) throws(LMTPCommandError) -> LMTPCommand {
        let bytes = Array(line.utf8)
        return try LMTPCommand(line: bytes.span)
    }

    static func sized(_ size: UInt64?, utf8: Bool = false, body: MailParameters.Body? = nil) -> MailParameters {
        var parameters = MailParameters()
        parameters.size = size
        parameters.smtpUTF8 = utf8
        parameters.body = body
        return parameters
    }

    static let goodLines: [(String, LMTPCommand)] = [
        ("LHLO foo.edu", .lhlo("foo.edu")),
        ("lhlo [127.0.0.1] ", .lhlo("[127.0.0.1]")),
        ("EHLO x", .hello),
        ("MAIL FROM:<chris@bar.com>", .mail(.address(.init(localPart: "chris", domain: "bar.com")), sized(nil))),
        ("MAIL FROM:<> SIZE=500", .mail(.null, sized(500))),
        (
            "mail from: <a@b> BODY=8BITMIME SMTPUTF8",
            .mail(.address(.init(localPart: "a", domain: "b")), sized(nil, utf8: true, body: .eightBitMIME))
        ),
        // Postfix sends such mail as it came.
        ("MAIL FROM:<jös@ö.example>", .mail(.address(.init(localPart: "jös", domain: "ö.example")), sized(nil))),
        ("MAIL FROM:a@b", .mail(.address(.init(localPart: "a", domain: "b")), sized(nil))),
        ("RCPT TO:<pat@foo.edu>", .rcpt(.init(localPart: "pat", domain: "foo.edu"))),
        ("RCPT TO:<@x,@y:pat@foo.edu>", .rcpt(.init(localPart: "pat", domain: "foo.edu"))),
        (
            "RCPT TO:<list@d> ORCPT=rfc822;joe+2Bx@example.org NOTIFY=NEVER",
            .rcpt(
                .init(localPart: "list", domain: "d"), original: .init(localPart: "joe+x", domain: "example.org"))
        ),
        ("RCPT TO:<list@d> ORCPT=x400;whatever", .rcpt(.init(localPart: "list", domain: "d"))),
        ("RCPT TO:<list@d> ORCPT=rfc822;joe+2", .rcpt(.init(localPart: "list", domain: "d"))),
        ("RCPT TO:<list@d> ORCPT=rfc822;a+0D+0Ab@c", .rcpt(.init(localPart: "list", domain: "d"))),
        ("RCPT TO:<Postmaster>", .rcpt(.init(localPart: "Postmaster", domain: nil))),
        ("RCPT TO:<\"a b\\\"c\"@d> NOTIFY=NEVER", .rcpt(.init(localPart: "a b\"c", domain: "d"))),
        ("RCPT TO:<jös@ö.example>", .rcpt(.init(localPart: "jös", domain: "ö.example"))),
        ("XDELIVER USER=alice", .deliver(.init(user: "alice"))),
        (
            "xdeliver user=a+20b+2B MAILBOX=Gr+C3+BCn REJECT=ANSWER",
            .deliver(.init(user: "a b+", mailbox: "Grün", answersRejection: true))
        ),
        ("DATA", .data), ("DATA ", .data), ("BDAT 12", .bdat(size: 12, last: false)),
        ("BDAT 0 LAST", .bdat(size: 0, last: true)), ("RSET", .rset), ("NOOP x y", .noop), ("QUIT", .quit),
    ]

    @Test(arguments: [
        LocalDelivery(user: "alice"),
        LocalDelivery(user: "a+b=c d@ö.example", mailbox: "Büro/\r\nx", answersRejection: true),
    ])
    func localDelivery(_ delivery: LocalDelivery) throws {
        #expect(try Self.parse(delivery.line) == .deliver(delivery))
    }

    @Test(arguments: goodLines.indices)
    func good(_ index: Int) throws {
        #expect(try Self.parse(Self.goodLines[index].0) == Self.goodLines[index].1)
    }

    @Test(arguments: [
        "", " ", "LHLO", "LHLO a\u{7}b", "MAIL", "MAIL FROM:", "MAIL FROM:<a@b", "MAIL FROM:<a@b>SIZE=1",
        "MAIL FROM:<a@b> SIZE=99999999999999999999", "MAIL FROM:<a@b> SIZE=x", "MAIL FROM:<a@b> FOO=1",
        "RCPT TO:<>", "RCPT TO:<a b@c>", "RCPT TO:<\"a@b>", "RCPT TO:<a@>", "DATA x", "BDAT", "BDAT -1",
        "XDELIVER", "XDELIVER MAILBOX=x", "XDELIVER USER=", "XDELIVER USER=a+4", "XDELIVER USER=+FF",
        "XDELIVER USER=a X=1",
        "BDAT 1 FIRST", "BDAT 1 LAST x", "FOO", "MAILX FROM:<a>",
    ])
    func bad(_ line: String) {
        #expect(throws: LMTPCommandError.self) { try Self.parse(line) }
    }

    /// The octets of a chunk follow whatever is wrong with the rest of the line.
    @Test(arguments: ["BDAT 6 LAST x", "bdat 6 first", "BDAT 6 LAST=1 2"])
    func badChunks(_ line: String) {
        do throws(LMTPCommandError) {
            let command = try Self.parse(line)
            Issue.record("\(command)")
        } catch {
            if case .badChunk(size: 6) = error { return }
            Issue.record("\(error)")
        }
    }

    @Test func detail() {
        let address = EnvelopeAddress(localPart: "user+lists+x", domain: "d")
        #expect(address.separated(by: "+").address.localPart == "user")
        #expect(address.separated(by: "+").detail == "lists+x")
        #expect(EnvelopeAddress(localPart: "+x", domain: nil).separated(by: "+").detail == nil)
        #expect(EnvelopeAddress(localPart: "a b", domain: "d").quoted == "\"a b\"@d")
    }

    @Test func lines() {
        let bytes = Array("NOOP\r\nQUIT\nrest".utf8)
        #expect(LMTPLine.find(in: bytes.span) == .line(length: 4, consumed: 6))
        #expect(LMTPLine.find(in: bytes.span.extracting(6..<bytes.count)) == .line(length: 4, consumed: 5))
        #expect(LMTPLine.find(in: bytes.span.extracting(11..<bytes.count)) == .needMore)
        let long = [UInt8](repeating: 0x41, count: 5000)
        #expect(LMTPLine.find(in: long.span) == .tooLong)
    }
}
