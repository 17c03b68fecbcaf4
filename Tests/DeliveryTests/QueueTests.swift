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

    /// The process ended while mails were being handed over: whoever had them says what became of them.
    @Test func afterACrashInBetween() async throws {
        try await TestSite.with { (site) async throws in
            let script = """
                require ["copy", "vacation", "enotify"];
                redirect :copy "one@example.net"; redirect :copy "two@example.net"; redirect :copy "three@example.net";
                redirect :copy "four@example.net"; vacation "away"; notify "mailto:n@example.net";
                """
            site.install(script, for: "anna")
            let mail = "To: anna@example.org\r\nMessage-ID: <1@example.com>\r\n\r\n"
            let agent = site.agent()
            #expect(try await site.deliver(agent, to: "anna", message: mail) == ["INBOX"])
            let queue = try #require(site.queue)
            try #require(queue.mails.count == 6)
            for mail in queue.mails {
                try await queue.note(.handedOver, of: mail.id)
                queue.putBack(mail.id)
            }
            let transport = ToldTransport([
                "one@example.net": .sent, "two@example.net": .refused("no"), "three@example.net": .failed("later"),
                "four@example.net": .notBegun, "sender@example.com": .unknown, "n@example.net": .unknown,
            ])
            // What is known is not sent; what is not, rather twice than never, but for the reply.
            let left = await site.sendQueued { $0.transport = transport }
            #expect(left == ["three@example.net 60", "four@example.net 0", "n@example.net 60"])
            #expect(transport.sent.isEmpty)
            #expect(site.reports.withLock { $0.count { $0.contains("it is not sent again") } } == 1)
            #expect(try await site.count("anna", "INBOX") == 2)
            site.seconds.withLock { $0 += 60 }
            #expect(await site.sendQueued { $0.transport = transport } == [])
            #expect(transport.sent == ["four@example.net", "three@example.net", "n@example.net"])
        }
    }

    /// The answer is lost while the mail is handed over.
    @Test(arguments: [
        (MailFate.sent, 1, []), (.unknown, 1, ["x@example.net 60"]), (.notBegun, 1, ["x@example.net 60"]),
    ])
    func lostAnswers(_ fate: MailFate, _ count: Int, _ left: [String]) async throws {
        try await TestSite.with { (site) async throws in
            site.install("redirect \"x@example.net\";", for: "anna")
            _ = try await site.deliver(site.agent(), to: "anna")
            let transport = ToldTransport(["x@example.net": fate], losesAnswers: true)
            #expect(await site.sendQueued { $0.transport = transport } == left)
            #expect(transport.sent.count == count)
        }
    }

    /// The queue gives out what is due in the order of its time, each once.
    @Test func dueInOrder() async throws {
        try await TestSite.with { (site) async throws in
            site.install("redirect \"x@example.net\";", for: "anna")
            for number in 0..<5 {
                _ = try await site.deliver(site.agent(), to: "anna", message: "Message-ID: <\(number)@x>\r\n\r\n")
            }
            let queue = try #require(site.queue)
            let mails = queue.mails
            let now = site.seconds.withLock { $0 }
            for (mail, pause) in zip(mails, [30, 10, 0, 20, 10] as [Int64]) {
                try await queue.note(.deferred(until: now + pause, reason: ""), of: mail.id)
            }
            func take(_ time: Int64) -> OutgoingID? {
                if case .mail(let mail) = queue.takeDue(at: now + time) { return mail.id }
                return nil
            }
            #expect(take(0) == mails[2].id)
            guard case .later(let next) = queue.takeDue(at: now) else { return #expect(Bool(false)) }
            #expect(next == now + 10)
            queue.putBack(mails[2].id)
            #expect(take(0) == mails[2].id)
            try await queue.note(.gone, of: mails[1].id)
            #expect(take(60) == mails[4].id)
            #expect(take(60) == mails[3].id)
            #expect(take(60) == mails[0].id)
            guard case .none = queue.takeDue(at: now + 60) else { return #expect(Bool(false)) }
            #expect(queue.load.count == 4)
        }
    }

    /// What was put off while the clock was ahead does not wait for that time.
    @Test func clockThatWasAhead() async throws {
        try await TestSite.with { (site) async throws in
            site.install("redirect \"x@example.net\";", for: "anna")
            for number in 0..<2 {
                _ = try await site.deliver(site.agent(), to: "anna", message: "Message-ID: <\(number)@x>\r\n\r\n")
            }
            let queue = try #require(site.queue)
            let mails = queue.mails
            let now = site.seconds.withLock { $0 }
            try await queue.note(.deferred(until: now + 3600, reason: ""), of: mails[0].id)
            try await queue.note(.deferred(until: now + 86_400, reason: ""), of: mails[1].id)
            guard case .mail(let mail) = queue.takeDue(at: now, longest: 3600) else { return #expect(Bool(false)) }
            #expect(mail.id == mails[1].id)
            guard case .later(now + 3600) = queue.takeDue(at: now, longest: 3600) else { return #expect(Bool(false)) }
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
            var options = OutgoingRunner.Options(
                ProgramTransport([site.directory + "/sendmail", "-x"], timeout: .seconds(20)))
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

/// A transport that was told what it is to say.
private final class ToldTransport: MailTransport {
    let canSend = true
    private let fates: [String: MailFate]
    private let losesAnswers: Bool
    private let recipients = Mutex<[String]>([])

    init(_ fates: [String: MailFate], losesAnswers: Bool = false) {
        self.fates = fates
        self.losesAnswers = losesAnswers
    }

    var sent: [String] { self.recipients.withLock { $0 } }

    func send(_ mail: QueuedMail, of queue: UInt64, _ arguments: [String], _ next: () -> [UInt8]) -> MailFate {
        while !next().isEmpty {}
        self.recipients.withLock { $0.append(mail.recipient) }
        return self.losesAnswers ? .lost : .sent
    }

    func fate(of mail: QueuedMail, of queue: UInt64) -> MailFate? { self.fates[mail.recipient] }
}
