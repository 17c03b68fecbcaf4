import Glibc
import MIMECore
import MailCore
import MailStore
import SieveCore

/// Runs a recipient's scripts over a message and makes a plan of what they decide.
///
/// Everything here waits for the disk and computes: it runs on a storage thread.
struct SievePlanner: Sendable {
    let options: SieveOptions
    let library: ScriptLibrary

    /// One script that is to run.
    private struct Step {
        var path: String
        /// Whether the script is the user's own, so that faults are told to the user.
        var isPersonal: Bool
    }

    /// The plan for one recipient; `nil`: a script asks for mailboxes, and they must be given.
    ///
    /// - Parameters:
    ///   - keepMailbox: where keep files the message.
    ///   - mailboxes: those of the user, once they were asked for.
    func plan(
        _ octets: UnsafeRawBufferPointer, _ message: SieveMessage, _ envelope: DeliveryEnvelope,
        _ recipient: DeliveryRecipient, keepMailbox: MailboxName, mailboxes: MailboxDirectory?
    ) -> DeliveryPlan? {
        do throws(StoreError) {
            return try recipient.account.identity.asOwner { () throws(StoreError) -> DeliveryPlan? in
                try self.run(octets, message, envelope, recipient, keepMailbox, mailboxes)
            }
        } catch {
            // The disk did not answer now: the filter must not be passed over for that.
            return DeliveryPlan(failure: error)
        }
    }

    private func run(
        _ octets: UnsafeRawBufferPointer, _ message: SieveMessage, _ envelope: DeliveryEnvelope,
        _ recipient: DeliveryRecipient, _ keepMailbox: MailboxName, _ mailboxes: MailboxDirectory?
    ) throws(StoreError) -> DeliveryPlan? {
        var sequence = SieveSequence()
        var notes: [String] = []
        var hasScript = false
        var current = message
        var environment = SieveEnvironment(
            sender: SieveAddress(envelope: envelope.sender),
            recipient: SieveAddress(envelope: recipient.address))
        environment.now = MessageDate(
            secondsSince1970: envelope.receivedAt, zoneOffsetMinutes: Self.zoneOffsetMinutes(envelope.receivedAt))
        environment.policy = self.options.policy
        if let mailboxes { environment.host = mailboxes }
        for step in try self.steps(recipient) where sequence.goesOn {
            hasScript = true
            let fault: String
            do throws(StoreError) {
                guard let compilation = try self.library.script(at: step.path) else { continue }
                if let script = compilation.script {
                    if mailboxes == nil, script.asksForMailboxes { return nil }
                    sequence.add(
                        script.run(
                            current, environment, limits: self.options.limits, flags: sequence.flags))
                    if let edited = sequence.message { current = edited }
                    guard let error = sequence.error else { continue }
                    fault = "\(script.name): \(error)"
                } else {
                    fault = compilation.diagnostics.map { "\(ScriptFile.name(of: step.path)): \($0)" }
                        .joined(separator: "\n")
                    sequence.fail(Self.error(step.path, "the script has errors"))
                }
            } catch  where error.code == .noPermission || error.code == .cannot {
                fault = "\(ScriptFile.name(of: step.path)): error: the script cannot be read"
                self.options.report("user \(recipient.account.identity.name): sieve: \(error)")
                sequence.fail(Self.error(step.path, "cannot be read"))
            }
            if step.isPersonal {
                notes += fault.split(separator: "\n").map(String.init)
                notes.append("The message was kept in \(keepMailbox).")
            } else {
                self.options.report(
                    "user \(recipient.account.identity.name): sieve script \(step.path): \(fault)")
            }
        }
        if !hasScript { self.library.noteScriptless(recipient.account.identity.name) }
        let situation = SieveSituation(
            octets: octets, message: message, envelope: envelope, recipient: recipient, keepMailbox: keepMailbox,
            mailboxes: mailboxes, environment: environment)
        let plan = ScriptExecutor(options: self.options).plan(of: sequence, in: situation, &notes)
        self.note(notes, envelope, recipient)
        return plan
    }

    /// Minutes east of Greenwich in the server's zone at that time.
    private static func zoneOffsetMinutes(_ time: Int64) -> Int {
        var seconds = time_t(time)
        var parts = tm()
        guard localtime_r(&seconds, &parts) != nil else { return 0 }
        return parts.tm_gmtoff / 60
    }

    private static func error(_ path: String, _ text: String) -> SieveRuntimeError {
        SieveRuntimeError(
            script: ScriptFile.name(of: path), position: SievePosition(line: 1, column: 1), text: text)
    }

    // MARK: Which scripts

    /// The scripts that are there, in their order.
    private func steps(_ recipient: DeliveryRecipient) throws(StoreError) -> [Step] {
        var steps: [Step] = []
        for place in self.options.before { steps += try self.sharedSteps(place, recipient) }
        if let personal = try self.existing(self.options.personal, recipient) {
            steps.append(Step(path: personal, isPersonal: true))
        } else if let fallback = try self.existing(self.options.fallback, recipient) {
            steps.append(Step(path: fallback, isPersonal: false))
        }
        for place in self.options.after { steps += try self.sharedSteps(place, recipient) }
        return steps
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

    private func sharedSteps(_ place: String, _ recipient: DeliveryRecipient) throws(StoreError) -> [Step] {
        guard let path = self.options.path(place, for: recipient) else { return [] }
        do throws(StoreError) {
            switch try ScriptFile.kind(of: path) {
            case .absent: return []
            case .file: return [Step(path: path, isPersonal: false)]
            case .directory: return try ScriptFile.list(path).map { Step(path: $0, isPersonal: false) }
            }
        } catch  where error.code == .noPermission || error.code == .cannot {
            return [Step(path: path, isPersonal: false)]
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
