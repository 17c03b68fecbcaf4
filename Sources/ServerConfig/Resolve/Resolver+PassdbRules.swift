/// What Dovecot's passdb can say of when it counts, and Martlet's cannot. To leave such a line out and keep the rest
/// may open mailboxes to those whom it was to keep out: each message says what is safe.
extension Resolver {
    static func isPassdbRule(_ name: String) -> Bool {
        self.passdbRules[self.passdbRuleName(name)] != nil
    }

    /// - Parameter text: the value, `{ }` for a block.
    mutating func passdbRule(_ name: String, _ text: String, of title: String, at place: SourcePlace) {
        guard let rule = Self.passdbRules[Self.passdbRuleName(name)] else { return }
        if rule.harmless.contains(SettingSyntax.lowercased(text)) {
            let setting = text.isEmpty ? "an empty \(name)" : "\(name) = \(text)"
            return self.out.warn(place, "\(setting) in \(title) is how it always is; remove it")
        }
        self.out.error(place, "\(name) in \(title): \(rule.help)")
    }

    private struct PassdbRule {
        /// Values, in lower case, that say what is so without them.
        var harmless: [String]
        var help: String
    }

    /// Also in the longer spelling, as in `passdb_master`.
    private static func passdbRuleName(_ name: String) -> String {
        name.hasPrefix("passdb_") ? String(name.dropFirst("passdb_".count)) : name
    }

    private static let passdbRules: [String: PassdbRule] = [
        "master": PassdbRule(
            harmless: ["no"],
            help:
                "master users are not in this release; remove this whole passdb { }: without master = yes its users could log in as themselves"
        ),
        "mechanisms": someLogins("SASL mechanisms"),
        "mechanisms_filter": someLogins("SASL mechanisms"),
        "username_filter": someLogins("users"),
        "skip": PassdbRule(
            harmless: ["never", "authenticated"],
            help:
                "a passdb that is asked only after another one is not in this release; remove this whole passdb { }: it would let in whom it knows by itself"
        ),
        "result_success": PassdbRule(
            harmless: ["return-ok"],
            help:
                "not in this release: who is accepted by one passdb is let in. Remove this whole passdb { }: with only the line gone it would let in by itself whom it was to check, or to refuse. A list of those who may not log in is deny = yes"
        ),
        "result_failure": PassdbRule(
            harmless: ["continue"], help: nextIsAsked("says no")),
        "result_internalfail": PassdbRule(
            harmless: ["continue"], help: nextIsAsked("does not answer")),
    ]

    private static func someLogins(_ what: String) -> PassdbRule {
        PassdbRule(
            harmless: [""],
            help:
                "a passdb for some \(what) only is not in this release; remove this whole passdb { }, unless whoever it accepts may log in in every way"
        )
    }

    private static func nextIsAsked(_ when: String) -> String {
        "not in this release: when this passdb \(when), those after it are asked. Remove the line only if whoever they accept may log in then"
    }
}
