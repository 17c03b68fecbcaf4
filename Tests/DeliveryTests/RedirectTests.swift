import Glibc
import MIMECore
import MailStore
import Synchronization
import SieveCore
import Testing

@testable import Delivery

@Suite struct RedirectTests {
    @Test func sentOn() async throws {
        try await TestSite.with { (site) async throws in
            site.installSendmail()
            site.install("redirect \"Bart <bart@example.net>\";", for: "anna")
            let agent = site.agent()
            #expect(try await site.deliver(agent, to: "anna") == ["redirected bart@example.net"])
            // It is in the queue, and nothing waited for the MTA.
            #expect(site.sent == [])
            #expect(await site.sendQueued() == [])
            #expect(site.read("sent.args") == "-x -i -f sender@example.com -- bart@example.net\n")
            #expect(
                site.read("sent.mail")
                    == "X-Sieve-Redirected-From: anna@example.org\nReceived: from x\n\tby y\nFrom: a@example.com\n"
                    + "Subject: Hello\nMessage-ID: <1@example.com>\n\nText.\n.\n")
            #expect(try await site.count("anna", "INBOX") == 0)
        }
    }

    @Test func envelopeSenders() async throws {
        try await TestSite.with { (site) async throws in
            site.installSendmail()
            site.install("redirect \"bart@example.net\"; keep;", for: "anna")
            #expect(try await site.deliver(site.agent(), to: "anna", sender: "") == ["INBOX"])
            let agent = site.agent { $0.sieve?.policy.redirectSender = .recipient }
            #expect(
                try await site.deliver(agent, to: "anna", message: "Message-ID: <2@example.com>\r\n\r\n") == ["INBOX"])
            // A bounce stays one.
            #expect(
                try await site.deliver(agent, to: "anna", message: "Message-ID: <3@example.com>\r\n\r\n", sender: "")
                    == ["INBOX"])
            #expect(await site.sendQueued() == [])
            #expect(
                site.sent == [
                    "<> -- bart@example.net", "anna@example.org -- bart@example.net", "<> -- bart@example.net",
                ])
        }
    }

    @Test func nothingIsSentTwice() async throws {
        try await TestSite.with { (site) async throws in
            site.installSendmail()
            site.install("redirect \"one@example.net\"; redirect \"two@example.net\"; keep;", for: "anna")
            #expect(try await site.deliver(site.agent(), to: "anna", "berta") == ["INBOX", "INBOX"])
            // The same again: because the MTA did not hear the answer, or by another way.
            #expect(try await site.deliver(site.agent(), to: "anna") == ["INBOX"])
            #expect(try await site.count("anna", "INBOX") == 2)
            #expect(await site.sendQueued() == [])
            #expect(site.sent == ["sender@example.com -- one@example.net", "sender@example.com -- two@example.net"])
            // Another message is another matter, and so is a day later.
            #expect(
                try await site.deliver(site.agent(), to: "anna", message: "Message-ID: <2@example.com>\r\n\r\n")
                    == ["INBOX"])
            #expect(await site.sendQueued() == [])
            #expect(site.sent.count == 4)
            site.seconds.withLock { $0 += 86_400 }
            #expect(try await site.deliver(site.agent(), to: "anna") == ["INBOX"])
            #expect(await site.sendQueued() == [])
            #expect(site.sent.count == 6)
        }
    }

    /// Without a Message-ID nothing less than the whole message tells it from others.
    @Test func onlyTheSameMessageIsLeftOut() async throws {
        try await TestSite.with { (site) async throws in
            site.install("redirect \"ops@example.net\";", for: "anna")
            let agent = site.agent()
            func mail(_ text: String) -> String {
                "From: cron@example.com\r\nDate: Mon, 23 Nov 2026 02:00:01 +0000\r\nSubject: Cron\r\n\r\n\(text)\r\n"
            }
            for text in ["job A failed", "job B failed"] {
                #expect(
                    try await site.deliver(agent, to: "anna", message: mail(text)) == ["redirected ops@example.net"])
            }
            // What is left out is kept.
            #expect(try await site.deliver(agent, to: "anna", message: mail("job A failed")) == ["INBOX"])
            // The one that came in anew has other fields of this server before it.
            let again = IncomingMessage(MessageOctets(Array(("Received: x\r\n" + mail("job B failed")).utf8)))
            var envelope = DeliveryEnvelope(sender: "", receivedAt: 1_800_000_000, session: "s")
            envelope.ownOctets = 13
            _ = await agent.deliver(again, envelope, to: [try await site.recipient("anna")])
            #expect(site.queue?.mails.count == 2)
            #expect(try await site.count("anna", "INBOX") == 2)
        }
    }

    /// A Message-ID is believed, as in Pigeonhole; the user is told, and nothing is lost.
    @Test func messagesOfOneMessageID() async throws {
        try await TestSite.with { (site) async throws in
            site.install("redirect \"ops@example.net\";", for: "anna")
            let agent = site.agent()
            func mail(_ fields: String) -> String { "Message-ID: <1@example.com>\r\n\(fields)\r\ntext\r\n" }
            let sentOn = ["redirected ops@example.net"]
            #expect(try await site.deliver(agent, to: "anna", message: mail("")) == sentOn)
            #expect(site.read("anna/.dovecot.sieve.log") == nil)
            #expect(try await site.deliver(agent, to: "anna", message: mail("Subject: another\r\n")) == ["INBOX"])
            #expect(
                site.read("anna/.dovecot.sieve.log")?.hasSuffix(
                    "main: line 1, column 1: info: redirect to ops@example.net left out: sent before within "
                        + "sieve_redirect_duplicate_period\n") == true)
            // The copy of a list, and what somebody sent on by hand.
            for fields in ["List-Id: <x>\r\n", "Resent-From: a@example.com\r\n", "Resent-Message-ID: <2@x>\r\n"] {
                #expect(try await site.deliver(agent, to: "anna", message: mail(fields)) == sentOn, "\(fields)")
                #expect(try await site.deliver(agent, to: "anna", message: mail(fields)) == ["INBOX"], "\(fields)")
            }
            // Another address of the user is another copy.
            let message = IncomingMessage(MessageOctets(Array(mail("").utf8)))
            let envelope = DeliveryEnvelope(sender: "", receivedAt: 1_800_000_000, session: "s")
            let outcomes = await agent.deliver(
                message, envelope, to: [try await site.recipient("anna", detail: "more")])
            #expect(outcomes.allSatisfy { if case .redirected = $0 { true } else { false } })
            // Who discards what was sent on has no use for it.
            site.install("redirect \"ops@example.net\"; discard;", for: "anna")
            site.clock.withLock { $0 += 10_000 }
            #expect(try await site.deliver(agent, to: "anna", message: mail("")) == ["sent before ops@example.net"])
        }
    }

    @Test func nothingIsSentOfWhatIsNotDelivered() async throws {
        try await TestSite.with { (site) async throws in
            site.installSendmail()
            site.install("redirect \"one@example.net\"; keep;", for: "anna")
            try await site.limit("anna", storage: 10)
            #expect(try await site.deliver(site.agent(), to: "anna") == ["failed overQuota"])
            #expect(site.queue?.mails.isEmpty == true)
            // And nothing is remembered of it.
            try await site.limit("anna", storage: nil)
            #expect(try await site.deliver(site.agent(), to: "anna") == ["INBOX"])
            #expect(site.queue?.mails.count == 1)
            // Where a mailbox is missing, INBOX has the message and the mail goes out.
            site.install(
                "require \"fileinto\"; fileinto \"Nowhere\"; redirect \"two@example.net\";", for: "anna")
            site.clock.withLock { $0 += 10_000 }
            #expect(try await site.deliver(site.agent(), to: "anna") == ["INBOX"])
            #expect(
                site.queue?.mails.map(\.recipient) == ["one@example.net", "two@example.net"])
        }
    }

    @Test func loopsEnd() async throws {
        try await TestSite.with { (site) async throws in
            site.installSendmail()
            site.install("redirect \"bart@example.net\";", for: "anna")
            let agent = site.agent()
            let again = "X-Sieve-Redirected-From: Anna@example.org\r\nSubject: x\r\n\r\n"
            #expect(try await site.deliver(agent, to: "anna", message: again) == ["INBOX"])
            let travelled = String(repeating: "Received: x\r\n", count: 51) + "\r\n"
            #expect(try await site.deliver(agent, to: "anna", message: travelled) == ["INBOX"])
            let fromThere = "Delivered-To: anna@example.org\r\nDelivered-To: <Bart@example.net>\r\n\r\n"
            #expect(try await site.deliver(agent, to: "anna", message: fromThere) == ["INBOX"])
            #expect(site.queue?.mails.isEmpty == true)
            #expect(
                site.read("anna/.dovecot.sieve.log")?.contains(
                    "main: line 1, column 1: error: the message to bart@example.net runs in a circle "
                        + "(X-Sieve-Redirected-From); it was kept") == true)
            // Sent on by somebody else is no loop.
            let other = "X-Sieve-Redirected-From: other@example.org\r\nDelivered-To: anna@example.org\r\n\r\n"
            #expect(
                try await site.deliver(agent, to: "anna", message: other) == ["redirected bart@example.net"])
        }
    }

    @Test(arguments: [
        ("A: b\r\n\r\nx\r\n", "A: b\n\nx\n"), ("Return-Path: <a>\r\nA: b\r\n\r\n", "A: b\n\n"),
        ("A: b\r\nRETURN-PATH:\r\n <a>\r\nC: d\r\n\r\nReturn-Path: x\r\n", "A: b\nC: d\n\nReturn-Path: x\n"),
        ("return-path: a\r\nReturn-Path: b\r\n\r\nlone\rcr\r", "\nlone\rcr\r"), ("", ""),
    ])
    func octets(_ message: String, _ expected: String) {
        for size in [1, 2, 3, 7, 65_536] {
            Array(message.utf8).withUnsafeBytes { bytes in
                var sent = UnixMessage(bytes, sentOnWith: Array("X-Y: a@b\r\n".utf8))
                var out: [UInt8] = []
                while true {
                    let piece = sent.next(size: size)
                    if piece.isEmpty { break }
                    out += piece
                }
                #expect(String(decoding: out, as: UTF8.self) == "X-Y: a@b\n" + expected)
            }
        }
    }
}
