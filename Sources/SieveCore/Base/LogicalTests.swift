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
        if let constant = compiler.isTestConstant { compiler.isTestConstant = !constant }
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
        /// What all together are known to be: as the first that decides, or as all when all are known.
        let deciding = condition == .ifTrue
        var constant: Bool? = !deciding
        for (index, test) in tests.enumerated() {
            self.test(test)
            if self.isTestConstant == deciding {
                // What follows never runs, and may be of a language that this server does not speak.
                constant = deciding
                break
            } else if self.isTestConstant == nil, constant != deciding {
                constant = nil
            }
            if index < tests.count - 1 { jumps.append(self.emitJump(condition)) }
        }
        for jump in jumps { self.land(jump) }
        self.isTestConstant = constant
    }
}
