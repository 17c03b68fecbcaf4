import Glibc
public import MailCore
public import MailStore
import SieveCore
import SieveStorage

/// Runs Sieve scripts over messages in a mailbox when somebody asks for it: as at delivery, but answers to senders are
/// left out, and a message that is not kept is marked \Deleted.
public struct MailFilter: Sendable {
    /// Which script.
    public enum Script: Sendable {
        /// All that run at delivery.
        case delivery
        /// One of the user's own.
        case personal(String)
        /// One for all users.
        case global(String)
        case source([UInt8])
    }

    /// Why there is no filter.
    public enum Problem: Error, Sendable {
        /// The script has errors; worded for a person.
        case script(String)
        case noSuchScript
        case store(StoreError)
    }

    /// A filter that is ready to run.
    public struct Prepared: Sendable {
        let steps: [FiledMessageScripts.Step]
        /// What a person should know of the script.
        public let warnings: [String]
    }

    /// What became of one message.
    public struct Report: Sendable {
        public let uid: UID
        /// Something was done that can be seen.
        public let hasChanged: Bool
        public let warnings: [String]
        /// Why nothing was done.
        public let errors: [String]
        /// What the scripts decided, and where in them; empty: the message stays as it is.
        public var decisions: [String] = []
    }

    /// How far a filter goes.
    public struct Manner: Sendable {
        public enum Execution: Sendable {
            /// Nothing is done; scripts run all the same, and the programs that they ask.
            case described
            /// Everything, but the messages themselves stay as they are.
            case onCopies
            case complete
        }

        /// What becomes of messages that a script discards.
        public enum Discarded: Sendable {
            case kept
            case marked
            case moved(MailboxName)
        }

        public var execution: Execution
        public var discarded: Discarded

        public init(_ execution: Execution, discarded: Discarded) {
            self.execution = execution
            self.discarded = discarded
        }

        /// As a client's FILTER.
        public static let complete = Manner(.complete, discarded: .marked)

        func adjust(_ plan: inout DeliveryPlan, _ message: FiledMessage, in mailbox: MailboxName) {
            guard plan.failure == nil, plan.places.isEmpty, plan.mails.isEmpty, plan.pipes.isEmpty else { return }
            var place: DeliveryPlan.Place
            switch self.discarded {
            case .marked: return
            case .kept: place = DeliveryPlan.Place(mailbox: mailbox)
            case .moved(let target): place = DeliveryPlan.Place(mailbox: target)
            }
            place.flags = message.record.flags
            place.keywords = message.keywords
            plan.store(in: place)
        }
    }

    private let runner: FiledMessageRunner

    /// - Parameter address: the address of a user.
    public init(
        _ options: SieveOptions, createsMailboxes: Bool = false, expungesDiscarded: Bool = false,
        address: @escaping @Sendable (String) -> String
    ) {
        var options = options
        options.registry = options.registry.notKnowingEvents
        options.globalRegistry = options.globalRegistry.notKnowingEvents
        self.runner = FiledMessageRunner(
            options, createsMailboxes: createsMailboxes, expungesDiscarded: expungesDiscarded, address: address)
    }

    private var options: SieveOptions { self.runner.options }
    private var planner: SievePlanner { self.runner.planner }

    // MARK: The script

    /// Finds and compiles the script.
    ///
    /// - Parameter home: the user's home directory; `nil`: none.
    public func prepare(
        _ script: Script, user: String, account: any MailAccount, home: String?, _ store: any MailStore
    ) async -> Result<Prepared, Problem> {
        let recipient = self.runner.recipient(user, account, home)
        do throws(StoreError) {
            return try await store.threads.run { () throws(StoreError) in
                try account.identity.asOwner { () throws(StoreError) in try self.prepare(script, recipient) }
            }
        } catch {
            return .failure(.store(error))
        }
    }

    private func prepare(
        _ script: Script, _ recipient: DeliveryRecipient
    ) throws(StoreError) -> Result<Prepared, Problem> {
        switch script {
        case .delivery:
            // Nothing is discarded here: what is not kept is only marked.
            let files = try self.planner.steps(recipient).filter { $0.kind != .discard }
            return try self.prepare(files.map { ($0.path, $0.isPersonal) }, recipient, mustExist: false)
        case .personal(let name):
            return try self.prepare(SieveScriptName(location: .personal, name: name), recipient)
        case .global(let name):
            return try self.prepare(SieveScriptName(location: .global, name: name), recipient)
        case .source(let source):
            let compiler = SieveCompiler(registry: self.options.registry, limits: self.options.limits)
            let compilation = compiler.compile(
                source, name: "script",
                included: IncludedScripts(
                    self.planner.places(recipient),
                    limit: self.options.limits.scriptSize > 0 ? self.options.limits.scriptSize : .max,
                    global: self.options.globalRegistry))
            guard let compiled = compilation.script else {
                return .failure(.script(Self.text(compilation.diagnostics)))
            }
            return .success(
                Prepared(
                    steps: [.compiled(compiled)], warnings: compilation.diagnostics.map(\.description)))
        }
    }

    private func prepare(
        _ name: SieveScriptName, _ recipient: DeliveryRecipient
    ) throws(StoreError) -> Result<Prepared, Problem> {
        let places = self.planner.places(recipient)
        guard let path = try places.file(of: name) else { return .failure(.noSuchScript) }
        // What users see as theirs without having it is the site's.
        let isPersonal = name.location == .personal && places.isOwn(path)
        return try self.prepare([(path, isPersonal)], recipient, mustExist: true)
    }

    private func prepare(
        _ files: [(path: String, isPersonal: Bool)], _ recipient: DeliveryRecipient, mustExist: Bool
    ) throws(StoreError) -> Result<Prepared, Problem> {
        var steps: [FiledMessageScripts.Step] = []
        var warnings: [String] = []
        for (path, isPersonal) in files {
            let language = isPersonal ? ScriptLibrary.Language.personal : .global
            guard let compilation = try self.planner.library.script(at: path, language, self.planner.places(recipient))
            else {
                if mustExist { return .failure(.noSuchScript) }
                continue
            }
            guard compilation.script != nil else {
                // What is not the user's own is for the administrator to read.
                let name = ScriptFile.name(of: path)
                guard isPersonal else { return .failure(.script("the script \(name) has errors")) }
                return .failure(.script(Self.text(compilation.diagnostics)))
            }
            if isPersonal { warnings += compilation.diagnostics.map(\.description) }
            steps.append(.file(path, language))
        }
        return .success(Prepared(steps: steps, warnings: warnings))
    }

    private static func text(_ diagnostics: [SieveDiagnostic]) -> String {
        diagnostics.map { "\($0)\r\n" }.joined()
    }

    // MARK: The messages

    /// Filters messages, durable when answered. Ask for at most some dozen at once; those that are gone have no report.
    ///
    /// - Parameter interruption: ends what scripts do, by `.temporary`; what was done by then stays.
    public func run(
        _ filter: Prepared, user: String, home: String?, account: any MailAccount, session: String,
        _ uids: [UID], in mailbox: any Mailbox, _ store: any MailStore, _ manner: Manner = .complete,
        until interruption: ScriptInterruption = ScriptInterruption()
    ) async throws(StoreError) -> [Report] {
        let recipient = self.runner.recipient(user, account, home)
        let scripts = FiledMessageScripts(
            planner: self.planner, recipient: recipient, mailbox: mailbox.name,
            mailboxes: try await MailboxDirectory.load(account, withIDs: self.options.knowsMailboxIDs),
            items: [:],
            hasEnvelope: true, forgetsAnswers: true, memory: store.deliveryMemory, now: Int64(time(nil)),
            session: session, interruption: interruption)
        var actions = self.runner.actions(recipient, in: mailbox, store, .replaces, until: interruption)
        actions.changesSource = manner.execution == .complete
        let snapshot = mailbox.snapshot()
        var reports: [Report] = []
        try await self.runner.forEachBatch(of: uids.compactMap { snapshot.record(of: $0) }, snapshot, in: mailbox) {
            (messages, failures) async throws(StoreError) in
            for (record, error) in failures where error.code != .expunged {
                reports.append(
                    Report(
                        uid: record.uid, hasChanged: false, warnings: [],
                        errors: ["the message cannot be read now"]))
            }
            reports += try await self.run(filter, scripts, messages, actions, manner)
        }
        return reports
    }

    private func run(
        _ filter: Prepared, _ scripts: FiledMessageScripts, _ messages: [FiledMessage],
        _ actions: FiledMessageActions, _ manner: Manner
    ) async throws(StoreError) -> [Report] {
        let verdicts = try await self.runner.verdicts(scripts, messages, filter.steps)
        let work = zip(messages, verdicts).map { message, verdict in
            var plan = verdict.plan
            manner.adjust(&plan, message, in: scripts.mailbox)
            return (message, plan)
        }
        let outcomes: [FiledMessageActions.Outcome]
        if manner.execution == .described {
            for (_, plan) in work { plan.memory?.release() }
            outcomes = work.map { _ in FiledMessageActions.Outcome() }
        } else {
            outcomes = await actions.apply(work)
        }
        return zip(zip(messages, verdicts), outcomes).map { pair, outcome in
            let (message, verdict) = pair
            var errors = verdict.faults
            if let failure = outcome.failure {
                self.options.report(
                    "user \(scripts.recipient.account.identity.name): sieve: message \(message.record.uid.rawValue) of \(scripts.mailbox): \(failure)"
                )
                errors.append(Self.text(failure))
            }
            return Report(
                uid: message.record.uid, hasChanged: outcome.hasChanged,
                warnings: verdict.warnings + outcome.warnings, errors: errors,
                decisions: verdict.plan.decisions)
        }
    }

    /// For the client: nothing of paths.
    private static func text(_ error: StoreError) -> String {
        switch error.code {
        case .notFound: "a mailbox does not exist"
        case .noPermission: "no permission for a mailbox"
        case .overQuota: "the quota does not allow it"
        case .tooBig, .limit: "a limit is exceeded"
        case .alreadyExists, .cannot, .expunged, .inUse, .diskFull, .temporary, .damaged: "it cannot be done now"
        }
    }
}
