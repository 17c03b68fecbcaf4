/// What a script knows of the delivery beside the message.
public struct SieveEnvironment: Sendable {
    /// MAIL FROM; `nil`: the null sender.
    public var sender: SieveAddress?
    /// RCPT TO of this user.
    public var recipient: SieveAddress?
    /// The name by which users may call the mailbox of keep.
    public var defaultMailbox = "INBOX"

    public init(sender: SieveAddress?, recipient: SieveAddress?) {
        self.sender = sender
        self.recipient = recipient
    }
}

/// One run of one script: the state its instructions work on.
struct SieveRun {
    let script: SieveScript
    let message: SieveMessage
    let environment: SieveEnvironment
    let limits: SieveLimits
    private(set) var result = SieveResult()
    private var redirects = 0
    private var stepsLeft: Int
    /// The result of the last test.
    private var flag = false
    /// The instruction in work.
    private var counter = 0

    init(
        _ script: SieveScript, _ message: SieveMessage, _ environment: SieveEnvironment, _ limits: SieveLimits
    ) {
        self.script = script
        self.message = message
        self.environment = environment
        self.limits = limits
        self.stepsLeft = limits.steps
    }

    var position: SievePosition {
        self.counter < self.script.positions.count
            ? self.script.positions[self.counter] : SievePosition(line: 1, column: 1)
    }

    func error(_ text: String) -> SieveRuntimeError {
        SieveRuntimeError(script: self.script.name, position: self.position, text: text)
    }

    /// Takes work from what the run may do.
    mutating func spend(_ steps: Int) throws(SieveRuntimeError) {
        self.stepsLeft -= steps
        if self.stepsLeft < 0 { throw self.error("the script took too much time with this message") }
    }

    /// Notes an action, merged with one that is the same already.
    mutating func add(_ kind: SieveAction.Kind) throws(SieveRuntimeError) {
        self.result.keepsImplicitly = false
        if kind == .keep { self.result.keepsExplicitly = true }
        for earlier in self.result.actions
        where earlier.relation(to: kind, defaultMailbox: self.environment.defaultMailbox) == .duplicate {
            return
        }
        if case .redirect = kind {
            if self.limits.redirects == 0 { throw self.error("redirect is not allowed here") }
            self.redirects += 1
            if self.redirects > self.limits.redirects {
                throw self.error("more than \(self.limits.redirects) redirects of one message")
            }
        }
        if self.limits.actions > 0, self.result.actions.count >= self.limits.actions {
            throw self.error("more than \(self.limits.actions) actions for one message")
        }
        self.result.actions.append(
            SieveAction(kind: kind, script: self.script.name, position: self.position))
    }

    /// Runs to the end.
    mutating func execute() throws(SieveRuntimeError) {
        let program = self.script.program
        while self.counter < program.count {
            try self.spend(1)
            var next = self.counter + 1
            switch program[self.counter] {
            case .perform(let operation): try operation.perform(&self)
            case .test(let test): self.flag = try test.evaluate(&self)
            case .setFlag(let value): self.flag = value
            case .invertFlag: self.flag.toggle()
            case .jump(.always, let target): next = target
            case .jump(.ifFalse, let target): if !self.flag { next = target }
            case .jump(.ifTrue, let target): if self.flag { next = target }
            case .stop: return
            }
            self.counter = next
        }
    }
}

extension SieveScript {
    /// Runs the script over a message. Deterministic; bounded by `limits`.
    public func run(
        _ message: SieveMessage, _ environment: SieveEnvironment, limits: SieveLimits
    ) -> SieveResult {
        var run = SieveRun(self, message, environment, limits)
        do throws(SieveRuntimeError) {
            try run.execute()
            return run.result
        } catch {
            var failed = SieveResult()
            failed.error = error
            return failed
        }
    }
}
