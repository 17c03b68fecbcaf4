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
                // From here on they are as if required (RFC 5463 section 4).
                if hasAll { for name in names { compiler.require(name) } }
                compiler.emit(.setFlag(hasAll))
                compiler.isTestConstant = hasAll
            }
        ])

    /// These change how strings are read, so that they can only be required (RFC 5463 section 4).
    private static let changingSyntax: Set<String> = ["encoded-character", "variables"]
}

/// Ends the script with the author's words (RFC 5463 section 5).
struct ErrorOperation: SieveOperation {
    let message: SieveText

    func perform(_ run: inout SieveRun) throws(SieveRuntimeError) {
        throw run.error(String(decoding: try self.message.octets(&run), as: UTF8.self))
    }
}
