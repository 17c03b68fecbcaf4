extension SieveDefinition {
    /// RFC 5228 section 4.3.
    static let keep = SieveDefinition("keep", Signature()) { compiler, _ in
        compiler.emit(FixedAction(kind: .keep))
    }

    /// RFC 5228 section 4.4.
    static let discard = SieveDefinition("discard", Signature()) { compiler, _ in
        compiler.emit(FixedAction(kind: .discard))
    }

    /// RFC 5228 section 4.2.
    static let redirect = SieveDefinition(
        "redirect", Signature(positional: [PositionalArgument("the address", .string)])
    ) { compiler, arguments in
        for literal in arguments.strings(0) {
            let text = compiler.text(literal)
            guard let address = OutboundAddress.parse(text.octets) else {
                compiler.error(
                    literal.position, "\(quoted(text.octets)) is no address to which mail can be sent")
                continue
            }
            compiler.emit(FixedAction(kind: .redirect(address: address)))
        }
    }
}

/// An action without anything to evaluate.
struct FixedAction: SieveOperation {
    let kind: SieveAction.Kind

    func perform(_ run: inout SieveRun) throws(SieveRuntimeError) { try run.add(self.kind) }
}
