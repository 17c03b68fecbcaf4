extension SieveDefinition {
    /// RFC 5228 sections 3 and 4, without fileinto.
    static let baseCommands = [require, `if`, elsif, `else`, stop, keep, discard, redirect]

    /// RFC 5228 section 3.2.
    private static let require = SieveDefinition(
        "require", Signature(positional: [PositionalArgument("the capabilities", .stringList)])
    ) { compiler, arguments in
        guard compiler.allowsRequire else {
            compiler.error(arguments.position, "\"require\" must stand before all other commands")
            return
        }
        for literal in arguments.strings(0) { compiler.require(literal) }
    }

    /// RFC 5228 section 3.1.
    private static let `if` = SieveDefinition("if", Signature(tests: .single, hasBlock: true)) {
        compiler, arguments in
        compiler.compileIf(arguments)
    }

    private static let elsif = SieveDefinition("elsif", Signature(tests: .single, hasBlock: true)) {
        compiler, arguments in
        compiler.compileElsif(arguments)
    }

    private static let `else` = SieveDefinition("else", Signature(hasBlock: true)) { compiler, arguments in
        compiler.compileElse(arguments)
    }

    /// RFC 5228 section 3.3.
    private static let stop = SieveDefinition("stop", Signature()) { compiler, _ in
        compiler.emit(.stop)
    }
}
