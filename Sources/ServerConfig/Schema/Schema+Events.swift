/// Settings of Sieve on IMAP events, and of junk.
extension Schema {
    static let events: [Setting<Settings>] = [
        .text(
            "imapsieve_url", \.events.url,
            "Where users store scripts, such as `sieve://sieve.example.com`: lets them attach scripts to mailboxes, and is told to clients as IMAPSIEVE. Empty: they cannot."
        ),
        .flag(
            "imapsieve_expunge_discarded", \.events.expungesDiscarded,
            "Remove messages that such a script discards. `no`: they are marked \\Deleted."),
    ]

    static let junk: [Setting<Settings>] = [
        .text(
            "junk_header", \.junk.header,
            "Mail with this header field, such as `X-Spam: Yes`, is delivered into the mailbox of \\Junk. Empty: none is."
        ),
        .text(
            "junk_learn_spam_command", \.junk.learnSpam,
            "Program, with arguments, that learns a message as spam: one that comes into the mailbox of \\Junk. Empty: none."
        ),
        .text(
            "junk_learn_ham_command", \.junk.learnHam,
            "The same for ham: a message that leaves the mailbox of \\Junk for another one than that of \\Trash."),
        .flag(
            "junk_learn_keywords", \.junk.learnsKeywords,
            "The keywords $Junk and $NotJunk, once set, teach the same. Some clients set them by themselves, as their own filter says."
        ),
        .time("junk_learn_timeout", \.junk.timeout, "How long a run of the program may take."),
        .number("junk_learn_processes", \.junk.concurrency, 1...64, "Programs that run at a time.").atStart(),
        .number(
            "junk_learn_batch", \.junk.batch, 1...1000,
            "Messages given to one run of a program whose arguments have `%{files}`."),
    ]

    package static let eventScript: [Setting<EventScriptSettings>] = [
        .choice(
            "type", \.type,
            "When it runs: before the user's script, after it, or afterwards for the message that was copied."
        )
        .alias("sieve_script_type"),
        .choices("cause", \.causes, "What runs it: `append`, `copy` (also a move), `flag`.")
            .alias("sieve_script_cause"),
        .template("path", \.path, "The script file; `~/` is the home.").alias("sieve_script_path"),
        .text(
            "mailbox", \.mailbox,
            "The mailbox that the message is in or comes into; `*` is every one. That of the block around it where there is one."
        ),
        .text(
            "from", \.sourceText,
            "The mailbox that it comes from, that of `imapsieve_from` around it; empty: no matter which."),
    ]
}
