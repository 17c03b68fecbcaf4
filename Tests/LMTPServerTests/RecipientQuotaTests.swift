import Delivery
import LMTPServer
import MailCore
import MailStore
import ServerConfig
import ServiceKit
import Testing

/// What RCPT says of a full mailbox is what delivery would find.
@Suite struct RecipientQuotaTests {
    /// The answer to RCPT of `address`.
    private func answer(_ address: String, _ keep: ImplicitKeep, _ site: ServiceSite) async throws -> String {
        var options = DeliveryAgent.Options()
        options.keep = keep
        let service = LMTPService(
            LMTPOptions(
                hostname: "mail.example.org", authenticator: site.authenticator, accounts: site.accounts,
                agent: DeliveryAgent(store: site.store, options: options), store: site.store, logger: site.logger))
        let lines = try await site.talk(
            service, "LHLO mta\r\nMAIL FROM:<>\r\nRCPT TO:<\(address)>\r\nQUIT\r\n", until: "221")
        return String(try #require(lines.dropLast().last).prefix(9))
    }

    private static func prefixed(_ settings: inout Settings) {
        settings.quota.storageSize = 1000
        var inbox = NamespaceSettings(name: "inbox")
        inbox.holdsInbox = true
        inbox.prefix = "INBOX."
        inbox.separator = "."
        settings.namespaces = [inbox]
    }

    private static let keeps = [
        ImplicitKeep(), ImplicitKeep(savesToDetailMailbox: true),
        ImplicitKeep(savesToDetailMailbox: true, createsMailboxes: true),
    ]

    /// Below a prefix, where names without it are in no namespace.
    @Test func ofADetail() async throws {
        try await ServiceSite.with(Self.prefixed) { site in
            for keep in Self.keeps {
                for address in ["anna", "anna+foo", "anna+a/b", "anna+"] {
                    #expect(try await self.answer(address, keep, site) == "250 2.1.5", "\(address) \(keep)")
                }
            }
            // Nothing was made.
            let names = try await site.account("anna").mailboxes().map(\.name.text)
            #expect(!names.contains { $0.hasSuffix("foo") })
            try await site.fill("anna", octets: 2000)
            for keep in Self.keeps {
                for address in ["anna", "anna+foo", "anna+a/b"] {
                    #expect(try await self.answer(address, keep, site) == "552 5.2.2", "\(address) \(keep)")
                }
            }
            #expect(try await self.answer("berta+foo", Self.keeps[1], site) == "250 2.1.5")
        }
    }

    @Test func ofADetailThatIsAMailbox() async throws {
        try await ServiceSite.with(Self.prefixed) { site in
            try await site.account("anna").create(try #require(MailboxName("INBOX/foo")), specialUse: nil)
            #expect(try await self.answer("anna+foo", Self.keeps[1], site) == "250 2.1.5")
            try await site.fill("anna", octets: 2000)
            #expect(try await self.answer("anna+foo", Self.keeps[1], site) == "552 5.2.2")
        }
    }
}
