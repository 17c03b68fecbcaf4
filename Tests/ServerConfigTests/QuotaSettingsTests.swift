import Testing

@testable import ServerConfig

@Suite struct QuotaSettingsTests {
    @Test func defaults() throws {
        let quota = try settings("").quota
        #expect(quota == QuotaSettings())
        #expect(quota.storageGrace == 10 << 20)
        #expect(quota.status.success == "DUNNO")
    }

    @Test func blocksOfTheNewerSpelling() throws {
        let settings = try settings(
            """
            quota "Office mail" {
              storage_size = 2G
              quota_message_count = 5000
              warning full {
                storage_percentage = 95
                quota_warning_subject = %{percentage}%% used
                execute /usr/bin/logger {
                  args = full %{user}
                }
              }
              warning below {
                threshold = under
                resource = message
                message_percentage = 80
                quota_warning_mail = no
              }
            }
            namespace inbox {
              inbox = yes
              separator = /
              mailbox Trash {
                quota_storage_percentage = 110
                quota_storage_extra = 10M
                autoexpunge = 30 days
                autoexpunge_max_mails = 1000
              }
              mailbox Junk/Old {
                quota_ignore = yes
              }
              mailbox Sent {
                aliases = Sent Items,  Sent Messages
              }
            }
            """)
        #expect(settings.quota.name == "Office mail")
        #expect(settings.quota.storageSize == 2 << 30)
        #expect(settings.quota.messageCount == 5000)
        #expect(settings.quota.warnings.map(\.name) == ["full", "below"])
        #expect(settings.quota.warnings[0].percentage == 95)
        #expect(settings.quota.warnings[0].execute == "/usr/bin/logger full %{user}")
        #expect(settings.quota.warnings[1].percentage == 80)
        #expect(settings.quota.warnings[1].threshold == .under)
        #expect(!settings.quota.warnings[1].sendsMail)
        let mailboxes = settings.namespaces[0].mailboxes
        #expect(mailboxes[0].quotaStoragePercentage == 110)
        #expect(mailboxes[0].quotaStorageExtra == 10 << 20)
        #expect(mailboxes[0].autoExpunge == .seconds(30 * 86400))
        #expect(mailboxes[0].autoExpungeMaximum == 1000)
        #expect(mailboxes[1].ignoresQuota)
        #expect(mailboxes[2].aliases == ["Sent Items", "Sent Messages"])
    }

    @Test func pluginOfTheOlderSpelling() throws {
        let loaded = load(
            basics + """
                plugin {
                  quota = maildir:User mail
                  quota_rule = *:storage=1G:messages=1000
                  quota_rule2 = Trash:storage=+10%%
                  quota_rule3 = Spam:ignore
                  quota_rule4 = Sent:storage=+100M
                  quota_grace = 50M
                  quota_max_mail_size = 20M
                  quota_warning = storage=95%% quota-warning 95 %u
                  quota_warning2 = -messages=80%% quota-warning below %u
                  quota_status_success = OK
                }
                """)
        let settings = try #require(loaded.configuration).settings
        #expect(loaded.diagnostics.allSatisfy { $0.severity == .warning && $0.message.hasPrefix("quota_warning") })
        #expect(settings.quota.name == "User mail")
        #expect(settings.quota.storageSize == 1 << 30)
        #expect(settings.quota.messageCount == 1000)
        #expect(settings.quota.storageGrace == 50 << 20)
        #expect(settings.quota.mailSize == 20 << 20)
        #expect(settings.quota.status.success == "OK")
        #expect(settings.quota.warnings.map(\.percentage) == [95, 80])
        #expect(settings.quota.warnings.map(\.threshold) == [.over, .under])
        let mailboxes = settings.namespaces[0].mailboxes
        #expect(mailboxes.map(\.name) == ["Trash", "Spam", "Sent"])
        #expect(mailboxes[0].quotaStoragePercentage == 110)
        #expect(mailboxes[1].ignoresQuota)
        #expect(mailboxes[2].quotaStorageExtra == 100 << 20)
    }

    @Test(arguments: [
        ("quota_rule = *:storage=lots", "quota_rule: \"*:storage=lots\" is no rule"),
        ("quota_rule = nothing", "is no rule"),
        ("quota_warning = storage=95 x", "is no level"),
        ("quota_warning near {\n quota_storage_percentage = 0\n}", "is not a number from 1 to 1000"),
        ("quota_warning near {\n quota_warning_execute = quota-warning 95\n}", "no absolute path"),
        ("quota_warning near {\n}\nquota_warning near {\n}", "is there already"),
        ("quota {\n warnings x {\n }\n}", "unknown"),
        ("quota_storage_siez = 1G", "did you mean quota_storage_size?"),
        (
            "namespace inbox {\n inbox = yes\n separator = /\n mailbox A {\n aliases = B\n }\n mailbox B {\n }\n}",
            "cannot be another name of A"
        ),
    ])
    func mistakes(_ text: String, _ wanted: String) {
        let found = diagnostics(text).filter { !$0.contains(": warning: ") }
        #expect(found.count == 1, "\(found)")
        #expect(found.first?.contains(wanted) == true, "\(found)")
    }

    @Test(
        arguments: [
            ("*:storage=1024", .limit(1 << 20), nil, false), ("*:storage=1G", .limit(1 << 30), nil, false),
            ("*:bytes=1024:messages=7", .limit(1024), .limit(7), false),
            ("Trash:storage=+100M", .extra(100 << 20), nil, false),
            ("Trash:storage=+10%", .extraPercentage(10), nil, false),
            ("Trash:storage=110%%", .extraPercentage(10), nil, false),
            ("Junk:ignore", nil, nil, true), ("a/b:messages=+5", nil, .extra(5), false),
        ] as [(String, QuotaRuleText.Amount?, QuotaRuleText.Amount?, Bool)])
    func rules(
        _ text: String, _ storage: QuotaRuleText.Amount?, _ messages: QuotaRuleText.Amount?, _ isIgnored: Bool
    ) throws {
        let rule = try #require(QuotaRuleText(text))
        #expect(rule.storage == storage)
        #expect(rule.messages == messages)
        #expect(rule.isIgnored == isIgnored)
    }

    @Test(arguments: [
        "", "*", ":storage=1", "*:storage", "*:storage=", "*:storage=-1", "*:files=3", "*:storage=9999999999999T",
    ])
    func noRules(_ text: String) { #expect(QuotaRuleText(text) == nil) }

    @Test func whatIsShownReadsTheSame() throws {
        let loaded = load(
            basics + """
                quota_name = Mail
                quota_storage_size = 1G
                quota_warning near {
                  quota_storage_percentage = 90
                  quota_warning_text = "Only %{limit}"
                }
                namespace inbox {
                  inbox = yes
                  mailbox Sent {
                    aliases = Sent Items, Gesendet
                    autoexpunge = 10 weeks
                  }
                }
                service quota-status {
                  inet_listener quota-status {
                    port = 12340
                    address = 127.0.0.1
                  }
                }
                """)
        let configuration = try #require(loaded.configuration)
        let again = load(configuration.rendered(nonDefaultsOnly: true)).configuration
        #expect(again?.settings == configuration.settings)
        #expect(configuration.settings.listeners.contains { $0.service == .quotaStatus })
    }
}
