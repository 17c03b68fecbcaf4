import Glibc
import IndexedStore
import MailCore
import MailStore
import MaildirFormat
import SieveCore
import Synchronization
import TemporaryFiles
import Testing

@testable import Delivery

/// A store with users and their homes in a temporary directory that is removed at the end.
final class TestSite: Sendable {
    private let place: TemporaryDirectory
    var directory: String { self.place.path }
    let store: IndexedStore
    let reports = Mutex<[String]>([])
    /// Milliseconds.
    let clock = Mutex<Int64>(0)
    /// Since 1970: the time of the store, of deliveries and of the queue.
    let seconds = Clock(1_800_000_000)

    final class Clock: Sendable {
        private let value: Mutex<Int64>
        init(_ value: Int64) { self.value = Mutex(value) }
        func withLock<R>(_ body: (inout Int64) -> R) -> R { self.value.withLock { body(&$0) } }
    }

    init(namespaces: [Namespace]? = nil, reopening earlier: TestSite? = nil) throws {
        self.place = try earlier?.place ?? TemporaryDirectory()
        var options = MaildirOptions()
        options.syncTextFiles = false
        var configuration = IndexedStore.Configuration(
            directory: self.place.path + "/volume", bodyFormat: MaildirFormat(options),
            clock: { [seconds] in seconds.withLock { $0 } })
        configuration.logSegmentSize = 1 << 20
        configuration.threadCount = 2
        configuration.watchesFiles = false
        if let namespaces { configuration.namespaces = namespaces }
        self.store = try IndexedStore.open(configuration)
    }

    /// The same after the store was closed and opened again.
    func reopened() async throws -> TestSite {
        await self.store.close()
        return try TestSite(reopening: self)
    }

    /// Runs `body` and closes the store.
    static func with(
        namespaces: [Namespace]? = nil, _ body: (TestSite) async throws -> Void
    ) async throws {
        let site = try TestSite(namespaces: namespaces)
        do {
            try await body(site)
            await site.store.close()
        } catch {
            await site.store.close()
            throw error
        }
    }

    func home(_ user: String) -> String { "\(self.directory)/\(user)" }

    func account(_ user: String) async throws -> any MailAccount {
        mkdir(self.home(user), 0o700)
        return try await self.store.account(
            AccountIdentity(name: user, home: self.home(user), mailPath: self.home(user) + "/Maildir"))
    }

    func recipient(_ user: String, detail: String? = nil) async throws -> DeliveryRecipient {
        DeliveryRecipient(
            account: try await self.account(user), home: self.home(user),
            address: "\(user)\(detail.map { "+" + $0 } ?? "")@example.org", detail: detail)
    }

    func agent(_ change: (inout DeliveryAgent.Options) -> Void = { _ in }) -> DeliveryAgent {
        var options = DeliveryAgent.Options()
        var sieve = SieveOptions()
        sieve.report = { [unowned self] text in self.reports.withLock { $0.append(text) } }
        sieve.registry = .of(SieveRegistry.delivery)
        sieve.globalRegistry = .of(SieveRegistry.delivery)
        sieve.hostname = "mail.example.org"
        options.sieve = sieve
        change(&options)
        return DeliveryAgent(store: self.store, options: options) { [unowned self] in
            self.clock.withLock { $0 }
        }
    }

    /// Hands over what is due; answers for each mail that is left to whom, and when it is tried again.
    func sendQueued(_ change: (inout OutgoingRunner.Options) -> Void = { _ in }) async -> [String] {
        var options = OutgoingRunner.Options(
            ProgramTransport([self.directory + "/sendmail", "-x"], timeout: .seconds(20)))
        options.hostname = "mail.example.org"
        options.clock = { [seconds] in seconds.withLock { $0 } }
        options.report = { [unowned self] text in self.reports.withLock { $0.append(text) } }
        change(&options)
        await OutgoingRunner(self.store, options)?.sendDue()
        return self.queue?.mails.map { "\($0.recipient) \($0.nextAttempt - 1_800_000_000)" } ?? []
    }

    var queue: (any OutgoingQueue)? { (self.store as any MailStore).outgoingQueue }

    /// The arguments of each call of the sendmail program so far, but for the options.
    var sent: [String] {
        (self.read("sent.args") ?? "").split(separator: "\n").map { String($0.dropFirst("-x -i -f ".count)) }
    }

    /// Installs a user's script as the active one, as Pigeonhole lays it out.
    func install(_ script: String, for user: String, as name: String = "main") {
        mkdir(self.home(user), 0o700)
        mkdir(self.home(user) + "/sieve", 0o700)
        self.write(script, "\(user)/sieve/\(name).sieve")
        unlink(self.home(user) + "/.dovecot.sieve")
        symlink("sieve/\(name).sieve", self.home(user) + "/.dovecot.sieve")
    }

    func write(_ text: String, _ path: String, mode: mode_t = 0o600) {
        let descriptor = open("\(self.directory)/\(path)", O_WRONLY | O_CREAT | O_TRUNC, mode)
        guard descriptor >= 0 else { return }
        _ = Array(text.utf8).withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        fchmod(descriptor, mode)
        close(descriptor)
    }

    func read(_ path: String) -> String? {
        let descriptor = open("\(self.directory)/\(path)", O_RDONLY)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var octets: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(descriptor, &piece, piece.count)
            guard count > 0 else { return String(decoding: octets, as: UTF8.self) }
            octets.append(contentsOf: piece[..<count])
        }
    }

    /// A sendmail that notes its arguments and its input, and ends with `status`.
    func installSendmail(status: Int = 0, before: String = "") {
        self.write(
            """
            #!/bin/sh
            \(before)
            echo "$@" >> \(self.directory)/sent.args
            cat >> \(self.directory)/sent.mail
            echo "a word of it"
            exit \(status)

            """, "sendmail", mode: 0o700)
    }

    /// Delivers, and tells what became of it in short words.
    func deliver(
        _ agent: DeliveryAgent, to users: String..., message text: String = TestSite.mail,
        sender: String = "sender@example.com"
    ) async throws -> [String] {
        var recipients: [DeliveryRecipient] = []
        for user in users { recipients.append(try await self.recipient(user)) }
        return await self.deliver(agent, recipients, text, sender: sender)
    }

    func deliver(
        _ agent: DeliveryAgent, _ recipients: [DeliveryRecipient], _ text: String = TestSite.mail,
        sender: String = "sender@example.com", refusal: DeliveryEnvelope.Refusal = .answer
    ) async -> [String] {
        let message = IncomingMessage(MessageOctets(Array(text.utf8)))
        let envelope = DeliveryEnvelope(
            sender: sender, receivedAt: self.seconds.withLock { $0 }, session: "s", refusal: refusal)
        return await agent.deliver(message, envelope, to: recipients).map { outcome in
            switch outcome {
            case .stored(let places): places.map { "\($0.mailbox)" }.joined(separator: " ")
            case .redirected(let addresses): "redirected " + addresses.joined(separator: " ")
            case .sentBefore(let addresses): "sent before " + addresses.joined(separator: " ")
            case .piped(let programs): "piped " + programs.joined(separator: " ")
            case .discarded: "discarded"
            case .rejected(let reason): "rejected \(reason)"
            case .failed(let error): "failed \(error.code)"
            }
        }
    }

    func limit(_ user: String, storage: Int64?) async throws {
        var rules = QuotaRules()
        rules.limits.storage = storage
        try await self.account(user).apply(rules)
    }

    /// The messages of a mailbox as text.
    func texts(_ user: String, _ name: String) async throws -> [String] {
        let account = try await self.account(user)
        let mailbox = try await account.open(try #require(MailboxName(name)), .readOnly, onChange: {})
        defer { mailbox.close() }
        let snapshot = mailbox.snapshot()
        let records = (0..<snapshot.count).map { snapshot[$0] }
        return try await mailbox.octets(of: records, limit: 1 << 20).map {
            try $0.get().withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
        }
    }

    func count(_ user: String, _ mailbox: String) async throws -> Int {
        try await self.account(user).status(of: try #require(MailboxName(mailbox))).messages
    }

    static let mail =
        "Return-Path: <sender@example.com>\r\nReceived: from x\r\n\tby y\r\nFrom: a@example.com\r\n"
        + "Subject: Hello\r\nMessage-ID: <1@example.com>\r\n\r\nText.\r\n.\r\n"
}
