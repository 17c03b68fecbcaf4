import Glibc
import MIMECore
import MailCore
import MailStore
import SieveCore
import SieveStorage

/// Runs scripts over a message that is in a mailbox, and makes a plan of what they decide.
///
/// Everything here waits for the disk, for programs, and computes: it runs on one of the `ScriptThreads`.
struct FiledMessageScripts: Sendable {
    /// One script that is to run.
    enum Step: Sendable {
        /// A file; faults of one in the user's language are told to the user.
        case file(String, ScriptLibrary.Language)
        case compiled(SieveScript)
    }

    /// What the scripts of one message came to.
    struct Verdict: Sendable {
        var plan: DeliveryPlan
        /// What went wrong with a script of the user's, or with the one that was given.
        var faults: [String] = []
        /// What a person should know though it was done.
        var warnings: [String] = []
    }

    let planner: SievePlanner
    let recipient: DeliveryRecipient
    let mailbox: MailboxName
    let mailboxes: MailboxDirectory
    /// Items of the environment beside the usual ones.
    let items: [String: String]
    /// Whether there is an envelope, made up from the header.
    let hasEnvelope: Bool
    /// Whether answers to the sender are left out in silence.
    let forgetsAnswers: Bool
    /// What the user's scripts remember.
    let memory: any DeliveryMemory
    /// Seconds since 1970.
    let now: Int64
    /// What logs call this.
    let session: String
    /// Ends a run by `.temporary`.
    let interruption: ScriptInterruption

    func verdict(_ message: FiledMessage, _ steps: [Step]) throws(StoreError) -> Verdict {
        try self.recipient.account.identity.asOwner { () throws(StoreError) in
            try message.octets.octets.withUnsafeBytes { (bytes) throws(StoreError) in
                try self.run(bytes, message, steps)
            }
        }
    }

    private var options: SieveOptions { self.planner.options }

    private func run(
        _ bytes: UnsafeRawBufferPointer, _ message: FiledMessage, _ steps: [Step]
    ) throws(StoreError) -> Verdict {
        let view = SieveMessage(Octets(bytes), limits: self.options.limits, converter: .system)
        let sender = self.hasEnvelope ? Self.returnPath(bytes) : ""
        let envelope = DeliveryEnvelope(sender: sender, receivedAt: self.now, session: self.session)
        let memory = ScriptMemory(self.memory, self.recipient.account, at: self.now)
        let host = DeliveryHost(
            self.recipient, self.planner.context(envelope, self.recipient), self.options, mailboxes: self.mailboxes,
            memory: memory, until: self.interruption)
        var environment = self.planner.environment(
            envelope, self.recipient, FiledMessageHost(base: host, items: self.items))
        environment.hasEnvelope = self.hasEnvelope
        environment.defaultMailbox = self.recipient.account.spelling.text(of: self.mailbox)
        let places = self.planner.places(self.recipient)
        var sequence = SieveSequence(flags: message.flagNames)
        var verdict = Verdict(plan: DeliveryPlan())
        var current = view
        for step in steps where sequence.goesOn {
            let script: SieveScript
            let path: String?
            switch step {
            case .compiled(let compiled): (script, path) = (compiled, nil)
            case .file(let file, let language):
                path = language == .personal ? nil : file
                do throws(StoreError) {
                    guard let compilation = try self.planner.library.script(at: file, language, places) else {
                        continue
                    }
                    guard let compiled = compilation.script else {
                        let name = ScriptFile.name(of: file)
                        self.tell(compilation.diagnostics.map { "\(name): \($0)" }, path, &verdict)
                        sequence.fail(SievePlanner.error(file, "the script has errors"))
                        continue
                    }
                    script = compiled
                } catch  where error.code == .noPermission || error.code == .cannot {
                    self.options.report("user \(self.recipient.account.identity.name): sieve: \(error)")
                    self.tell(["\(ScriptFile.name(of: file)): error: the script cannot be read"], path, &verdict)
                    sequence.fail(SievePlanner.error(file, "cannot be read"))
                    continue
                }
            }
            let result = script.run(current, environment, limits: self.options.limits, flags: sequence.flags)
            try host.checkInterruption()
            sequence.add(result)
            if let edited = sequence.message { current = edited }
            if let error = sequence.error { self.tell(["\(script.name): \(error)"], path, &verdict) }
        }
        if self.forgetsAnswers { sequence.forgetAnswers() }
        verdict.warnings = host.notes
        verdict.plan = ScriptExecutor(options: self.options, memory: memory).plan(
            of: sequence,
            in: SieveSituation(
                octets: bytes, message: view, envelope: envelope, recipient: self.recipient,
                keepMailbox: self.mailbox, mailboxes: self.mailboxes, environment: environment, ownerSends: true),
            &verdict.warnings)
        return verdict
    }

    /// - Parameter path: of a script for all users.
    private func tell(_ faults: [String], _ path: String?, _ verdict: inout Verdict) {
        if let path {
            self.options.report(
                "user \(self.recipient.account.identity.name): sieve script \(path): \(faults.joined(separator: "; "))")
        } else {
            verdict.faults += faults
        }
    }

    /// The sender that the last MTA wrote down; empty where there is none.
    private static func returnPath(_ bytes: UnsafeRawBufferPointer) -> String {
        let octets = Octets(bytes)
        for field in HeaderScanner(octets) where octets[field.name].equals(lowercase: "return-path") {
            var body = HeaderBody.unfolded(octets[field.body][0..<1000])
            body.removeAll { $0 == UInt8(ascii: "<") || $0 == UInt8(ascii: ">") || $0 == 0x20 || $0 == 0x09 }
            return String(decoding: body, as: UTF8.self)
        }
        return ""
    }

    /// Writes to the user's log.
    func note(_ lines: [String]) {
        guard !lines.isEmpty, !self.options.userLog.isEmpty,
            let path = self.options.path(self.options.userLog, for: self.recipient)
        else { return }
        do throws(StoreError) {
            try self.recipient.account.identity.asOwner { () throws(StoreError) in
                UserLog.append(lines, to: path, at: self.now)
            }
        } catch {
            self.options.report("user \(self.recipient.account.identity.name): sieve log: \(error)")
        }
    }
}
