import Glibc
import MailCore
import MailStore
import SieveCore
import Testing

@testable import Delivery

/// Scripts over messages that are in a mailbox already.
@Suite struct MailFilterTests {
    private func filter(_ site: TestSite, expunges: Bool) -> MailFilter {
        var options = SieveOptions()
        options.registry = .of(SieveRegistry.delivery)
        options.globalRegistry = .of(SieveRegistry.delivery)
        options.global = [site.directory + "/global", site.directory + "/one.sieve"]
        options.fallback = site.directory + "/default.sieve"
        options.fallbackName = "Site"
        options.programs.pipe.binDirectory = site.directory + "/bin"
        return MailFilter(options, expungesDiscarded: expunges) { "\($0)@example.org" }
    }

    /// Runs a script over all of INBOX; tells what was said of each message.
    private func run(
        _ script: MailFilter.Script, _ site: TestSite, expunges: Bool = false
    ) async throws -> [String] {
        let account = try await site.account("anna")
        let filter = self.filter(site, expunges: expunges)
        let prepared: MailFilter.Prepared
        switch await filter.prepare(
            script, user: "anna", account: account, home: site.home("anna"), site.store)
        {
        case .success(let ready): prepared = ready
        case .failure(.script(let text)): return ["script: \(text.prefix { $0 != "\r\n" })"]
        case .failure(.noSuchScript): return ["none"]
        case .failure(.store(let error)): throw error
        }
        let mailbox = try await account.open(.inbox, .readWrite, onChange: {})
        defer { mailbox.close() }
        var uids: [UID] = []
        mailbox.snapshot().forEach { _, record in
            uids.append(record.uid)
            return true
        }
        return try await filter.run(
            prepared, user: "anna", home: site.home("anna"), account: account, session: "s", uids, in: mailbox,
            site.store
        ).map { report in
            "\(report.uid.rawValue) \(report.hasChanged ? "changed" : "same")"
                + (report.warnings + report.errors).map { "; \($0)" }.joined()
        }
    }

    private func flags(_ site: TestSite) async throws -> [String] {
        let mailbox = try await site.account("anna").open(.inbox, .readOnly, onChange: {})
        defer { mailbox.close() }
        let snapshot = mailbox.snapshot()
        var found: [String] = []
        snapshot.forEach { _, record in
            let keywords = snapshot.keywords.numbers(in: record.keywords).map {
                snapshot.keywords.keywords[Int($0)].name
            }
            found.append("\(record.uid.rawValue): " + (record.flags.names + keywords).joined(separator: " "))
            return true
        }
        return found
    }

    private func deliver(_ site: TestSite, _ subjects: String...) async throws {
        for subject in subjects {
            _ = try await site.deliver(
                site.agent(), to: "anna", message: "From: a@example.com\r\nSubject: \(subject)\r\n\r\nx\r\n")
        }
    }

    @Test func aKeptMessageThatWasEditedIsStoredAnew() async throws {
        try await TestSite.with { site in
            try await self.deliver(site, "a", "b")
            let script = """
                require ["editheader", "imap4flags"];
                if header "subject" "a" { addheader "X-New" "yes"; addflag "edited"; }
                """
            #expect(try await self.run(.source(Array(script.utf8)), site) == ["1 changed", "2 same"])
            #expect(try await self.flags(site) == ["1: \\Deleted", "2: ", "3: edited"])
        }
    }

    @Test func whatIsDiscardedCanBeRemoved() async throws {
        try await TestSite.with { site in
            try await self.deliver(site, "a", "b")
            let script = "if header \"subject\" \"a\" { discard; }"
            #expect(try await self.run(.source(Array(script.utf8)), site, expunges: true) == ["1 changed", "2 same"])
            #expect(try await self.flags(site) == ["2: "])
        }
    }

    @Test func onlyFlagsThatTheScriptChangesChange() async throws {
        try await TestSite.with { site in
            try await self.deliver(site, "a")
            _ = try await self.run(.source(Array("require \"imap4flags\"; addflag [\"\\\\Seen\", \"x\"];".utf8)), site)
            #expect(try await self.flags(site) == ["1: \\Seen x"])
            _ = try await self.run(.source(Array("require \"imap4flags\"; removeflag \"\\\\Seen\";".utf8)), site)
            #expect(try await self.flags(site) == ["1: x"])
            #expect(
                try await self.run(.source(Array("require \"imap4flags\"; keep :flags \"x\";".utf8)), site) == [
                    "1 same"
                ])
        }
    }

    @Test func filedIntoItsOwnMailboxIsKept() async throws {
        try await TestSite.with { site in
            try await self.deliver(site, "a")
            let script = "require \"fileinto\"; fileinto \"INBOX\";"
            #expect(try await self.run(.source(Array(script.utf8)), site) == ["1 same"])
            #expect(try await self.flags(site) == ["1: "])
        }
    }

    @Test func answersAreLeftOutAndPipesDone() async throws {
        try await TestSite.with { site in
            try await self.deliver(site, "a")
            mkdir(site.directory + "/bin", 0o755)
            site.write("#!/bin/sh\ncat >\(site.directory)/piped\n", "bin/take", mode: 0o755)
            site.write("#!/bin/sh\nexit 1\n", "bin/fail", mode: 0o755)
            #expect(try await self.run(.source(Array("require \"reject\"; reject \"no\";".utf8)), site) == ["1 same"])
            let fails = try await self.run(.source(Array("require \"vnd.dovecot.pipe\"; pipe \"fail\";".utf8)), site)
            #expect(fails.count == 1 && fails[0].hasPrefix("1 same; script: line 1"), "\(fails)")
            #expect(try await self.flags(site) == ["1: "])
            let takes = "require [\"vnd.dovecot.pipe\", \"copy\"]; pipe :copy \"take\";"
            #expect(try await self.run(.source(Array(takes.utf8)), site) == ["1 changed"])
            #expect(site.read("piped")?.contains("Subject: a") == true)
        }
    }

    @Test func scriptsByName() async throws {
        try await TestSite.with { site in
            try await self.deliver(site, "a")
            mkdir(site.directory + "/global", 0o755)
            site.write("discard;", "global/site.sieve")
            site.install("require \"imap4flags\"; addflag \"own\";", for: "anna", as: "main")
            #expect(try await self.run(.personal("main"), site) == ["1 changed"])
            #expect(try await self.run(.personal("nothing"), site) == ["none"])
            #expect(try await self.run(.personal("../sieve/main"), site) == ["none"])
            #expect(try await self.run(.global("nothing"), site) == ["none"])
            #expect(try await self.run(.global("../anna/sieve/main"), site) == ["none"])
            #expect(try await self.run(.global("site"), site) == ["1 changed"])
            #expect(try await self.run(.delivery, site) == ["1 same"])
            #expect(try await self.flags(site) == ["1: \\Deleted own"])
            site.install("stop", for: "anna", as: "bad")
            let bad = try await self.run(.delivery, site)
            #expect(bad.count == 1 && bad[0].hasPrefix("script: "), "\(bad)")
        }
    }

    /// What `include` finds, FILTER finds, by the same name.
    @Test func scriptsBehindLinks() async throws {
        try await TestSite.with { site in
            try await self.deliver(site, "a")
            mkdir(site.directory + "/global", 0o755)
            site.write("require \"imap4flags\"; addflag \"foo\";", "global/foo-2.sieve")
            symlink("foo-2.sieve", site.directory + "/global/foo.sieve")
            site.write("require \"imap4flags\"; addflag \"one\";", "one-2.sieve")
            symlink("one-2.sieve", site.directory + "/one.sieve")
            func includes(_ name: String) -> MailFilter.Script {
                .source(Array("require \"include\"; include :global \"\(name)\";".utf8))
            }
            #expect(try await self.run(includes("foo"), site) == ["1 changed"])
            #expect(try await self.run(.global("foo"), site) == ["1 same"])
            #expect(try await self.run(.global("one"), site) == ["1 changed"])
            #expect(try await self.run(includes("one"), site) == ["1 same"])
            #expect(try await self.run(.global("one-2"), site) == ["none"])
            #expect(try await self.flags(site) == ["1: foo one"])
        }
    }

    /// Users without a script of that name see the site's, so they can name it.
    @Test func theScriptOfUsersWithoutOne() async throws {
        try await TestSite.with { site in
            try await self.deliver(site, "a")
            site.write("require \"imap4flags\"; addflag \"site\";", "default.sieve")
            #expect(try await self.run(.personal("Site"), site) == ["1 changed"])
            #expect(try await self.flags(site) == ["1: site"])
            site.install("require \"imap4flags\"; addflag \"own\";", for: "anna", as: "Site")
            #expect(try await self.run(.personal("Site"), site) == ["1 changed"])
            #expect(try await self.flags(site) == ["1: site own"])
        }
    }

    @Test func aRuntimeErrorLeavesTheMessage() async throws {
        try await TestSite.with { site in
            try await self.deliver(site, "a")
            let script = "require [\"fileinto\", \"ihave\"]; fileinto \"X\"; error \"stop here\";"
            let told = try await self.run(.source(Array(script.utf8)), site)
            #expect(told.count == 1 && told[0].hasPrefix("1 same; ") && told[0].contains("stop here"), "\(told)")
            #expect(try await self.flags(site) == ["1: "])
        }
    }
}
