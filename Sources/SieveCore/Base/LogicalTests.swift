extension SieveDefinition {
    /// RFC 5228 section 5.2. Stops at the first test that is false.
    static let allOf = SieveDefinition("allof", Signature(tests: .list)) { compiler, arguments in
        compiler.chain(arguments.node.tests.tests, endingAt: .ifFalse)
    }

    /// RFC 5228 section 5.3. Stops at the first test that is true.
    static let anyOf = SieveDefinition("anyof", Signature(tests: .list)) { compiler, arguments in
        compiler.chain(arguments.node.tests.tests, endingAt: .ifTrue)
    }

    /// RFC 5228 section 5.8.
    static let not = SieveDefinition("not", Signature(tests: .single)) { compiler, arguments in
        for test in arguments.node.tests.tests { compiler.test(test) }
        compiler.emit(.invertFlag)
    }

    /// RFC 5228 section 5.10.
    static let `true` = SieveDefinition("true", Signature()) { compiler, _ in compiler.emit(.setFlag(true)) }

    /// RFC 5228 section 5.6.
    static let `false` = SieveDefinition("false", Signature()) { compiler, _ in compiler.emit(.setFlag(false))
    }
}

extension ScriptCompiler {
    /// The tests one after the other; the flag is that of the last one evaluated.
    fileprivate mutating func chain(_ tests: [SyntaxNode], endingAt condition: SieveInstruction.Condition) {
        var jumps: [Int] = []
        for (index, test) in tests.enumerated() {
            self.test(test)
            if index < tests.count - 1 { jumps.append(self.emitJump(condition)) }
        }
        for jump in jumps { self.land(jump) }
    }
}
