extension SieveExtension {
    /// RFC 5429 section 2.2.
    static let reject = SieveExtension(capability: "reject", commands: [command("reject", extended: false)])

    /// RFC 5429 section 2.1.
    static let ereject = SieveExtension(capability: "ereject", commands: [command("ereject", extended: true)])

    private static func command(_ name: String, extended: Bool) -> SieveDefinition {
        SieveDefinition(
            name, capability: name, Signature(positional: [PositionalArgument("the reason", .string)])
        ) { compiler, arguments in
            for literal in arguments.strings(0) {
                compiler.emit(RejectOperation(reason: compiler.text(literal), extended: extended))
            }
        }
    }
}

struct RejectOperation: SieveOperation {
    let reason: SieveText
    let extended: Bool

    func perform(_ run: inout SieveRun) throws(SieveRuntimeError) {
        let reason = String(decoding: try self.reason.octets(&run), as: UTF8.self)
        try run.add(.reject(reason: reason, extended: self.extended))
    }
}
