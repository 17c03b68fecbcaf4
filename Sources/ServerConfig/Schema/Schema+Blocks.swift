/// The settings inside of blocks.
extension Schema {
    package static let passdb: [Setting<PassdbSettings>] = [
        .choice("driver", \.driver, "What is asked. The name of the block when that is a driver.")
            .alias("passdb_driver"),
        .template(
            "passwd_file_path", \.passwdFilePath, letters: .lookup,
            "`passwd-file`: the file; `%{user | domain}` makes one per domain."
        )
        .alias("passdb_passwd_file_path"),
        .text(
            "default_password_scheme", \.defaultScheme, "Scheme of passwords without a `{SCHEME}`."
        )
        .alias("passdb_default_password_scheme"),
        .text("service_name", \.pamServiceName, "`pam`: the file in /etc/pam.d.")
            .alias("passdb_pam_service_name"),
        .template(
            "static_password", \.staticPassword, letters: .lookup, "`static`: the password of every user."
        )
        .alias("password", "passdb_static_password"),
        .flag(
            "deny", \.isDenyList,
            "`passwd-file`: whoever has a line in it may not log in, whatever the passdbs after it say; nobody may while the file cannot be read."
        )
        .alias("passdb_deny"),
        .template(
            "auth_username_format", \.usernameFormat, letters: .lookup,
            "Instead of the setting of that name, in this passdb."),
    ]

    package static let userdb: [Setting<UserdbSettings>] = [
        .choice("driver", \.driver, "What is asked. The name of the block when that is a driver.")
            .alias("userdb_driver"),
        .template("passwd_file_path", \.passwdFilePath, letters: .lookup, "`passwd-file`: the file.")
            .alias("userdb_passwd_file_path"),
        .flag(
            "static_allow_all_users", \.allowsAllUsers,
            "`static`: every name is a user's. Otherwise who is in a `passdb passwd-file` is, and mail to others is refused; PAM and tokens cannot tell, so that every name is a user's without a passwd-file, or beside a passdb pam without a userdb passwd."
        )
        .alias("allow_all_users", "userdb_static_allow_all_users"),
        .template(
            "auth_username_format", \.usernameFormat, letters: .lookup,
            "Instead of the setting of that name, in this userdb."),
    ]

    package static let namespace: [Setting<NamespaceSettings>] = [
        .choice(
            "type", \.type,
            "Whose mail it is: the user's own, what other users share, or nobody's in particular (`public`)."
        )
        .alias("namespace_type"),
        .text(
            "prefix", \.prefix,
            "What names in it begin with, such as `INBOX.`; ends in the separator. In a shared namespace `$user`, `$username` or `$domain` stands for the owner: `shared/$user/`."
        )
        .alias("namespace_prefix"),
        .text("separator", \.separator, "Character between levels of a name.").atStart().alias("namespace_separator"),
        .flag("inbox", \.holdsInbox, "INBOX is here. One namespace has it.").alias("namespace_inbox"),
        .choice(
            "list", \.listing,
            "Whether its names show in lists; `children`: the prefix itself only with something below it; `no`: only to clients that ask for the prefix."
        )
        .alias("namespace_list"),
        .flag("hidden", \.isHidden, "Clients that ask for the namespaces are not told of it.")
            .alias("namespace_hidden"),
        .flag(
            "subscriptions", \.keepsSubscriptions,
            "Subscriptions of its mailboxes are kept in it and so the same for all who use it. `no`: each user's own, with those of INBOX's namespace. Always so in a shared one."
        )
        .alias("namespace_subscriptions"),
        .choice(
            "private_flags", \.privateFlags,
            "Flags that each user of a shared or public mailbox has of his own, so that what one has read is unread to the others. `none`: all flags are everybody's."
        ),
        .template(
            "mail_path", \.path,
            "Root of its mail, where that is not the user's: always of a public one. Not in a shared one, whose mail is where its owner's is."
        ),
        .choice(
            "mailbox_list_layout", \.layout,
            "Layout below its mail_path; `account`: as outside of namespaces."),
        .template(
            "mail_control_path", \.controlPath,
            "As outside of namespaces, for a namespace with a mail_path of its own."),
        .template(
            "mail_index_path", \.indexPath,
            "As outside of namespaces, for a namespace with a mail_path of its own."),
    ]

    package static let mailbox: [Setting<MailboxSettings>] = [
        .choice(
            "auto", \.autoCreation,
            "`create`: every user has it; `subscribe`: and is subscribed to it. Like the next two only in the namespace "
                + "with `inbox = yes`."
        )
        .atStart().alias("mailbox_auto"),
        .list("special_use", \.specialUse, "What clients use it for, such as `\\Sent`.")
            .atStart().alias("mailbox_special_use"),
        .names(
            "aliases", \.aliases,
            "Other names by which clients may call it, such as `Sent Items, Sent Messages`. They never show in a list; a mailbox that really has such a name stays as it is."
        )
        .atStart().alias("mailbox_aliases"),
        .time(
            "autoexpunge", \.autoExpunge,
            "Remove messages that have been in it for so long, such as `30 days`; 0 is never."
        )
        .alias("mailbox_autoexpunge"),
        .number(
            "autoexpunge_max_mails", \.autoExpungeMaximum, 0...1_000_000_000,
            "Remove the oldest messages above this many; 0 is no limit."
        )
        .alias("mailbox_autoexpunge_max_mails"),
        .flag("quota_ignore", \.ignoresQuota, "What lies here does not count, and is not limited."),
        .number(
            "quota_storage_percentage", \.quotaStoragePercentage, 0...100_000,
            "For messages going in, the account's storage limit is this many percent of what it is."),
        .number(
            "quota_message_percentage", \.quotaMessagePercentage, 0...100_000,
            "The same for the limit of messages."),
        .size("quota_storage_extra", \.quotaStorageExtra, "Storage beyond the limit for messages going in."),
    ]

    package static let volume: [Setting<VolumeSettings>] = [
        .optionalPath(
            "path", \.path,
            "Directory of its log and index, on a disk of its own perhaps; neither in another volume nor around one."
        )
        .alias("mail_volume_path", "volume_path")
    ]

    package static let localName: [Setting<LocalNameSettings>] = [
        .file("ssl_server_cert_file", \.certificate, "Certificate chain for these names.")
            .alias("ssl_cert", "ssl_server_cert"),
        .file("ssl_server_key_file", \.privateKey, "Its private key.")
            .alias("ssl_key", "ssl_server_key"),
    ]

    package static let inetListener: [Setting<InetPlace>] = [
        .number("port", \.port, 0...65535, "TCP port; 0 switches the listener off."),
        .listenAddresses("address", \.addresses, "Addresses instead of those of `listen`.").alias("listen"),
        .flag("ssl", \.isTLS, "The connection begins with the TLS handshake."),
        .flag(
            "haproxy", \.isProxied,
            "Only proxies of `haproxy_trusted_networks` connect, each time with a header of the PROXY protocol, version 1 or 2, that says who the client is (HAProxy: `send-proxy-v2-ssl`)."
        ),
    ]

    package static let unixListener: [Setting<UnixPlace>] = [
        .mode("mode", \.mode, "Permissions; 0 switches the listener off."),
        .text("user", \.user, "Owner of the socket."),
        .text("group", \.group, "Group of the socket."),
    ]

    package static let sieveScript: [Setting<SieveScriptSettings>] = [
        .choice(
            "type", \.type,
            "When it runs: the user's own, for users who have none, before it, after it, for messages that would be discarded; or never by itself, and other scripts include it (`global`)."
        )
        .alias("sieve_script_type"),
        .template(
            "path", \.path,
            "Directory of scripts, or one script file; `~/` is the home. Of `before`, `after` and `discard` a directory stands for its `*.sieve` files by name; of `personal` and `global` it is where included scripts are looked for."
        )
        .alias("sieve_script_path"),
        .text("name", \.scriptName, "`default`: the name by which users see and may include it.")
            .alias("sieve_script_name"),
        .number(
            "precedence", \.precedence, 0...1_000_000,
            "Of several of a type the lower number is first; 0 is last, in the order of the files."
        )
        .alias("sieve_script_precedence"),
        .template("active_path", \.activePath, "`personal`: the link to the active script.")
            .alias("sieve_script_active_path"),
    ]
}

extension Schema {
    /// Every setting of the top level, in the order in which they are shown.
    package static let all: [Setting<Settings>] = groups.flatMap(\.settings)

    /// Kinds of blocks at the top level.
    package static let blockKinds = [
        "protocol", "remote", "local_name", "service", "namespace", "passdb", "userdb", "plugin",
        "sieve_script", "imapsieve_from", "oauth2", "sieve_extlists_list", "sieve_editheader_header", "quota",
        "quota_warning",
        "volume",
        "protocols",
    ]

    /// `; did you mean X?` for a name of the top level, or nothing.
    package static func suggestion(for name: String) -> String {
        Spelling.nearest(to: name, among: all.map(\.name)).map { "; did you mean \($0)?" } ?? ""
    }

    /// Whether a setting may stand in `protocol NAME { }`: because it may differ there, or because it
    /// concerns that protocol alone.
    package static func belongs(_ setting: Setting<Settings>, in mailProtocol: MailProtocol) -> Bool {
        if setting.scopes.contains(.protocol) { return true }
        let titles: [String] =
            switch mailProtocol {
            case .imap: ["IMAP", "Sieve on IMAP events", "Junk"]
            case .pop3: ["POP3"]
            case .lmtp: ["LMTP", "Delivery", "Sieve", "Sieve language", "Junk"]
            case .sieve: ["Sieve", "Sieve language"]
            }
        return groups.contains { group in
            titles.contains(group.title) && group.settings.contains { $0.name == setting.name }
        }
    }
}
