import Delivery
import QuotaStatusServer
import ServerConfig
import ServiceKit
import Testing

/// What the MTA is told of `user+detail` is what delivery would find.
@Suite struct DetailTests {
    @Test func missingMailboxIsInbox() async throws {
        try await ServiceSite.with({ settings in
            settings.quota.storageSize = 1000
            var inbox = NamespaceSettings(name: "inbox")
            inbox.holdsInbox = true
            inbox.prefix = "INBOX."
            inbox.separator = "."
            settings.namespaces = [inbox]
        }) { site in
            func answers(_ keep: ImplicitKeep) async throws -> [String] {
                var options = QuotaStatusOptions(
                    authenticator: site.authenticator, accounts: site.accounts, logger: site.logger)
                options.keep = keep
                let service = QuotaStatusService(options)
                var answers: [String] = []
                for recipient in ["anna", "anna+foo", "anna+a/b"] {
                    answers += try await site.talk(service, "recipient=\(recipient)\nsize=10\n\n", until: "action=")
                }
                return answers
            }
            let keeps = [
                ImplicitKeep(), ImplicitKeep(savesToDetailMailbox: true),
                ImplicitKeep(savesToDetailMailbox: true, createsMailboxes: true),
            ]
            for keep in keeps {
                #expect(try await answers(keep) == Array(repeating: "action=DUNNO<LF>", count: 3), "\(keep)")
            }
            try await site.fill("anna", octets: 2000)
            for keep in keeps {
                #expect(
                    try await answers(keep)
                        == Array(repeating: "action=552 5.2.2 Mailbox is full<LF>", count: 3), "\(keep)")
            }
        }
    }
}
