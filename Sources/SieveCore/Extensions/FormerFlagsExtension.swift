extension SieveExtension {
    /// What flags were called before RFC 5232 (draft-melnikov-sieve-imapflags): the same commands without variables, and
    /// `mark` and `unmark` for \Flagged.
    static let imapFlags = SieveExtension(
        capability: "imapflags", successor: "imap4flags",
        commands: [
            change("setflag", .set), change("addflag", .add), change("removeflag", .remove), mark("mark", .add),
            mark("unmark", .remove),
        ])

    private static func change(_ name: String, _ change: FlagOperation.Change) -> SieveDefinition {
        SieveDefinition(
            name, capability: "imapflags", Signature(positional: [PositionalArgument("the flags", .stringList)])
        ) { compiler, arguments in
            compiler.warnOfFlags(arguments.strings(0))
            compiler.emit(
                FlagOperation(change: change, variable: nil, flags: compiler.texts(arguments.strings(0))))
        }
    }

    private static func mark(_ name: String, _ change: FlagOperation.Change) -> SieveDefinition {
        SieveDefinition(name, capability: "imapflags", Signature()) { compiler, _ in
            compiler.emit(
                FlagOperation(change: change, variable: nil, flags: [SieveText(Array("\\Flagged".utf8))]))
        }
    }
}
