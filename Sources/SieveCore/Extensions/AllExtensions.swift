extension SieveExtension {
    /// Every extension there is.
    static let everything: [SieveExtension] = [
        .encodedCharacter, .envelope, .fileInto, .octetComparator, .asciiCasemapComparator,
        .asciiNumericComparator, .unicodeCasemapComparator,
        .variables, .copy, .body, .imap4flags, .relational, .subaddress,
        .mailbox, .mailboxID, .specialUse,
        .environment, .dovecotEnvironment, .imapSieve, .dovecotIMAPSieve, .date, .index, .duplicate, .editHeader,
        .reject, .ereject, .ihave, .vacation, .vacationSeconds, .fcc, .enotify,
        .spamTest, .spamTestPlus, .virusTest, .regex, .include, .mboxMetadata, .serverMetadata, .extLists,
        .mime, .foreveryPart, .extractText, .replace, .enclose,
        .dovecotDebug, .dovecotReport, .dovecotPipe, .dovecotFilter, .dovecotExecute,
        .imapFlags, .formerNotify, .dovecotDuplicate,
    ]
}
