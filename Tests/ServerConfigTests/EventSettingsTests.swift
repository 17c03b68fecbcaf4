import Testing

@testable import ServerConfig

@Suite struct EventSettingsTests {
    private func script(
        _ name: String, _ type: EventScriptType, _ causes: [EventCause], _ path: String, _ mailbox: String,
        _ source: String? = nil
    ) -> EventScriptSettings {
        var script = EventScriptSettings(name: name)
        script.type = type
        script.causes = causes
        script.path = path
        script.mailbox = mailbox
        script.source = source
        return script
    }

    @Test func newerSpellings() throws {
        let loaded = load(
            """
            ssl = no
            acl_driver = vfile
            passdb static {
              password = secret
            }
            userdb passwd {
            }
            namespace public {
              type = public
              prefix = Public/
              separator = /
              mail_path = /srv/public
              mailbox News {
                sieve_script news {
                  sieve_script_type = after
                  sieve_script_cause = append
                  sieve_script_path = /news.sieve
                }
              }
            }
            namespace inbox {
              inbox = yes
              separator = /
              mailbox Spam {
                special_use = \\Junk
                sieve_script spam {
                  type = before
                  cause = COPY append
                  path = /spam.sieve
                }
                imapsieve_from Ham {
                  sieve_script both {
                    cause {
                      copy = yes
                    }
                    path = ~/both.sieve
                  }
                }
              }
            }
            imapsieve_from Spam {
              sieve_script ham {
                driver = file
                type = copy-source-after
                path = /ham.sieve
              }
            }
            sieve_script all {
              type = before
              cause = flag
              path = /all.sieve
            }
            sieve_script delivered {
              type = before
              cause = delivery
              path = /delivered.sieve
            }
            imapsieve_url = sieve://sieve.example.com
            """)
        #expect(loaded.diagnostics == [])
        let settings = try #require(loaded.configuration).settings
        #expect(
            settings.events.scripts == [
                self.script("news", .after, [.append], "/news.sieve", "Public/News"),
                self.script("spam", .before, [.copy, .append], "/spam.sieve", "Spam"),
                self.script("both", .before, [.copy], "~/both.sieve", "Spam", "Ham"),
                self.script("ham", .copySourceAfter, EventCause.allCases, "/ham.sieve", "*", "Spam"),
                self.script("all", .before, [.flag], "/all.sieve", "*"),
            ])
        #expect(settings.events.url == "sieve://sieve.example.com")
        #expect(settings.sieve.scripts.map(\.name) == ["delivered", "personal"])
    }

    @Test func olderSpellings() throws {
        let loaded = load(
            """
            ssl = no
            acl_driver = vfile
            passdb static {
              password = secret
            }
            userdb passwd {
            }
            protocol imap {
              plugin {
                imapsieve_mailbox1_name = Spam
                imapsieve_mailbox1_causes = COPY APPEND
                imapsieve_mailbox1_before = file:/usr/lib/dovecot/sieve/report-spam.sieve
                imapsieve_mailbox2_name = *
                imapsieve_mailbox2_from = Spam
                imapsieve_mailbox2_causes = COPY
                imapsieve_mailbox2_after = file:/usr/lib/dovecot/sieve/report-ham.sieve;bindir=/x
                imapsieve_url = sieve://host
              }
            }
            """)
        #expect(loaded.diagnostics == [])
        let settings = try #require(loaded.configuration).settings
        #expect(
            settings.events.scripts == [
                self.script(
                    "imapsieve_mailbox1_before", .before, [.copy, .append], "/usr/lib/dovecot/sieve/report-spam.sieve",
                    "Spam"),
                self.script(
                    "imapsieve_mailbox2_after", .after, [.copy], "/usr/lib/dovecot/sieve/report-ham.sieve", "*", "Spam"),
            ])
        #expect(settings.events.url == "sieve://host")
    }

    struct Mistake: Sendable, CustomTestStringConvertible {
        var text: String
        var problem: String
        var testDescription: String { self.problem }
    }

    @Test(arguments: [
        Mistake(text: "junk_header = X-Spam", problem: "write the field and its value"),
        Mistake(text: "junk_learn_spam_command = rspamc learn_spam", problem: "no absolute path of a program"),
        Mistake(text: "imapsieve_mailbox3_before = /x.sieve", problem: "imapsieve_mailbox3_name is missing"),
        Mistake(text: "imapsieve_from {\n}", problem: "imapsieve_from without a mailbox"),
        Mistake(text: "sieve_script x {\n cause = copy\n}", problem: "write path = /its/file.sieve"),
        Mistake(text: "sieve_script x {\n cause = copies\n path = /x\n}", problem: "cause"),
        Mistake(text: "imapsieve_from X {\n path = /x\n}", problem: "path"),
    ])
    func mistakes(_ mistake: Mistake) {
        let loaded = load("ssl = no\n" + mistake.text + "\n")
        #expect(loaded.configuration == nil)
        #expect(loaded.diagnostics.contains { $0.description.contains(mistake.problem) }, "\(loaded.diagnostics)")
    }
}
