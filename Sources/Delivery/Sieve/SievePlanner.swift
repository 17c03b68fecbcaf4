import Glibc
import MIMECore
import MailCore
import MailStore
import SieveCore
import SieveStorage

/// Runs a recipient's scripts over a message and makes a plan of what they decide.
///
/// Everything here waits for the disk and computes: it runs on a storage thread.
final class SievePlanner: Sendable {
    let options: SieveOptions
    let library: ScriptLibrary
    /// What scripts remember at delivery.
    let memory: any DeliveryMemory

    init(options: SieveOptions, library: ScriptLibrary, memory: any DeliveryMemory = ForgetfulMemory()) {
        self.options = options
        self.library = library
        self.memory = memory
    }

    /// One script that is to run.
    struct Step: Sendable {
        enum Kind: Sendable { case shared, personal, fallback, discard }

        var path: String
        var kind: Kind

        /// Whether the script is the user's own, so that faults are told to the user.
        var isPersonal: Bool { self.kind == .personal }
    }

    /// A script that is there, or why it cannot run.
    private enum Loaded {
        case script(SieveScript)
        case fault(String)
    }

    /// What came of making a plan.
    enum Attempt {
        case plan(DeliveryPlan)
        /// Nothing was done yet: a script asks for mailboxes, which must be given, or waits, which needs a thread for it.
        case lacks(mailboxes: Bool, waiting: Bool)
    }

    /// The plan for one recipient.
    ///
    /// - Parameters:
    ///   - keepMailbox: where keep files the message.
    ///   - mailboxes: those of the user, once they were asked for.
    ///   - mayWait: whether this is a thread of `ScriptThreads` for programs.
    ///   - interruption: ends the run by `.temporary`.
    func plan(
        _ octets: UnsafeRawBufferPointer, _ message: SieveMessage, _ envelope: DeliveryEnvelope,
        _ recipient: DeliveryRecipient, keepMailbox: MailboxName, mailboxes: MailboxDirectory?, mayWait: Bool,
        until interruption: ScriptInterruption
    ) -> Attempt {
        do throws(StoreError) {
            return try recipient.account.identity.asOwner { () throws(StoreError) -> Attempt in
                try self.run(octets, message, envelope, recipient, keepMailbox, mailboxes, mayWait, interruption)
            }
        } catch {
            // The disk did not answer now: the filter must not be passed over for that.
            return .plan(DeliveryPlan(failure: error))
        }
    }

    private func run(
        _ octets: UnsafeRawBufferPointer, _ message: SieveMessage, _ envelope: DeliveryEnvelope,
        _ recipient: DeliveryRecipient, _ keepMailbox: MailboxName, _ mailboxes: MailboxDirectory?, _ mayWait: Bool,
        _ interruption: ScriptInterruption
    ) throws(StoreError) -> Attempt {
        let scripts = try self.load(recipient)
        if scripts.isEmpty {
            self.library.noteScriptless(recipient.account.identity.name)
        } else if let lack = Self.lack(scripts, mailboxes, mayWait) {
            // Found out before anything runs, since what a run does must not be done twice.
            return lack
        }
        var sequence = SieveSequence()
        let memory = ScriptMemory(self.memory, recipient.account, at: envelope.receivedAt)
        let host = DeliveryHost(
            recipient, self.context(envelope, recipient), self.options, mailboxes: mailboxes, memory: memory,
            until: interruption)
        let environment = self.environment(envelope, recipient, host)
        var current = message
        for (step, loaded) in scripts where step.kind == .discard ? sequence.isDiscarded : sequence.goesOn {
            let fault: String
            switch loaded {
            case .script(let script):
                let result = script.run(current, environment, limits: self.options.limits, flags: sequence.flags)
                try host.checkInterruption()
                if step.kind == .discard { sequence.addForDiscarded(result) } else { sequence.add(result) }
                if let edited = sequence.message { current = edited }
                guard let error = sequence.error else { continue }
                fault = "\(script.name): \(error)"
            case .fault(let text):
                fault = text
                sequence.fail(Self.error(step.path, "the script cannot run"))
            }
            if step.isPersonal {
                for line in fault.split(separator: "\n") { host.note(String(line)) }
                host.note("The message was kept in \(keepMailbox).")
            } else {
                self.options.report(
                    "user \(recipient.account.identity.name): sieve script \(step.path): \(fault)")
            }
        }
        let situation = SieveSituation(
            octets: octets, message: message, envelope: envelope, recipient: recipient, keepMailbox: keepMailbox,
            mailboxes: mailboxes, environment: environment)
        var notes = host.notes
        let plan = ScriptExecutor(options: self.options, memory: memory).plan(of: sequence, in: situation, &notes)
        self.note(notes, envelope, recipient)
        return .plan(plan)
    }

    /// The scripts that are there, compiled.
    private func load(_ recipient: DeliveryRecipient) throws(StoreError) -> [(Step, Loaded)] {
        let places = self.places(recipient)
        var scripts: [(Step, Loaded)] = []
        for step in try self.steps(recipient) {
            do throws(StoreError) {
                let language = step.isPersonal ? ScriptLibrary.Language.personal : .global
                guard let compilation = try self.library.script(at: step.path, language, places) else { continue }
                if let script = compilation.script {
                    scripts.append((step, .script(script)))
                } else {
                    let faults = compilation.diagnostics.map { "\(ScriptFile.name(of: step.path)): \($0)" }
                    scripts.append((step, .fault(faults.joined(separator: "\n"))))
                }
            } catch  where error.code == .noPermission || error.code == .cannot {
                self.options.report("user \(recipient.account.identity.name): sieve: \(error)")
                scripts.append((step, .fault("\(ScriptFile.name(of: step.path)): error: the script cannot be read")))
            }
        }
        return scripts
    }

    private static func lack(
        _ scripts: [(Step, Loaded)], _ mailboxes: MailboxDirectory?, _ mayWait: Bool
    ) -> Attempt? {
        var lacksMailboxes = false
        var lacksThread = false
        for case (_, .script(let script)) in scripts {
            if mailboxes == nil, script.asksForMailboxes { lacksMailboxes = true }
            if mailboxes?.hasIDs == false, script.asksForMailboxIDs { lacksMailboxes = true }
            if !mayWait, script.asksForPrograms || script.asksForMetadata { lacksThread = true }
        }
        return lacksMailboxes || lacksThread ? .lacks(mailboxes: lacksMailboxes, waiting: lacksThread) : nil
    }

    func environment(
        _ envelope: DeliveryEnvelope, _ recipient: DeliveryRecipient, _ host: any SieveHost
    ) -> SieveEnvironment {
        var environment = SieveEnvironment(
            sender: SieveAddress(envelope: envelope.sender),
            recipient: SieveAddress(envelope: recipient.address))
        environment.now = MessageDate(
            secondsSince1970: envelope.receivedAt, zoneOffsetMinutes: Self.zoneOffsetMinutes(envelope.receivedAt))
        environment.zone = { SievePlanner.zoneOffsetMinutes($0) }
        environment.originalRecipient = recipient.originalAddress.flatMap { SieveAddress(envelope: $0) }
        environment.policy = self.options.policy
        environment.policy.userEmail = self.options.email(of: recipient)
        environment.policy.username = recipient.account.identity.name
        environment.policy.hostname = self.options.hostname
        environment.host = host
        return environment
    }

    /// What programs are told that run for the recipient.
    func context(_ envelope: DeliveryEnvelope, _ recipient: DeliveryRecipient) -> SieveProgramContext {
        let identity = recipient.account.identity
        var context = SieveProgramContext(user: identity.name, home: recipient.home, owner: identity.owner)
        context.hostname = self.options.hostname
        context.sender = envelope.sender.isEmpty ? nil : envelope.sender
        context.recipient = recipient.address
        context.originalRecipient = recipient.originalAddress ?? recipient.address
        return context
    }

    /// Minutes east of Greenwich in the server's zone at that time.
    static func zoneOffsetMinutes(_ time: Int64) -> Int {
        var seconds = time_t(time)
        var parts = tm()
        guard localtime_r(&seconds, &parts) != nil else { return 0 }
        return parts.tm_gmtoff / 60
    }

    static func error(_ path: String, _ text: String) -> SieveRuntimeError {
        SieveRuntimeError(
            script: ScriptFile.name(of: path), position: SievePosition(line: 1, column: 1), text: text)
    }

    // MARK: Which scripts

    /// The scripts that are there, in their order.
    func steps(_ recipient: DeliveryRecipient) throws(StoreError) -> [Step] {
        var steps: [Step] = []
        for place in self.options.before { steps += try self.sharedSteps(place, .shared, recipient) }
        if let personal = try self.existing(self.options.personal, recipient) {
            steps.append(Step(path: personal, kind: .personal))
        } else if let fallback = try self.existing(self.options.fallback, recipient) {
            steps.append(Step(path: fallback, kind: .fallback))
        }
        for place in self.options.after { steps += try self.sharedSteps(place, .shared, recipient) }
        for place in self.options.discard { steps += try self.sharedSteps(place, .discard, recipient) }
        return steps
    }

    /// Where the user's scripts find those that they include.
    func places(_ recipient: DeliveryRecipient) -> ScriptPlaces {
        var places = ScriptPlaces(user: recipient.account.identity.name)
        places.personal = self.options.personalDirectory.flatMap { self.options.path($0, for: recipient) }
        places.global = self.options.global.compactMap { self.options.path($0, for: recipient) }
        if !self.options.fallbackName.isEmpty, let fallback = self.options.fallback,
            let path = self.options.path(fallback, for: recipient)
        {
            places.fallback = SieveStorage.Fallback(name: self.options.fallbackName, path: path)
        }
        return places
    }

    private func existing(_ place: String?, _ recipient: DeliveryRecipient) throws(StoreError) -> String? {
        guard let place, let path = self.options.path(place, for: recipient) else { return nil }
        do throws(StoreError) {
            if case .absent = try ScriptFile.kind(of: path) { return nil }
        } catch  where error.code == .noPermission || error.code == .cannot {
            // It is there, and the fault is told when it is read.
        }
        return path
    }

    private func sharedSteps(
        _ place: String, _ kind: Step.Kind, _ recipient: DeliveryRecipient
    ) throws(StoreError) -> [Step] {
        guard let path = self.options.path(place, for: recipient) else { return [] }
        do throws(StoreError) {
            switch try ScriptFile.kind(of: path) {
            case .absent: return []
            case .file: return [Step(path: path, kind: kind)]
            case .directory: return try ScriptFile.list(path).map { Step(path: $0, kind: kind) }
            }
        } catch  where error.code == .noPermission || error.code == .cannot {
            return [Step(path: path, kind: kind)]
        }
    }

    // MARK: The user's log

    /// Writes to the user's log, under the ids in force.
    private func note(_ lines: [String], _ envelope: DeliveryEnvelope, _ recipient: DeliveryRecipient) {
        guard !lines.isEmpty, !self.options.userLog.isEmpty,
            let path = self.options.path(self.options.userLog, for: recipient)
        else { return }
        UserLog.append(lines, to: path, at: envelope.receivedAt)
    }

    /// The same under the owner's ids, for what was found out later.
    func noteAsOwner(_ lines: [String], _ envelope: DeliveryEnvelope, _ recipient: DeliveryRecipient) {
        do throws(StoreError) {
            try recipient.account.identity.asOwner { () throws(StoreError) in
                self.note(lines, envelope, recipient)
            }
        } catch {
            self.options.report("user \(recipient.account.identity.name): sieve log: \(error)")
        }
    }
}
