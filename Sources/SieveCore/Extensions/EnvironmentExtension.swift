import MailCore

extension SieveExtension {
    /// RFC 5183.
    static let environment = SieveExtension(
        capability: "environment",
        tests: [
            SieveDefinition(
                "environment", capability: "environment",
                Signature(
                    shared: [.matchType, .comparator],
                    positional: [
                        PositionalArgument("the item", .string), PositionalArgument("the keys", .stringList),
                    ])
            ) { compiler, arguments in
                guard let literal = arguments.strings(0).first else { return }
                let name = compiler.text(literal)
                let keys = compiler.texts(arguments.strings(1))
                guard let matcher = compiler.matcher(arguments) else { return }
                compiler.emit(EnvironmentTest(name: name, keys: keys, matcher: matcher))
            }
        ])

    /// vnd.dovecot.environment: more items, and `${env.item}`.
    static let dovecotEnvironment = SieveExtension(
        capability: "vnd.dovecot.environment", implies: ["environment"],
        namespaces: [
            VariableNamespace(
                name: "env", capability: "vnd.dovecot.environment", isAssignable: false, hasLevels: true
            ) { .item($0) }
        ])

    /// RFC 6785: nothing but items of the environment.
    static let imapSieve = SieveExtension(capability: "imapsieve", implies: ["environment"])

    /// vnd.dovecot.imapsieve: the same with two more items.
    static let dovecotIMAPSieve = SieveExtension(
        capability: "vnd.dovecot.imapsieve", implies: ["imapsieve", "environment"])
}

struct EnvironmentTest: SieveTest {
    let name: SieveText
    let keys: [SieveText]
    let matcher: any SieveMatcher

    func evaluate(_ run: inout SieveRun) throws(SieveRuntimeError) -> Bool {
        let name = String(decoding: try self.name.octets(&run).map(ASCII.lowercased), as: UTF8.self)
        // An item that is not known never matches (RFC 5183 section 4).
        guard let value = run.environmentItem(name) else { return false }
        return try self.matcher.matches([value], self.keys, &run)
    }
}

extension SieveRun {
    /// The item of that name, in lower case (RFC 5183 section 4.1).
    func environmentItem(_ name: String) -> [UInt8]? {
        if let value = self.host.environmentItem(name) { return value }
        let text: String?
        switch name {
        case "name": text = "Martlet Sieve"
        case "version": text = self.policy.version
        case "host": text = self.policy.hostname
        case "domain":
            text = self.policy.hostname?.firstIndex(of: ".").flatMap { dot in
                self.policy.hostname.map { String($0[dot...].dropFirst()) }
            }
        case "location": text = "MDA"
        case "phase": text = "during"
        // Empty where no IMAP user caused the run (RFC 6785 section 4.2).
        case "imap.user", "imap.email", "imap.cause", "imap.mailbox", "imap.changedflags",
            "vnd.dovecot.mailbox-from", "vnd.dovecot.mailbox-to":
            text = ""
        default:
            // `${env.name}` has no other marks than letters, digits and underlines.
            guard name.hasPrefix("vnd.dovecot.") else { return nil }
            switch String(name.dropFirst(12)) {
            case "default-mailbox", "default_mailbox": text = self.environment.defaultMailbox
            case "username": text = self.policy.username
            case let item where item.hasPrefix("config."): text = self.policy.siteItems[String(item.dropFirst(7))]
            default: return nil
            }
        }
        return text.map { Array($0.utf8) }
    }
}
