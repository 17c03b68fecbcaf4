extension SieveDefinition {
    /// RFC 5228 section 4.3.
    static let keep = SieveDefinition("keep", Signature()) { compiler, arguments in
        compiler.emit(KeepOperation(flags: ActionFlags(arguments, &compiler)))
    }

    /// RFC 5228 section 4.4.
    static let discard = SieveDefinition("discard", Signature()) { compiler, _ in
        compiler.emit(DiscardOperation())
    }

    /// RFC 5228 section 4.2.
    static let redirect = SieveDefinition(
        "redirect", Signature(positional: [PositionalArgument("the address", .string)])
    ) { compiler, arguments in
        for literal in arguments.strings(0) {
            let address = compiler.text(literal)
            if !arguments.has("list"), let octets = address.constant, OutboundAddress.parse(octets) == nil {
                compiler.error(
                    literal.position, "\(quoted(octets)) is no address to which mail can be sent")
                continue
            }
            compiler.emit(RedirectOperation(address: address, isCopy: arguments.has("copy")))
        }
    }
}

struct KeepOperation: SieveOperation {
    let flags: ActionFlags

    func perform(_ run: inout SieveRun) throws(SieveRuntimeError) {
        try run.add(.keep(flags: try self.flags.value(&run)))
    }
}

struct DiscardOperation: SieveOperation {
    func perform(_ run: inout SieveRun) throws(SieveRuntimeError) { try run.add(.discard) }
}

struct RedirectOperation: SieveOperation {
    let address: SieveText
    let isCopy: Bool

    func perform(_ run: inout SieveRun) throws(SieveRuntimeError) {
        let text = try self.address.octets(&run)
        guard let address = OutboundAddress.parse(text) else {
            throw run.error("\(quoted(text)) is no address to which mail can be sent")
        }
        try run.add(.redirect(address: address), cancelsKeep: !self.isCopy)
    }
}
