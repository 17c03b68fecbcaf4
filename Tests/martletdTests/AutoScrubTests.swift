import Glibc
import Logging
import MailCore
import MailStore
import ServerConfig
import Synchronization
import TemporaryFiles
import Testing
import Wiring

@testable import martletd

@Suite struct AutoScrubTests {
    private final class Lines: Sendable {
        let all = Mutex<[String]>([])
    }

    private struct Handler: LogHandler {
        let lines: Lines
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level = .info
        init(_ lines: Lines) { self.lines = lines }
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { self.metadata[key] }
            set { self.metadata[key] = newValue }
        }
        func log(event: LogEvent) { self.lines.all.withLock { $0.append("\(event.level): \(event.message)") } }
    }

    /// A damaged octet in a pack: not seen before its time, then told, counted and not forgotten.
    @Test func damageIsFoundInItsTurn() async throws {
        let temporary = try TemporaryDirectory()
        defer { withExtendedLifetime(temporary) {} }
        let directory = temporary.path
        var settings = Settings()
        settings.mail.volumePath = "\(directory)/volume"
        settings.mail.scrubInterval = .seconds(10)
        settings.mail.scrubRate = 1 << 40
        let lines = Lines()
        let logger = Logger(label: "test") { _ in Handler(lines) }
        let identity = AccountIdentity(
            name: "anna", home: directory, mailPath: "\(directory)/anna", driver: MailDriver.pack.rawValue)
        var store = try MailStoreWiring.open(settings, logger: logger)
        let account = try await store.account(identity)
        for number in 0..<3 {
            let text = "Subject: m\(number)\r\n\r\nThe octet of \(number).\r\n"
            let message = IncomingMessage(MessageOctets(Array(text.utf8)))
            _ = try #require(await store.deposit([Deposit(message: message, account: account, mailbox: .inbox)]).first)
                .get()
        }
        await store.close()
        let path = "\(directory)/volume/log/00000001.segment"
        let descriptor = open(path, O_RDWR)
        var octets = [UInt8](repeating: 0, count: 65_536)
        let count = pread(descriptor, &octets, octets.count, 0)
        let wanted = Array("octet of 1".utf8)
        let place = try #require(octets[..<count].indices.first { octets[$0...].starts(with: wanted) })
        #expect(pwrite(descriptor, [UInt8(ascii: "X")], 1, off_t(place)) == 1)
        close(descriptor)

        store = try MailStoreWiring.open(settings, logger: logger)
        let upkeep = try #require(store as? any StoreUpkeep)
        let scrub = try #require(AutoScrub(store, settings, logger))
        await scrub.look { 100 }
        // Its time begins, and nothing has been read yet.
        #expect(upkeep.scrubStatus().started == 100)
        #expect(upkeep.scrubStatus().finished == nil)
        await scrub.look { 105 }
        #expect(upkeep.scrubStatus().started == 100)
        #expect(upkeep.scrubStatus().finished == nil)
        #expect(lines.all.withLock { $0 }.filter { $0.contains("scrub") } == [])
        await scrub.look { 111 }
        let status = upkeep.scrubStatus()
        #expect(status.finished == 111)
        #expect(!status.isRunning)
        #expect(status.findings == 2)
        #expect(status.messages == 3)
        let told = lines.all.withLock { $0 }.filter { $0.contains("scrub") }
        #expect(told.contains { $0.hasPrefix("error: scrub: the log: log: segment 1 at ") })
        #expect(told.contains { $0.hasPrefix("error: scrub: anna/INBOX uid 2: body: ") })
        #expect(told.last?.hasPrefix("info: scrub: all read: messages=3 ") == true)
        await scrub.look { 115 }
        #expect(upkeep.scrubStatus() == status)
        await store.close()
    }
}
