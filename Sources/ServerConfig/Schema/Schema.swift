/// Every setting there is. The files, `martlet config` and the documentation are read and written by these
/// rows; a setting's default is what its struct begins with.
package enum Schema {
    /// Settings of one subject, in the order in which they are shown.
    package struct Group: Sendable {
        package let title: String
        package let settings: [Setting<Settings>]
    }

    package static let groups: [Group] = [
        Group(title: "General", settings: general),
        Group(title: "Logging", settings: logging),
        Group(title: "Mail", settings: mail),
        Group(title: "Sharing", settings: sharing),
        Group(title: "Authentication", settings: auth),
        Group(title: "Tokens", settings: tokens),
        Group(title: "TLS", settings: tls),
        Group(title: "Limits", settings: limits),
        Group(title: "IMAP", settings: imap),
        Group(title: "POP3", settings: pop3),
        Group(title: "LMTP", settings: lmtp),
        Group(title: "Delivery", settings: delivery),
        Group(title: "Sieve", settings: sieve),
        Group(title: "Sieve language", settings: sieveLanguage),
        Group(title: "Mail of scripts", settings: sending),
        Group(title: "Sieve on IMAP events", settings: events),
        Group(title: "Junk", settings: junk),
        Group(title: "Quota", settings: quota),
    ]

    private static let general: [Setting<Settings>] = [
        .absolutePath(
            "base_dir", \.general.baseDirectory,
            "Directory of sockets and the pid file. May be empty after a reboot."
        ).atStart(),
        .absolutePath(
            "state_dir", \.general.stateDirectory,
            "Directory of everything that must survive a reboot."
        ).atStart(),
        .choices("protocols", \.general.protocols, "Protocols that are served.").atStart(),
        .listenAddresses(
            "listen", \.general.listen,
            "Addresses of TCP listeners that name none of their own; `*` is all of IPv4, `::` all of IPv6."
        ).atStart(),
        .text(
            "hostname", \.general.hostname,
            "Name in greetings and Received headers. Empty: the machine's own."),
        .template("login_greeting", \.general.loginGreeting, "Text of the greeting."),
        .text(
            "default_internal_user", \.general.internalUser,
            "System user of the auth role when Martlet is started as root; with a passdb `pam` that role stays root, as PAM's modules need."
        ).atStart(),
    ]

    private static let logging: [Setting<Settings>] = [
        .logPath("log_path", \.logging.path, "Where log lines go."),
        .logPath(
            "info_log_path", \.logging.infoPath,
            "Where informational lines go instead. Empty: as log_path."),
        .logPath(
            "debug_log_path", \.logging.debugPath,
            "Where debugging lines go instead. Empty: as info_log_path."),
        .flag("log_debug", \.logging.writesDebug, "Write debugging lines.")
            .alias("mail_debug", "auth_debug"),
    ]

    private static let mail: [Setting<Settings>] = [
        .choice(
            "mail_driver", \.mail.driver,
            "Format in which the bodies of messages are kept: `maildir`, a file for each; `pack`, in the volume's log, which is faster. For new accounts: one that is there stays in its format. A `mail_driver` field of the userdb, or a `mail` field such as `pack:`, wins."
        ),
        .template(
            "mail_path", \.mail.path,
            "Root of an account's mail. `~/` is the home. A `mail_path` (or `mail`) field of the userdb wins."
        ),
        .template(
            "mail_home", \.mail.home, "Home of users to whom the userdb gives none."),
        .text(
            "mail_uid", \.mail.uid,
            "System user, by name or number, of accounts to whom the userdb gives no uid. Started as root, the mail role runs as this user, who owns the volumes; empty: as `vmail`, who must exist then."
        ).atStart(),
        .text("mail_gid", \.mail.gid, "As mail_uid, for the group.").atStart(),
        .choice(
            "mail_fsync", \.mail.fsync,
            "When changes are forced to the disk. `optimized`: messages before the reply, flags within a second; `always`: everything before the reply; `never`: acknowledged mail may be lost with the power."
        ).atStart(),
        .choice(
            "mailbox_list_layout", \.mail.places.layout,
            "How mailbox names become directories of a Maildir: `A/B` is `.A.B` in the root (`maildir++`), or `A/B` (`fs`)."
        ),
        .text(
            "mailbox_directory_name", \.mail.places.directoryName,
            "In the layout `fs`, the directory below a mailbox's own that holds its messages. Empty: the mailbox's own, beside those of its children."
        ),
        .template(
            "mail_inbox_path", \.mail.places.inboxPath,
            "Directory of INBOX, where it is not in its place below mail_path."),
        .template(
            "mail_control_path", \.mail.places.controlPath,
            "Root of Dovecot's text files (`dovecot-uidlist`, `dovecot-keywords`, `subscriptions`). Empty: with the messages."
        ),
        .template(
            "mail_index_path", \.mail.places.indexPath,
            "Where Dovecot had its index files. They are only looked at, to see when Dovecot last changed a mailbox. Empty: with the messages."
        ),
        .text(
            "mailbox_subscriptions_filename", \.mail.places.subscriptionsName,
            "Name of the file of subscriptions."),
        .mark(
            "mailbox_list_storage_escape_char", \.mail.escapeCharacter,
            "What begins an escape in names of directories, for what they cannot hold, such as a dot: `\\2e`."
        ).atStart().alias("listescape_char"),
        .flag(
            "mailbox_list_utf8", \.mail.namesInUTF8,
            "Name new directories in UTF-8 and not in modified UTF-7. Either is read."
        ).atStart(),
        .optionalPath(
            "mail_volume_path", \.mail.volumePath,
            "Directory of the volume that holds log and index. Empty: `volume` below state_dir."
        ).atStart(),
        .text(
            "mail_volume", \.mail.volume,
            "Volume of new accounts, `default` being that of mail_volume_path; others are `volume NAME { }` blocks. Empty: `default`. A `mail_volume` (or `volume`) field of the userdb wins. An account that is there stays in its volume; `martlet account move --volume NAME` moves it."
        ).atStart(),
        .size(
            "mail_volume_background_rate", \.mail.backgroundRate,
            "Octets a second that may be written to keep the volume's log short: checkpoints, and copies of the messages left in mostly empty segments. 0: no cleaning, the log of pack accounts then only grows."
        ).atStart(),
        .choice(
            "mail_volume_compression", \.mail.compression,
            "`zstd`: bodies of pack accounts from 512 octets to 16 MiB are compressed on their way into the volume's log, and when cleaning copies them. Needs the library libzstd.so.1 (Debian: libzstd1), then also to read them. `no`: new ones are not; those that are stay readable."
        ).atStart(),
        .number(
            "mail_volume_compression_level", \.mail.compressionLevel, 1...19,
            "For `zstd`: 1 is fast, 19 is small."
        ).atStart(),
        .time(
            "mail_volume_log_retention", \.mail.logRetention,
            "For how long a segment of the log stays where it is although nothing needs it any more, so that a copy made with rsync while the server runs finds everything it listed. Less while the file system is nearly full."
        ).atStart(),
        .time(
            "mail_scrub_interval", \.mail.scrubInterval,
            "How often all mail is read in the background and compared with index, sizes and checksums; what cannot be mended is logged. 0 is never. `martlet scrub` shows what was found."
        ),
        .size(
            "mail_scrub_rate", \.mail.scrubRate,
            "Octets a second that this may read."),
        .size(
            "mail_trace_max_size", \.mail.traceSize,
            "Octets kept in the index of what happened to mail, for `martlet why`: some 250 for a delivery, 150 for a change. The oldest go first; 0: nothing is noted."
        ).atStart(),
        .time(
            "mail_trace_max_age", \.mail.traceAge,
            "How long what happened to mail is kept for `martlet why`."
        ).atStart(),
        .size(
            "mail_max_message_size", \.mail.maximumMessageSize,
            "Largest message that APPEND and LMTP take; 0 is no limit. Keep the MTA's limit at or below it."),
        .time(
            "autoexpunge_interval", \.mail.autoExpungeInterval,
            "How often mailboxes are looked through for messages whose `autoexpunge` time is over; 0 is never."),
    ]

    private static let sharing: [Setting<Settings>] = [
        .choice(
            "acl_driver", \.access.driver,
            "Access control lists: `vfile` enforces the file `dovecot-acl` of each mailbox, also against its owner, and lets users share by IMAP; `none` looks at no list."
        ),
        .flag(
            "imap_acl_allow_anyone", \.access.allowsAnyone,
            "Let users share with everybody (`anyone`, `authenticated`)."),
        .list(
            "acl_groups", \.access.groups,
            "Groups that users are in for access control lists. An `acl_groups` field of the userdb, with commas, wins."
        ),
        .flag(
            "acl_defaults_from_inbox", \.access.defaultsFromInbox,
            "A user's mailboxes without a list of their own have that of INBOX."),
        .optionalPath(
            "acl_global_path", \.access.globalPath,
            "A file of rows about mailboxes of all users, `NAME IDENTIFIER RIGHTS` with `*` and `?` in names; where one is about the user, it counts instead of the mailbox's own list. Readable for `mail_uid`; read at the start and at a reload."
        ),
        .flag(
            "acl_globals_only", \.access.globalsOnly,
            "Only that file counts, and nobody can share; mailboxes' own lists mean nothing."),
    ]

    private static let auth: [Setting<Settings>] = [
        .flag(
            "auth_allow_cleartext", \.auth.allowsCleartext,
            "Let passwords cross an unencrypted connection. Connections from this machine always may."
        )
        .alias(.inverted("disable_plaintext_auth"))
        .inside(.connection),
        .choices(
            "auth_mechanisms", \.auth.mechanisms,
            """
            SASL mechanisms offered. The SCRAM ones work for users whose stored password is readable or in the scheme of that \
            name; those with -plus bind the login to its TLS connection. oauthbearer and xoauth2 take tokens, see `oauth2_key_file`.
            """),
        .template(
            "auth_username_format", \.auth.usernameFormat, letters: .lookup,
            "What a login name becomes before it is looked up."),
        .text(
            "auth_username_chars", \.auth.usernameCharacters,
            "Characters that login names and the addresses of mail may hold; other names are nobody's. Empty: all. Control characters, `/` and `:`, and a dot at the beginning are never allowed."
        ),
        .time(
            "auth_failure_delay", \.auth.failureDelay,
            "How long the answer to a wrong password is held back."),
        .size(
            "auth_cache_size", \.auth.cacheSize,
            "Memory for remembering passwords that were found right; 0 for no cache. PAM's answers are never remembered."
        ),
        .time(
            "auth_cache_ttl", \.auth.cacheTTL,
            "How long a right password is remembered, and at most five minutes a wrong one. A changed one counts at once."
        ),
        .number(
            "auth_worker_max_count", \.auth.workerLimit, 1...1000,
            "Worker processes for lookups that block, such as PAM."
        ).atStart(),
    ]

    private static let tls: [Setting<Settings>] = [
        .choice(
            "ssl", \.tls.mode,
            "`yes`: TLS is offered; `required`: no login without it except from this machine; `no`: no TLS."),
        .file(
            "ssl_server_cert_file", \.tls.certificate,
            "Certificate chain in PEM, own certificate first. Read again when it changes."
        )
        .alias("ssl_cert", "ssl_server_cert"),
        .file(
            "ssl_server_key_file", \.tls.privateKey,
            "Private key of that certificate in PEM, without a password."
        )
        .alias("ssl_key", "ssl_server_key"),
        .file(
            "ssl_client_ca_file", \.tls.clientAuthorities,
            "Certificates in PEM of those who vouch for the server of `submission_host`, instead of whom the system trusts."
        ),
        .choice("ssl_min_protocol", \.tls.minimumProtocol, "Oldest version of TLS that is spoken."),
        .text("ssl_cipher_list", \.tls.cipherList, "Ciphers of TLS 1.2 in OpenSSL's words."),
        .text(
            "ssl_cipher_suites", \.tls.cipherSuites,
            "Cipher suites of TLS 1.3 in OpenSSL's words. Empty: OpenSSL's own list."),
        .text(
            "ssl_curve_list", \.tls.curveList,
            "Groups for the exchange of keys in OpenSSL's words. With a finite field (`ffdhe...`) in it strangers can keep the server busy with hellos."
        ),
        .choice(
            "ssl_server_prefer_ciphers", \.tls.preferredCiphers, "Whose order of ciphers counts."),
    ]

    private static let limits: [Setting<Settings>] = [
        .number(
            "mail_max_userip_connections", \.limits.userAddressConnections, 0...1_000_000,
            "Connections of one user from one address, for each protocol; 0 is no limit."
        )
        .inside(.connection),
        .number(
            "login_max_ip_connections", \.limits.unauthenticatedAddressConnections, 0...1_000_000,
            "Connections from one address that have not logged in; 0 is no limit."),
        .number(
            "default_client_limit", \.limits.clientLimit, 0...10_000_000,
            "Connections of one protocol in all; 0 is no limit. `service NAME { client_limit }` sets it for one. When all are taken, "
                + "a new one gets the place of the one that has waited longest for its login, if there is one."
        ),
        .time(
            "login_timeout", \.limits.loginTimeout, "How long a connection may stay without a login."
        )
        .inside(.protocol),
        .networks(
            "haproxy_trusted_networks", \.limits.proxyNetworks,
            "Proxies that may connect to listeners with `haproxy = yes`, such as `192.0.2.10 2001:db8::/64`."),
        .time(
            "haproxy_timeout", \.limits.proxyTimeout,
            "How long such a proxy may take to say who its client is."),
        .size(
            "client_output_buffer_size", \.limits.outputBufferSize,
            "Answers held in memory for a client that reads slowly."
        ).atStart()
            .inside(.protocol),
    ]

    private static let imap: [Setting<Settings>] = [
        .size(
            "imap_max_line_length", \.imap.maximumLineLength,
            "Longest command, its literals included, those of APPEND left out."),
        .time(
            "imap_idle_notify_interval", \.imap.idleNotifyInterval,
            "How often an idling client with nothing new hears from the server; 0 is never."),
        .time(
            "imap_inactivity_timeout", \.imap.inactivityTimeout,
            "How long a client may be silent before it is logged out. Clients count on half an hour."),
        .flag(
            "imap_literal_minus", \.imap.limitsLiterals,
            "Advertise LITERAL- in place of LITERAL+: clients ask before they send more than 4096 octets."),
        .number(
            "imap_compress_deflate_level", \.imap.compressionLevel, 0...9,
            "How hard COMPRESS=DEFLATE tries: 1 is fast, 9 slow and smallest, 0 does not compress at all."),
        .flag(
            "imap_metadata", \.imap.offersMetadata,
            "Let clients keep annotations of mailboxes (METADATA). A Maildir has them in `dovecot-attributes`."),
        .text("mail_server_comment", \.imap.serverComment, "What METADATA says of this server."),
        .text(
            "mail_server_admin", \.imap.serverAdmin,
            "How users reach the administrator: a URI such as `mailto:postmaster@example.org`, told by METADATA."),
        .choice(
            "imap_fetch_failure", \.imap.fetchFailure,
            "What becomes of a FETCH some of whose messages cannot be read: `no-after`, the others are answered, then NO; `disconnect-after` and `disconnect-immediately` end the session, for clients that take what they got for all there is."
        ),
        .text(
            "imap_urlauth_host", \.imap.urlHost,
            "Lets users give away URLs of their messages (URLAUTH), whose host must be this one; `*` takes any. Without it there are no such URLs."
        ),
        .number("imap_urlauth_port", \.imap.urlPort, 1...65_535, "The port in such URLs; 143 may be left out of them."),
        .text(
            "imap_urlauth_submit_user", \.imap.urlSubmitUser,
            "The user as whom the MTA logs in to fetch what users forward with BURL: URLs with `submit+`."),
        .flag(
            "imap_expunge_to_trash", \.imap.expungesToTrash,
            "For clients that only mark messages as deleted: those that EXPUNGE would remove go to the mailbox of \\Trash, unless they are in it or in that of \\Junk. Thunderbird and others that move messages themselves need no such help."
        ),
        .number(
            "imap_message_limit", \.imap.messageLimit, 0...4_294_967_295,
            "Messages that one FETCH, STORE, SEARCH, MOVE or UID EXPUNGE works on at most, those with the highest UIDs first, and that one COPY, APPEND, SORT or THREAD may be about: told as MESSAGELIMIT. Not below 1000 for clients in the wild; 0 is no limit."
        ),
        .number(
            "imap_save_limit", \.imap.saveLimit, 0...4_294_967_295,
            "Messages that one COPY or APPEND may store: told as SAVELIMIT, unless `imap_message_limit` is set, which then counts; 0 is no limit."
        ),
    ]

    private static let pop3: [Setting<Settings>] = [
        .template(
            "pop3_uidl_format", \.pop3.uidlFormat, letters: .message,
            "Unique-id of messages, from `uid` and `uidvalidity`. Changing it makes clients download everything again."
        ),
        .flag(
            "pop3_no_flag_updates", \.pop3.leavesFlags, "Do not set \\Seen on messages that were retrieved."),
        .time(
            "pop3_inactivity_timeout", \.pop3.inactivityTimeout,
            "How long a client may be silent. RFC 1939 asks for ten minutes at least."),
    ]

    private static let lmtp: [Setting<Settings>] = [
        .number(
            "lmtp_max_recipients", \.lmtp.maximumRecipients, 1...100_000, "Recipients in one transaction."),
        .flag(
            "lmtp_rcpt_check_quota", \.lmtp.checksQuotaAtRecipient,
            "Refuse full mailboxes at RCPT, before the message is sent."),
        .flag(
            "lmtp_save_to_detail_mailbox", \.lmtp.savesToDetailMailbox,
            "Put mail to `user+detail` into the mailbox `detail`."),
        .flag("lmtp_add_received_header", \.lmtp.addsReceivedHeader, "Add a Received header."),
        .choice(
            "lmtp_hdr_delivery_address", \.lmtp.deliveryAddressHeader,
            "What Delivered-To says: the address of RCPT TO (`final`), that of its ORCPT (`original`), or no such header (`none`)."
        ),
        .time("lmtp_inactivity_timeout", \.lmtp.inactivityTimeout, "How long an MTA may be silent."),
    ]

    private static let delivery: [Setting<Settings>] = [
        .text(
            "recipient_delimiter", \.delivery.recipientDelimiter,
            "Characters of which the first found separates user and detail in an address."),
        .flag(
            "lda_mailbox_autocreate", \.delivery.createsMailboxes,
            "Make a mailbox that delivery names and that is missing, rather than take INBOX."),
        .text(
            "sendmail_path", \.delivery.sendmailPath,
            "Program, with arguments, that takes mail of scripts on its standard input, unless `submission_host` is set. Empty, without a submission host: nothing is sent."
        ),
        .template(
            "postmaster_address", \.delivery.postmasterAddress,
            "Sender of mail that Martlet itself writes, such as quota warnings."),
    ]

    private static let sieve: [Setting<Settings>] = [
        .size(
            "sieve_max_script_size", \.sieve.maximumScriptSize,
            "Largest script, 64 MiB at most; 0 is no limit but that."),
        .number(
            "sieve_quota_script_count", \.sieve.maximumScripts, 0...100_000,
            "Scripts that a user may store by ManageSieve; 0 is no limit."
        ).alias("sieve_quota_max_scripts"),
        .size(
            "sieve_quota_storage_size", \.sieve.maximumStorage,
            "Octets that a user's scripts may have together, checked by ManageSieve; 0 is no limit."
        ).alias("sieve_quota_max_storage"),
        .number(
            "sieve_max_actions", \.sieve.maximumActions, 0...100_000, "Actions of one run; 0 is no limit."),
        .number(
            "sieve_max_redirects", \.sieve.maximumRedirects, 0...1000,
            "Redirects of one run; 0 forbids redirecting."),
        .template(
            "sieve_user_log", \.sieve.userLog,
            "Where users find the mistakes of their scripts; `~/` is the home."),
    ]
}
