import Testing

@testable import ServerConfig

#if canImport(Glibc)
    import Glibc
#endif

/// `Documentation/settings.md` is written by the schema. To write it anew, run
/// `MARTLET_WRITE_SETTINGS=1 swift test --filter DocumentationTests`.
@Suite struct DocumentationTests {
    @Test func settingsAreDocumented() throws {
        let path = repository + "/Documentation/settings.md"
        let wanted = Self.document()
        if getenv("MARTLET_WRITE_SETTINGS") != nil, let file = fopen(path, "w") {
            fputs(wanted, file)
            fclose(file)
        }
        let found = String(decoding: try ConfigurationFiles.disk.source(path).get(), as: UTF8.self)
        #expect(found == wanted, "Documentation/settings.md is out of step; see the comment on this test")
    }

    static func document() -> String {
        var out = """
            # Settings

            <!-- Written by Tests/ServerConfigTests/DocumentationTests.swift from the schema; do not edit. -->

            Martlet reads `/etc/martlet/martlet.conf` and what it includes, in Dovecot's syntax:

            ```
            # a comment
            name = value
            name = "a value with # or blanks around"
            name = a long value \\
              that goes on
            name = </file/whose/contents/are/the/value
            block name {
              name = value
            }
            !include conf.d/*.conf
            !include_try local.conf
            ```

            `$SET:name` is the value of a setting so far, `$ENV:NAME` an environment variable.
            A size is a number with `k`, `M`, `G` or `T`; a time one with `ms`, `s`, `min`, `h`, `days` or `weeks`.
            Lists are separated by blanks or commas, or written as `name { word = yes }`.
            `%{user | domain | lower}` in a text is replaced when it is used; the filters are `lower`, `upper`,
            `username`, `domain`, `reverse`, `substr(START, LENGTH)`, `hex(WIDTH)` and `default('TEXT')`.
            The variables are \(Expansion.variables.map { "`\($0)`" }.joined(separator: ", ")), and
            `passdb:NAME` and `userdb:NAME` for extra fields.

            `martlet reload` puts changes into force without ending a session, except where it says that a setting counts
            from the next start; a reload names those that wait for one.

            Relative paths of included files, certificates and keys begin at the file that names them.
            `martlet config check` lists every mistake with file and line, `martlet config` shows all settings and
            `martlet config -n` those that are not defaults. An unknown setting is a mistake. Names are those of
            Dovecot 2.4 where the meaning is the same; "also" names are older spellings that are understood.

            The numbered files can lie beside `martlet.conf` or in `conf.d` below it; `local.conf`, read last, is for
            this machine alone.

            """
        for group in Schema.groups {
            out += "\n## \(group.title)\n\n" + self.table(group.settings, Settings())
        }
        out += "\n## Blocks\n\n"
        out += """
            ### protocol NAME { }, remote NETWORK { }

            Settings for connections of one protocol (`imap`, `pop3`, `lmtp`, `sieve`), or from one address or network.
            One may stand inside of the other. What is more specific wins: `protocol` over `remote`, a small network over a
            large one. In `protocol` may stand the settings of that protocol (in `protocol lmtp` also those of
            delivery and Sieve) and
            \(self.names { $0.scopes.contains(.protocol) });
            in `remote` \(self.names { $0.scopes.contains(.remote) }).


            """
        out += self.block(
            "passdb NAME { }",
            "Where passwords are checked, asked in this order. `fields { name = value }` adds extra fields to each answer; `name:default` only where the answer has none. Also: `driver` and `args` as in Dovecot 2.3.",
            Schema.passdb, PassdbSettings(name: ""))
        out += self.block(
            "userdb NAME { }",
            "Where ids and homes are looked up, asked in this order. Drivers: `passwd` is the system's users, `prefetch` the `userdb_` fields of the passdb, `static` only `fields { }`, for all whom the passdbs know.",
            Schema.userdb, UserdbSettings(name: ""))
        out += self.block(
            "namespace NAME { }", "Where mailboxes are in the tree of names.", Schema.namespace,
            NamespaceSettings(name: ""))
        out += self.block(
            "mailbox NAME { } in a namespace", "What is known of a mailbox.", Schema.mailbox,
            MailboxSettings(name: ""))
        out += self.block(
            "service NAME { }",
            "`imap`, `pop3`, `lmtp`, `managesieve`, `auth` (SASL for MTAs) or `quota-status` (Postfix's policy protocol). `client_limit` is the most connections of that protocol; `auth` and `quota-status` have none. Listeners count from the next start. Those that are there by themselves: `imap` 143, `imaps` 993, `pop3` 110, `pop3s` 995, `sieve` 4190, and the socket `lmtp` with mode 0666 in base_dir.\n\n`inet_listener NAME { }`:",
            Schema.inetListener, InetPlace())
        out += "`unix_listener PATH { }`, a relative path beginning at base_dir:\n\n"
        out += self.table(Schema.unixListener, UnixPlace()) + "\n"
        out += self.block(
            "local_name NAME ... { }",
            "The certificate for clients that ask for one of these names; `*.example.org` is every name one level below.",
            Schema.localName, LocalNameSettings(names: []))
        out += self.block(
            "sieve_script NAME { }",
            "A place of Sieve scripts. Also: `sieve`, `sieve_before`, `sieve_after`, `sieve_discard`, `sieve_global`, `sieve_default` and `sieve_default_name` in `plugin { }`.",
            Schema.sieveScript, SieveScriptSettings(name: ""))
        out += self.block(
            "sieve_script NAME { } for IMAP events",
            "A script of the administrator that runs when messages come into a mailbox over IMAP or change their flags: in `mailbox NAME { }` of a namespace, in `imapsieve_from NAME { }` (for what comes from that mailbox; itself at the top level or in `mailbox NAME { }`), or at the top level with a `cause`. Also: `imapsieve_mailboxN_name`, `_from`, `_causes`, `_before`, `_after` and `_copy_source_after` in `plugin { }`.",
            Schema.eventScript, EventScriptSettings(name: ""))
        out += self.block(
            "sieve_extlists_list NAME { }",
            "A list that scripts ask by `:list` (extlists). Also `dict file { path = ... }` in it, for pairs.\n\nFurther settings of Sieve whose names have a free part: `sieve_env_NAME`, which scripts read as `vnd.dovecot.config.NAME`; `sieve_spamtest_text_value { N = TEXT }` and `sieve_virustest_text_value { N = TEXT }`; `sieve_editheader_header NAME { forbid_add = yes  forbid_delete = yes }`.",
            Schema.sieveList, SieveListSettings(name: ""))
        out += self.block(
            "quota_warning NAME { }",
            "A level of which users are told, once for each crossing. Also as `warning NAME { }` in `quota NAME { }`, where the settings of Quota may stand too, without their `quota_`; `execute PROGRAM { args = ... }` for `quota_warning_execute`.",
            Schema.quotaWarning, QuotaWarningSettings(name: ""))
        out += self.block(
            "volume NAME { }",
            "A further volume: a directory with a log and an index of its own, for some of the accounts. Volumes come and go with a restart; one that has accounts must stay.",
            Schema.volume, VolumeSettings(name: ""))
        while out.hasSuffix("\n\n") { out.removeLast() }
        return out
    }

    private static func names(_ isMeant: (Setting<Settings>) -> Bool) -> String {
        Schema.all.filter(isMeant).map { "`\($0.name)`" }.joined(separator: ", ")
    }

    private static func block<Root>(
        _ head: String, _ text: String, _ rows: [Setting<Root>], _ defaults: Root
    ) -> String {
        "### \(head)\n\n\(text)\n\n" + self.table(rows, defaults) + "\n"
    }

    private static func table<Root>(_ rows: [Setting<Root>], _ defaults: Root) -> String {
        var out = "| Setting | Type | Default | Meaning |\n|---|---|---|---|\n"
        for row in rows {
            let text = row.text(defaults).replacing("|", with: "\\|")
            let aliases = row.aliases.map { "`\($0.name)`" + ($0.isInverted ? " (inverted)" : "") }
            let also = aliases.isEmpty ? "" : " Also " + aliases.joined(separator: ", ") + "."
            let start = row.isReadAtStart ? " Counts from the next start." : ""
            out +=
                "| `\(row.name)` | \(row.type) | \(text.isEmpty ? "" : "`\(text)`") | \(row.doc)\(start)\(also) |\n"
        }
        return out
    }
}
