import MailStore
import SieveCore
import Synchronization
import Testing

@testable import Delivery

@Suite struct VacationTests {
    static let mail =
        "From: Ann <ann@example.com>\r\nTo: anna@example.org\r\nSubject: Hello\r\nMessage-ID: <1@example.com>\r\n\r\nx\r\n"

    private func install(_ site: TestSite, _ arguments: String = "\"I am away.\"") {
        site.installSendmail()
        site.install(
            "require [\"vacation\", \"vacation-seconds\", \"fcc\", \"mailbox\"]; vacation \(arguments);", for: "anna")
    }

    @Test func onceAndAgainLater() async throws {
        try await TestSite.with { (site) async throws in
            self.install(site, ":days 3 \"I am away.\"")
            for _ in 0..<2 {
                #expect(try await site.deliver(site.agent(), to: "anna", message: Self.mail) == ["INBOX"])
            }
            #expect(await site.sendQueued() == [])
            #expect(site.sent == ["<> -- sender@example.com"])
            let reply = try #require(site.read("sent.mail"))
            for line in [
                "From: anna@example.org", "To: sender@example.com", "Subject: Auto: Hello",
                "In-Reply-To: <1@example.com>",
                "Auto-Submitted: auto-replied (vacation)", "I am away.",
            ] { #expect(reply.contains("\n\(line)\n"), "\(line)") }
            // Somebody else is answered, in any case once.
            _ = try await site.deliver(site.agent(), to: "anna", message: Self.mail, sender: "other@example.com")
            _ = try await site.deliver(site.agent(), to: "anna", message: Self.mail, sender: "Other@example.com")
            #expect(await site.sendQueued() == [])
            #expect(site.sent.count == 2)
            site.seconds.withLock { $0 += 3 * 86_400 - 1 }
            _ = try await site.deliver(site.agent(), to: "anna", message: Self.mail)
            #expect(site.queue?.mails.isEmpty == true)
            site.seconds.withLock { $0 += 1 }
            _ = try await site.deliver(site.agent(), to: "anna", message: Self.mail)
            #expect(await site.sendQueued() == [])
            #expect(site.sent.count == 3)
            // Another reason is another reply (RFC 5230 section 4.2).
            self.install(site, ":days 3 \"I am still away.\"")
            site.clock.withLock { $0 += 10_000 }
            _ = try await site.deliver(site.agent(), to: "anna", message: Self.mail)
            #expect(await site.sendQueued() == [])
            #expect(site.sent.count == 4)
        }
    }

    /// Its header as scripts have left it (RFC 5293 section 7).
    @Test func editedMessages() async throws {
        try await TestSite.with { (site) async throws in
            site.write("require \"editheader\"; addheader \"List-Id\" \"<x>\";", "before.sieve")
            site.install(
                """
                require ["vacation", "editheader"];
                deleteheader "Subject";
                addheader "Subject" "New";
                vacation "I am away.";
                """, for: "anna")
            let agent = site.agent { $0.sieve?.before = [site.directory + "/before.sieve"] }
            #expect(try await site.deliver(agent, to: "anna", message: Self.mail) == ["INBOX"])
            #expect(site.queue?.mails.isEmpty == true)
            site.installSendmail()
            #expect(try await site.deliver(site.agent(), to: "anna", message: Self.mail) == ["INBOX"])
            #expect(await site.sendQueued() == [])
            #expect(site.read("sent.mail")?.contains("\nSubject: Auto: New\n") == true)
        }
    }

    /// RFC 5230 section 4.6 and RFC 3834 section 2.
    @Test(arguments: [
        ("", mail), ("owner-list@example.com", mail), ("list-request@example.com", mail),
        ("MAILER-DAEMON@example.com", mail),
        ("anna@example.org", mail), ("a@example.com", "List-Id: <x>\r\n" + mail),
        ("a@example.com", "Auto-Submitted: auto-replied\r\n" + mail), ("a@example.com", "Precedence: bulk\r\n" + mail),
        ("a@example.com", "To: list@example.com\r\n\r\n"),
    ])
    func whoIsNotAnswered(_ sender: String, _ message: String) async throws {
        try await TestSite.with { (site) async throws in
            self.install(site)
            #expect(try await site.deliver(site.agent(), to: "anna", message: message, sender: sender) == ["INBOX"])
            #expect(site.queue?.mails.isEmpty == true)
        }
    }

    @Test func settings() async throws {
        try await TestSite.with { (site) async throws in
            self.install(site, ":seconds 0 \"away\"")
            // The shortest period holds, unless it is 0.
            for _ in 0..<2 { _ = try await site.deliver(site.agent(), to: "anna", message: Self.mail) }
            #expect(site.queue?.mails.count == 1)
            let agent = site.agent {
                $0.sieve?.policy.vacation.minimumPeriod = 0
                $0.sieve?.policy.vacation.sendsFromRecipient = true
                $0.sieve?.policy.vacation.checksRecipient = false
                $0.sieve?.userEmail = "anna.bell@example.org"
            }
            for _ in 0..<2 {
                _ = try await site.deliver(
                    agent, to: "anna", message: "Message-ID: <7@x>\r\n\r\n", sender: "b@example.com")
            }
            let mails = site.queue?.mails.dropFirst().map { "\($0.sender) \($0.recipient)" }
            #expect(mails == ["anna@example.org b@example.com", "anna@example.org b@example.com"])
            // The user's own address is answered as little as the recipient's.
            _ = try await site.deliver(agent, to: "anna", message: "\r\n", sender: "anna.bell@example.org")
            #expect(site.queue?.mails.count == 3)
        }
    }

    @Test func originalRecipients() async throws {
        try await TestSite.with { (site) async throws in
            self.install(site)
            var recipient = try await site.recipient("anna")
            recipient.originalAddress = "info@example.org"
            let mail = "To: info@example.org\r\nMessage-ID: <1@x>\r\n\r\n"
            #expect(await site.deliver(site.agent(), [recipient], mail) == ["INBOX"])
            #expect(site.queue?.mails.isEmpty == true)
            let agent = site.agent { $0.sieve?.policy.vacation.usesOriginalRecipient = true }
            #expect(await site.deliver(agent, [recipient], mail) == ["INBOX"])
            #expect(site.queue?.mails.count == 1)
        }
    }

    /// RFC 8580: what was sent is filed, with the message in one commit.
    @Test func copies() async throws {
        try await TestSite.with { (site) async throws in
            self.install(site, ":fcc \"Sent\" :create \"away\"")
            #expect(try await site.deliver(site.agent(), to: "anna", message: Self.mail) == ["INBOX"])
            let copy = try #require(try await site.texts("anna", "Sent").first)
            #expect(copy.contains("\r\nAuto-Submitted: auto-replied (vacation)\r\n"))
            #expect(await site.sendQueued() == [])
            #expect(site.read("sent.mail") == copy.replacing("\r\n", with: "\n"))
            // Without that mailbox the reply goes out all the same.
            self.install(site, ":fcc \"Nowhere\" \"gone\"")
            site.clock.withLock { $0 += 10_000 }
            #expect(try await site.deliver(site.agent(), to: "anna", message: Self.mail) == ["INBOX"])
            #expect(site.queue?.mails.count == 1)
            #expect(try await site.count("anna", "INBOX") == 2)
            #expect(
                site.read("anna/.dovecot.sieve.log")?.contains("no copy of what was sent could be put into \"Nowhere\"")
                    == true)
        }
    }
}
