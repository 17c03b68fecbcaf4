import Glibc
import MailStore
import Synchronization
import Testing

@testable import Delivery

/// Mails on their way from the queue to the MTA.
@Suite struct QueueTests {
    @Test func triedAgainUntilTaken() async throws {
        try await TestSite.with { (site) async throws in
            site.install("redirect \"one@example.net\"; keep;", for: "anna")
            // Delivery does not mind that there is no MTA.
            #expect(try await site.deliver(site.agent(), to: "anna") == ["INBOX"])
            #expect(await site.sendQueued() == ["one@example.net 60"])
            #expect(site.reports.withLock { $0.last }?.contains("tried again in 60 s") == true)
            site.seconds.withLock { $0 += 59 }
            site.installSendmail(status: 75)
            #expect(await site.sendQueued() == ["one@example.net 60"])
            #expect(site.sent == [])
            site.seconds.withLock { $0 += 1 }
            // The pause doubles.
            #expect(await site.sendQueued() == ["one@example.net 180"])
            #expect(site.queue?.mails.first?.lastError.contains("exit status 75") == true)
            site.seconds.withLock { $0 += 120 }
            site.installSendmail()
            #expect(await site.sendQueued() == [])
            #expect(site.sent.count == 2)
            #expect(await site.sendQueued() == [])
            #expect(site.sent.count == 2)
        }
    }

    @Test(arguments: [(67, false), (75, true)])
    func whoCannotBeReachedComesBack(_ status: Int, _ isTemporary: Bool) async throws {
        try await TestSite.with { (site) async throws in
            site.installSendmail(status: status)
            site.install("redirect \"gone@example.net\";", for: "anna")
            #expect(try await site.deliver(site.agent(), to: "anna") == ["redirected gone@example.net"])
            if isTemporary {
                #expect(await site.sendQueued() == ["gone@example.net 60"])
                site.seconds.withLock { $0 += 5 * 86_400 }
            }
            #expect(await site.sendQueued() == [])
            let letter = try #require(try await site.texts("anna", "INBOX").first)
            #expect(letter.contains("\r\nTo: anna@mail.example.org\r\n"))
            #expect(letter.contains("\r\nSubject: Undelivered: a message could not be sent on to gone@example.net\r\n"))
            #expect(letter.contains("exit status \(status)"))
            #expect(letter.contains("\r\n\r\nX-Sieve-Redirected-From: anna@example.org\r\nReturn-Path: <sender"))
            #expect(letter.contains("\r\n\r\nText.\r\n.\r\n\r\n--"))
            // No script answers it.
            #expect(letter.contains("\r\nAuto-Submitted: auto-replied\r\n"))
            let report = site.reports.withLock { $0.last }
            #expect(report?.contains(isTemporary ? "given up after 432000 s" : "refused") == true)
        }
    }

    /// The process ended while the MTA was being given mails.
    @Test func afterACrashInBetween() async throws {
        try await TestSite.with { (site) async throws in
            site.installSendmail()
            site.install(
                """
                require ["vacation", "enotify"];
                redirect :copy "one@example.net"; vacation "away"; notify "mailto:n@example.net";
                """.replacing("require [\"vacation\"", with: "require [\"copy\", \"vacation\""), for: "anna")
            let mail = "To: anna@example.org\r\nMessage-ID: <1@example.com>\r\n\r\n"
            #expect(try await site.deliver(site.agent(), to: "anna", message: mail) == ["INBOX"])
            let queue = try #require(site.queue)
            #expect(queue.mails.map(\.purpose) == [.redirect, .vacation, .notification])
            for mail in queue.mails { try await queue.note(.handedOver, of: mail.id) }
            #expect(await site.sendQueued() == [])
            // Rather twice than never, but for the reply.
            #expect(site.sent.map { $0.split(separator: " ").last ?? "" } == ["one@example.net", "n@example.net"])
            #expect(site.reports.withLock { $0.count { $0.contains("it is not sent again") } } == 1)
        }
    }

    @Test func boundsHold() async throws {
        try await TestSite.with { (site) async throws in
            let agent = site.agent { $0.sieve?.maximumQueued = 1 }
            site.install("require \"vacation\"; vacation \"away\";", for: "anna")
            site.install("redirect \"x@example.net\";", for: "bert")
            let mail = "To: anna@example.org\r\n\r\n"
            #expect(try await site.deliver(agent, to: "bert") == ["redirected x@example.net"])
            #expect(try await site.deliver(agent, to: "anna", message: mail) == ["INBOX"])
            #expect(try await site.deliver(agent, to: "bert", message: mail) == ["failed limit"])
            #expect(site.queue?.mails.map(\.recipient) == ["x@example.net"])
            site.installSendmail()
            #expect(await site.sendQueued() == [])
            // Then all goes on, and nothing was remembered of what was not done.
            #expect(try await site.deliver(agent, to: "anna", message: mail) == ["INBOX"])
            #expect(await site.sendQueued() == [])
            #expect(try await site.deliver(agent, to: "bert", message: mail) == ["redirected x@example.net"])
            #expect(site.sent.count == 2)
        }
    }

    @Test func withoutAnMTA() async throws {
        try await TestSite.with { (site) async throws in
            let agent = site.agent { $0.sieve?.canSend = false }
            site.install("require \"vacation\"; vacation \"away\";", for: "anna")
            let mail = "To: anna@example.org\r\n\r\n"
            #expect(try await site.deliver(agent, to: "anna", message: mail) == ["INBOX"])
            #expect(site.queue?.mails.isEmpty == true)
            #expect(site.read("anna/.dovecot.sieve.log")?.contains("no mail can be sent from here") == true)
        }
    }

    @Test(
        arguments: [
            (1, 0, 60), (2, 0, 120), (3, 100, 340), (7, 0, 3600), (Int.max, 0, 3600), (0, 0, 60), (9, 431_999, 432_000),
        ] as [(Int, Int64, Int64)])
    func pauses(_ attempts: Int, _ now: Int64, _ next: Int64) {
        #expect(RetrySchedule().next(after: attempts, at: now, queuedAt: 0) == next)
    }

    @Test func pausesEnd() {
        #expect(RetrySchedule().next(after: 1, at: 432_000, queuedAt: 0) == nil)
        #expect(RetrySchedule(first: 0, longest: 0, lifetime: 0).next(after: 1, at: 5, queuedAt: 5) == nil)
        #expect(RetrySchedule(first: 0, longest: 0, lifetime: .max).next(after: 1, at: 5, queuedAt: 5) == 6)
    }

    /// The loop that the daemon runs: what comes in goes out by itself.
    @Test func runsByItself() async throws {
        try await TestSite.with { (site) async throws in
            site.installSendmail()
            site.install("redirect \"x@example.net\";", for: "anna")
            var options = OutgoingRunner.Options()
            options.program = [site.directory + "/sendmail", "-x"]
            options.clock = { 1_800_000_000 }
            let (lines, line) = AsyncStream.makeStream(of: String.self)
            options.log = { line.yield($0) }
            options.report = { line.yield($0) }
            let runner = try #require(OutgoingRunner(site.store, options))
            let running = Task { await runner.run() }
            var done: [String] = []
            for number in 0..<3 {
                _ = try await site.deliver(
                    site.agent(), to: "anna", message: "Message-ID: <\(number)@example.com>\r\n\r\n")
                for await text in lines {
                    done.append(text)
                    break
                }
            }
            running.cancel()
            await running.value
            #expect(done.allSatisfy { $0.hasSuffix("redirect to <x@example.net>: handed to the MTA") })
            #expect(site.sent.count == 3)
        }
    }
}
