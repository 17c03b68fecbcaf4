import Glibc
import MailCore
import MailStore
import SieveCore
import SieveStorage

/// The scripts that IMAP events run (RFC 6785): those of the administrator, and those that users have attached to
/// mailboxes.
public struct EventScripts: Sendable {
    /// A script of the administrator.
    public struct Rule: Sendable {
        public enum Time: Sendable, Hashable { case before, after, sourceAfter }

        public var time: Time
        public var causes: Set<MailboxEvent.Cause>
        /// A file, or a directory of them; with variables.
        public var path: String
        /// As users write it; `*`: every mailbox.
        public var mailbox: String
        /// `nil`: no matter where the message came from.
        public var source: String?

        public init(
            _ time: Time, causes: Set<MailboxEvent.Cause>, path: String, mailbox: String, source: String?
        ) {
            self.time = time
            self.causes = causes
            self.path = path
            self.mailbox = mailbox
            self.source = source
        }
    }

    private let runner: FiledMessageRunner
    private let rules: [Rule]
    /// Where users have their scripts; `nil`: they cannot attach any to mailboxes.
    private let directory: String?

    /// Users' own scripts are told in METADATA.
    static let entry = MetadataEntry("/shared/imapsieve/script")
    /// Messages in work at once.
    private static let batch = 50

    /// - Parameters:
    ///   - directory: where users have their scripts, with variables; `nil`: they cannot attach any to mailboxes.
    ///   - address: the address of a user.
    public init(
        _ options: SieveOptions, rules: [Rule], directory: String?, expungesDiscarded: Bool = false,
        createsMailboxes: Bool = false, address: @escaping @Sendable (String) -> String
    ) {
        var options = options
        options.registry = options.registry.forEvents
        options.globalRegistry = options.globalRegistry.forEvents
        self.rules = rules
        self.directory = directory
        self.runner = FiledMessageRunner(
            options, createsMailboxes: createsMailboxes, expungesDiscarded: expungesDiscarded, address: address)
    }

    private var options: SieveOptions { self.runner.options }

    func wants(_ cause: MailboxEvent.Cause) -> Bool {
        self.directory != nil || self.rules.contains { $0.causes.contains(cause) }
    }

    /// Runs the scripts of an event. An error is one of this moment: the event is to be tried again.
    func run(
        for event: MailboxEvent, _ store: any MailStore, until interruption: ScriptInterruption
    ) async throws(StoreError) {
        let recipient = self.runner.recipient(event.user, event.account, event.home)
        do throws(StoreError) {
            let steps = try await self.steps(event, recipient)
            if !steps.isEmpty {
                try await self.run(steps, event, recipient, event.mailbox, event.uids, store, interruption)
            }
            if let source = event.source, !source.isMove {
                let later = self.files(event, .sourceAfter, recipient)
                if !later.isEmpty {
                    try await self.run(later, event, recipient, source.mailbox, source.uids, store, interruption)
                }
            }
        } catch {
            // A mailbox that is gone, or a message, has no event any more.
            guard error.code != .notFound, error.code != .expunged else { return }
            throw error
        }
    }

    // MARK: Which scripts

    private func steps(
        _ event: MailboxEvent, _ recipient: DeliveryRecipient
    ) async throws(StoreError) -> [FiledMessageScripts.Step] {
        var steps = self.files(event, .before, recipient)
        if let own = try await self.ownScript(event, recipient) { steps.append(.file(own, .personal)) }
        return steps + self.files(event, .after, recipient)
    }

    private func files(
        _ event: MailboxEvent, _ time: Rule.Time, _ recipient: DeliveryRecipient
    ) -> [FiledMessageScripts.Step] {
        let spelling = event.account.spelling
        func means(_ text: String, _ name: MailboxName) -> Bool {
            text == "*" || spelling.name(of: text) == name
        }
        return self.rules.compactMap { rule in
            guard rule.time == time, rule.causes.contains(event.cause), means(rule.mailbox, event.mailbox) else {
                return nil
            }
            if let source = rule.source {
                guard let from = event.source?.mailbox, means(source, from) else { return nil }
            }
            return self.options.path(rule.path, for: recipient).map { .file($0, .global) }
        }
    }

    /// The script that the mailbox names, else the one for all mailboxes (RFC 6785 section 2.3.1).
    private func ownScript(
        _ event: MailboxEvent, _ recipient: DeliveryRecipient
    ) async throws(StoreError) -> String? {
        guard let directory = self.directory, let entry = Self.entry else { return nil }
        var value = try await event.account.metadata(of: .mailbox(event.mailbox)).first { $0.entry == entry }
        if value == nil { value = try await event.account.metadata(of: .server).first { $0.entry == entry } }
        guard let name = value.flatMap({ String(validating: $0.value, as: UTF8.self) }), SieveStorage.isName(name)
        else { return nil }
        return self.options.path(directory, for: recipient).map { "\($0)/\(name).sieve" }
    }

    // MARK: Running them

    private func run(
        _ steps: [FiledMessageScripts.Step], _ event: MailboxEvent, _ recipient: DeliveryRecipient,
        _ name: MailboxName, _ uids: UIDSet, _ store: any MailStore, _ interruption: ScriptInterruption
    ) async throws(StoreError) {
        let account = event.account
        let spelling = account.spelling
        let mailboxes = try await MailboxDirectory.load(account, withIDs: self.options.knowsMailboxIDs)
        let scripts = FiledMessageScripts(
            planner: self.runner.planner, recipient: recipient, mailbox: name, mailboxes: mailboxes,
            items: [
                "imap.user": event.user, "imap.email": self.options.email(of: recipient) ?? recipient.address,
                "imap.cause": event.cause.rawValue,
                "imap.mailbox": spelling.text(of: name),
                "imap.changedflags": event.changedFlags.joined(separator: " "),
                "vnd.dovecot.mailbox-from": event.source.map { spelling.text(of: $0.mailbox) } ?? "",
                "vnd.dovecot.mailbox-to": spelling.text(of: event.mailbox),
            ], hasEnvelope: false, forgetsAnswers: false, memory: store.deliveryMemory, now: Int64(time(nil)),
            session: event.session, interruption: interruption)
        let mailbox = try await account.open(name, .readWrite, onChange: {})
        defer { mailbox.close() }
        let actions = self.runner.actions(recipient, in: mailbox, store, .isDropped, until: interruption)
        var rest = uids.makeIterator()
        while true {
            let snapshot = mailbox.snapshot()
            var records: [MessageRecord] = []
            var isAtEnd = false
            while records.count < Self.batch {
                guard let uid = rest.next() else {
                    isAtEnd = true
                    break
                }
                if let record = snapshot.record(of: uid) { records.append(record) }
            }
            try await self.runner.forEachBatch(of: records, snapshot, in: mailbox) {
                (messages, _) async throws(StoreError) in
                try await self.run(steps, scripts, messages, actions, store)
            }
            if isAtEnd { return }
        }
    }

    private func run(
        _ steps: [FiledMessageScripts.Step], _ scripts: FiledMessageScripts, _ messages: [FiledMessage],
        _ actions: FiledMessageActions, _ store: any MailStore
    ) async throws(StoreError) {
        let verdicts = try await self.runner.verdicts(scripts, messages, steps)
        let outcomes = await actions.apply(zip(messages, verdicts).map { ($0, $1.plan) })
        var lines: [String] = []
        var passing: StoreError?
        for ((message, verdict), outcome) in zip(zip(messages, verdicts), outcomes) {
            lines += verdict.faults + verdict.warnings + outcome.warnings
            guard let failure = outcome.failure else { continue }
            if failure.code == .temporary || failure.code == .diskFull { passing = failure }
            lines.append(
                "error: message \(message.record.uid.rawValue) of \(scripts.mailbox) was left as it is: \(failure.code)"
            )
            self.options.report(
                "user \(scripts.recipient.account.identity.name): sieve: message \(message.record.uid.rawValue) of \(scripts.mailbox): \(failure)"
            )
        }
        if !lines.isEmpty {
            let told = lines
            try await store.threads.run { () throws(StoreError) in scripts.note(told) }
        }
        if let passing { throw passing }
    }
}
