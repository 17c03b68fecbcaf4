import Glibc
import MailCore
import MailStore
import SieveCore
import Testing

@testable import Delivery

/// What scripts ask of the place of delivery: programs, lists, metadata, environment, the user's log.
@Suite struct ScriptPlaceTests {
    private func with(
        _ script: String, _ change: @escaping (inout SieveOptions, TestSite) -> Void = { _, _ in },
        body: (TestSite, DeliveryAgent) async throws -> Void
    ) async throws {
        try await TestSite.with { (site) async throws in
            site.install(script, for: "anna")
            mkdir(site.directory + "/bin", 0o755)
            let agent = site.agent { options in
                guard var sieve = options.sieve else { return }
                sieve.registry = .all
                sieve.globalRegistry = .all
                sieve.programs.pipe.binDirectory = site.directory + "/bin"
                sieve.programs.filter.binDirectory = site.directory + "/bin"
                sieve.programs.execute.binDirectory = site.directory + "/bin"
                sieve.hostname = "mail.example.org"
                change(&sieve, site)
                options.sieve = sieve
            }
            try await body(site, agent)
        }
    }

    private func stored(_ site: TestSite, _ name: String = "INBOX") async throws -> [String] {
        let name = try #require(MailboxName(name))
        let mailbox = try await site.account("anna").open(name, .readOnly) {}
        defer { mailbox.close() }
        let snapshot = mailbox.snapshot()
        var texts: [String] = []
        for index in 0..<snapshot.count {
            let octets = try await mailbox.octets(of: [snapshot[index]], limit: 1)
            texts.append(
                String(decoding: try #require(octets.first).get().withUnsafeBytes { Array($0) }, as: UTF8.self))
        }
        return texts
    }

    @Test func pipe() async throws {
        try await self.with("require \"vnd.dovecot.pipe\"; pipe \"learn\" [\"spam\", \"now\"];") {
            (site, agent) async throws in
            site.write(
                "#!/bin/sh\necho \"$@ $SENDER $RECIPIENT\" > \(site.directory)/args; cat > \(site.directory)/input\n",
                "bin/learn",
                mode: 0o755)
            #expect(try await site.deliver(agent, to: "anna") == ["piped learn"])
            #expect(site.read("args") == "spam now sender@example.com anna@example.org\n")
            #expect(site.read("input") == TestSite.mail)
            #expect(site.read("anna/.dovecot.sieve.log") == nil)
            // What fails is kept, and the user is told.
            site.write("#!/bin/sh\necho sorry >&2; exit 1\n", "bin/learn", mode: 0o755)
            #expect(try await site.deliver(agent, to: "anna") == ["INBOX"])
            #expect(site.read("anna/.dovecot.sieve.log")?.contains("exit status 1: sorry") == true)
            unlink(site.directory + "/bin/learn")
            #expect(try await site.deliver(agent, to: "anna") == ["INBOX"])
        }
    }

    @Test func pipeTryAndCopy() async throws {
        let script = "require [\"vnd.dovecot.pipe\", \"copy\"]; pipe :try :copy \"absent\"; pipe :try \"absent\";"
        try await self.with(script) { (site, agent) async throws in
            #expect(try await site.deliver(agent, to: "anna") == ["piped absent absent"])
        }
        try await self.with("require [\"vnd.dovecot.pipe\", \"copy\"]; pipe :copy \"absent\";") {
            (site, agent) async throws in
            #expect(try await site.deliver(agent, to: "anna") == ["INBOX"])
        }
    }

    /// A piped message has the form that the script gave it before.
    @Test func pipeOfEditedMessage() async throws {
        let script = """
            require ["vnd.dovecot.pipe", "copy", "editheader"];
            addheader "X-One" "1"; pipe :copy "take"; addheader "X-Two" "2";
            """
        try await self.with(script) { (site, agent) async throws in
            site.write("#!/bin/sh\ncat > \(site.directory)/input\n", "bin/take", mode: 0o755)
            #expect(try await site.deliver(agent, to: "anna") == ["INBOX"])
            #expect(site.read("input") == "X-One: 1\r\n" + TestSite.mail)
            #expect(try await self.stored(site) == ["X-Two: 2\r\nX-One: 1\r\n" + TestSite.mail])
        }
    }

    @Test func filter() async throws {
        let script = """
            require ["vnd.dovecot.filter", "fileinto"];
            if not filter "absent" { filter "shout" "HELLO"; }
            if header "subject" "HELLO" { keep; }
            """
        try await self.with(script) { (site, agent) async throws in
            site.write("#!/bin/sh\nsed \"s/Hello/$1/\"\n", "bin/shout", mode: 0o755)
            #expect(try await site.deliver(agent, to: "anna") == ["INBOX"])
            let mail = TestSite.mail.replacing("Hello", with: "HELLO")
            #expect(try await self.stored(site) == [mail])
            #expect(site.read("anna/.dovecot.sieve.log")?.contains("there is no program absent") == true)
        }
    }

    @Test func execute() async throws {
        let script = """
            require ["vnd.dovecot.execute", "variables", "fileinto", "mailbox"];
            if execute :output "out" "where" "x" { fileinto :create "${out}"; }
            if execute :input "text" "check" { fileinto :create "input"; }
            if execute :pipe "grep" { fileinto :create "piped"; }
            if not execute "fails" { fileinto :create "failed"; }
            """
        try await self.with(script) { (site, agent) async throws in
            site.write("#!/bin/sh\nprintf \"from-$1-$USER\"\n", "bin/where", mode: 0o755)
            site.write("#!/bin/sh\ntest \"$(cat)\" = text\n", "bin/check", mode: 0o755)
            site.write("#!/bin/sh\ngrep -q '^Subject: Hello'\n", "bin/grep", mode: 0o755)
            site.write("#!/bin/sh\nexit 1\n", "bin/fails", mode: 0o755)
            #expect(try await site.deliver(agent, to: "anna") == ["from-x-anna input piped failed"])
        }
    }

    /// Slow programs of some do not hold up mail for others.
    @Test func slowProgramsHoldUpNobody() async throws {
        try await self.with(
            "require \"vnd.dovecot.execute\"; execute \"wait\"; keep;",
            { sieve, _ in sieve.programs.execute.timeout = .seconds(2) }
        ) { (site, agent) async throws in
            site.write("#!/bin/sh\nread x < \(site.directory)/fifo\n", "bin/wait", mode: 0o755)
            mkfifo(site.directory + "/fifo", 0o600)
            async let slow = site.deliver(agent, to: "anna", "anna", "anna", "anna")
            site.install("discard;", for: "berta")
            for _ in 0..<5 { #expect(try await site.deliver(agent, to: "berta") == ["discarded"]) }
            #expect(try await slow == ["INBOX", "INBOX", "INBOX", "INBOX"])
        }
    }

    @Test func metadata() async throws {
        let script = """
            require ["mboxmetadata", "servermetadata", "fileinto", "mailbox"];
            if metadata :is "INBOX" "/private/comment" "mine" { fileinto :create "one"; }
            if servermetadata :contains "/private/vendor/x" "abc" { fileinto :create "two"; }
            if metadataexists "INBOX" ["/private/comment", "/private/other"] { discard; }
            if metadataexists "absent" "/private/comment" { discard; }
            """
        try await self.with(script) { (site, agent) async throws in
            let account = try await site.account("anna")
            let comment = try #require(MetadataEntry("/private/comment"))
            let vendor = try #require(MetadataEntry("/private/vendor/x"))
            try await account.setMetadata([MetadataChange(comment, Array("mine".utf8))], of: .mailbox(.inbox))
            try await account.setMetadata([MetadataChange(vendor, Array("xabcx".utf8))], of: .server)
            #expect(try await site.deliver(agent, to: "anna") == ["one two"])
        }
    }

    @Test func lists() async throws {
        let script = """
            require ["extlists", "fileinto", "mailbox", "envelope"];
            if valid_ext_list ["friends", "pairs"] { fileinto :create "valid"; }
            if valid_ext_list ["friends", ":addrbook:default"] { discard; }
            if address :list "from" "friends" { fileinto :create "friend"; }
            if envelope :list "from" "pairs" { fileinto :create "pair"; }
            if header :list "subject" "friends" { discard; }
            """
        try await self.with(
            script,
            { sieve, site in
                sieve.lists["friends"] = ExternalList(path: "~/friends", form: .lines)
                sieve.lists["pairs"] = ExternalList(path: site.directory + "/pairs", form: .pairs)
            }
        ) { (site, agent) async throws in
            site.write("# mine\nb@example.com\n  A@Example.com \n", "anna/friends")
            site.write("other@example.com\nsender@example.com\nshared/sender@example.com\nyes\n", "pairs")
            #expect(try await site.deliver(agent, to: "anna") == ["valid friend pair"])
        }
    }

    @Test func environment() async throws {
        let script = """
            require ["environment", "vnd.dovecot.environment", "variables", "fileinto", "mailbox"];
            if environment :is "host" "mail.example.org" { fileinto :create "host"; }
            if environment :is "domain" "example.org" { fileinto :create "domain"; }
            if environment :is "location" "MDA" { fileinto :create "location"; }
            if environment :is "vnd.dovecot.default-mailbox" "INBOX" { fileinto :create "default"; }
            if environment :is "nonsense" "" { discard; }
            fileinto :create "${env.vnd.dovecot.username}-${env.vnd.dovecot.config.team}";
            """
        try await self.with(script, { sieve, _ in sieve.policy.siteItems["team"] = "blue" }) {
            (site, agent) async throws in
            #expect(try await site.deliver(agent, to: "anna") == ["host domain location default anna-blue"])
            #expect(site.read("anna/.dovecot.sieve.log") == nil)
        }
    }

    @Test func debugLog() async throws {
        let script = "require [\"vnd.dovecot.debug\", \"variables\"];\r\ndebug_log \"got ${x}this\";"
        try await self.with(script) { (site, agent) async throws in
            #expect(try await site.deliver(agent, to: "anna") == ["INBOX"])
            #expect(site.read("anna/.dovecot.sieve.log")?.contains("main: line 2, column 1: debug: got this\n") == true)
        }
    }

    @Test func replaceAndEnclose() async throws {
        try await self.with("require \"replace\"; replace :subject \"New\" \"Gone.\";") { (site, agent) async throws in
            #expect(try await site.deliver(agent, to: "anna") == ["INBOX"])
            let mail = try await self.stored(site)[0]
            #expect(mail.contains("Subject: New\r\n"))
            #expect(mail.hasSuffix("\r\n\r\nGone."))
            #expect(!mail.contains("Text."))
        }
        try await self.with("require \"enclose\"; enclose :subject \"Look\" \"Beware.\";") {
            (site, agent) async throws in
            #expect(try await site.deliver(agent, to: "anna") == ["INBOX"])
            let mail = try await self.stored(site)[0]
            #expect(mail.contains("Subject: Look\r\n"))
            #expect(mail.contains("Beware."))
            #expect(mail.contains("Content-Type: message/rfc822\r\n\r\n" + TestSite.mail))
        }
    }
}
