import Glibc
import MailCore
import MailStore
import Testing

@testable import Delivery

@Suite struct QuotaWarnerTests {
    @Test(arguments: [
        ("Your mailbox is 95% full", "Your mailbox is 95% full"),
        ("Fast voll: Größe", "=?utf-8?B?RmFzdCB2b2xsOiBHcsO2w59l?="),
        ("two\r\nlines", "two  lines"),
    ])
    func subjects(_ text: String, _ wanted: String) {
        #expect(String(decoding: QuotaWarningMail.encoded(text), as: UTF8.self) == wanted)
    }

    /// Long texts become several words, none above 75 octets, no character cut in two.
    @Test func longSubjects() {
        let words = String(decoding: QuotaWarningMail.encoded(String(repeating: "日本語", count: 30)), as: UTF8.self)
            .split(separator: "\r\n")
        #expect(words.count > 3)
        #expect(words.allSatisfy { $0.utf8.count <= 76 })
        var text = ""
        for word in words {
            let inner = word.trimmingPrefix(" ").dropFirst(10).dropLast(2)
            text += String(validating: Base64.decode(Array(inner.utf8)) ?? [0xFF], as: UTF8.self) ?? "?"
        }
        #expect(text == String(repeating: "日本語", count: 30))
    }

    @Test(
        arguments: [
            (0, "0 bytes"), (1023, "1023 bytes"), (1024, "1 KiB"), (1536, "1.5 KiB"), (5 << 30, "5 GiB"),
            (Int64.max, "8388607.9 TiB"),
        ] as [(Int64, String)])
    func sizes(_ octets: Int64, _ wanted: String) { #expect(QuotaWarningMail.sizeText(octets) == wanted) }

    /// A crossing puts one mail into INBOX, beyond the quota, and runs the program with the mail on its input.
    @Test func crossingIsTold() async throws {
        try await TestSite.with { site in
            let account = try await site.account("anna")
            var rules = QuotaRules()
            rules.limits.messages = 0
            account.apply(rules)
            var warning = QuotaWarning(name: "near")
            warning.text = "%{user} has %{usage} of %{limit} (%{percentage}, %{resource})\n\nSecond line."
            warning.program = [
                "/bin/sh", "-c", "cat >\(site.directory)/told; echo $0 >>\(site.directory)/told", "%{user}",
            ]
            var options = QuotaWarner.Options()
            options.warnings = [warning]
            options.from = "postmaster@example.org"
            options.hostname = "example.org"
            options.expand = { text, value in
                ["user", "usage", "limit", "percentage", "resource"].reduce(text) { text, name in
                    text.split(separator: "%{\(name)}", omittingEmptySubsequences: false).joined(
                        separator: value(name) ?? "")
                }
            }
            let warner = QuotaWarner(options)
            let status = QuotaStatus(
                name: "User quota", usage: QuotaUsage(storage: 950 << 20, messages: 7),
                limits: QuotaLimits(storage: 1 << 30))
            let threshold = QuotaThreshold(name: "near", resource: .storage, percentage: 90, direction: .over)
            warner.note(QuotaCrossing(account: account.identity, threshold: threshold, status: status))
            warner.note(
                QuotaCrossing(
                    account: account.identity,
                    threshold: QuotaThreshold(name: "unknown", resource: .storage, percentage: 1, direction: .over),
                    status: status))
            warner.stop()
            await warner.run(site.store)
            #expect(try await account.status(of: .inbox).messages == 1)
            let inbox = try await account.open(.inbox, .readOnly, onChange: {})
            defer { inbox.close() }
            let octets = try #require(try await inbox.octets(of: [inbox.snapshot()[0]], limit: 1 << 20).first).get()
            let text = octets.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
            #expect(text.hasPrefix("From: postmaster@example.org\r\nTo: anna@example.org\r\nSubject: "))
            #expect(text.hasSuffix("\r\n\r\nanna has 950 MiB of 1 GiB (92, storage)\r\n\r\nSecond line.\r\n"))
            let told = site.read("told") ?? ""
            #expect(told.contains("Second line.\nanna\n"), "\(told)")
        }
    }
}
