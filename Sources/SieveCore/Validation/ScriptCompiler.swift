/// Checks the tree of a script and turns it into instructions.
///
/// Recursion is bounded: the parser has limited the depth of the tree.
struct ScriptCompiler {
    let registry: SieveRegistry
    let limits: SieveLimits
    var diagnostics: SieveDiagnostics
    private(set) var required: Set<String> = []
    /// Those among them that `ihave` and not `require` has brought: in force once a run has come by that test.
    private var conditional: Set<String> = []
    private(set) var program: [SieveInstruction] = []
    /// Of each instruction.
    private(set) var positions: [SievePosition] = []
    /// Names that were complained of already.
    private var complainedOf: Set<String> = []
    /// Whether a command other than `require` was there.
    private var isPastRequire = false
    /// Blocks around the command in work.
    private(set) var depth = 0
    /// What the names of the script's own variables stand for.
    private var variables: [String: SieveVariable] = [:]
    private(set) var localCount = 0
    /// Included scripts, by their numbers in instructions.
    var includes: [SieveScript] = []
    let session: IncludeSession
    /// `foreverypart`s around the command in work, the innermost last.
    var loops: [OpenLoop] = []
    private var position = SievePosition(line: 1, column: 1)
    /// What the last test is known to be whatever the message: set by `ihave`.
    var isTestConstant: Bool?
    /// Whether the command or test in work was complained of.
    private var isFaulty = false

    /// An `if` whose `elsif` or `else` may follow.
    private struct OpenIf {
        /// The jump past the last block, taken when its test was false.
        var falseJump: Int
        /// Jumps from the ends of the blocks to the end of all.
        var endJumps: [Int]
        /// Whether `ihave` makes one of the blocks so far run always, so that no later one ever does.
        var isDecided = false
    }
    private var openIf: OpenIf?

    init(
        _ registry: SieveRegistry, _ limits: SieveLimits, _ diagnostics: SieveDiagnostics, _ session: IncludeSession
    ) {
        self.session = session
        self.registry = registry
        self.limits = limits
        self.diagnostics = diagnostics
    }

    /// Notes an error in the command or test in work; of those in one only the first is told, as the others may
    /// follow from it.
    mutating func error(_ position: SievePosition, _ text: String) {
        guard !self.isFaulty else { return }
        self.isFaulty = true
        self.diagnostics.error(position, text)
    }

    /// Works on a command or test, whose errors are its own.
    private mutating func inside(_ body: (inout ScriptCompiler) -> Void) {
        let outer = self.isFaulty
        self.isFaulty = false
        body(&self)
        self.isFaulty = outer
    }

    // MARK: Capabilities

    func has(_ capability: String) -> Bool {
        self.required.contains(capability) || self.registry.implicit.contains(capability)
    }

    mutating func require(_ literal: StringLiteral) {
        let name = String(decoding: literal.octets, as: UTF8.self)
        // What is asked for is independent of what else is.
        self.isFaulty = false
        guard self.registry.knows(name) else {
            self.error(literal.position, "this server has no extension \(quoted(name))")
            // Noted all the same: its words are unknown anyway, and one error for it is enough.
            return
        }
        let rival = self.registry.successors.first { former, successor in
            (former == name && self.required.contains(successor))
                || (successor == name && self.required.contains(former))
        }
        if let rival {
            self.error(
                literal.position,
                "\(quoted(rival.key)) is an old form of \(quoted(rival.value)); a script cannot use both")
            return
        }
        self.require(name)
    }

    mutating func require(_ capability: String) {
        self.required.insert(capability)
        for implied in self.registry.implied[capability] ?? [] { self.required.insert(implied) }
    }

    /// What `ihave` brings.
    mutating func requireConditionally(_ capabilities: [String]) {
        let earlier = self.required
        for capability in capabilities { self.require(capability) }
        self.conditional.formUnion(self.required.subtracting(earlier))
        let implied = capabilities.flatMap { self.registry.implied[$0] ?? [] }
        self.emit(EnableOperation(capabilities: capabilities + implied))
    }

    /// Notes that what comes next is of that capability.
    mutating func use(_ capability: String) {
        if self.conditional.contains(capability) { self.emit(EnabledCheck(capability: capability)) }
    }

    /// Whether `require` may still stand here.
    var allowsRequire: Bool { !self.isPastRequire && self.depth == 0 }

    // MARK: Variables

    /// The variable of that name, a new one at first sight; `nil` when there are too many.
    mutating func variable(named name: String, at position: SievePosition) -> SieveVariable? {
        if let known = self.variables[name] { return known }
        guard self.localCount < self.limits.variables else {
            self.error(position, "more than \(self.limits.variables) variables")
            return nil
        }
        let variable = SieveVariable.local(self.localCount)
        self.localCount += 1
        self.variables[name] = variable
        return variable
    }

    /// Lets the name stand for a variable that scripts share. `false` when it is in use already.
    mutating func share(_ name: String) -> Bool {
        if case .local = self.variables[name] { return false }
        self.variables[name] = .global(name)
        return true
    }

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
        self.inside { $0.commandInside(node) }
    }

    private mutating func commandInside(_ node: SyntaxNode) {
        if node.name != "elsif", node.name != "else" { self.closeIf() }
        if node.name != "require" { self.isPastRequire = true }
        self.position = node.position
        guard let definition = self.usable(self.registry.command(node.name, self.required), node) else { return }
        if let arguments = SieveArguments(node, definition.signature, &self) {
            definition.compile(&self, arguments)
            return
        }
        self.checkInside(node, definition)
        if definition.signature.hasBlock, let block = node.block {
            self.depth += 1
            self.commands(block)
            self.depth -= 1
        }
        // So that a faulty `if` does not make its `else` faulty too.
        switch node.name {
        case "if": self.openIf = OpenIf(falseJump: self.emitJump(.ifFalse), endJumps: [])
        case "else": self.closeIf()
        default: break
        }
    }

    /// The definition where the script may use it; else complains, once of each name. What depends on something
    /// unknown, such as its block, is not looked at.
    private mutating func usable(_ definition: SieveDefinition?, _ node: SyntaxNode) -> SieveDefinition? {
        let isTest = node.isTest
        if let definition {
            guard let capability = definition.capability else { return definition }
            guard !self.has(capability) else {
                self.use(capability)
                return definition
            }
            guard self.isNew(node) else { return nil }
            self.error(
                node.position,
                "\(quoted(definition.name)) needs `require \(quoted(capability));` at the beginning of the script")
            return nil
        }
        if isTest, self.registry.command(node.name) != nil {
            self.error(node.position, "\(quoted(node.name)) is a command, not a test")
        } else if !isTest, self.registry.test(node.name) != nil {
            self.error(node.position, "\(quoted(node.name)) is a test; it belongs behind \"if\"")
        } else if self.isNew(node) {
            self.error(node.position, "unknown \(isTest ? "test" : "command") \(quoted(node.name))")
        }
        return nil
    }

    /// Whether this name was not complained of before.
    private mutating func isNew(_ node: SyntaxNode) -> Bool {
        self.complainedOf.insert("\(node.isTest ? "test" : "command") \(node.name)").inserted
    }

    /// Whether a tag was not complained of before as one that its command does not know.
    mutating func isNewTag(_ tag: String, of command: String) -> Bool {
        self.complainedOf.insert("tag \(command) \(tag)").inserted
    }

    /// Looks at the tests of a command or test whose own arguments are faulty.
    private mutating func checkInside(_ node: SyntaxNode, _ definition: SieveDefinition) {
        if definition.signature.tests != .none { for test in node.tests.tests { self.test(test) } }
        self.isTestConstant = nil
    }

    // MARK: Tests

    /// Emits a test; its result is in the run's flag. Afterwards `isTestConstant` tells what is known of it.
    mutating func test(_ node: SyntaxNode) {
        self.inside { $0.testInside(node) }
    }

    private mutating func testInside(_ node: SyntaxNode) {
        self.isTestConstant = nil
        self.position = node.position
        guard let definition = self.usable(self.registry.test(node.name, self.required), node) else { return }
        if let arguments = SieveArguments(node, definition.signature, &self) {
            definition.compile(&self, arguments)
        } else {
            self.checkInside(node, definition)
        }
    }

    // MARK: if, elsif, else

    /// The block of an `if` or `elsif`. One that `ihave` keeps from running is not looked at: it may be of a language
    /// that this server does not speak (RFC 5463 section 4).
    private mutating func conditionalBlock(of arguments: SieveArguments, _ chain: inout OpenIf) {
        if chain.isDecided {
            self.emit(.setFlag(false))
            chain.falseJump = self.emitJump(.ifFalse)
            return
        }
        if let test = arguments.node.tests.tests.first { self.test(test) }
        let constant = self.isTestConstant
        self.isTestConstant = nil
        chain.falseJump = self.emitJump(.ifFalse)
        if constant != false { self.block(of: arguments) }
        chain.isDecided = constant == true
    }

    mutating func compileIf(_ arguments: SieveArguments) {
        var chain = OpenIf(falseJump: 0, endJumps: [])
        self.conditionalBlock(of: arguments, &chain)
        self.openIf = chain
    }

    mutating func compileElsif(_ arguments: SieveArguments) {
        guard var chain = self.continueIf(arguments) else { return }
        self.conditionalBlock(of: arguments, &chain)
        self.openIf = chain
    }

    mutating func compileElse(_ arguments: SieveArguments) {
        guard let chain = self.continueIf(arguments) else { return }
        if !chain.isDecided { self.block(of: arguments) }
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

    var isInLoop: Bool { !self.loops.isEmpty }

    /// Emits the beginning of a walk over parts, whose end is not known yet.
    mutating func emitBeginParts() -> Int {
        self.emit(.beginParts(end: 0))
        return self.program.count - 1
    }

    /// Lets a walk over nothing lead to the next instruction.
    mutating func landLoop(_ begin: Int) { self.program[begin] = .beginParts(end: self.program.count) }

    /// Lets the jump lead to the next instruction.
    mutating func land(_ jump: Int) {
        guard case .jump(let condition, _) = self.program[jump] else { return }
        self.program[jump] = .jump(condition, to: self.program.count)
    }

    // MARK: Arguments

    /// A string as a run will evaluate it, substitutions of the required extensions done.
    mutating func text(_ literal: StringLiteral) -> SieveText {
        guard let octets = self.decoded(literal) else { return .unknown }
        guard self.has("variables") else { return SieveText(octets) }
        return self.resolveVariables(octets, at: literal.position)
    }

    /// A string that must be known before the script runs; `nil` after an error.
    mutating func constant(_ literal: StringLiteral, _ name: String) -> [UInt8]? {
        let errors = self.diagnostics.errors
        let text = self.text(literal)
        if self.diagnostics.errors > errors { return nil }
        if let constant = text.constant { return constant }
        self.error(literal.position, "\(name) must not contain variables")
        return nil
    }

    /// `nil` after an error.
    private mutating func decoded(_ literal: StringLiteral) -> [UInt8]? {
        guard self.has("encoded-character") else { return literal.octets }
        switch EncodedCharacter.decode(literal.octets) {
        case .success(let octets): return octets
        case .failure(let problem):
            self.error(literal.position, "\(problem.text) in \(quoted(literal.octets))")
            return nil
        }
    }

    mutating func texts(_ literals: [StringLiteral]) -> [SieveText] {
        var texts: [SieveText] = []
        texts.reserveCapacity(literals.count)
        for literal in literals { texts.append(self.text(literal)) }
        return texts
    }
}
