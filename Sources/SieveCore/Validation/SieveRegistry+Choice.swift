extension SieveRegistry {
    /// The capabilities that work at delivery.
    public static let delivery: Set<String> = [
        "body", "comparator-i;ascii-casemap", "comparator-i;ascii-numeric", "comparator-i;octet",
        "comparator-i;unicode-casemap", "copy", "date", "duplicate", "editheader", "enclose", "encoded-character",
        "enotify", "envelope", "environment", "ereject", "extlists", "extracttext", "fcc", "fileinto", "foreverypart",
        "ihave", "imap4flags", "imapflags", "include", "index", "mailbox", "mailboxid", "mboxmetadata", "mime",
        "notify",
        "regex", "reject", "relational", "replace",
        "servermetadata", "spamtest", "spamtestplus", "special-use", "subaddress", "vacation", "vacation-seconds",
        "variables", "virustest", "vnd.dovecot.debug", "vnd.dovecot.duplicate", "vnd.dovecot.environment",
        "vnd.dovecot.execute",
        "vnd.dovecot.filter", "vnd.dovecot.pipe", "vnd.dovecot.report",
    ]

    /// The capabilities that users have where the settings do not say otherwise: those that Pigeonhole gives them.
    public static let standard: Set<String> = [
        "body", "comparator-i;ascii-casemap", "comparator-i;ascii-numeric", "comparator-i;octet",
        "comparator-i;unicode-casemap", "copy", "date", "duplicate", "encoded-character", "enotify", "envelope",
        "environment", "extracttext", "fileinto", "foreverypart", "ihave", "imap4flags", "include", "index",
        "mailbox", "mime", "regex", "reject", "relational", "subaddress", "vacation", "variables",
    ]

    /// The names of all that there is.
    package static var everyCapability: [String] { SieveExtension.everything.map(\.capability).sorted() }

    /// Everything but what is not among `capabilities`. What needs no `require` is always there.
    public static func of(_ capabilities: Set<String>) -> SieveRegistry {
        SieveRegistry(SieveExtension.everything.filter { $0.isImplicit || capabilities.contains($0.capability) })
    }
}
