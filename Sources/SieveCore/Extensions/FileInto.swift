extension SieveExtension {
    /// RFC 5228 section 4.1.
    static let fileInto = SieveExtension(
        capability: "fileinto",
        commands: [
            SieveDefinition(
                "fileinto", capability: "fileinto",
                Signature(positional: [PositionalArgument("the mailbox", .string)])
            ) { compiler, arguments in
                for literal in arguments.strings(0) {
                    let text = compiler.text(literal)
                    guard let name = MailboxText.parse(text.octets) else {
                        compiler.error(literal.position, "\(quoted(text.octets)) is no name of a mailbox")
                        continue
                    }
                    compiler.emit(FixedAction(kind: .fileInto(mailbox: name)))
                }
            }
        ])
}

/// A mailbox name as a user writes it.
enum MailboxText {
    /// `nil` for what no server takes: empty, not UTF-8, with control characters, or very long.
    static func parse(_ octets: [UInt8]) -> String? {
        guard !octets.isEmpty, octets.count <= 1000, let text = String(validating: octets, as: UTF8.self),
            octets.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
        else { return nil }
        return text
    }
}
