import Glibc
import MailCore
import MailStore
import SieveCore
import SieveStorage
import Synchronization
import Testing

@testable import Delivery

/// Which scripts run, in which order, and what they include.
@Suite struct ScriptOrderTests {
    private func site(
        _ mailboxes: String..., body: (TestSite) async throws -> Void
    ) async throws {
        try await TestSite.with { (site) async throws in
            for name in mailboxes {
                try await site.account("anna").create(try #require(MailboxName(name)), specialUse: nil)
            }
            try await body(site)
        }
    }

    @Test func includes() async throws {
        try await self.site("Lists", "Global", "Own") { (site) async throws in
            site.install(
                """
                require ["include", "fileinto"];
                include :personal "own";
                include :global "shared";
                include :global :optional "absent";
                """, for: "anna")
            site.write("require \"fileinto\"; fileinto \"Own\";", "anna/sieve/own.sieve")
            mkdir(site.directory + "/global", 0o700)
            site.write("require \"fileinto\"; fileinto \"Global\";", "global/shared.sieve")
            let agent = site.agent { $0.sieve?.global = ["\(site.directory)/elsewhere", "\(site.directory)/global"] }
            #expect(try await site.deliver(agent, to: "anna") == ["Own Global"])
            // A changed script is seen though the one that includes it is compiled already.
            site.write("require \"fileinto\"; fileinto \"Lists\"; # longer", "anna/sieve/own.sieve")
            #expect(try await site.deliver(agent, to: "anna") == ["Lists Global"])
            // So is one that was not there before.
            site.write("discard; stop;", "global/absent.sieve")
            #expect(try await site.deliver(agent, to: "anna") == ["Lists Global"])
            site.write("require \"reject\"; reject \"no\"; # new", "anna/sieve/own.sieve")
            #expect(try await site.deliver(agent, to: "anna") == ["INBOX"])
            #expect(site.read("anna/.dovecot.sieve.log")?.contains("cannot be done together") == true)
        }
    }

    /// An error in the user's script takes nothing back of what the site's has done.
    @Test func errorsLeaveWhatWasDoneBefore() async throws {
        try await self.site { (site) async throws in
            site.write(
                "require [\"editheader\", \"imap4flags\"]; addheader \"X-Site\" \"yes\"; setflag \"Scanned\";",
                "before.sieve")
            site.install("require \"ihave\"; error \"no\";", for: "anna")
            let agent = site.agent { $0.sieve?.before = [site.directory + "/before.sieve"] }
            #expect(try await site.deliver(agent, to: "anna") == ["INBOX"])
            #expect(try await site.texts("anna", "INBOX").first?.hasPrefix("X-Site: yes\r\n") == true)
            let mailbox = try await site.account("anna").open(.inbox, .readOnly, onChange: {})
            defer { mailbox.close() }
            #expect(mailbox.snapshot().keywords.keywords.map(\.name) == ["Scanned"])
        }
    }

    @Test func includeWithoutScript() async throws {
        try await self.site { (site) async throws in
            site.install("require \"include\"; include \"nothing\"; discard;", for: "anna")
            #expect(try await site.deliver(site.agent(), to: "anna") == ["INBOX"])
            #expect(site.read("anna/.dovecot.sieve.log")?.contains("no personal script \"nothing\"") == true)
        }
    }

    /// Scripts of one user are not another's, though equal scripts include them by equal names.
    @Test func includesOfOneUserOnly() async throws {
        try await self.site { (site) async throws in
            let script = "require \"include\"; include \"what\";"
            site.install(script, for: "anna")
            site.install(script, for: "berta")
            site.write("discard;", "anna/sieve/what.sieve")
            site.write("keep;", "berta/sieve/what.sieve")
            let agent = site.agent()
            #expect(try await site.deliver(agent, to: "anna", "berta") == ["discarded", "INBOX"])
            #expect(try await site.deliver(agent, to: "anna", "berta") == ["discarded", "INBOX"])
        }
    }

    @Test func defaultScriptByName() async throws {
        try await self.site("Spam") { (site) async throws in
            site.write("require \"fileinto\"; fileinto \"Spam\"; stop;", "default.sieve")
            let agent = site.agent {
                $0.sieve?.fallback = site.directory + "/default.sieve"
                $0.sieve?.fallbackName = "site"
            }
            #expect(try await site.deliver(agent, to: "anna") == ["Spam"])
            site.install("require \"include\"; include \"site\"; keep;", for: "anna")
            site.clock.withLock { $0 += 2000 }
            #expect(try await site.deliver(agent, to: "anna") == ["Spam"])
        }
    }

    @Test func languageOfScriptsForAll() async throws {
        try await self.site { (site) async throws in
            let agent = site.agent {
                $0.sieve?.globalRegistry = .of(["editheader"])
                $0.sieve?.registry = .of(["include"])
                $0.sieve?.global = [site.directory]
            }
            let script = "require \"editheader\"; addheader \"X\" \"y\"; discard;"
            site.install(script, for: "anna")
            #expect(try await site.deliver(agent, to: "anna") == ["INBOX"])
            site.write(script, "shared.sieve")
            site.install("require \"include\"; include :global \"shared\";", for: "anna")
            #expect(try await site.deliver(agent, to: "anna") == ["discarded"])
            let before = site.agent {
                $0.sieve?.globalRegistry = .of(["editheader"])
                $0.sieve?.before = [site.directory + "/shared.sieve"]
            }
            #expect(try await site.deliver(before, to: "anna") == ["discarded"])
        }
    }

    @Test func wholeOrder() async throws {
        try await self.site("1", "2", "3", "4") { (site) async throws in
            mkdir(site.directory + "/before", 0o700)
            // By octets: capitals first.
            site.write("require \"imap4flags\"; addflag \"b\";", "before/a.sieve")
            site.write("require \"imap4flags\"; addflag \"a\";", "before/B.sieve")
            site.write("discard;", "before/c.svbin")
            site.write(
                """
                require ["fileinto", "imap4flags"];
                if hasflag :is ["b"] { fileinto "1"; keep; }
                """, "after.sieve")
            site.write("require \"fileinto\"; fileinto \"2\"; keep;", "later.sieve")
            let agent = site.agent {
                $0.sieve?.before = [site.directory + "/before"]
                $0.sieve?.after = [site.directory + "/after.sieve", site.directory + "/later.sieve"]
            }
            #expect(try await site.deliver(agent, to: "anna") == ["1 2 INBOX"])
            // stop ends a script, not the sequence.
            site.install("stop;", for: "anna")
            site.clock.withLock { $0 += 2000 }
            #expect(try await site.deliver(agent, to: "anna") == ["1 2 INBOX"])
            // What is not kept goes no further.
            site.install("require \"fileinto\"; fileinto \"3\";", for: "anna")
            #expect(try await site.deliver(agent, to: "anna") == ["3"])
            site.install("require \"fileinto\"; fileinto \"3\"; keep;", for: "anna")
            #expect(try await site.deliver(agent, to: "anna") == ["3 1 2 INBOX"])
        }
    }

    struct Discard: Sendable {
        var personal: String
        var discard: String
        var outcome: String
    }

    @Test(arguments: [
        Discard(personal: "discard;", discard: "", outcome: "discarded"),
        Discard(personal: "discard;", discard: "stop;", outcome: "discarded"),
        Discard(personal: "discard;", discard: "keep;", outcome: "INBOX"),
        Discard(personal: "discard;", discard: "require \"fileinto\"; fileinto \"Bin\";", outcome: "Bin"),
        Discard(personal: "require \"imap4flags\"; setflag \"x\"; discard;", discard: "keep;", outcome: "INBOX"),
        // Only for what goes nowhere.
        Discard(personal: "keep;", discard: "require \"fileinto\"; fileinto \"Bin\";", outcome: "INBOX"),
        Discard(
            personal: "require \"fileinto\"; fileinto \"Bin\"; discard;", discard: "keep;", outcome: "Bin"),
        Discard(personal: "require \"reject\"; reject \"no\";", discard: "keep;", outcome: "rejected no"),
        // A faulty one loses nothing.
        Discard(personal: "discard;", discard: "kepe;", outcome: "INBOX"),
        Discard(
            personal: "discard;", discard: "redirect \"a@example.net\"; redirect \"b@example.net\";", outcome: "INBOX"),
    ])
    func discard(_ test: Discard) async throws {
        try await self.site("Bin") { (site) async throws in
            site.install(test.personal, for: "anna")
            site.write(test.discard, "discard.sieve")
            let agent = site.agent {
                $0.sieve?.discard = [site.directory + "/discard.sieve"]
                $0.sieve?.limits.redirects = 1
            }
            #expect(try await site.deliver(agent, to: "anna") == [test.outcome])
        }
    }

    /// Ways in which the active script is laid out.
    @Test func activeLinks() async throws {
        try await self.site { (site) async throws in
            let agent = site.agent { $0.sieve?.fallback = site.directory + "/default.sieve" }
            site.write("redirect \"x@example.net\"; keep;", "default.sieve")
            site.install("discard;", for: "anna")
            let link = site.home("anna") + "/.dovecot.sieve"
            func delivered() async throws -> [String] {
                site.clock.withLock { $0 += 2000 }
                return try await site.deliver(agent, to: "anna")
            }
            site.installSendmail()
            // What Pigeonhole has compiled is not looked at.
            site.write("junk", "anna/sieve/main.svbin")
            for target in ["\(site.home("anna"))/sieve/main.sieve", "sieve/main.sieve"] {
                unlink(link)
                symlink(target, link)
                #expect(try await delivered() == ["discarded"])
            }
            unlink(link)
            site.write("discard; # file", "anna/.dovecot.sieve")
            #expect(try await delivered() == ["discarded"])
            // A link that leads nowhere is no script.
            unlink(link)
            symlink("sieve/gone.sieve", link)
            #expect(try await delivered() == ["INBOX"])
            #expect(site.read("anna/sieve/main.svbin") == "junk")
        }
    }

    /// Equal scripts of many users are compiled once.
    @Test func compiledOnce() throws {
        let site = try TestSite()
        let library = ScriptLibrary(personal: .init(), global: .init()) { 0 }
        for user in ["anna", "berta", "carla"] {
            site.install("keep;", for: user)
            let places = ScriptPlaces(user: user)
            _ = try library.script(at: "\(site.home(user))/.dovecot.sieve", .personal, places)
        }
        #expect(library.count == 1)
        _ = try library.script(
            at: "\(site.home("anna"))/.dovecot.sieve", .global, ScriptPlaces(user: "anna"))
        #expect(library.count == 2)
    }
}
