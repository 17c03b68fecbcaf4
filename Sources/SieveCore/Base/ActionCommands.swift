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
            if arguments.has("list") {
                compiler.emit(RedirectToListOperation(list: address, isCopy: arguments.has("copy")))
                continue
            }
            if let octets = address.constant, RedirectOperation.address(octets) == nil {
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
        guard let address = Self.address(text) else {
            throw run.error("\(quoted(text)) is no address to which mail can be sent")
        }
        try run.add(.redirect(address: address), cancelsKeep: !self.isCopy)
    }

    /// RFC 5228 section 2.4.2.3 has the addresses of RFC 2822, which are US-ASCII.
    static func address(_ text: [UInt8]) -> String? {
        text.allSatisfy { $0 < 0x80 } ? OutboundAddress.parse(text) : nil
    }
}
