import MailCore
import MailStore
import SieveCore
import Synchronization
import Testing

@testable import Delivery

/// notify, reject, report, and the test duplicate.
@Suite struct SendingActionTests {
    private static let mail =
        "From: Ann <ann@example.com>\r\nTo: anna@example.org\r\nSubject: Hello\r\nMessage-ID: <1@example.com>\r\n\r\nx\r\n"

    @Test func notifications() async throws {
        try await TestSite.with { (site) async throws in
            site.installSendmail()
            site.install(
                "require [\"enotify\", \"fcc\"]; notify :message \"Mail is here\" :fcc \"INBOX\" "
                    + "\"mailto:one@example.net,two@example.net\";", for: "anna")
            #expect(try await site.deliver(site.agent(), to: "anna", message: Self.mail) == ["INBOX"])
            // The message, and one copy of what was sent.
            #expect(try await site.count("anna", "INBOX") == 2)
            #expect(
                site.queue?.mails.map { "\($0.purpose) \($0.sender) \($0.recipient)" } == [
                    "notification anna@example.org one@example.net", "notification anna@example.org two@example.net",
                ])
            #expect(await site.sendQueued() == [])
            #expect(site.read("sent.mail")?.contains("\nSubject: Mail is here\n") == true)
            // What a program made is not told of.
            _ = try await site.deliver(
                site.agent(), to: "anna", message: "Auto-Submitted: auto-generated\r\n\r\n")
            #expect(site.queue?.mails.isEmpty == true)
            // One that is given up is dropped, and nobody is told.
            let agent = site.agent { $0.sieve?.policy.notifySender = .postmaster }
            _ = try await site.deliver(agent, to: "anna", message: Self.mail)
            #expect(site.queue?.mails.map(\.sender) == ["postmaster@localhost", "postmaster@localhost"])
            site.installSendmail(status: 67)
            let before = try await site.count("anna", "INBOX")
            #expect(await site.sendQueued() == [])
            #expect(try await site.count("anna", "INBOX") == before)
        }
    }

    @Test func reports() async throws {
        try await TestSite.with { (site) async throws in
            site.installSendmail()
            site.install(
                "require \"vnd.dovecot.report\"; report \"abuse\" \"Spam.\" \"abuse@example.net\"; discard;",
                for: "anna")
            #expect(try await site.deliver(site.agent(), to: "anna", message: Self.mail) == ["discarded"])
            #expect(await site.sendQueued() == [])
            #expect(site.sent.first?.hasSuffix("-- abuse@example.net") == true)
            #expect(site.read("sent.mail")?.contains("\nFeedback-Type: abuse\n") == true)
        }
    }

    @Test func refusals() async throws {
        try await TestSite.with { (site) async throws in
            site.installSendmail()
            site.install("require \"reject\"; reject \"Go away.\";", for: "anna")
            let anna = [try await site.recipient("anna")]
            #expect(await site.deliver(site.agent(), anna, Self.mail) == ["rejected Go away."])
            #expect(site.queue?.mails.isEmpty == true)
            // Where nobody can answer the sender, a mail does.
            #expect(await site.deliver(site.agent(), anna, Self.mail, refusal: .mail) == ["discarded"])
            #expect(await site.deliver(site.agent(), anna, Self.mail, sender: "", refusal: .mail) == ["discarded"])
            #expect(await site.sendQueued() == [])
            #expect(site.sent == ["<> -- sender@example.com"])
            #expect(site.read("sent.mail")?.contains("\nGo away.\n") == true)
            // A script for all has filed a copy, so that an answer would not be the whole truth.
            site.write("require [\"fileinto\", \"copy\"]; fileinto :copy \"INBOX\";", "before.sieve")
            let agent = site.agent { $0.sieve?.before = [site.directory + "/before.sieve"] }
            #expect(await site.deliver(agent, anna, Self.mail) == ["INBOX"])
            #expect(site.queue?.mails.map(\.purpose) == [.rejection])
        }
    }

    /// RFC 5429 sections 2.1.1 and 2.2: `reject` keeps the words, `ereject` the answer to the MTA.
    @Test func refusalsNotInASCII() async throws {
        try await TestSite.with { (site) async throws in
            site.install("require \"reject\"; reject \"Gr\u{FC}\u{DF}e\";", for: "anna")
            site.install("require \"ereject\"; ereject \"Gr\u{FC}\u{DF}e\";", for: "berta")
            #expect(
                try await site.deliver(site.agent(), to: "anna", "berta", message: Self.mail)
                    == ["discarded", "rejected Gr\u{FC}\u{DF}e"])
            #expect(site.queue?.mails.map { "\($0.purpose) \($0.recipient)" } == ["rejection sender@example.com"])
            // Without an MTA there is the answer only.
            let agent = site.agent { $0.sieve?.canSend = false }
            #expect(
                try await site.deliver(agent, to: "anna", message: Self.mail) == ["rejected Gr\u{FC}\u{DF}e"])
        }
    }

    /// That somebody is told of the message makes no delivery of its refusal.
    @Test func refusalsWithNotifications() async throws {
        try await TestSite.with { (site) async throws in
            site.install(
                "require [\"ereject\", \"enotify\", \"fcc\", \"duplicate\"]; if duplicate { keep; stop; }\n"
                    + "notify :fcc \"INBOX\" \"mailto:one@example.net\"; ereject \"No.\";", for: "anna")
            #expect(try await site.deliver(site.agent(), to: "anna", message: Self.mail) == ["rejected No."])
            #expect(site.queue?.mails.map { "\($0.purpose) \($0.recipient)" } == ["notification one@example.net"])
            // The copy of what was sent.
            #expect(try await site.count("anna", "INBOX") == 1)
            #expect(try await site.texts("anna", "INBOX").first?.contains("Auto-Submitted: auto-notified") == true)
            // What was refused was not seen.
            #expect(try await site.deliver(site.agent(), to: "anna", message: Self.mail) == ["rejected No."])
        }
    }

    /// Whom the user's script refuses, the site's does not answer.
    @Test func refusalsAfterReplies() async throws {
        try await TestSite.with { (site) async throws in
            site.write("require \"vacation\"; vacation \"Away.\";", "before.sieve")
            site.install("require \"reject\"; reject \"No.\";", for: "anna")
            let agent = site.agent { $0.sieve?.before = [site.directory + "/before.sieve"] }
            #expect(try await site.deliver(agent, to: "anna", message: Self.mail) == ["rejected No."])
            #expect(site.queue?.mails.isEmpty == true)
        }
    }

    @Test func duplicates() async throws {
        try await TestSite.with { (site) async throws in
            site.install("require \"duplicate\"; if duplicate :seconds 100 { discard; }", for: "anna")
            let agent = site.agent()
            #expect(try await site.deliver(agent, to: "anna") == ["INBOX"])
            #expect(try await site.deliver(agent, to: "anna") == ["discarded"])
            // The same message to both at once; another user is another memory.
            #expect(try await site.deliver(agent, to: "anna", "bert") == ["discarded", "INBOX"])
            site.seconds.withLock { $0 += 99 }
            #expect(try await site.deliver(agent, to: "anna") == ["discarded"])
            site.seconds.withLock { $0 += 1 }
            #expect(try await site.deliver(agent, to: "anna") == ["INBOX"])
            // With :last each time counts anew.
            site.install(
                "require \"duplicate\"; if duplicate :seconds 100 :last :handle \"h\" { discard; }", for: "anna")
            site.clock.withLock { $0 += 10_000 }
            #expect(try await site.deliver(agent, to: "anna") == ["INBOX"])
            for _ in 0..<3 {
                site.seconds.withLock { $0 += 60 }
                #expect(try await site.deliver(agent, to: "anna") == ["discarded"])
            }
            site.seconds.withLock { $0 += 100 }
            #expect(try await site.deliver(agent, to: "anna") == ["INBOX"])
            // A value of the script's own, and a header that is not there.
            site.install(
                "require [\"duplicate\", \"variables\"]; if header :matches \"Subject\" \"*\" { set \"s\" \"${1}\"; }\n"
                    + "if duplicate :uniqueid \"${s}\" { discard; } elsif duplicate :header \"X-No\" { discard; }",
                for: "anna")
            site.clock.withLock { $0 += 10_000 }
            #expect(try await site.deliver(agent, to: "anna") == ["INBOX"])
            #expect(
                try await site.deliver(agent, to: "anna", message: "Subject: Hello\r\n\r\nother") == ["discarded"])
        }
    }

    /// Only what was delivered was seen (RFC 7352 section 3).
    @Test func duplicatesOfWhatFailed() async throws {
        try await TestSite.with { (site) async throws in
            site.install("require \"duplicate\"; if duplicate { discard; }", for: "anna")
            try await site.limit("anna", storage: 10)
            #expect(try await site.deliver(site.agent(), to: "anna") == ["failed overQuota"])
            try await site.limit("anna", storage: nil)
            #expect(try await site.deliver(site.agent(), to: "anna") == ["INBOX"])
            #expect(try await site.deliver(site.agent(), to: "anna") == ["discarded"])
            // An error at run time keeps the mail and remembers nothing.
            site.install(
                "require [\"duplicate\", \"variables\", \"fileinto\"]; if duplicate :handle \"e\" { discard; stop; }\n"
                    + "set \"a\" \"x\"; redirect \"${a}\";", for: "anna")
            site.clock.withLock { $0 += 10_000 }
            for _ in 0..<2 { #expect(try await site.deliver(site.agent(), to: "anna") == ["INBOX"]) }
        }
    }

    @Test func mailboxIDs() async throws {
        try await TestSite.with { (site) async throws in
            let account = try await site.account("anna")
            let name = try #require(MailboxName("Work"))
            try await account.create(name, specialUse: nil)
            let id = String(decoding: MailboxID.text(try await account.status(of: name).guid), as: UTF8.self)
            site.install(
                "require [\"fileinto\", \"mailboxid\"]; if mailboxidexists \"\(id)\" { fileinto :mailboxid \"\(id)\" \"No\"; }",
                for: "anna")
            #expect(try await site.deliver(site.agent(), to: "anna") == ["Work"])
            site.install(
                "require [\"fileinto\", \"mailboxid\"]; if not mailboxidexists \"Fx\" { fileinto :mailboxid \"Fx\" \"Work\"; }",
                for: "anna")
            site.clock.withLock { $0 += 10_000 }
            #expect(try await site.deliver(site.agent(), to: "anna") == ["Work"])
        }
    }
}
