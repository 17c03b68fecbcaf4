/// The arguments of a command or test after they were checked against its signature.
struct SieveArguments {
    struct Tag {
        var name: String
        var position: SievePosition
        var argument: ArgumentNode?

        /// The strings behind the tag.
        var strings: [StringLiteral] { self.argument?.strings ?? [] }
        /// The number behind the tag.
        var number: UInt64? {
            guard case .number(let value) = self.argument?.kind else { return nil }
            return value
        }
    }

    var node: SyntaxNode
    private(set) var tags: [TagGroup: Tag] = [:]
    private(set) var positional: [ArgumentNode] = []

    private var isComplete = true

    var position: SievePosition { self.node.position }

    /// Checks `node` and notes the first error in it; `nil` when there was one, or one that was told before.
    init?(_ node: SyntaxNode, _ signature: Signature, _ compiler: inout ScriptCompiler) {
        self.node = node
        let errors = compiler.diagnostics.errors
        self.take(signature, &compiler)
        if compiler.diagnostics.errors == errors { self.checkTests(signature, &compiler) }
        if compiler.diagnostics.errors == errors { self.checkBlock(signature, &compiler) }
        if !self.isComplete { return nil }
        guard compiler.diagnostics.errors == errors else { return nil }
    }

    /// The strings of a positional argument of type string or string list.
    func strings(_ index: Int) -> [StringLiteral] {
        index < self.positional.count ? self.positional[index].strings : []
    }

    /// Whether the tag of that name is there.
    func has(_ tag: String) -> Bool { self.tags[TagGroup(name: tag)] != nil }

    /// The first string behind the tag of that name.
    func string(_ tag: String) -> StringLiteral? { self.tags[TagGroup(name: tag)]?.strings.first }

    /// A positional argument of type number.
    func number(_ index: Int) -> UInt64 {
        guard index < self.positional.count, case .number(let value) = self.positional[index].kind else {
            return 0
        }
        return value
    }

    // MARK: Checks

    /// Reads the arguments up to the first that is wrong.
    private mutating func take(_ signature: Signature, _ compiler: inout ScriptCompiler) {
        let arguments = self.node.arguments
        let name = quoted(self.node.name)
        var index = 0
        while index < arguments.count {
            let argument = arguments[index]
            index += 1
            guard case .tag(let tagName) = argument.kind else {
                self.positional.append(argument)
                continue
            }
            let shown = quoted(":" + tagName)
            guard let tag = compiler.registry.tag(tagName, of: signature) else {
                if compiler.isNewTag(tagName, of: self.node.name) {
                    compiler.error(argument.position, "\(name) does not know the tag \(shown)")
                }
                self.isComplete = false
                return
            }
            if let capability = tag.capability {
                guard compiler.has(capability) else {
                    compiler.error(
                        argument.position,
                        "the tag \(shown) needs `require \(quoted(capability));` at the beginning of the script")
                    return
                }
                compiler.use(capability)
            }
            if !self.positional.isEmpty, !signature.takesTagsAnywhere {
                compiler.error(
                    argument.position, "the tag \(shown) must stand before the other arguments of \(name)")
                return
            }
            var value: ArgumentNode?
            if let type = tag.argument {
                guard index < arguments.count, type.accepts(arguments[index]) else {
                    compiler.error(argument.position, "\(type.description) must follow the tag \(shown)")
                    return
                }
                value = arguments[index]
                index += 1
            }
            if let earlier = self.tags[tag.group] {
                let text =
                    earlier.name == tagName
                    ? "\(name) has the tag \(shown) twice"
                    : "the tags \(quoted(":" + earlier.name)) and \(shown) exclude each other"
                compiler.error(argument.position, text)
                return
            }
            self.tags[tag.group] = Tag(name: tagName, position: argument.position, argument: value)
        }
        let errors = compiler.diagnostics.errors
        self.checkPositional(signature, &compiler)
        guard compiler.diagnostics.errors == errors else { return }
        for group in signature.required where self.tags[group] == nil {
            let choices = signature.tags.filter { $0.group == group }.map { quoted(":" + $0.name) }
            compiler.error(self.position, "\(name) needs \(choices.joined(separator: " or "))")
        }
    }

    private func checkPositional(_ signature: Signature, _ compiler: inout ScriptCompiler) {
        let name = quoted(self.node.name)
        var expected = signature.positional
        if self.positional.count < expected.count, let optional = expected.firstIndex(where: { $0.isOptional }) {
            expected.remove(at: optional)
        }
        for (argument, expected) in zip(self.positional, expected) where !expected.type.accepts(argument) {
            compiler.error(
                argument.position,
                "\(name) takes \(expected.type.description) for \(expected.name), but found \(argument.description)"
            )
            return
        }
        if self.positional.count > expected.count {
            // Complained of once, however many there are.
            let argument = self.positional[expected.count]
            compiler.error(
                argument.position,
                expected.isEmpty
                    ? "\(name) takes no argument, but found \(argument.description)"
                    : "\(name) takes no argument after \(expected[expected.count - 1].name), but found "
                        + argument.description)
        } else if self.positional.count < expected.count {
            let missing = expected[self.positional.count]
            compiler.error(
                self.position,
                "\(name) is incomplete: \(missing.type.description) for \(missing.name) is missing")
        }
    }

    private func checkTests(_ signature: Signature, _ compiler: inout ScriptCompiler) {
        let given = self.node.tests
        let name = quoted(self.node.name)
        switch (signature.tests, given.form) {
        case (.none, .none), (.single, .single), (.list, .list): break
        case (.none, .single):
            let first = given.tests.first?.name ?? ""
            compiler.error(
                given.position,
                self.node.block == nil && compiler.registry.command(self.node.name) != nil
                    ? "\(name) takes no test; is a \";\" missing before \(quoted(first))?"
                    : "\(name) takes no test, but found \(quoted(first))")
        case (.none, .list): compiler.error(given.position, "\(name) takes no tests")
        case (.single, .none): compiler.error(self.position, "\(name) needs a test")
        case (.single, .list):
            compiler.error(given.position, "\(name) takes one test; join several with \"allof\" or \"anyof\"")
        case (.list, .none), (.list, .single):
            compiler.error(self.position, "\(name) needs a list of tests in parentheses")
        }
    }

    private func checkBlock(_ signature: Signature, _ compiler: inout ScriptCompiler) {
        let name = quoted(self.node.name)
        if signature.hasBlock, self.node.block == nil {
            compiler.error(self.position, "\(name) needs a block of commands in braces")
        } else if !signature.hasBlock, self.node.block != nil {
            compiler.error(self.position, "\(name) takes no block; it ends with \";\"")
        }
    }
}
