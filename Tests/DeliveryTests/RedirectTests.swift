import Glibc
import MIMECore
import MailStore
import Synchronization
import Testing

@testable import Delivery

@Suite struct RedirectTests {
    @Test func sentOn() async throws {
        try await TestSite.with { (site) async throws in
            site.installSendmail()
            site.install("redirect \"Bart <bart@example.net>\";", for: "anna")
            let agent = site.agent()
            #expect(try await site.deliver(agent, to: "anna") == ["redirected bart@example.net"])
            #expect(site.read("sent.args") == "-x -i -f sender@example.com -- bart@example.net\n")
            #expect(
                site.read("sent.mail")
                    == "X-Sieve-Redirected-From: anna@example.org\nReceived: from x\n\tby y\nFrom: a@example.com\n"
                    + "Subject: Hello\nMessage-ID: <1@example.com>\n\nText.\n.\n")
            #expect(try await site.count("anna", "INBOX") == 0)
        }
    }

    @Test func nullSenderStaysNull() async throws {
        try await TestSite.with { (site) async throws in
            site.installSendmail()
            site.install("redirect \"bart@example.net\"; keep;", for: "anna")
            #expect(try await site.deliver(site.agent(), to: "anna", sender: "") == ["INBOX"])
            #expect(site.read("sent.args") == "-x -i -f <> -- bart@example.net\n")
        }
    }

    @Test func failureIsTemporaryAndNothingIsSentTwice() async throws {
        try await TestSite.with { (site) async throws in
            // Only the first of two redirects goes out.
            site.installSendmail(before: "case \"$*\" in *two*) exit 75;; esac")
            site.install("redirect \"one@example.net\"; redirect \"two@example.net\"; keep;", for: "anna")
            let agent = site.agent()
            #expect(try await site.deliver(agent, to: "anna", "berta") == ["failed temporary", "INBOX"])
            #expect(try await site.count("anna", "INBOX") == 0)
            #expect(site.reports.withLock { $0.first }?.contains("redirect to two@example.net") == true)
            // The MTA tries again.
            site.installSendmail()
            #expect(try await site.deliver(agent, to: "anna") == ["INBOX"])
            #expect(
                site.read("sent.args")?.split(separator: "\n").map { $0.split(separator: " ").last ?? "" }
                    == [
                        "one@example.net", "two@example.net",
                    ])
            // Another message is another matter.
            #expect(
                try await site.deliver(agent, to: "anna", message: "Message-ID: <2@example.com>\r\n\r\n") == [
                    "INBOX"
                ])
            #expect(site.read("sent.args")?.split(separator: "\n").count == 4)
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
            #expect(site.read("sent.args") == nil)
            #expect(
                site.read("anna/.dovecot.sieve.log")?.contains(
                    "main: line 1, column 1: error: the message to bart@example.net runs in a circle") == true
            )
            // Sent on by somebody else is no loop.
            let other = "X-Sieve-Redirected-From: other@example.org\r\n\r\n"
            #expect(
                try await site.deliver(agent, to: "anna", message: other) == ["redirected bart@example.net"])
        }
    }

    // MARK: The program

    private func run(_ site: TestSite, _ size: Int = 10, timeout: Duration = .seconds(20)) throws(StoreError) {
        let octets = MessageOctets([UInt8](repeating: 0x61, count: size))
        try octets.withUnsafeBytes { (bytes) throws(StoreError) in
            try SendmailProgram(arguments: [site.directory + "/sendmail"], timeout: timeout)
                .run(RedirectedMessage(bytes, redirectedFrom: "a@b"))
        }
    }

    private func failure(_ site: TestSite, _ size: Int = 10, timeout: Duration = .seconds(20)) -> String? {
        do throws(StoreError) {
            try self.run(site, size, timeout: timeout)
            return nil
        } catch {
            return error.detail.replacing(site.directory + "/", with: "")
        }
    }

    @Test func programs() throws {
        let site = try TestSite()
        #expect(self.failure(site) == "cannot start sendmail: No such file or directory")
        site.installSendmail()
        #expect(self.failure(site, 3_000_000) == nil)
        #expect(site.read("sent.mail")?.utf8.count == 3_000_000 + 29)
        site.installSendmail(status: 67)
        #expect(self.failure(site) == "sendmail: exit status 67: a word of it ")
        // It reads nothing of a large message.
        site.installSendmail(before: "echo no; exit 1")
        #expect(self.failure(site, 3_000_000) == "sendmail: exit status 1: no ")
        site.installSendmail(before: "kill -9 $$")
        #expect(self.failure(site) == "sendmail: ended by signal 9")
        // It closes its ends and takes its time.
        site.installSendmail(before: "exec <&- >&- 2>&-; sleep 0.1; exit 0")
        #expect(self.failure(site, 3_000_000) == nil)
        site.installSendmail(before: "sleep 100 & sleep 100")
        #expect(self.failure(site, timeout: .milliseconds(50)) == "sendmail did not end within 0.05 seconds")
    }

    @Test(arguments: [
        ("A: b\r\n\r\nx\r\n", "A: b\n\nx\n"), ("Return-Path: <a>\r\nA: b\r\n\r\n", "A: b\n\n"),
        ("A: b\r\nRETURN-PATH:\r\n <a>\r\nC: d\r\n\r\nReturn-Path: x\r\n", "A: b\nC: d\n\nReturn-Path: x\n"),
        ("return-path: a\r\nReturn-Path: b\r\n\r\nlone\rcr\r", "\nlone\rcr\r"), ("", ""),
    ])
    func octets(_ message: String, _ expected: String) {
        for size in [1, 2, 3, 7, 65_536] {
            Array(message.utf8).withUnsafeBytes { bytes in
                var redirected = RedirectedMessage(bytes, redirectedFrom: "a@b")
                var out: [UInt8] = []
                while true {
                    let piece = redirected.next(size: size)
                    if piece.isEmpty { break }
                    out += piece
                }
                #expect(String(decoding: out, as: UTF8.self) == "X-Sieve-Redirected-From: a@b\n" + expected)
            }
        }
    }
}
