extension SieveExtension {
    /// RFC 5463.
    static let ihave = SieveExtension(
        capability: "ihave",
        commands: [
            SieveDefinition(
                "error", capability: "ihave", Signature(positional: [PositionalArgument("the message", .string)])
            ) { compiler, arguments in
                for literal in arguments.strings(0) {
                    compiler.emit(ErrorOperation(message: compiler.text(literal)))
                }
            }
        ],
        tests: [
            SieveDefinition(
                "ihave", capability: "ihave",
                Signature(positional: [PositionalArgument("the capabilities", .stringList)])
            ) { compiler, arguments in
                var names: [String] = []
                for literal in arguments.strings(0) {
                    guard let octets = compiler.constant(literal, "a capability") else { return }
                    names.append(String(decoding: octets, as: UTF8.self))
                }
                let hasAll = names.allSatisfy {
                    compiler.registry.knows($0) && (compiler.has($0) || !Self.changingSyntax.contains($0))
                }
                // Once this test was done they are as if required (RFC 5463 section 4).
                if hasAll { compiler.requireConditionally(names) }
                compiler.emit(.setFlag(hasAll))
                compiler.isTestConstant = hasAll
            }
        ])

    /// These change how strings are read, so that they can only be required (RFC 5463 section 4).
    private static let changingSyntax: Set<String> = ["encoded-character", "variables"]
}

/// Puts capabilities in force that `ihave` has found.
struct EnableOperation: SieveOperation {
    let capabilities: [String]

    func perform(_ run: inout SieveRun) throws(SieveRuntimeError) { run.enable(self.capabilities) }
}

/// Before the use of a capability that no `require` names: an error unless `ihave` has found it in this run.
struct EnabledCheck: SieveOperation {
    let capability: String

    func perform(_ run: inout SieveRun) throws(SieveRuntimeError) {
        if run.isEnabled(self.capability) { return }
        throw run.error("\(quoted(self.capability)) is used, but \"ihave\" did not ask for it before")
    }
}

/// Ends the script with the author's words (RFC 5463 section 5).
struct ErrorOperation: SieveOperation {
    let message: SieveText

    func perform(_ run: inout SieveRun) throws(SieveRuntimeError) {
        throw run.error(String(decoding: try self.message.octets(&run), as: UTF8.self))
    }
}
