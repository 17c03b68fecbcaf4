import Glibc
import MailCore
import MailStore
import SieveCore
import SieveStorage
import Synchronization
import Testing

@testable import Delivery

@Suite struct DeliveryAgentTests {
    @Test func withoutSieve() async throws {
        try await TestSite.with { (site) async throws in
            site.install("discard;", for: "anna")
            let agent = site.agent { $0.sieve = nil }
            #expect(try await site.deliver(agent, to: "anna", "berta") == ["INBOX", "INBOX"])
            #expect(try await site.count("anna", "INBOX") == 1)
        }
    }

    @Test func withoutScript() async throws {
        try await TestSite.with { (site) async throws in
            #expect(try await site.deliver(site.agent(), to: "anna") == ["INBOX"])
            #expect(site.read("anna/.dovecot.sieve.log") == nil)
            #expect(site.reports.withLock { $0 } == [])
        }
    }

    @Test func detail() async throws {
        try await TestSite.with { (site) async throws in
            let lists = try #require(MailboxName("lists"))
            try await site.account("anna").create(lists, specialUse: nil)
            let agent = site.agent { $0.keep.savesToDetailMailbox = true }
            let recipients = [
                try await site.recipient("anna", detail: "lists"),
                try await site.recipient("anna", detail: "absent"),
                try await site.recipient("anna"),
            ]
            #expect(await site.deliver(agent, recipients) == ["lists", "INBOX", "INBOX"])
            #expect(site.read("anna/.dovecot.sieve.log") == nil)
            // Keep goes where mail would go without a script.
            site.install("keep;", for: "anna")
            site.clock.withLock { $0 += 2000 }
            #expect(await site.deliver(agent, recipients) == ["lists", "INBOX", "INBOX"])
        }
    }

    /// Edited messages that are too large for memory are whole all the same.
    @Test func largeEditedMessages() async throws {
        try await TestSite.with { (site) async throws in
            site.installSendmail()
            site.install(
                """
                require "editheader";
                addheader "X-First" "1"; redirect "a@example.net"; addheader "X-Second" "2"; keep;
                """, for: "anna")
            let body = String(repeating: "0123456789\r\n", count: 60_000)
            let mail = "Subject: large\r\n\r\n" + body
            #expect(try await site.deliver(site.agent(), to: "anna", message: mail) == ["INBOX"])
            #expect(site.read("anna/.dovecot.sieve.log") == nil)
            #expect(await site.sendQueued() == [])
            let sent = try #require(site.read("sent.mail"))
            // sendmail programs take lines that end in LF.
            let lines = String(decoding: mail.utf8.filter { $0 != 0x0D }, as: UTF8.self)
            #expect(sent.hasSuffix("X-First: 1\n" + lines))
            let mailbox = try await site.account("anna").open(.inbox, .readOnly) {}
            defer { mailbox.close() }
            let stored = try await mailbox.octets(of: [mailbox.snapshot()[0]], limit: 1)
            let octets = try #require(stored.first).get().withUnsafeBytes { Array($0) }
            let text = String(decoding: octets, as: UTF8.self)
            #expect(text == "X-Second: 2\r\nX-First: 1\r\n" + mail)
        }
    }

    @Test func scriptsFile() async throws {
        try await TestSite.with { (site) async throws in
            for name in ["Work", "Work/Äpfel"] {
                try await site.account("anna").create(try #require(MailboxName(name)), specialUse: nil)
            }
            site.install(
                """
                require "fileinto";
                fileinto "Work"; fileinto "Work/Äpfel"; fileinto "work"; fileinto "Nowhere"; fileinto "a//b"; keep;
                """, for: "anna")
            site.install("discard;", for: "berta")
            let agent = site.agent()
            #expect(
                try await site.deliver(agent, to: "anna", "berta", "carla") == [
                    "Work Work/Äpfel INBOX", "discarded", "INBOX",
                ])
            #expect(try await site.count("anna", "Work/Äpfel") == 1)
            #expect(try await site.count("anna", "INBOX") == 1)
            #expect(try await site.count("berta", "INBOX") == 0)
            let log = try #require(site.read("anna/.dovecot.sieve.log"))
            #expect(
                log.contains("2027-01-15 08:00:00 UTC main: line 2, column 78: error: \"a//b\" cannot be"))
            #expect(log.contains("error: there is no mailbox \"Nowhere\" that takes mail; INBOX was taken"))
        }
    }

    @Test func missingMailboxesAreMade() async throws {
        try await TestSite.with { (site) async throws in
            site.install("require \"fileinto\"; fileinto \"New/Place\";", for: "anna")
            #expect(
                try await site.deliver(site.agent { $0.keep.createsMailboxes = true }, to: "anna") == ["New/Place"]
            )
            #expect(try await site.deliver(site.agent(), to: "anna") == ["New/Place"])
        }
    }

    @Test func otherSeparatorAndPrefix() async throws {
        let namespace = Namespace(kind: .personal, prefix: "INBOX.", separator: UInt8(ascii: "."))
        func resolve(_ text: String) -> String? { MailboxSpelling([namespace]).name(of: text)?.text }
        #expect(resolve("INBOX") == "INBOX")
        #expect(resolve("inbox.Work.2026") == "INBOX/Work/2026")
        #expect(resolve("Work.2026") == "INBOX/Work/2026")
        #expect(resolve("Work/2026") == nil)
        #expect(resolve("INBOX.") == nil)
        #expect(MailboxSpelling([]).name(of: "a/b")?.text == "a/b")
    }

    // MARK: Faults

    @Test func brokenScript() async throws {
        try await TestSite.with { (site) async throws in
            site.install("discard;\nkepe;\nif nonsense { }", for: "anna")
            #expect(try await site.deliver(site.agent(), to: "anna") == ["INBOX"])
            let log = try #require(site.read("anna/.dovecot.sieve.log"))
            #expect(log.contains("main: line 2, column 1: error: unknown command \"kepe\"\n"))
            #expect(log.contains("main: line 3, column 4: error: unknown test \"nonsense\"\n"))
            #expect(log.contains("The message was kept in INBOX.\n"))
            #expect(site.reports.withLock { $0 } == [])
        }
    }

    @Test func runtimeError() async throws {
        try await TestSite.with { (site) async throws in
            site.install((0..<5).map { "redirect \"u\($0)@example.net\";\n" }.joined(), for: "anna")
            #expect(try await site.deliver(site.agent(), to: "anna") == ["INBOX"])
            let log = try #require(site.read("anna/.dovecot.sieve.log"))
            #expect(log.contains("main: line 5, column 1: error: more than 4 redirects of one message"))
        }
    }

    @Test func unreadableScript() async throws {
        try await TestSite.with { (site) async throws in
            mkdir(site.home("anna"), 0o700)
            mkdir(site.home("anna") + "/.dovecot.sieve", 0o700)
            #expect(try await site.deliver(site.agent(), to: "anna") == ["INBOX"])
            #expect(site.read("anna/.dovecot.sieve.log")?.contains("the script cannot be read") == true)
            #expect(site.reports.withLock { $0 }.count == 1)
            // A link to nothing is no script.
            mkdir(site.home("berta"), 0o700)
            symlink("sieve/gone.sieve", site.home("berta") + "/.dovecot.sieve")
            #expect(try await site.deliver(site.agent(), to: "berta") == ["INBOX"])
            #expect(site.read("berta/.dovecot.sieve.log") == nil)
        }
    }

    @Test func userLogRotates() async throws {
        try await TestSite.with { (site) async throws in
            site.install("kepe;", for: "anna")
            site.write(String(repeating: "x", count: 10 << 10), "anna/.dovecot.sieve.log")
            #expect(try await site.deliver(site.agent(), to: "anna") == ["INBOX"])
            #expect(site.read("anna/.dovecot.sieve.log.0")?.utf8.count == 10 << 10)
            #expect(
                site.read("anna/.dovecot.sieve.log")?.hasPrefix("2027-01-15 08:00:00 UTC main: line 1")
                    == true)
            // A link is not followed.
            site.write("secret", "target")
            unlink(site.home("anna") + "/.dovecot.sieve.log")
            symlink("../target", site.home("anna") + "/.dovecot.sieve.log")
            #expect(try await site.deliver(site.agent(), to: "anna") == ["INBOX"])
            #expect(site.read("target") == "secret")
        }
    }

    // MARK: Several scripts

    @Test func order() async throws {
        try await TestSite.with { (site) async throws in
            mkdir(site.directory + "/before", 0o700)
            site.write(
                "require \"fileinto\"; if header :is \"x-spam\" \"yes\" { fileinto \"Junk\"; stop; }",
                "before/20.sieve")
            site.write("if header :contains \"subject\" \"virus\" { discard; }", "before/10.sieve")
            site.write("nonsense", "before/10.txt")
            site.write("require \"fileinto\"; fileinto \"Default\";", "default.sieve")
            site.write("require \"fileinto\"; fileinto \"After\";", "after.sieve")
            let agent = site.agent {
                $0.keep.createsMailboxes = true
                $0.sieve?.before = [site.directory + "/before", site.directory + "/absent.sieve"]
                $0.sieve?.fallback = site.directory + "/default.sieve"
                $0.sieve?.after = [site.directory + "/after.sieve"]
            }
            site.install("keep;", for: "anna")
            let spam = "X-Spam: yes\r\n\r\n"
            let virus = "X-Spam: yes\r\nSubject: A virus\r\n\r\n"
            #expect(try await site.deliver(agent, to: "anna") == ["After"])
            #expect(try await site.deliver(agent, to: "anna", message: spam) == ["Junk"])
            #expect(try await site.deliver(agent, to: "anna", message: virus) == ["discarded"])
            // Without a script of one's own the default one takes its place.
            #expect(try await site.deliver(agent, to: "berta") == ["Default"])
            site.write("kepe;", "after.sieve")
            #expect(try await site.deliver(agent, to: "anna") == ["INBOX"])
            #expect(site.reports.withLock { $0 }.count == 1)
            #expect(site.read("anna/.dovecot.sieve.log") == nil)
        }
    }

    // MARK: Caches

    @Test func newScriptsAreSeen() async throws {
        try await TestSite.with { (site) async throws in
            let agent = site.agent()
            #expect(try await site.deliver(agent, to: "anna") == ["INBOX"])
            site.install("discard;", for: "anna")
            // Within a second the user is still known to have none.
            #expect(try await site.deliver(agent, to: "anna") == ["INBOX"])
            site.clock.withLock { $0 += 1000 }
            #expect(try await site.deliver(agent, to: "anna") == ["discarded"])
            // A change of the script counts at once.
            site.install("keep; # a change", for: "anna")
            #expect(try await site.deliver(agent, to: "anna") == ["INBOX"])
            site.install("discard;", for: "anna", as: "other")
            #expect(try await site.deliver(agent, to: "anna") == ["discarded"])
            unlink(site.home("anna") + "/.dovecot.sieve")
            #expect(try await site.deliver(agent, to: "anna") == ["INBOX"])
        }
    }

    @Test func cacheIsBounded() throws {
        let site = try TestSite()
        let library = ScriptLibrary(personal: .init(), global: .init()) { 0 }
        let count = ScriptLibrary.maximumEntries + 1
        let places = ScriptPlaces(user: "anna")
        for number in 0..<count {
            site.write("keep; # \(number)", "s\(number)")
            #expect(try library.script(at: "\(site.directory)/s\(number)", .personal, places)?.script != nil)
        }
        #expect(library.count == ScriptLibrary.maximumEntries * 3 / 4)
        #expect(try library.script(at: site.directory + "/absent", .personal, places) == nil)
    }

    @Test func scriptTooBig() async throws {
        try await TestSite.with { (site) async throws in
            site.install("discard; #" + String(repeating: "x", count: 100), for: "anna")
            let agent = site.agent { $0.sieve?.limits.scriptSize = 50 }
            #expect(try await site.deliver(agent, to: "anna") == ["INBOX"])
            #expect(
                site.read("anna/.dovecot.sieve.log")?.contains("the script has 51 octets; 50 are allowed")
                    == true)
        }
    }
}
