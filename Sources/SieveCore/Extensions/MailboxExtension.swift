extension SieveExtension {
    /// RFC 5490 section 3: `mailboxexists`, and `:create` of fileinto.
    static let mailbox = SieveExtension(
        capability: "mailbox",
        tests: [
            SieveDefinition(
                "mailboxexists", capability: "mailbox",
                Signature(positional: [PositionalArgument("the mailboxes", .stringList)])
            ) { compiler, arguments in
                compiler.checkMailboxNames(arguments.strings(0))
                compiler.emit(MailboxExistsTest(mailboxes: compiler.texts(arguments.strings(0))))
            }
        ], tags: [("fileinto", TagDefinition("create", capability: "mailbox"))])

    /// RFC 9042: mailboxes by their OBJECTID.
    static let mailboxID = SieveExtension(
        capability: "mailboxid",
        tests: [
            SieveDefinition(
                "mailboxidexists", capability: "mailboxid",
                Signature(positional: [PositionalArgument("the mailbox ids", .stringList)])
            ) { compiler, arguments in
                compiler.emit(MailboxIDExistsTest(ids: compiler.texts(arguments.strings(0))))
            }
        ], tags: [("fileinto", TagDefinition("mailboxid", argument: .string, capability: "mailboxid"))])

    /// RFC 8579: mailboxes by their special use.
    static let specialUse = SieveExtension(
        capability: "special-use",
        tests: [
            SieveDefinition(
                "specialuse_exists", capability: "special-use",
                Signature(
                    positional: [
                        PositionalArgument("the mailbox", .string, isOptional: true),
                        PositionalArgument("the special uses", .stringList),
                    ])
            ) { compiler, arguments in
                let hasMailbox = arguments.positional.count > 1
                let uses = arguments.strings(hasMailbox ? 1 : 0)
                let texts = compiler.texts(uses)
                for (text, literal) in zip(texts, uses) {
                    if let octets = text.constant, !SpecialUseText.isValid(octets) {
                        compiler.error(
                            literal.position,
                            "\(quoted(octets)) is no special use; they are named like \"\\Junk\"")
                    }
                }
                if hasMailbox { compiler.checkMailboxNames(arguments.strings(0)) }
                compiler.emit(
                    SpecialUseExistsTest(
                        mailbox: hasMailbox ? arguments.strings(0).first.map { compiler.text($0) } : nil,
                        uses: texts))
            }
        ], tags: [("fileinto", TagDefinition("specialuse", argument: .string, capability: "special-use"))])
}

extension ScriptCompiler {
    /// Complains of what is no name of a mailbox.
    mutating func checkMailboxNames(_ literals: [StringLiteral]) {
        for literal in literals {
            if let octets = self.text(literal).constant, MailboxText.parse(octets) == nil {
                self.error(literal.position, "\(quoted(octets)) is no name of a mailbox")
            }
        }
    }
}

struct MailboxExistsTest: SieveTest {
    let mailboxes: [SieveText]

    func evaluate(_ run: inout SieveRun) throws(SieveRuntimeError) -> Bool {
        for mailbox in try self.mailboxes.octets(&run) {
            try run.spend(1000)
            guard let name = MailboxText.parse(mailbox), run.host.mailboxExists(name) else { return false }
        }
        return true
    }
}

struct MailboxIDExistsTest: SieveTest {
    let ids: [SieveText]

    func evaluate(_ run: inout SieveRun) throws(SieveRuntimeError) -> Bool {
        for id in try self.ids.octets(&run) {
            try run.spend(1000)
            if !run.host.mailboxIDExists(String(decoding: id, as: UTF8.self)) { return false }
        }
        return true
    }
}

struct SpecialUseExistsTest: SieveTest {
    let mailbox: SieveText?
    let uses: [SieveText]

    func evaluate(_ run: inout SieveRun) throws(SieveRuntimeError) -> Bool {
        var name: String?
        if let mailbox = self.mailbox {
            guard let text = MailboxText.parse(try mailbox.octets(&run)) else { return false }
            name = text
        }
        for use in try self.uses.octets(&run) {
            try run.spend(1000)
            if !run.host.specialUseExists(String(decoding: use, as: UTF8.self), mailbox: name) { return false }
        }
        return true
    }
}
