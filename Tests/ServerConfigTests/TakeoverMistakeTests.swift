import Testing

@testable import ServerConfig

/// What Dovecot's configurations say and Martlet's cannot: each message says what is safe to do.
@Suite struct TakeoverMistakeTests {
    static let proxying =
        "proxying is not in this release; remove this whole passdb { }: with nopassword beside it everybody would get in here"
    static let wholePassdb =
        "not in this release: who is accepted by one passdb is let in. Remove this whole passdb { }: with only the line gone it would let in by itself whom it was to check, or to refuse. A list of those who may not log in is deny = yes"
    static let someLogins =
        "is not in this release; remove this whole passdb { }, unless whoever it accepts may log in in every way"
    static let convert =
        "have Dovecot convert it first (doveadm backup, or doveadm sync) to a Maildir in the layout maildir++"

    @Test(
        arguments: [
            (
                "passdb {\n driver = static\n args = proxy=y host=10.0.0.1 nopassword=y\n}",
                ["3: proxy: \(proxying)"]
            ),
            (
                "passdb static {\n fields {\n  proxy_maybe = yes\n  nopassword = yes\n }\n}",
                ["3: proxy_maybe: \(proxying)"]
            ),
            (
                "passdb passwd-file {\n passwd_file_path = /u\n override_fields = host=a proxy\n default_fields = proxy=y\n}",
                ["3: proxy: \(proxying)", "4: proxy:default: \(proxying)"]
            ),
            (
                "passdb passwd-file {\n passwd_file_path = /u\n master = yes\n}",
                [
                    "3: master in passdb passwd-file: master users are not in this release; remove this whole passdb { }: without master = yes its users could log in as themselves"
                ]
            ),
            (
                "passdb {\n driver = static\n password = x\n passdb_mechanisms = external\n username_filter = *@a\n}",
                [
                    "4: passdb_mechanisms in passdb: a passdb for some SASL mechanisms only \(someLogins)",
                    "5: username_filter in passdb: a passdb for some users only \(someLogins)",
                ]
            ),
            (
                "passdb static {\n fields {\n nopassword = yes\n }\n result_success = continue\n}",
                ["5: result_success in passdb static: \(wholePassdb)"]
            ),
            (
                "passdb pam {\n result_failure = return-fail\n result_internalfail = continue\n mechanisms =\n}",
                [
                    "2: result_failure in passdb pam: not in this release: when this passdb says no, those after it are asked. Remove the line only if whoever they accept may log in then",
                    "3: warning: result_internalfail = continue in passdb pam is how it always is; remove it",
                    "4: warning: an empty mechanisms in passdb pam is how it always is; remove it",
                ]
            ),
            (
                "passdb pam {\n deny = yes\n}",
                [
                    "1: passdb pam: deny = yes is for a passwd-file, which lists those who may not log in; remove this whole passdb { }: without deny = yes it could let them in"
                ]
            ),
            (
                "passdb passwd-file {\n deny = yes\n passwd_file_path = /deny\n}",
                [
                    "1: warning: passdb passwd-file: deny = yes comes too late for those whom passdb pam lets in; write this passdb before it"
                ]
            ),
            (
                "passdb {\n driver = sql\n args = /etc/dovecot/dovecot-sql.conf.ext\n}\nuserdb {\n driver = ldap\n args = /etc/dovecot/x\n}\nuserdb sql {\n query = SELECT\n}",
                [
                    "2: driver: \"sql\": is not in this release; use passwd-file or pam",
                    "6: driver: \"ldap\": is not in this release; use passwd-file, passwd (the system's users) or static",
                    "9: userdb sql has no driver; sql is not in this release; use passwd-file, passwd (the system's users) or static",
                ]
            ),
            ("passdb {\n driver = shadow\n}", ["2: driver: \"shadow\": is not there; use pam"]),
            (
                "auth_ssl_require_client_cert = yes",
                [
                    "1: auth_ssl_require_client_cert is not a Martlet setting; client certificates are not in this release; remove it only if a password alone may let users in"
                ]
            ),
            (
                "auth_mechanisms = plain cram-md5 login gssapi",
                [
                    "1: auth_mechanisms: \"cram-md5\": needs passwords in plain text on the server; use scram-sha-256, or plain over TLS; \"gssapi\": is not in this release"
                ]
            ),
            (
                "mail_location = maildir:~/M:LAYOUT=index:MAILBOXDIR=x:ALT=/y",
                [
                    "1: mail_location: with LAYOUT=index folders lie under other names, and would not be found; \(convert)",
                    "1: mail_location: MAILBOXDIR=x is not in this release, and folders would not be found without it; \(convert)",
                    "1: mail_location: ALT=/y is not in this release; remove :ALT=/y",
                ]
            ),
            (
                "mailbox_list_layout = index",
                [
                    "1: mailbox_list_layout: \"index\": folders lie under other names there, and would not be found; \(convert)"
                ]
            ),
            (
                "namespace inbox {\n inbox = yes\n}\nnamespace all {\n prefix = all.\n location = virtual:~/virtual\n}\nnamespace old {\n prefix = old.\n location = mdbox:~/old\n}",
                [
                    "6: namespace all: virtual mailboxes are not in this release; remove this whole namespace { }",
                    "10: location: \"mdbox\": the formats maildir and pack are there; convert it with Dovecot, by doveadm backup",
                ]
            ),
            (
                "namespace inbox {\n inbox = yes\n separator = /\n prefix = INBOX.\n}",
                [
                    "1: namespace inbox: the prefix INBOX. ends in another separator; write separator = ., or prefix = INBOX/"
                ]
            ),
            (
                "plugin {\n sieve_before = ldap:/etc/dovecot/sieve-ldap.conf\n sieve_after = dict:file:/x\n sieve_default = file:/ok.sieve\n}",
                [
                    "2: sieve_before: scripts are files in this release, not in ldap; write the path of a file or directory",
                    "3: sieve_after: scripts are files in this release, not in dict; write the path of a file or directory",
                ]
            ),
            (
                "local 192.0.2.10 {\n ssl_cert = /x\n}",
                [
                    "1: the block local { } is not a Martlet setting; settings by the server's own address are not in this release; certificates go by name, in local_name NAME { }, and other settings by the client's address, in remote NETWORK { }"
                ]
            ),
            (
                "service imap-postlogin {\n executable = script-login /x\n}\nservice lmtp {\n user = vmail\n}",
                [
                    "1: service imap-postlogin is unknown; no script runs after a login in this release; remove it",
                    "5: user in service lmtp: roles run as mail_uid and default_internal_user; remove it",
                ]
            ),
            (
                "service imap {\n inet_listener x {\n port = abc\n address = 300.1.2.3\n }\n}",
                [
                    "3: port: \"abc\" is not a number from 0 to 65535",
                    "4: address: \"300.1.2.3\" is not an address; write one, * or ::",
                ]
            ),
            (
                "listen = foo.bar, 127.0.0.1\nprotocols = imap pop3",
                ["1: listen: \"foo.bar\" is not an address; write one, * or ::"]
            ),
            (
                "userdb static {\n fields {\n uid = vmail\n }\n}\npassdb static {\n password = x\n}",
                [
                    "1: warning: userdb static: every address has a mailbox here, and `martlet user` lists nobody, since no passdb passwd-file says who exists (PAM and tokens cannot, and passdb static knows every name); take a userdb that lists users, or write static_allow_all_users = yes where that is meant"
                ]
            ),
        ] as [(String, [String])])
    func messages(_ text: String, _ expected: [String]) {
        #expect(diagnostics(text) == expected)
    }

    /// What is missing is told with the other mistakes, unless one of them is about it.
    @Test func whatTLSNeedsIsToldAtOnce() {
        let loaded = load("mail_pth = x\nssl = required\nssl_cert = </none\n")
        #expect(
            loaded.diagnostics.map(\.message) == [
                "mail_pth is unknown; did you mean mail_path?",
                "ssl_cert: cannot read /none: No such file or directory",
                "ssl = required needs a key; write ssl_server_key_file = /path, or ssl = no",
            ])
    }

    @Test func whatDoveconfHidesIsNamed() {
        let loaded = load(
            """
            ssl_cert = </c
            ssl_key = # hidden, use -P to show it
            local_name a.example {
              ssl_cert = </c
              ssl_key = # hidden, use -P to show it
            }
            """, files: ["/c": "CERT"])
        let sentence = "ssl_key: doveconf hides what it is; write ssl_server_key_file = /path of the file"
        #expect(
            loaded.diagnostics.map(\.description) == [2, 5].map { "/etc/martlet/martlet.conf:\($0): \(sentence)" })
    }

    @Test func whoseMailIsRefused() {
        let file = "passdb passwd-file {\n passwd_file_path = /u\n}\n"
        let fixed = "userdb static {\n fields {\n uid = vmail\n }\n}\n"
        func warnings(_ text: String) -> [String] { load("ssl = no\n" + text).diagnostics.map(\.description) }
        #expect(warnings(file + fixed) == [])
        #expect(warnings("passdb pam {\n}\n" + file + "userdb passwd {\n}\n" + fixed) == [])
        let mixed = warnings("passdb pam {\n}\n" + file + fixed)
        #expect(mixed.count == 1 && mixed.first?.contains("may be a user of PAM") == true)
        #expect(warnings("passdb pam {\n}\n" + fixed).first?.contains("every address has a mailbox here") == true)
        for allowed in [
            "userdb static {\n static_allow_all_users = yes\n}\n", "userdb static {\n allow_all_users = yes\n}\n",
            "userdb static {\n fields {\n allow_all_users = yes\n }\n}\n",
            "userdb {\n driver = static\n args = uid=vmail allow_all_users=yes\n}\n",
        ] {
            let loaded = load("ssl = no\npassdb pam {\n}\n" + allowed)
            #expect(loaded.diagnostics == [])
            #expect(loaded.settings.userdbs.first?.allowsAllUsers == true)
            #expect(loaded.settings.userdbs.first?.fields.contains(where: { $0.name == "allow_all_users" }) == false)
        }
    }

    @Test func whoMayLogIn() {
        let deny = "passdb deny {\n driver = passwd-file\n args = /etc/martlet/deny\n deny = yes\n}\n"
        let loaded = load(deny + basics + "auth_username_chars = \"abc'\"\n")
        #expect(loaded.diagnostics == [])
        #expect(loaded.settings.passdbs.map(\.isDenyList) == [true, false])
        #expect(loaded.settings.auth.usernameCharacters == "abc'")
        // Nobody gets in by such a list alone.
        #expect(
            load("ssl = no\nuserdb passwd {\n}\n" + deny).diagnostics.first?.message.hasPrefix("no passdb: ") == true)
    }
}
