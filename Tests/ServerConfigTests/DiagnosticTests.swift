import Testing

@testable import ServerConfig

@Suite struct DiagnosticTests {
    @Test(arguments: [
        ("mail_pth = x", ["1: mail_pth is unknown; did you mean mail_path?"]),
        (
            "service imap {\n  inet_listener imap {\n    prot = 1\n  }\n}",
            ["3: prot is unknown in inet_listener imap; did you mean port?"]
        ),
        ("auth_mechanism = plain", ["1: auth_mechanism is unknown; did you mean auth_mechanisms?"]),
        (
            "mail_plugins = quota",
            [
                "1: mail_plugins is not a Martlet setting; Martlet has no plugins: what it can do is built in; remove it"
            ]
        ),
        (
            "fts_autoindex = yes",
            ["1: fts_autoindex is not a Martlet setting; not in this release; remove it"]
        ),
        ("xyzzy_plugh_quux = 1", ["1: xyzzy_plugh_quux is unknown; `martlet config` lists all settings"]),
        ("log_debug = maybe", ["1: log_debug: \"maybe\" is neither yes nor no"]),
        (
            "disable_plaintext_auth = x",
            ["1: disable_plaintext_auth: \"x\" is neither yes nor no; write auth_allow_cleartext"]
        ),
        (
            "login_timeout = 30",
            ["1: login_timeout: \"30\" has no unit; write one such as 30 s, 30 min or 30 days"]
        ),
        (
            "login_timeout = soon",
            ["1: login_timeout: \"soon\" is not a time; write one such as 30 s, 5 min, 12 h or 30 days"]
        ),
        (
            "login_timeout = 99999999999999 weeks",
            [
                "1: login_timeout: \"99999999999999 weeks\" is longer than a thousand years; write 365250 days at most"
            ]
        ),
        (
            "submission_timeout = 1000000000000 weeks",
            [
                "1: submission_timeout: \"1000000000000 weeks\" is longer than a thousand years; write 365250 days at most"
            ]
        ),
        (
            "sieve_pipe_exec_timeout = 31557600000001 ms",
            [
                "1: sieve_pipe_exec_timeout: \"31557600000001 ms\" is longer than a thousand years; write 365250 days at most"
            ]
        ),
        (
            "login_timeout = 99999999999999999999999 s",
            [
                "1: login_timeout: \"99999999999999999999999 s\" is longer than a thousand years; write 365250 days at most"
            ]
        ),
        (
            "login_timeout = s",
            ["1: login_timeout: \"s\" is not a time; write one such as 30 s, 5 min, 12 h or 30 days"]
        ),
        (
            "imap_max_line_length = 9223372036854775807",
            ["1: imap_max_line_length: \"9223372036854775807\" is too large; write 1048576T at most"]
        ),
        (
            "auth_cache_size = 10X",
            ["1: auth_cache_size: \"10X\" is not a size; write one such as 512k, 10M or 1G"]
        ),
        (
            "auth_cache_size = 99999999999T",
            ["1: auth_cache_size: \"99999999999T\" is not a size; write one such as 512k, 10M or 1G"]
        ),
        ("lmtp_max_recipients = 0", ["1: lmtp_max_recipients: \"0\" is not a number from 1 to 100000"]),
        ("mail_fsync = allways", ["1: mail_fsync: \"allways\" is unknown; did you mean always?"]),
        (
            "mail_driver = mdbox",
            [
                "1: mail_driver: \"mdbox\": the formats maildir and pack are there; convert it with Dovecot, by doveadm backup"
            ]
        ),
        ("ssl_min_protocol = TLSv1", ["1: ssl_min_protocol: \"TLSv1\": is broken; write TLSv1.2"]),
        (
            "auth_mechanisms = plain cram-md5",
            [
                "1: auth_mechanisms: \"cram-md5\": needs passwords in plain text on the server; use scram-sha-256, or plain over TLS"
            ]
        ),
        ("base_dir = run", ["1: base_dir: \"run\" is not an absolute path; begin it with /"]),
        (
            "log_path = mail.log",
            ["1: log_path: \"mail.log\" is no place for logs; write stderr, syslog or an absolute path"]
        ),
        ("mail_path = ~/%{usr}", ["1: mail_path: %{usr} is unknown; did you mean %{user}?"]),
        (
            "ssl_server_cert_file = /none",
            ["1: ssl_server_cert_file: cannot read /none: No such file or directory"]
        ),
        (
            "ssl_key = -----BEGIN PRIVATE KEY-----",
            ["1: ssl_key holds the contents of a file; write ssl_server_key_file = /its/path"]
        ),
        (
            "hostname = a\n\nhostname = b",
            ["3: warning: hostname is set again; line 6 set it before and no longer counts"]
        ),
        (
            "dovecot_config_version = 2.4.0",
            ["1: warning: dovecot_config_version means nothing here; remove it"]
        ),
        ("servce imap {\n}", ["1: the block servce { } is unknown; did you mean service?"]),
        ("dict x {\n}", ["1: the block dict { } is not a Martlet setting; not in this release; remove it"]),
        ("hostname {\n}", ["1: hostname is not a block; write hostname = value"]),
        ("service imp {\n}", ["1: service imp is unknown; did you mean imap?"]),
        (
            "service imap {\n process_limit = 1\n}",
            [
                "2: process_limit is not a Martlet setting in service imap; one process serves all sessions; remove it"
            ]
        ),
        (
            "service imap {\n inet_listener x {\n }\n}",
            ["2: inet_listener x has no port; write port = NUMBER"]
        ),
        (
            "xyzzy_plugh_quux = 1\nservice imap {\n inet_listener x {\n port = 1\n haproxy = yes\n }\n}\nservice auth {\n inet_listener y {\n port = 2\n haproxy = yes\n }\n}",
            [
                "1: xyzzy_plugh_quux is unknown; `martlet config` lists all settings",
                "3: x: haproxy = yes, and no proxy may connect; write haproxy_trusted_networks = ADDRESS ...",
                "9: y: haproxy is for imap, pop3, lmtp and managesieve only; remove it",
            ]
        ),
        (
            "haproxy_trusted_networks = 192.0.2.0/24 example.org\nservice imap {\n inet_listener x {\n port = 1\n haproxy = yes\n }\n}",
            [
                "1: haproxy_trusted_networks: \"example.org\" is no address; write one, or a network such as 192.0.2.0/24"
            ]
        ),
        (
            "haproxy_trusted_networks = ::1\nhaproxy_timeout = 0\nservice imap {\n inet_listener x {\n port = 1\n haproxy = yes\n }\n}",
            ["4: x: haproxy = yes needs a haproxy_timeout; write one such as 3 s"]
        ),
        (
            "service pop3 {\n inet_listener pop3 {\n port = 143\n }\n}",
            ["2: pop3: imap listens on port 143 already"]
        ),
        (
            "listen = example.org\nprotocols = imap",
            ["1: listen: \"example.org\" is not an address; write one, * or ::"]
        ),
        (
            "listen = 127.0.0.1 fe80::1%eth0",
            [
                "1: listen: \"fe80::1%eth0\" has a zone (%), with which no listener works; write an address without one, * or ::"
            ]
        ),
        (
            "service imap {\n inet_listener imap {\n address = 127.0.0.1%lo\n }\n}",
            [
                "3: address: \"127.0.0.1%lo\" has a zone (%), with which no listener works; write an address without one, * or ::"
            ]
        ),
        ("listen = 192.0.2.0/24", ["1: listen: \"192.0.2.0/24\" is not an address; write one, * or ::"]),
        ("listen = [::1", ["1: listen: \"[::1\" is not an address; write one, * or ::"]),
        ("passdb {\n}", ["1: passdb has no driver; write driver = passwd-file or pam or static"]),
        (
            "passdb sql {\n}",
            ["1: passdb sql has no driver; sql is not in this release; use passwd-file or pam"]
        ),
        (
            "passdb passwd-file {\n}",
            ["1: passdb passwd-file names no file; write passwd_file_path = /etc/martlet/users"]
        ),
        ("userdb passwd-fil {\n}", ["1: userdb passwd-fil has no driver; did you mean passwd-file?"]),
        (
            "userdb static {\n fields {\n home = %{hom}\n }\n}",
            ["3: home: %{hom} is unknown; did you mean %{home}?"]
        ),
        ("protocol imp {\n}", ["1: protocol imp is unknown; did you mean imap?"]),
        (
            "protocol lda {\n}",
            ["1: protocol lda is unknown; deliver over LMTP, whose settings are in protocol lmtp { }"]
        ),
        (
            "protocol imap {\n mail_path = x\n}",
            ["2: mail_path cannot differ in protocol imap; write it outside of all blocks"]
        ),
        (
            "protocol imap {\n lmtp_max_recipients = 2\n}",
            ["2: lmtp_max_recipients cannot differ in protocol imap; write it outside of all blocks"]
        ),
        (
            "remote example {\n}",
            ["1: remote example: write an address or a network such as 192.0.2.0/24, one and not nested"]
        ),
        (
            "namespace inbox {\n inbox = yes\n mailbox Sent {\n special_use = Sent\n }\n}",
            ["3: special_use: Sent is unknown; did you mean \\Sent?"]
        ),
        ("namespace inbox {\n}", ["-: no namespace has INBOX; write inbox = yes into one"]),
        (
            "namespace inbox {\n inbox = yes\n separator = x\n}",
            ["1: namespace inbox: \"x\" cannot separate levels; write . or /"]
        ),
        (
            "namespace inbox {\n inbox = yes\n prefix = INBOX\n}",
            ["1: namespace inbox: the prefix INBOX must end in the separator; write INBOX."]
        ),
        (
            "namespace inbox {\n inbox = yes\n mail_path = x\n}",
            ["1: namespace inbox: write mail_path outside of all blocks"]
        ),
        ("namespace inbox {\n inbox = yes\n type = private\n}", []),
        (
            "namespace inbox {\n inbox = yes\n}\nnamespace shared {\n type = shared\n prefix = shared.$user.\n}",
            ["4: namespace shared: nothing is shared without access control lists; write acl_driver = vfile"]
        ),
        (
            "acl_driver = vfile\nnamespace inbox {\n inbox = yes\n}\nnamespace shared {\n type = shared\n prefix = shared.\n}",
            ["5: namespace shared: the prefix must name the owner; write shared/$user/"]
        ),
        (
            "acl_driver = vfile\nnamespace inbox {\n inbox = yes\n}\nnamespace public {\n type = public\n prefix = Public.\n}",
            ["5: namespace public: write both prefix and mail_path"]
        ),
        (
            "namespace inbox {\n inbox = yes\n}\nnamespace old {\n prefix = Old.\n}",
            ["4: namespace old: it needs a mail_path of its own"]
        ),
        (
            "plugin {\n acl = vfile\n}\nnamespace inbox {\n inbox = yes\n}\nnamespace shared {\n type = shared\n prefix = shared.%%u.\n location = maildir:%%h/Maildir\n}",
            []
        ),
        (
            "local_name a {\n}",
            [
                "1: local_name a has no ssl_server_cert_file; write both certificate and key",
                "1: local_name a has no ssl_server_key_file; write both certificate and key",
            ]
        ),
        (
            "mail_location = mbox:~/mail",
            [
                "1: mail_driver: \"mbox\": the formats maildir and pack are there; convert it with Dovecot, by doveadm backup"
            ]
        ),
        (
            "plugin {\n quota_rule2 = Archive:storage=1G\n quota_rule3 = Foo:messages=+10\n quota_rule4 = *:storage=+1G\n}",
            [
                "2: quota_rule2: a mailbox has no limit of its own; write Archive:storage=+1G, Archive:ignore, or remove it",
                "3: quota_rule3: further messages are a percentage; write one such as Foo:messages=+10%",
                "4: quota_rule4: the account's own limit has no +; write one such as *:storage=1G",
            ]
        ),
        (
            "plugin {\n mailbox_alias_old = Sent\n expire = Trash\n zlib_save = gz\n}\nmail_attribute_dict = file:x",
            [
                "2: mailbox_alias_old is not a Martlet setting; write aliases = OTHER NAME into mailbox NAME { }",
                "3: expire is not a Martlet setting; write autoexpunge = 30 days into mailbox NAME { }",
                "4: zlib_save is not a Martlet setting; compressed messages are read; for new ones in packs see mail_volume_compression; remove it",
                "6: mail_attribute_dict is not a Martlet setting; annotations are kept by themselves, see imap_metadata; remove it",
            ]
        ),
        (
            "acl_driver = vfile\nnamespace inbox {\n inbox = yes\n location =\n}\nnamespace shared {\n type = shared\n prefix = shared.$user.\n mail_driver = maildir\n mail_path = %{owner_home}/Maildir\n}",
            [
                "4: warning: an empty location is how it always is; remove it",
                "9: warning: mail_driver = maildir is how it always is; remove it",
                "10: warning: mail_path: that of the owner is always taken in a shared namespace; remove it",
            ]
        ),
        (
            "service quota-warning {\n}\nservice quota-status {\n client_limit = 1\n inet_listener {\n port = 1\n }\n}",
            [
                "1: service quota-warning is unknown; quota_warning_execute names a program, without a service; remove it",
                "4: warning: client_limit: only imap, pop3, lmtp and managesieve have one; remove it from service quota-status",
            ]
        ),
        (
            "# Two mailboxes want one name.\nnamespace inbox {\n inbox = yes\n mailbox Sent {\n aliases = S\n }\n mailbox Spam {\n aliases = S\n }\n}",
            [
                "2: namespace inbox: \"S\" cannot be another name of Spam; write names into aliases that no other mailbox has"
            ]
        ),
        (
            "namespace inbox {\n inbox = yes\n}\nnamespace old {\n prefix = Old.\n mail_path = ~/old\n mailbox Junk {\n auto = create\n special_use = \\Junk\n aliases = Spam\n autoexpunge = 4 d\n }\n}",
            ["auto", "special_use", "aliases"].map {
                "4: namespace old: \($0) of mailbox Junk works in the namespace with inbox = yes only; remove it"
            }
        ),
        (
            "mail_location = maildir:~/M:INDEXPVT=/x",
            [
                "1: warning: mail_location: INDEXPVT=/x: \\Seen is each user's own in shared and public namespaces anyway (private_flags); remove :INDEXPVT=/x"
            ]
        ),
        (
            "mail_location = maildir:~/M:DIRNAME=x",
            ["-: mailbox_directory_name: it is for mailbox_list_layout = fs; remove it"]
        ),
    ])
    func messages(_ text: String, _ expected: [String]) {
        #expect(diagnostics(text) == expected)
    }

    @Test func allAtOnce() {
        let loaded = load("mail_pth = x\nssl = maybe\nlogin_timeout = 3\n")
        #expect(loaded.configuration == nil)
        #expect(
            loaded.diagnostics.map(\.description) == [
                "/etc/martlet/martlet.conf:1: mail_pth is unknown; did you mean mail_path?",
                "/etc/martlet/martlet.conf:2: ssl: \"maybe\" is unknown; write no, yes or required",
                "/etc/martlet/martlet.conf:3: login_timeout: \"3\" has no unit; write one such as 3 s, 3 min or 3 days",
            ])
    }

    @Test func nobodyCanLogIn() {
        #expect(
            load("ssl = no\n").diagnostics.map(\.description) == [
                "/etc/martlet/martlet.conf: warning: no passdb: nobody can log in; write passdb pam { } or passdb passwd-file { }",
                "/etc/martlet/martlet.conf: warning: no userdb: no user has a home; write userdb passwd { } or userdb passwd-file { }",
            ])
    }

    @Test func tlsNeedsItsFiles() {
        #expect(
            load("passdb pam {\n}\nuserdb passwd {\n}\n").diagnostics.map(\.message) == [
                "ssl = yes needs a certificate; write ssl_server_cert_file = /path, or ssl = no",
                "ssl = yes needs a key; write ssl_server_key_file = /path, or ssl = no",
            ])
    }

    @Test func missingFileIsSaid() {
        #expect(
            Configuration.load(path: "/nonexistent/martlet.conf").diagnostics.first?.description
                == "/nonexistent/martlet.conf: cannot read /nonexistent/martlet.conf: No such file or directory"
        )
    }

    @Test(arguments: [("imap", "imap", 0), ("", "abc", 3), ("ab", "ba", 1), ("kitten", "sitting", 3)])
    func distances(_ a: String, _ b: String, _ distance: Int) {
        #expect(Spelling.distance(Array(a.utf8), Array(b.utf8)) == distance)
        #expect(Spelling.distance(Array(b.utf8), Array(a.utf8)) == distance)
    }
}
