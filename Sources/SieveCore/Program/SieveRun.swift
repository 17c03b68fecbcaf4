import MIMECore

/// One run of one script: the state its instructions work on.
struct SieveRun {
    /// What belongs to one script where others are included.
    private struct Frame {
        var script: SieveScript
        /// The instruction in work.
        var counter = 0
        var locals: [[UInt8]]
        var matches: [[UInt8]] = []
        /// Capabilities that `ihave` has put in force.
        var enabled: Set<String> = []

        init(_ script: SieveScript) {
            self.script = script
            self.locals = Array(repeating: [], count: script.localCount)
        }
    }

    /// How a script came to its end.
    private enum Ending { case finished, stopped }

    private(set) var message: SieveMessage
    var environment: SieveEnvironment
    var limits: SieveLimits
    var result = SieveResult()
    /// The internal variable of imap4flags (RFC 5232 section 2).
    var flags: [String]
    /// MIME parts being walked over, the innermost last.
    var walks: [PartWalk] = []
    /// The parts of the message, once they were asked for.
    var cachedView: MIMEView?
    private var isCapturing = true
    private var frame: Frame
    private var globals: [String: [UInt8]] = [:]
    private var includedOnce: Set<String> = []
    private var stepsLeft: Int
    /// Until the host is asked whether the run may go on.
    private var stepsToLook = SieveRun.lookInterval
    /// The result of the last test.
    private var flag = false
    /// What the test in work compared, where somebody watches.
    private var compared: [SieveTrace.Comparison] = []
    /// Where the instruction in work wants to go on.
    private var detour: Int?

    init(
        _ script: SieveScript, _ message: SieveMessage, _ environment: SieveEnvironment, _ limits: SieveLimits,
        flags: [String]
    ) {
        self.frame = Frame(script)
        self.message = message
        self.environment = environment
        self.limits = limits
        self.stepsLeft = limits.steps
        self.flags = flags
    }

    var policy: SievePolicy { self.environment.policy }
    var host: any SieveHost { self.environment.host }

    var position: SievePosition {
        self.frame.counter < self.frame.script.positions.count
            ? self.frame.script.positions[self.frame.counter] : SievePosition(line: 1, column: 1)
    }

    func error(_ text: String) -> SieveRuntimeError {
        SieveRuntimeError(script: self.frame.script.name, position: self.position, text: text)
    }

    /// Some milliseconds of work.
    private static let lookInterval = 200_000

    /// Takes work from what the run may do.
    mutating func spend(_ steps: Int) throws(SieveRuntimeError) {
        self.stepsLeft -= steps
        if self.stepsLeft < 0 { throw self.error("the script took too much CPU time with this message") }
        self.stepsToLook -= steps
        guard self.stepsToLook < 0 else { return }
        self.stepsToLook = Self.lookInterval
        if let reason = self.host.reasonToEnd() { throw self.error(reason) }
    }

    /// Goes on behind the next instruction for which `isEnd` holds, with no walk over parts left; `false`: there is
    /// none.
    mutating func skip(behind isEnd: (any SieveOperation) -> Bool) -> Bool {
        let program = self.frame.script.program
        for index in program.indices.dropFirst(self.frame.counter + 1) {
            guard case .perform(let operation) = program[index], isEnd(operation) else { continue }
            self.detour = index + 1
            self.walks.removeAll()
            return true
        }
        return false
    }

    /// The script in work, as logs call it.
    var scriptName: String { self.frame.script.name }

    /// What tells the script in work from others.
    var scriptIdentity: String { self.frame.script.identity }

    /// Puts capabilities in force for the script in work.
    mutating func enable(_ capabilities: [String]) { self.frame.enabled.formUnion(capabilities) }

    /// Whether `ihave` has put the capability in force.
    func isEnabled(_ capability: String) -> Bool { self.frame.enabled.contains(capability) }

    // MARK: Variables

    /// Whether match variables are of use.
    var capturesMatches: Bool { self.isCapturing && self.frame.script.usesVariables }

    /// Lets matches leave the match variables as they are, until `resumeCaptures`.
    mutating func suspendCaptures() -> Bool {
        defer { self.isCapturing = false }
        return self.isCapturing
    }

    mutating func resumeCaptures(_ earlier: Bool) { self.isCapturing = earlier }

    mutating func setMatches(_ matches: [[UInt8]]) { self.frame.matches = matches.map(self.cut) }

    func value(of variable: SieveVariable) -> [UInt8] {
        switch variable {
        case .match(let index):
            index < self.frame.matches.count ? self.frame.matches[index] : []
        case .local(let index): index < self.frame.locals.count ? self.frame.locals[index] : []
        case .global(let name): self.globals[name] ?? []
        case .item(let name): self.environmentItem(name) ?? []
        }
    }

    mutating func set(_ variable: SieveVariable, _ value: [UInt8]) {
        switch variable {
        case .local(let index) where index < self.frame.locals.count: self.frame.locals[index] = self.cut(value)
        case .global(let name):
            if self.globals[name] != nil || self.globals.count < self.limits.variables {
                self.globals[name] = self.cut(value)
            }
        case .local, .match, .item: break
        }
    }

    /// Cut to the last whole character that fits (RFC 5229 section 6).
    private func cut(_ value: [UInt8]) -> [UInt8] {
        guard value.count > self.limits.variableSize else { return value }
        var end = self.limits.variableSize
        while end > 0, value[end] & 0xC0 == 0x80 { end -= 1 }
        return Array(value[..<end])
    }

    // MARK: Actions

    /// Notes an action, merged with one that is the same already.
    ///
    /// - Parameters:
    ///   - cancelsKeep: whether the implicit keep is not to be done any more.
    ///   - counts: whether it is one more of those that are limited, and not a part of the one before.
    mutating func add(
        _ kind: SieveAction.Kind, cancelsKeep: Bool = true, counts: Bool = true
    ) throws(SieveRuntimeError) {
        var kind = kind
        for (index, earlier) in self.result.actions.enumerated() {
            switch earlier.kind.relation(to: kind, defaultMailbox: self.environment.defaultMailbox) {
            case .independent: continue
            case .duplicate:
                self.result.note(kind, cancelsKeep: cancelsKeep)
                self.result.merge(kind, into: index)
                return
            case .conflict(let text): throw self.error(text)
            case .reduced(let rest): kind = rest
            }
        }
        if counts { try self.count(kind) }
        self.environment.trace?(
            SieveTrace(script: self.frame.script.name, position: self.position, event: .action(kind)))
        self.result.note(kind, cancelsKeep: cancelsKeep)
        var action = SieveAction(
            kind: kind, message: self.result.version(of: self.message), script: self.frame.script.name,
            position: self.position)
        action.counts = counts
        self.result.actions.append(action)
    }

    /// Holds an action that is to be added against the limits.
    private func count(_ kind: SieveAction.Kind) throws(SieveRuntimeError) {
        let counted = self.result.actions.lazy.filter(\.counts)
        switch kind {
        case .redirect:
            if self.limits.redirects == 0 { throw self.error("redirect is not allowed here") }
            let redirects = counted.count { if case .redirect = $0.kind { true } else { false } }
            if redirects >= self.limits.redirects {
                throw self.error("more than \(self.limits.redirects) redirects of one message")
            }
        case .notify:
            let limit = self.policy.maximumNotifications
            if limit == 0 { throw self.error("notify is not allowed here") }
            let notifications = counted.count { if case .notify = $0.kind { true } else { false } }
            if notifications >= limit { throw self.error("more than \(limit) notifications for one message") }
        default: break
        }
        if self.limits.actions > 0, counted.count >= self.limits.actions {
            throw self.error("more than \(self.limits.actions) actions for one message")
        }
    }

    /// Goes on with an edited message; actions noted before keep the form they were noted with.
    mutating func edit(_ message: SieveMessage) throws(SieveRuntimeError) {
        self.message = message
        self.result.hasUnnotedEdit = true
        self.cachedView = nil
        guard !self.walks.isEmpty else { return }
        // A loop over many parts may edit in each; finding parts is quicker than other looks at octets.
        try self.spend((message.header.count + message.body.count) / 4)
        let view = MIMEView(message)
        self.cachedView = view
        for index in self.walks.indices { self.walks[index].follow(view) }
    }

    /// Puts another message in the place of this one, as if the run had begun with it.
    mutating func begin(with message: SieveMessage) {
        self.message = message
        self.cachedView = nil
        self.walks.removeAll()
    }

    // MARK: Trace

    /// Whether somebody watches the run.
    var isWatched: Bool { self.environment.trace != nil }

    /// Notes what a test compares, for those who watch the run.
    mutating func noteComparison(_ values: [[UInt8]], _ keys: [[UInt8]]) {
        guard self.environment.trace != nil else { return }
        self.compared.append(SieveTrace.Comparison(values: values, keys: keys))
    }

    private mutating func traceTest() {
        guard let trace = self.environment.trace else { return }
        trace(
            SieveTrace(
                script: self.frame.script.name, position: self.position,
                event: .test(self.compared, result: self.flag)))
        self.compared = []
    }

    // MARK: Running

    mutating func run() throws(SieveRuntimeError) {
        _ = try self.execute()
        self.result.flags = self.flags
        self.result.keepMessage = self.result.version(of: self.message)
        self.result.finalMessage = self.message
    }

    /// Runs the script of the frame to its end.
    private mutating func execute() throws(SieveRuntimeError) -> Ending {
        let program = self.frame.script.program
        while self.frame.counter < program.count {
            try self.spend(1)
            var next = self.frame.counter + 1
            switch program[self.frame.counter] {
            case .perform(let operation): try operation.perform(&self)
            case .test(let test):
                self.flag = try test.evaluate(&self)
                self.traceTest()
            case .setFlag(let value): self.flag = value
            case .invertFlag: self.flag.toggle()
            case .jump(.always, let target): next = target
            case .jump(.ifFalse, let target): if !self.flag { next = target }
            case .jump(.ifTrue, let target): if self.flag { next = target }
            case .include(let number, let once):
                if try self.include(number, once: once) == .stopped { return .stopped }
            case .beginParts(let end):
                if try !PartWalk.begin(&self) { next = end }
            case .nextPart(let begin):
                if try PartWalk.advance(&self) { next = begin }
            case .leaveParts(let count): self.walks.removeLast(min(count, self.walks.count))
            case .leave: return .finished
            case .stop: return .stopped
            }
            if let detour = self.detour {
                next = detour
                self.detour = nil
            }
            self.frame.counter = next
        }
        return .finished
    }

    private static let includeSteps = 500

    /// Runs an included script (RFC 6609). The compiler has bounded the depth.
    private mutating func include(_ number: Int, once: Bool) throws(SieveRuntimeError) -> Ending {
        guard number < self.frame.script.includes.count else { return .finished }
        // Scripts that include others ten times each, some levels deep, are a short way to a very long run.
        try self.spend(Self.includeSteps)
        let script = self.frame.script.includes[number]
        let isNew = self.includedOnce.insert(script.identity).inserted
        if once, !isNew { return .finished }
        let outer = self.frame
        let walks = self.walks.count
        self.frame = Frame(script)
        let ending = try self.execute()
        self.frame = outer
        self.walks.removeLast(max(0, self.walks.count - walks))
        return ending
    }
}

extension SieveScript {
    /// Runs the script over a message. Deterministic but for what the host answers; bounded by `limits`.
    ///
    /// - Parameter flags: the flags that an earlier script of the same delivery has set.
    public func run(
        _ message: SieveMessage, _ environment: SieveEnvironment, limits: SieveLimits, flags: [String] = []
    ) -> SieveResult {
        var run = SieveRun(self, message, environment, limits, flags: flags)
        do throws(SieveRuntimeError) {
            try run.run()
            return run.result
        } catch {
            var failed = SieveResult()
            failed.error = error
            failed.finalMessage = message
            return failed
        }
    }
}
