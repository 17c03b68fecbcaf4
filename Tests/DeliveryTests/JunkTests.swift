import Glibc
import MailCore
import MailStore
import Synchronization
import Testing

@testable import Delivery

@Suite struct JunkTests {
    // MARK: The header field

    @Test(arguments: [
        ("X-Spam: Yes", "X-Spam: Yes", true), ("X-Spam: Yes", "x-spam:yes", true),
        ("X-Spam: Yes", "X-Spam: Yes, score=9.1", true), ("X-Spam: Yes", "X-Spam:\r\n Yes", true),
        ("X-Spam: Yes", "X-Spam: Yesterday", false), ("X-Spam: Yes", "X-Spam: Yes-or-no", false),
        ("X-Spam: Yes", "X-Spam: No", false), ("X-Spam: Yes", "X-Spam:", false),
        ("X-Spam: Yes", "X-Spam-Flag: Yes", false), ("X-Spam: Yes", "Subject: X-Spam: Yes", false),
        ("X-Spam-Flag:YES", "X-Spam-Flag: YES", true), ("X-Spam-Status: yes", "X-Spam-Status: Yes, hits=7", true),
    ])
    func marks(_ setting: String, _ field: String, _ expected: Bool) throws {
        let header = try #require(JunkHeader(setting))
        let message = "Received: x\r\n\(field)\r\nSubject: a\r\n\r\nX-Spam: Yes\r\n"
        #expect(Array(message.utf8).withUnsafeBytes { header.marks($0) } == expected)
    }

    @Test(arguments: ["", "X-Spam", "X-Spam:", ": Yes", " : "])
    func noHeader(_ setting: String) { #expect(JunkHeader(setting) == nil) }

    @Test func markedMailGoesToJunkBeforeScripts() async throws {
        try await TestSite.with { site in
            let agent = site.agent { $0.junkHeader = JunkHeader("X-Spam: Yes") }
            for user in ["anna", "bert", "carl"] {
                if user != "carl" {
                    try await site.account(user).create(try #require(MailboxName("Bad")), specialUse: .junk)
                }
            }
            site.install("require \"fileinto\"; fileinto \"Own\";", for: "bert")
            try await site.account("bert").create(try #require(MailboxName("Own")), specialUse: nil)
            let spam = "X-Spam: Yes\r\nSubject: x\r\n\r\nx\r\n"
            #expect(
                try await site.deliver(agent, to: "anna", "bert", "carl", message: spam) == ["Bad", "Bad", "INBOX"])
            #expect(try await site.deliver(agent, to: "anna", "bert") == ["INBOX", "Own"])
        }
    }

    // MARK: What is learned

    private static let mailboxes: [MailboxListing] = [
        ("INBOX", nil), ("Junk", .junk), ("Junk/old", nil), ("Junkyard", nil), ("Trash", .trash), ("Trash/old", nil),
    ].compactMap { name, use -> MailboxListing? in
        MailboxName(name).map {
            MailboxListing(name: $0, isSelectable: true, hasChildren: false, isSubscribed: true, specialUse: use)
        }
    }

    @Test(
        arguments: [
            (.append, nil, "Junk", .spam), (.append, nil, "Junk/old", .spam), (.append, nil, "INBOX", nil),
            (.append, nil, "Junkyard", nil), (.copy, "INBOX", "Junk", .spam), (.copy, "Trash", "Junk", .spam),
            (.copy, "Junk", "INBOX", .ham), (.copy, "Junk/old", "Junkyard", .ham), (.copy, "Junk", "Trash", nil),
            (.copy, "Junk", "Trash/old", nil), (.copy, "Junk", "Junk/old", nil), (.copy, "INBOX", "Trash", nil),
            (.copy, "Trash", "INBOX", nil),
        ] as [(MailboxEvent.Cause, String?, String, JunkRules.Lesson?)])
    func rules(_ cause: MailboxEvent.Cause, _ source: String?, _ target: String, _ lesson: JunkRules.Lesson?)
        async throws
    {
        try await TestSite.with { site in
            var event = MailboxEvent(
                cause, user: "anna", account: try await site.account("anna"), home: nil, session: "s",
                mailbox: try #require(MailboxName(target)), uids: [.first])
            if let source {
                event.source = MailboxEvent.Source(
                    mailbox: try #require(MailboxName(source)), uids: [.first], isMove: true)
            }
            #expect(JunkRules().lesson(of: event, Self.mailboxes) == lesson)
        }
    }

    @Test(
        arguments: [
            (["$Junk"], .spam), (["$junk", "\\Seen"], .spam), (["$NotJunk"], .ham), (["$Junk", "$NotJunk"], .ham),
            (["Junk"], nil), (["\\Flagged"], nil), ([], nil),
        ] as [([String], JunkRules.Lesson?)])
    func keywords(_ changed: [String], _ lesson: JunkRules.Lesson?) async throws {
        try await TestSite.with { site in
            var event = MailboxEvent(
                .flag, user: "anna", account: try await site.account("anna"), home: nil, session: "s", mailbox: .inbox,
                uids: [.first])
            event.changedFlags = changed
            #expect(JunkRules().lesson(of: event, []) == lesson)
        }
    }

    // MARK: Teaching

    @Test func aProgramThatFailsIsTriedAgainAndThenGivenUp() async throws {
        try await TestSite.with { site in
            site.write("#!/bin/sh\necho no >&2\nexit 3\n", "learn", mode: 0o700)
            let reports = Mutex<[String]>([])
            var options = JunkTrainer.Options()
            options.spam = [site.directory + "/learn"]
            options.report = { text in reports.withLock { $0.append(text) } }
            let trainer = JunkTrainer(options, workers: 1, pauses: [.zero])
            let account = try await site.account("anna")
            let agent = site.agent()
            _ = try await site.deliver(agent, to: "anna", message: "Subject: a\r\n\r\nx\r\n")
            let event = MailboxEvent(
                .append, user: "anna", account: account, home: nil, session: "s", mailbox: .inbox, uids: [.first])
            await withTaskGroup { group in
                group.addTask { await trainer.run() }
                trainer.teach(.ham, event)
                trainer.teach(.spam, event)
                while !trainer.isIdle { await Task.yield() }
                trainer.stop()
            }
            var expected = JunkTrainer.Statistics()
            expected.failures = 2
            expected.lost = 1
            #expect(trainer.statistics == expected)
            let told = reports.withLock { $0 }
            #expect(told.count == 2)
            #expect(told.allSatisfy { $0.contains("exit status 3: no") })
            #expect(told.last?.contains("1 message in INBOX not learned as spam") == true)
        }
    }

    @Test func whatIsGoneIsNotLearned() async throws {
        try await TestSite.with { site in
            site.write("#!/bin/sh\ncat >/dev/null\n", "learn", mode: 0o700)
            var options = JunkTrainer.Options()
            options.spam = [site.directory + "/learn"]
            let trainer = JunkTrainer(options, workers: 1)
            let account = try await site.account("anna")
            _ = try await site.deliver(site.agent(), to: "anna", message: "Subject: a\r\n\r\nx\r\n")
            let uids = UIDSet(UID.first...(UID(rawValue: 9) ?? .first))
            let event = MailboxEvent(
                .append, user: "anna", account: account, home: nil, session: "s", mailbox: .inbox, uids: uids)
            var elsewhere = event
            elsewhere.mailbox = try #require(MailboxName("Gone"))
            await withTaskGroup { group in
                group.addTask { await trainer.run() }
                trainer.teach(.spam, event)
                trainer.teach(.spam, elsewhere)
                while !trainer.isIdle { await Task.yield() }
                trainer.stop()
            }
            var expected = JunkTrainer.Statistics()
            expected.spam = 1
            #expect(trainer.statistics == expected)
        }
    }
}
