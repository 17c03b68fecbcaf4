import Testing

@testable import ServerConfig

@Suite struct ResolveTests {
    @Test func defaultsListenAsAlways() throws {
        let settings = try settings("")
        #expect(settings.listeners.map(\.name) == ["imap", "pop3", "lmtp", "sieve"])
        #expect(settings.unix("/run/martlet/lmtp")?.mode == 0o666)
        #expect(settings.volumePath == "/var/lib/martlet/volume")
        #expect(settings.namespaces.map(\.separator) == ["."])
        #expect(settings.namespaces[0].holdsInbox)
        #expect(settings.sieve.personal.path == "~/sieve")
    }

    @Test func typesOfAllKinds() throws {
        let settings = try settings(
            """
            mail_max_message_size = 25 MB
            login_timeout = 90 secs
            auth_failure_delay = 500 msecs
            auth_cache_ttl = 1 week
            mail_fsync = Always
            lmtp_add_received_header = FALSE
            protocols = imap, lmtp
            auth_mechanisms = PLAIN login
            lmtp_max_recipients = 7
            mail_max_userip_connections = unlimited
            listen = 127.0.0.1 [::1]
            """)
        #expect(settings.mail.maximumMessageSize == 25 << 20)
        #expect(settings.limits.loginTimeout == .seconds(90))
        #expect(settings.auth.failureDelay == .milliseconds(500))
        #expect(settings.auth.cacheTTL == .seconds(604_800))
        #expect(settings.mail.fsync == .always)
        #expect(!settings.lmtp.addsReceivedHeader)
        #expect(settings.general.protocols == [.imap, .lmtp])
        #expect(settings.auth.mechanisms == [.plain, .login])
        #expect(settings.lmtp.maximumRecipients == 7)
        #expect(settings.limits.userAddressConnections == 0)
        #expect(
            settings.listeners.first?.place
                == .inet(
                    {
                        var place = InetPlace()
                        place.port = 143
                        place.addresses = ["127.0.0.1", "::1"]
                        return place
                    }()))
    }

    @Test func theLongestAndTheLargest() throws {
        let settings = try settings(
            """
            login_timeout = 365250 days
            submission_timeout = 31557600000000 ms
            mail_max_message_size = 1048576T
            """)
        #expect(settings.limits.loginTimeout == .seconds(31_557_600_000))
        #expect(settings.submission.timeout == .seconds(31_557_600_000))
        #expect(settings.mail.maximumMessageSize == 1 << 60)
    }

    @Test func mailThatIsElsewhere() throws {
        let older = try settings(
            """
            mail_location = maildir:~/M:LAYOUT=fs:INBOX=/in/%n:CONTROL=/ctl/%u:INDEX=/idx:DIRNAME=mbox:UTF-8:ITERINDEX
            namespace inbox {
              inbox = yes
              separator = /
            }
            namespace archive {
              prefix = Archive/
              separator = /
              location = maildir:~/A:CONTROL=~/c
            }
            """)
        let newer = try settings(
            """
            mail_driver = maildir
            mail_path = ~/M
            mailbox_list_layout = fs
            mail_inbox_path = /in/%{user | username}
            mail_control_path = /ctl/%{user}
            mail_index_path = /idx
            mailbox_directory_name = mbox
            mailbox_list_utf8 = yes
            namespace inbox {
              inbox = yes
              separator = /
            }
            namespace archive {
              prefix = Archive/
              separator = /
              mail_path = ~/A
              mailbox_list_layout = maildir++
              mail_control_path = ~/c
            }
            """)
        #expect(older.mail == newer.mail)
        #expect(older.namespaces == newer.namespaces)
        #expect(newer.mail.places.layout == .fs)
        #expect(newer.mail.places.controlPath == "/ctl/%{user}")
    }

    @Test(arguments: [
        ("maildir:~/M", "~/M", [] as [String]), ("maildir:/a::b/c:LAYOUT=fs", "/a:b/c", []),
        ("maildir:~/M:INDEX=MEMORY:LISTINDEX=x", "~/M", []), ("maildir:~/M:LAYOUT=index", "~/M", ["LAYOUT=index"]),
        ("maildir:~/M:WHAT=ever:INDEX=", "~/M", ["WHAT=ever"]),
    ])
    func locations(_ text: String, _ path: String, _ unknown: [String]) throws {
        let location = try #require(MailLocation(text))
        #expect(location.driver == "maildir")
        #expect(location.path == path)
        #expect(location.unknown == unknown)
        #expect(location.places.indexPath == "")
    }

    @Test func noLocations() {
        for text in ["", "maildir", "/var/mail:x", ":x"] { #expect(MailLocation(text) == nil) }
    }

    @Test func olderSpellings() throws {
        let settings = try settings(
            """
            disable_plaintext_auth = no
            mail_location = maildir:/var/vmail/%d/%n:LAYOUT=Maildir++
            protocols {
              imap = yes
              pop3 = no
            }
            passdb {
              args = scheme=ssha256 username_format=%n /etc/dovecot/users
              driver = passwd-file
            }
            userdb {
              driver = static
              args = uid=vmail gid=vmail home=/var/vmail/%d/%n
              default_fields = quota=no
            }
            pop3_uidl_format = %08Xu%08Xv
            plugin {
              sieve = file:~/scripts;active=~/.active.sieve
              sieve_before = /etc/before.sieve
              sieve_before2 = /etc/before2.sieve
              sieve_max_redirects = 9
            }
            service imap-login {
              inet_listener imap {
                port = 1143
              }
            }
            service auth {
              unix_listener /var/spool/postfix/private/auth {
                mode = 0660
                user = postfix
              }
            }
            """)
        #expect(settings.auth.allowsCleartext)
        #expect(settings.mail.path == "/var/vmail/%{user | domain}/%{user | username}")
        #expect(settings.general.protocols == [.imap])
        let passdb = settings.passdbs[1]
        #expect(passdb.driver == .passwdFile)
        #expect(passdb.passwdFilePath == "/etc/dovecot/users")
        #expect(passdb.defaultScheme == "SSHA256")
        #expect(passdb.usernameFormat == "%{user | username}")
        #expect(
            settings.userdbs[1].fields == [
                FieldSetting(name: "uid", value: "vmail"), FieldSetting(name: "gid", value: "vmail"),
                FieldSetting(name: "home", value: "/var/vmail/%{user | domain}/%{user | username}"),
                FieldSetting(name: "quota:default", value: "no"),
            ])
        #expect(settings.pop3.uidlFormat == POP3Settings().uidlFormat)
        #expect(settings.sieve.personal.path == "~/scripts")
        #expect(settings.sieve.personal.activePath == "~/.active.sieve")
        #expect(settings.sieve.scripts.map(\.type) == [.personal, .before, .before])
        #expect(settings.sieve.maximumRedirects == 9)
        #expect(settings.port(of: "imap") == 1143)
        #expect(settings.unix("/var/spool/postfix/private/auth")?.user == "postfix")
    }

    @Test func newerSpellings() throws {
        let settings = try settings(
            """
            passdb users {
              driver = passwd-file
              passdb_default_password_scheme = blf-crypt
              passwd_file_path = /etc/martlet/users
              fields {
                allow_nets = 127.0.0.1
              }
            }
            passdb static {
              password = secret
            }
            userdb prefetch {
            }
            sieve_script personal {
              driver = file
              path = ~/s
            }
            sieve_script late {
              type = after
              path = /etc/late.sieve
            }
            service lmtp {
              unix_listener lmtp {
                mode = 0
              }
              inet_listener lmtp {
                port = 24
                address = 127.0.0.1
              }
              client_limit = 5
            }
            """)
        #expect(settings.passdbs.map(\.driver) == [.pam, .passwdFile, .static])
        #expect(settings.passdbs[1].name == "users")
        #expect(settings.passdbs[1].defaultScheme == "BLF-CRYPT")
        #expect(settings.passdbs[1].fields == [FieldSetting(name: "allow_nets", value: "127.0.0.1")])
        #expect(settings.passdbs[2].staticPassword == "secret")
        #expect(settings.userdbs.map(\.driver) == [.passwd, .prefetch])
        #expect(settings.sieve.scripts.map(\.path) == ["~/s", "/etc/late.sieve"])
        #expect(settings.unix("/run/martlet/lmtp") == nil)
        #expect(settings.port(of: "lmtp") == 24)
        #expect(settings.limits.clientLimit(of: .lmtp) == 5)
        #expect(settings.limits.clientLimit(of: .imap) == 20000)
    }

    @Test func namespacesAndMailboxes() throws {
        let settings = try settings(
            """
            namespace inbox {
              inbox = yes
              separator = /
              mailbox "Sent Messages" {
                special_use = \\sent
              }
              mailbox Junk {
                auto = subscribe
                special_use = \\Junk
              }
            }
            namespace inbox {
              mailbox Archive/2026 {
                auto = create
              }
            }
            """)
        #expect(settings.namespaces.count == 1)
        let mailboxes = settings.namespaces[0].mailboxes
        #expect(mailboxes.map(\.name) == ["Sent Messages", "Junk", "Archive/2026"])
        #expect(mailboxes[0].specialUse == ["\\Sent"])
        #expect(mailboxes.map(\.autoCreation) == [.no, .subscribe, .create])
    }

    @Test func blocksForSomeConnections() throws {
        let loaded = load(
            basics + """
                protocol imap {
                  mail_max_userip_connections = 7
                  imap_max_line_length = 128k
                }
                remote 192.0.2.0/24 {
                  mail_max_userip_connections = 100
                  protocol pop3 {
                    mail_max_userip_connections = 3
                  }
                }
                remote 192.0.2.9 {
                  auth_allow_cleartext = yes
                }
                mail_max_userip_connections = 20
                """)
        #expect(loaded.diagnostics == [])
        let configuration = try #require(loaded.configuration)
        #expect(configuration.settings(for: .lmtp).limits.userAddressConnections == 20)
        #expect(configuration.settings(for: .imap).limits.userAddressConnections == 7)
        #expect(configuration.settings(for: .imap).imap.maximumLineLength == 128 << 10)
        let near = configuration.settings(for: .pop3, remoteAddress: "192.0.2.9")
        #expect(near.limits.userAddressConnections == 3)
        #expect(near.auth.allowsCleartext)
        #expect(
            configuration.settings(for: .lmtp, remoteAddress: "::ffff:192.0.2.1").limits
                .userAddressConnections == 100)
        #expect(
            configuration.settings(for: .lmtp, remoteAddress: "192.0.3.1").limits.userAddressConnections == 20
        )
        #expect(
            configuration.settings(for: .lmtp, remoteAddress: "nonsense").limits.userAddressConnections == 20)
    }

    @Test func certificates() throws {
        let files = [
            "/k/cert.pem": "CERT", "/etc/martlet/key.pem": "KEY", "/k/b.pem": "B", "/k/bk.pem": "BK",
        ]
        let loaded = load(
            """
            ssl_cert = </k/cert.pem
            ssl_server_key_file = key.pem
            ssl_client_ca_file = /k/b.pem
            local_name B.example *.b.example {
              ssl_server_cert_file = /k/b.pem
              ssl_server_key_file = /k/bk.pem
            }
            passdb pam {
            }
            userdb passwd {
            }
            """, files: files)
        #expect(loaded.diagnostics == [])
        let tls = try #require(loaded.configuration).settings.tls
        #expect(tls.clientAuthorities?.contents == Array("B".utf8))
        #expect(tls.certificate == FileSetting(path: "/k/cert.pem", contents: Array("CERT".utf8)))
        #expect(tls.privateKey?.path == "/etc/martlet/key.pem")
        #expect("\(String(describing: tls.privateKey))".contains("key.pem"))
        #expect(tls.localNames.map(\.names) == [["b.example", "*.b.example"]])
        #expect(
            try #require(loaded.configuration).settings.listeners.map(\.name) == [
                "imap", "imaps", "pop3", "pop3s", "lmtp", "sieve",
            ])
    }
}
