/// Checks the tree of a script and turns it into instructions.
///
/// Recursion is bounded: the parser has limited the depth of the tree.
struct ScriptCompiler {
    let registry: SieveRegistry
    let limits: SieveLimits
    var diagnostics: SieveDiagnostics
    private(set) var required: Set<String> = []
    private(set) var program: [SieveInstruction] = []
    /// Of each instruction.
    private(set) var positions: [SievePosition] = []
    /// Whether a command other than `require` was there.
    private var isPastRequire = false
    /// Blocks around the command in work.
    private var depth = 0
    private var position = SievePosition(line: 1, column: 1)

    /// An `if` whose `elsif` or `else` may follow.
    private struct OpenIf {
        /// The jump past the last block, taken when its test was false.
        var falseJump: Int
        /// Jumps from the ends of the blocks to the end of all.
        var endJumps: [Int]
    }
    private var openIf: OpenIf?

    init(_ registry: SieveRegistry, _ limits: SieveLimits, _ diagnostics: SieveDiagnostics) {
        self.registry = registry
        self.limits = limits
        self.diagnostics = diagnostics
    }

    mutating func error(_ position: SievePosition, _ text: String) { self.diagnostics.error(position, text) }

    // MARK: Capabilities

    func has(_ capability: String) -> Bool {
        self.required.contains(capability) || self.registry.implicit.contains(capability)
    }

    mutating func require(_ literal: StringLiteral) {
        let name = String(decoding: literal.octets, as: UTF8.self)
        guard self.registry.knows(name) else {
            self.error(literal.position, "this server has no extension \(quoted(name))")
            // Noted all the same: its words are unknown anyway, and one error for it is enough.
            return
        }
        self.required.insert(name)
    }

    /// Whether `require` may still stand here.
    var allowsRequire: Bool { !self.isPastRequire && self.depth == 0 }

    // MARK: Commands

    mutating func commands(_ nodes: [SyntaxNode]) {
        let outer = self.openIf
        self.openIf = nil
        for node in nodes { self.command(node) }
        self.closeIf()
        self.openIf = outer
    }

    /// The commands of the node's block.
    mutating func block(of arguments: SieveArguments) {
        self.depth += 1
        self.commands(arguments.node.block ?? [])
        self.depth -= 1
    }

    private mutating func command(_ node: SyntaxNode) {
        if node.name != "elsif", node.name != "else" { self.closeIf() }
        if node.name != "require" { self.isPastRequire = true }
        self.position = node.position
        guard let definition = self.registry.commands[node.name] else {
            if self.registry.tests[node.name] != nil {
                self.error(node.position, "\(quoted(node.name)) is a test; it belongs behind \"if\"")
            } else {
                self.error(node.position, "unknown command \(quoted(node.name))")
            }
            // What stands in its block is looked at all the same.
            if let block = node.block {
                self.depth += 1
                self.commands(block)
                self.depth -= 1
            }
            return
        }
        self.checkCapability(definition, node.position)
        if let arguments = SieveArguments(node, definition.signature, &self) {
            definition.compile(&self, arguments)
        } else {
            for test in node.tests.tests { self.test(test) }
            if let block = node.block {
                self.depth += 1
                self.commands(block)
                self.depth -= 1
            }
            // So that a faulty `if` does not make its `else` faulty too.
            if node.name == "if" { self.openIf = OpenIf(falseJump: self.emitJump(.ifFalse), endJumps: []) }
        }
    }

    private mutating func checkCapability(_ definition: SieveDefinition, _ position: SievePosition) {
        guard let capability = definition.capability, !self.has(capability) else { return }
        self.error(
            position,
            "\(quoted(definition.name)) needs `require \(quoted(capability));` at the beginning of the script"
        )
    }

    // MARK: Tests

    /// Emits a test; its result is in the run's flag.
    mutating func test(_ node: SyntaxNode) {
        self.position = node.position
        guard let definition = self.registry.tests[node.name] else {
            if self.registry.commands[node.name] != nil {
                self.error(node.position, "\(quoted(node.name)) is a command, not a test")
            } else {
                self.error(node.position, "unknown test \(quoted(node.name))")
            }
            for test in node.tests.tests { self.test(test) }
            return
        }
        self.checkCapability(definition, node.position)
        if let arguments = SieveArguments(node, definition.signature, &self) {
            definition.compile(&self, arguments)
        } else {
            for test in node.tests.tests { self.test(test) }
        }
    }

    // MARK: if, elsif, else

    mutating func compileIf(_ arguments: SieveArguments) {
        if let test = arguments.node.tests.tests.first { self.test(test) }
        let falseJump = self.emitJump(.ifFalse)
        self.block(of: arguments)
        self.openIf = OpenIf(falseJump: falseJump, endJumps: [])
    }

    mutating func compileElsif(_ arguments: SieveArguments) {
        guard var chain = self.continueIf(arguments) else { return }
        if let test = arguments.node.tests.tests.first { self.test(test) }
        chain.falseJump = self.emitJump(.ifFalse)
        self.block(of: arguments)
        self.openIf = chain
    }

    mutating func compileElse(_ arguments: SieveArguments) {
        guard let chain = self.continueIf(arguments) else { return }
        self.block(of: arguments)
        for jump in chain.endJumps { self.land(jump) }
    }

    /// Ends the block before with a jump over what follows, where the false test continues.
    private mutating func continueIf(_ arguments: SieveArguments) -> OpenIf? {
        guard var chain = self.openIf else {
            self.error(
                arguments.position,
                "\(quoted(arguments.node.name)) must follow an \"if\" or \"elsif\" directly")
            for test in arguments.node.tests.tests { self.test(test) }
            self.block(of: arguments)
            return nil
        }
        self.openIf = nil
        chain.endJumps.append(self.emitJump(.always))
        self.land(chain.falseJump)
        return chain
    }

    private mutating func closeIf() {
        guard let chain = self.openIf else { return }
        self.openIf = nil
        self.land(chain.falseJump)
        for jump in chain.endJumps { self.land(jump) }
    }

    // MARK: Instructions

    mutating func emit(_ instruction: SieveInstruction) {
        self.program.append(instruction)
        self.positions.append(self.position)
    }

    mutating func emit(_ operation: any SieveOperation) { self.emit(.perform(operation)) }
    mutating func emit(_ test: any SieveTest) { self.emit(.test(test)) }

    /// Emits a jump whose target is not known yet.
    mutating func emitJump(_ condition: SieveInstruction.Condition) -> Int {
        self.emit(.jump(condition, to: 0))
        return self.program.count - 1
    }

    /// Lets the jump lead to the next instruction.
    mutating func land(_ jump: Int) {
        guard case .jump(let condition, _) = self.program[jump] else { return }
        self.program[jump] = .jump(condition, to: self.program.count)
    }

    // MARK: Arguments

    /// A string as a run will evaluate it, substitutions of the required extensions done.
    mutating func text(_ literal: StringLiteral) -> SieveText {
        guard self.has("encoded-character") else { return SieveText(literal.octets) }
        switch EncodedCharacter.decode(literal.octets) {
        case .success(let octets): return SieveText(octets)
        case .failure(let problem):
            self.error(literal.position, "\(problem.text) in \(quoted(literal.octets))")
            return SieveText([])
        }
    }

    mutating func texts(_ literals: [StringLiteral]) -> [SieveText] {
        var texts: [SieveText] = []
        texts.reserveCapacity(literals.count)
        for literal in literals { texts.append(self.text(literal)) }
        return texts
    }
}
