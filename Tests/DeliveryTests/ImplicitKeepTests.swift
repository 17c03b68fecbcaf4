import MailCore
import MailStore
import Testing

@testable import Delivery

@Suite struct ImplicitKeepTests {
    private func refusal(
        _ site: TestSite, _ keep: ImplicitKeep, detail: String?, named mailbox: MailboxName? = nil
    ) async throws -> StoreError.Code? {
        let account = try await site.account("anna")
        do throws(StoreError) {
            try await keep.checkQuota(octets: 100, of: account, detail: detail, named: mailbox)
            return nil
        } catch {
            return error.code
        }
    }

    /// INBOX is full for that message; what is in `lists` does not count.
    @Test func theQuotaIsOfTheMailboxThatTakesIt() async throws {
        try await TestSite.with { (site) async throws in
            let lists = try #require(MailboxName("lists"))
            var rules = QuotaRules()
            rules.limits.storage = 10
            rules.mailboxRules = [MailboxQuotaRule(pattern: "lists")]
            rules.mailboxRules[0].isIgnored = true
            let account = try await site.account("anna")
            account.apply(rules)
            let (plain, saves) = (ImplicitKeep(), ImplicitKeep(savesToDetailMailbox: true))
            let creates = ImplicitKeep(savesToDetailMailbox: true, createsMailboxes: true)
            for detail in [nil, "lists", "absent", "a//b", ""] {
                #expect(try await self.refusal(site, plain, detail: detail) == .overQuota)
                #expect(try await self.refusal(site, saves, detail: detail) == .overQuota)
                let expected: StoreError.Code? = detail == "lists" ? nil : .overQuota
                #expect(try await self.refusal(site, creates, detail: detail) == expected)
            }
            #expect(try await self.refusal(site, plain, detail: nil, named: lists) == .overQuota)
            #expect(try await account.mailboxes().map(\.name).contains(lists) == false)
            try await account.create(lists, specialUse: nil)
            #expect(try await self.refusal(site, plain, detail: "lists") == .overQuota)
            #expect(try await self.refusal(site, saves, detail: "lists") == nil)
            #expect(try await self.refusal(site, plain, detail: nil, named: lists) == nil)
        }
    }
}
