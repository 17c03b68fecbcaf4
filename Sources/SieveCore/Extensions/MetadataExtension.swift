extension SieveExtension {
    /// RFC 5490 section 4.
    static let mboxMetadata = SieveExtension(
        capability: "mboxmetadata",
        tests: [
            SieveDefinition(
                "metadata", capability: "mboxmetadata",
                Signature(
                    shared: [.matchType, .comparator],
                    positional: [
                        PositionalArgument("the mailbox", .string), PositionalArgument("the entry", .string),
                        PositionalArgument("the keys", .stringList),
                    ])
            ) { compiler, arguments in
                MetadataTest.compile(&compiler, arguments, mailbox: 0, entries: 1, keys: 2)
            },
            SieveDefinition(
                "metadataexists", capability: "mboxmetadata",
                Signature(
                    positional: [
                        PositionalArgument("the mailbox", .string), PositionalArgument("the entries", .stringList),
                    ])
            ) { compiler, arguments in
                MetadataTest.compile(&compiler, arguments, mailbox: 0, entries: 1, keys: nil)
            },
        ])

    /// RFC 5490 section 5.
    static let serverMetadata = SieveExtension(
        capability: "servermetadata",
        tests: [
            SieveDefinition(
                "servermetadata", capability: "servermetadata",
                Signature(
                    shared: [.matchType, .comparator],
                    positional: [
                        PositionalArgument("the entry", .string), PositionalArgument("the keys", .stringList),
                    ])
            ) { compiler, arguments in
                MetadataTest.compile(&compiler, arguments, mailbox: nil, entries: 0, keys: 1)
            },
            SieveDefinition(
                "servermetadataexists", capability: "servermetadata",
                Signature(positional: [PositionalArgument("the entries", .stringList)])
            ) { compiler, arguments in
                MetadataTest.compile(&compiler, arguments, mailbox: nil, entries: 0, keys: nil)
            },
        ])
}

/// Compares the value of an entry, or looks whether all entries are there.
struct MetadataTest: SieveTest {
    /// `nil`: the server.
    let mailbox: SieveText?
    let entries: [SieveText]
    /// `nil`: whether they are there.
    let comparison: (keys: [SieveText], matcher: any SieveMatcher)?

    /// The numbers are those of positional arguments.
    static func compile(
        _ compiler: inout ScriptCompiler, _ arguments: SieveArguments, mailbox: Int?, entries: Int, keys: Int?
    ) {
        let name = mailbox.flatMap { arguments.strings($0).first }.map { compiler.text($0) }
        let literals = arguments.strings(entries)
        let texts = compiler.texts(literals)
        for (text, literal) in zip(texts, literals) {
            if let octets = text.constant, !self.isEntry(octets) {
                compiler.diagnostics.warning(
                    literal.position,
                    "\(quoted(octets)) is no name of an entry; they begin with \"/private/\" or \"/shared/\"")
            }
        }
        var comparison: (keys: [SieveText], matcher: any SieveMatcher)?
        if let keys {
            let list = compiler.texts(arguments.strings(keys))
            guard let matcher = compiler.matcher(arguments) else { return }
            comparison = (list, matcher)
        }
        compiler.emit(MetadataTest(mailbox: name, entries: texts, comparison: comparison))
    }

    /// Whether it may be the name of an entry (RFC 5464 section 3.2).
    static func isEntry(_ name: [UInt8]) -> Bool {
        let text = String(decoding: name, as: UTF8.self).lowercased()
        return (text.hasPrefix("/private/") || text.hasPrefix("/shared/")) && !text.hasSuffix("/")
            && !text.utf8.contains(UInt8(ascii: "*")) && !text.utf8.contains(UInt8(ascii: "%"))
    }

    func evaluate(_ run: inout SieveRun) throws(SieveRuntimeError) -> Bool {
        var mailbox: String?
        if let text = self.mailbox {
            guard let name = MailboxText.parse(try text.octets(&run)) else { return false }
            mailbox = name
        }
        var values: [[UInt8]] = []
        for entry in try self.entries.octets(&run) {
            try run.spend(1000)
            let value =
                Self.isEntry(entry)
                ? run.host.metadata(String(decoding: entry, as: UTF8.self), mailbox: mailbox) : nil
            if let value {
                values.append(value)
            } else if self.comparison == nil {
                return false
            }
        }
        guard let comparison = self.comparison else { return true }
        return try comparison.matcher.matches(values, comparison.keys, &run)
    }
}
