extension SieveRegistry {
    /// The capabilities that work wherever a message is filed, redirected or refused, and need no more.
    public static let filing: Set<String> = [
        "body", "comparator-i;ascii-casemap", "comparator-i;ascii-numeric", "comparator-i;octet",
        "comparator-i;unicode-casemap", "copy", "date", "editheader", "encoded-character", "envelope",
        "environment", "ereject", "extracttext", "fileinto", "foreverypart", "ihave", "imap4flags", "index",
        "mailbox", "mime", "regex", "reject", "relational", "special-use", "subaddress", "variables",
    ]

    /// Everything but what is not among `capabilities`.
    public static func of(_ capabilities: Set<String>) -> SieveRegistry {
        SieveRegistry(SieveExtension.everything.filter { capabilities.contains($0.capability) })
    }
}
