/// The settings of quotas.
extension Schema {
    static let quota: [Setting<Settings>] = [
        .text("quota_name", \.quota.name, "Name of the quota root, as clients show it."),
        .size(
            "quota_storage_size", \.quota.storageSize,
            "Storage that an account may use; 0 is no limit. A `quota_storage_size` field of the userdb wins, and so does `quota_rule`."
        ),
        .number(
            "quota_message_count", \.quota.messageCount, 0...1_000_000_000,
            "Messages that an account may hold; 0 is no limit. Fields of the userdb win."),
        .size(
            "quota_storage_grace", \.quota.storageGrace,
            "By how much the last delivered message may exceed the limit of an account that was below it. Clients' own messages may not."
        )
        .alias("quota_grace"),
        .size("quota_mail_size", \.quota.mailSize, "Largest message that is stored; 0 is no limit.")
            .alias("quota_max_mail_size"),
        .flag(
            "quota_full_tempfail", \.quota.failsTemporarily,
            "Answer mail to a full mailbox with 452, so that the MTA tries again, and not with 552."),
        .text(
            "quota_exceeded_message", \.quota.exceededMessage,
            "What senders are told when a mailbox is full."),
        .text(
            "quota_status_success", \.quota.status.success,
            "Policy service: what the MTA is told of a recipient whose mailbox takes the message."),
        .text("quota_status_nouser", \.quota.status.noUser, "The same of one that does not exist."),
        .text(
            "quota_status_overquota", \.quota.status.overQuota,
            "The same of one whose mailbox is full. Empty: `552 5.2.2`, or `452 4.2.2` with quota_full_tempfail, and quota_exceeded_message."
        ),
        .text(
            "quota_status_toolarge", \.quota.status.tooLarge,
            "The same of a message above quota_mail_size. Empty: `552 5.3.4 Message is too large`."),
    ]

    package static let quotaWarning: [Setting<QuotaWarningSettings>] = [
        .choice("quota_warning_resource", \.resource, "Which limit it is about.").alias("resource"),
        .choice(
            "quota_warning_threshold", \.threshold,
            "`over`: when the usage comes to the level; `under`: when it falls below it again."
        )
        .alias("threshold"),
        .number(
            "quota_storage_percentage", \.storagePercentage, 1...1000, "The level, in percent of the limit."
        )
        .alias("storage_percentage"),
        .number(
            "quota_message_percentage", \.messagePercentage, 1...1000,
            "The same for the resource `message`."
        )
        .alias("message_percentage"),
        .flag("quota_warning_mail", \.sendsMail, "Put a mail into the user's INBOX."),
        .template(
            "quota_warning_subject", \.subject,
            "Its subject, with `%{user}`, `%{percentage}`, `%{usage}`, `%{limit}` and `%{resource}`. Empty: one of Martlet's own."
        ),
        .template(
            "quota_warning_text", \.text,
            "Its text, with the same variables; `< file` reads one. Empty: one of Martlet's own."),
        .template(
            "quota_warning_execute", \.execute,
            "Program, absolute, with arguments, that is run too: as the mail role's user, without privileges."),
    ]
}
