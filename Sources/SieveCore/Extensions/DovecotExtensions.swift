import MailCore

extension SieveExtension {
    /// vnd.dovecot.debug.
    static let dovecotDebug = SieveExtension(
        capability: "vnd.dovecot.debug",
        commands: [
            SieveDefinition(
                "debug_log", capability: "vnd.dovecot.debug",
                Signature(positional: [PositionalArgument("the message", .string)])
            ) { compiler, arguments in
                for literal in arguments.strings(0) { compiler.emit(DebugOperation(text: compiler.text(literal))) }
            }
        ])

    /// vnd.dovecot.report: a report of abuse (RFC 5965).
    static let dovecotReport = SieveExtension(
        capability: "vnd.dovecot.report",
        commands: [
            SieveDefinition(
                "report", capability: "vnd.dovecot.report",
                Signature(
                    tags: [TagDefinition("headers_only")],
                    positional: [
                        PositionalArgument("the kind of feedback", .string), PositionalArgument("the text", .string),
                        PositionalArgument("the address", .string),
                    ])
            ) { compiler, arguments in
                guard let feedback = arguments.strings(0).first, let text = arguments.strings(1).first,
                    let address = arguments.strings(2).first
                else { return }
                let kind = compiler.text(feedback)
                if let octets = kind.constant, !ReportOperation.isFeedbackType(octets) {
                    compiler.error(feedback.position, "\(quoted(octets)) is no kind of feedback, such as \"abuse\"")
                }
                let to = compiler.text(address)
                if let octets = to.constant, OutboundAddress.parse(octets) == nil {
                    compiler.error(address.position, "\(quoted(octets)) is no address to which mail can be sent")
                }
                compiler.emit(
                    ReportOperation(
                        feedback: kind, text: compiler.text(text), address: to,
                        headersOnly: arguments.has("headers_only")))
            }
        ])

    /// vnd.dovecot.pipe.
    static let dovecotPipe = SieveExtension(
        capability: "vnd.dovecot.pipe",
        commands: [
            SieveDefinition(
                "pipe", capability: "vnd.dovecot.pipe",
                Signature(
                    tags: [TagDefinition("try"), TagDefinition("copy", capability: "copy")],
                    positional: ProgramText.arguments)
            ) { compiler, arguments in
                guard let program = ProgramText(arguments, &compiler) else { return }
                compiler.emit(
                    PipeOperation(
                        program: program, mayFail: arguments.has("try"), isCopy: arguments.has("copy")))
            }
        ])

    /// vnd.dovecot.filter, as command and as test.
    static let dovecotFilter = SieveExtension(
        capability: "vnd.dovecot.filter",
        commands: [
            SieveDefinition("filter", capability: "vnd.dovecot.filter", Signature(positional: ProgramText.arguments)) {
                compiler, arguments in
                guard let program = ProgramText(arguments, &compiler) else { return }
                compiler.emit(.perform(FilterProgram(program: program)))
            }
        ],
        tests: [
            SieveDefinition("filter", capability: "vnd.dovecot.filter", Signature(positional: ProgramText.arguments)) {
                compiler, arguments in
                guard let program = ProgramText(arguments, &compiler) else { return }
                compiler.emit(.test(FilterProgram(program: program)))
            }
        ])

    /// vnd.dovecot.execute, as command and as test.
    static let dovecotExecute = SieveExtension(
        capability: "vnd.dovecot.execute",
        commands: [
            SieveDefinition("execute", capability: "vnd.dovecot.execute", ExecuteProgram.signature) {
                compiler, arguments in
                guard let program = ExecuteProgram(arguments, &compiler) else { return }
                compiler.emit(.perform(program))
            }
        ],
        tests: [
            SieveDefinition("execute", capability: "vnd.dovecot.execute", ExecuteProgram.signature) {
                compiler, arguments in
                guard let program = ExecuteProgram(arguments, &compiler) else { return }
                compiler.emit(.test(program))
            }
        ])
}

struct DebugOperation: SieveOperation {
    let text: SieveText

    func perform(_ run: inout SieveRun) throws(SieveRuntimeError) {
        let text = String(decoding: try self.text.octets(&run), as: UTF8.self)
        try run.spend(1000)
        run.host.log(text, of: run.scriptName, at: run.position)
    }
}

struct ReportOperation: SieveOperation {
    let feedback: SieveText
    let text: SieveText
    let address: SieveText
    let headersOnly: Bool

    /// One word (RFC 5965 section 7.3).
    static func isFeedbackType(_ text: [UInt8]) -> Bool {
        !text.isEmpty && text.count <= 64
            && text.allSatisfy { ASCII.isLetter($0) || ASCII.isDigit($0) || "-_.!#$%&'*+^`{|}~".utf8.contains($0) }
    }

    func perform(_ run: inout SieveRun) throws(SieveRuntimeError) {
        var report = SieveAbuseReport()
        report.feedback = try self.feedback.octets(&run)
        guard Self.isFeedbackType(report.feedback) else {
            throw run.error("\(quoted(report.feedback)) is no kind of feedback, such as \"abuse\"")
        }
        report.text = try self.text.octets(&run)
        let address = try self.address.octets(&run)
        guard let parsed = OutboundAddress.parse(address) else {
            throw run.error("\(quoted(address)) is no address to which mail can be sent")
        }
        report.address = parsed
        report.headersOnly = self.headersOnly
        try run.add(.report(report), cancelsKeep: false)
    }
}

/// The program and its arguments as a script names them.
struct ProgramText: Sendable {
    private let program: SieveText
    private let arguments: [SieveText]

    static let arguments = [
        PositionalArgument("the program", .string),
        PositionalArgument("the program's arguments", .stringList, isOptional: true),
    ]

    /// `nil` after an error.
    init?(_ arguments: SieveArguments, _ compiler: inout ScriptCompiler) {
        guard let literal = arguments.strings(0).first else { return nil }
        self.program = compiler.text(literal)
        self.arguments = compiler.texts(arguments.strings(1))
        if let octets = self.program.constant, Self.name(octets) == nil {
            compiler.error(literal.position, "\(quoted(octets)) is no name of a program; paths are not allowed")
            return nil
        }
        for (text, literal) in zip(self.arguments, arguments.strings(1)) {
            guard let octets = text.constant, let fault = Self.fault(octets) else { continue }
            compiler.error(literal.position, fault)
            return nil
        }
    }

    func call(
        _ kind: SieveProgramCall.Kind, _ run: inout SieveRun
    ) throws(SieveRuntimeError) -> SieveProgramCall {
        let name = try self.program.octets(&run)
        guard let program = Self.name(name) else {
            throw run.error("\(quoted(name)) is no name of a program; paths are not allowed")
        }
        var call = SieveProgramCall(kind, program: program)
        call.arguments = try self.arguments.octets(&run)
        for argument in call.arguments {
            if let fault = Self.fault(argument) { throw run.error(fault) }
        }
        try run.spend(1_000_000)
        return call
    }

    /// A plain file name: no directories, nothing hidden.
    private static func name(_ octets: [UInt8]) -> String? {
        guard !octets.isEmpty, octets.count <= 128, octets.first != UInt8(ascii: "."),
            let name = String(validating: octets, as: UTF8.self)
        else { return nil }
        let isPlain = name.unicodeScalars.allSatisfy { scalar in
            switch scalar.value {
            case 0..<0x20, 0x2F, 0x7F...0x9F, 0x2028, 0x2029: false
            default: true
            }
        }
        return isPlain ? name : nil
    }

    /// What is wrong with an argument; programs such as shells would read a second line as more than that.
    private static func fault(_ argument: [UInt8]) -> String? {
        if argument.count > 1024 { return "an argument of a program has more than 1024 octets" }
        if argument.contains(where: { $0 == 0x0D || $0 == 0x0A || $0 == 0 }) {
            return "the argument \(quoted(argument)) of a program has more than one line"
        }
        return nil
    }
}

struct PipeOperation: SieveOperation {
    let program: ProgramText
    let mayFail: Bool
    let isCopy: Bool

    func perform(_ run: inout SieveRun) throws(SieveRuntimeError) {
        var call = try self.program.call(.pipe, &run)
        call.mayFail = self.mayFail
        try run.add(.pipe(call), cancelsKeep: !self.isCopy)
    }
}

/// Puts what the program makes of the message in its place.
struct FilterProgram: SieveOperation, SieveTest {
    let program: ProgramText

    func perform(_ run: inout SieveRun) throws(SieveRuntimeError) { _ = try self.evaluate(&run) }

    func evaluate(_ run: inout SieveRun) throws(SieveRuntimeError) -> Bool {
        let call = try self.program.call(.filter, &run)
        let (succeeded, output) = run.host.run(call, input: run.message.wholeOctets)
        guard succeeded, !output.isEmpty else { return false }
        try run.spend(output.count)
        try run.edit(run.message.replacing(output))
        return true
    }
}

/// Runs a program for its answer.
struct ExecuteProgram: SieveOperation, SieveTest {
    private let program: ProgramText
    private let input: SieveText?
    private let pipesMessage: Bool
    private let output: SieveVariable?

    static let signature = Signature(
        tags: [
            TagDefinition("pipe", group: TagGroup(name: "input")),
            TagDefinition("input", group: TagGroup(name: "input"), argument: .string),
            TagDefinition("output", argument: .string, capability: "variables"),
        ], positional: ProgramText.arguments)

    /// `nil` after an error.
    init?(_ arguments: SieveArguments, _ compiler: inout ScriptCompiler) {
        guard let program = ProgramText(arguments, &compiler) else { return nil }
        self.program = program
        let tag = arguments.tags[TagGroup(name: "input")]
        self.pipesMessage = tag?.name == "pipe"
        self.input = tag?.strings.first.map { compiler.text($0) }
        if let literal = arguments.string("output") {
            guard let variable = compiler.assignedVariable(literal) else { return nil }
            self.output = variable
        } else {
            self.output = nil
        }
    }

    func perform(_ run: inout SieveRun) throws(SieveRuntimeError) { _ = try self.evaluate(&run) }

    func evaluate(_ run: inout SieveRun) throws(SieveRuntimeError) -> Bool {
        let call = try self.program.call(.execute, &run)
        var input: [UInt8] = []
        if self.pipesMessage { input = run.message.wholeOctets }
        if let text = self.input { input = try text.octets(&run) }
        let (succeeded, output) = run.host.run(call, input: input)
        if succeeded, let variable = self.output { run.set(variable, output) }
        return succeeded
    }
}
