import Glibc
import MailStore
import SieveCore
import Synchronization
import Testing

@testable import Delivery

/// Scripts that take long hold up nobody but who wrote them, and end when they must.
@Suite struct ScriptThreadsTests {
    /// The seconds alone would fit into nanoseconds.
    @Test func aTimeTooLongToCountIsNoLimit() {
        #expect(!ScriptTime(.milliseconds(9_223_372_036_999)).isOver)
        #expect(!ScriptTime(.seconds(31_557_600_000)).isOver)
    }

    /// A gate that threads wait at.
    private final class Gate: @unchecked Sendable {
        // A semaphore is there for many threads.
        private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
        init() { sem_init(self.semaphore, 0, 0) }
        deinit { self.semaphore.deallocate() }
        func wait() { while sem_wait(self.semaphore) != 0, errno == EINTR {} }
        func open() { sem_post(self.semaphore) }
    }

    /// What ran, and how many at a time.
    private final class Tally: Sendable {
        private let state = Mutex((now: 0, most: 0, order: [Int]()))

        func begin(_ number: Int) {
            self.state.withLock {
                $0.now += 1
                $0.most = max($0.most, $0.now)
                $0.order.append(number)
            }
        }

        func end() { self.state.withLock { $0.now -= 1 } }

        var result: (now: Int, most: Int, order: [Int]) { self.state.withLock { $0 } }
    }

    @Test func usersShareThem() async throws {
        let threads = ScriptThreads()
        let gate = Gate()
        let tally = Tally()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<20 {
                group.addTask {
                    try await threads.run(for: "busy") { () throws(StoreError) in
                        tally.begin(number)
                        gate.wait()
                        tally.end()
                    }
                }
            }
            // The others do not wait for that one.
            for user in ["b", "c", "d", "e"] {
                let value = try await threads.run(for: user) { () throws(StoreError) in user }
                #expect(value == user)
            }
            for _ in 0..<20 { gate.open() }
            try await group.waitForAll()
        }
        let (now, most, order) = tally.result
        #expect(now == 0 && most <= ScriptThreads.share && order.sorted() == Array(0..<20))
        // A failure gives the place back as well.
        for _ in 0..<5 {
            await #expect(throws: StoreError.self) {
                try await threads.run(for: "busy") { () throws(StoreError) -> Int in throw StoreError(.temporary, "no")
                }
            }
        }
    }

    @Test func whatOneMayHaveWaitingIsBounded() async throws {
        let threads = ScriptThreads()
        let gate = Gate()
        let refused = Tally()
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<300 {
                group.addTask {
                    do throws(StoreError) {
                        try await threads.run(for: "busy") { () throws(StoreError) in gate.wait() }
                    } catch {
                        refused.begin(number)
                        #expect(error.code == .limit)
                    }
                }
            }
            while refused.result.now < 98 { await Task.yield() }
            for _ in 0..<300 { gate.open() }
        }
        #expect(refused.result.now == 98)
    }

    /// Looks at a megabyte for each of its tests.
    private static let longScript =
        "require \"body\";\n"
        + String(repeating: "if body :raw :contains \"zzzzz\" { discard; }\n", count: 4000)
    private static let largeMail = "Subject: x\r\n\r\n" + String(repeating: "zzzz yyyy \r\n", count: 80_000)

    @Test func timeIsOfTheProcessor() async throws {
        try await TestSite.with { (site) async throws in
            site.install(Self.longScript, for: "anna")
            let agent = site.agent {
                $0.sieve?.limits.steps = .max
                $0.sieve?.maximumCPUTime = .milliseconds(30)
            }
            #expect(try await site.deliver(agent, to: "anna", message: Self.largeMail) == ["INBOX"])
            let log = try #require(site.read("anna/.dovecot.sieve.log"))
            #expect(log.contains("the script took too much CPU time with this message"), "\(log)")
        }
    }

    /// The client is gone, or the server stops: nothing is kept, and nothing is acknowledged.
    @Test(arguments: ["client", "server"])
    func interrupted(_ who: String) async throws {
        try await TestSite.with { (site) async throws in
            site.install(Self.longScript, for: "anna")
            let agent = site.agent {
                $0.sieve?.limits.steps = .max
                $0.sieve?.maximumCPUTime = .zero
            }
            let recipient = try await site.recipient("anna")
            let message = IncomingMessage(MessageOctets(Array(Self.largeMail.utf8)))
            let envelope = DeliveryEnvelope(sender: "", receivedAt: 1_800_000_000, session: "s")
            let client = ScriptInterruption()
            async let outcomes = agent.deliver(
                message, envelope, to: [recipient], until: who == "client" ? client : nil)
            if who == "client" { client.interrupt() } else { agent.stop() }
            guard case .failed(let error)? = await outcomes.first else { return #expect(Bool(false)) }
            #expect(error.code == .temporary)
            #expect(try await site.count("anna", "INBOX") == 0)
            #expect(site.read("anna/.dovecot.sieve.log") == nil)
        }
    }

    /// A program ends, too, and the message is not taken as if it had failed.
    @Test func interruptedProgram() async throws {
        try await TestSite.with { (site) async throws in
            mkdir(site.directory + "/bin", 0o700)
            site.write("#!/bin/sh\necho began > \(site.directory)/began\nexec sleep 100\n", "bin/slow", mode: 0o700)
            site.install("require \"vnd.dovecot.pipe\"; pipe \"slow\";", for: "anna")
            let agent = site.agent {
                $0.sieve?.programs.pipe.binDirectory = site.directory + "/bin"
                $0.sieve?.programs.pipe.timeout = .seconds(100)
            }
            let recipient = try await site.recipient("anna")
            let message = IncomingMessage(MessageOctets(Array(TestSite.mail.utf8)))
            let envelope = DeliveryEnvelope(sender: "", receivedAt: 1_800_000_000, session: "s")
            async let outcomes = agent.deliver(message, envelope, to: [recipient])
            while site.read("began") == nil { await Task.yield() }
            agent.stop()
            guard case .failed(let error)? = await outcomes.first else { return #expect(Bool(false)) }
            #expect(error.code == .temporary)
            #expect(try await site.count("anna", "INBOX") == 0)
        }
    }
}
