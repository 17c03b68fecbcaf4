/// The settings of mail that users' scripts send.
extension Schema {
    static let sending: [Setting<Settings>] = [
        .text(
            "submission_host", \.submission.host,
            "`HOST` or `HOST:PORT` of the MTA that takes mail of scripts by SMTP. Empty: `sendmail_path` is run. The port is 25, with `submission_ssl = smtps` 465."
        ),
        .choice(
            "submission_ssl", \.submission.security,
            "TLS to the submission host: none, by STARTTLS, or from the beginning (`smtps`, `submissions`). Its certificate must be valid for the host's name."
        ),
        .time(
            "submission_timeout", \.submission.timeout,
            "How long the MTA, or the program of `sendmail_path`, may take for one mail; the MTA's last answer is waited for ten minutes at least."
        ),
        .number(
            "outgoing_queue_max_count", \.outgoingQueue.maximumCount, 0...1_000_000,
            "Mails that may wait for the MTA; 0 is no limit. Above it, mail that a script sends on is refused for now, and replies and notifications are left out."
        ),
        .size(
            "outgoing_queue_max_size", \.outgoingQueue.maximumSize,
            "Octets that they may have together; 0 is no limit."),
        .time(
            "outgoing_queue_retry_min", \.outgoingQueue.firstPause,
            "When a mail that the MTA did not take is tried again; the pause doubles each time."),
        .time("outgoing_queue_retry_max", \.outgoingQueue.longestPause, "The longest such pause."),
        .time(
            "outgoing_queue_lifetime", \.outgoingQueue.lifetime,
            "How long it is tried. Then the user gets a redirected mail in INBOX, and others are dropped with a line in the log."
        ),
        .template(
            "sieve_user_email", \.scriptMail.userEmail,
            "The user's own address, for replies, notifications and envelopes. Empty: the recipient of the message."
        ),
        .text(
            "sieve_redirect_envelope_from", \.scriptMail.redirectSender,
            "Who sends redirected mail: `sender`, `recipient`, `orig_recipient`, `user_email`, `postmaster` or `<ADDRESS>`; empty is `sender`. Bounces keep the null sender."
        ),
        .time(
            "sieve_redirect_duplicate_period", \.scriptMail.redirectDuplicatePeriod,
            "How long a message, known by its Message-ID, is not sent to the same address again; 0 sends it always."),
        .text(
            "sieve_notify_mailto_envelope_from", \.scriptMail.notifySender,
            "Who sends notifications, written as `sieve_redirect_envelope_from`. Empty: the script's `:from`, or the recipient; for bounces the null sender."
        ),
        .number(
            "sieve_notify_max_notifications", \.scriptMail.maximumNotifications, 0...1000,
            "Notifications of one run; 0 forbids them."),
        .time(
            "sieve_duplicate_default_period", \.scriptMail.duplicatePeriod,
            "How long the test `duplicate` remembers where a script does not say."),
        .time(
            "sieve_duplicate_max_period", \.scriptMail.maximumDuplicatePeriod,
            "The longest time that scripts may ask for; 0 is no limit."),
        .time(
            "sieve_vacation_min_period", \.scriptMail.vacation.minimumPeriod,
            "The shortest time after which a sender is answered again. 0 lets scripts answer every message (`:seconds 0`)."
        ),
        .time(
            "sieve_vacation_max_period", \.scriptMail.vacation.maximumPeriod,
            "The longest such time; 0 is no limit."),
        .time(
            "sieve_vacation_default_period", \.scriptMail.vacation.defaultPeriod,
            "That time where a script does not say."),
        .text(
            "sieve_vacation_default_subject", \.scriptMail.vacation.defaultSubject,
            "Subject of replies to messages without one. Empty: `Automated reply`."),
        .text(
            "sieve_vacation_default_subject_template", \.scriptMail.vacation.subjectTemplate,
            "Subject of replies where a script gives none; `%{subject}` is that of the message. Empty: `Auto: %{subject}`."
        ),
        .number(
            "sieve_vacation_max_subject_codepoints", \.scriptMail.vacation.maximumSubject, 1...1000,
            "How much of a message's subject is repeated."),
        .flag(
            "sieve_vacation_use_original_recipient", \.scriptMail.vacation.usesOriginalRecipient,
            "The recipient as the sender wrote it (ORCPT) is an address of the user too."),
        .flag(
            "sieve_vacation_check_recipient", \.scriptMail.vacation.checksRecipient,
            "Answer only mail that names the user in its header."),
        .flag(
            "sieve_vacation_send_from_recipient", \.scriptMail.vacation.sendsFromRecipient,
            "Send replies with the user as envelope sender rather than the null sender."),
        .flag(
            "sieve_vacation_to_header_ignore_envelope", \.scriptMail.vacation.repliesToHeader,
            "Answer the address in Reply-To or From rather than the envelope sender."),
    ]
}
