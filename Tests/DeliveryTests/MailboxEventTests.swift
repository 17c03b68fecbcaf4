import Glibc
import IndexedStore
import MailCore
import MailStore
import SieveCore
import Synchronization
import Testing

@testable import Delivery

/// What users do to messages is not forgotten before it is dealt with.
@Suite struct MailboxEventTests {
    private func events(_ site: TestSite, _ trainer: JunkTrainer, scripts: String? = nil) -> MailboxEvents {
        var options = MailboxEvents.Options()
        var junk = JunkRules()
        junk.learnsKeywords = true
        options.junk = junk
        options.report = { text in site.reports.withLock { $0.append(text) } }
        options.warn = { text in site.reports.withLock { $0.append("warning: " + text) } }
        if let scripts {
            var sieve = SieveOptions()
            sieve.registry = .of(SieveRegistry.delivery)
            sieve.globalRegistry = .of(SieveRegistry.delivery)
            options.scripts = EventScripts(
                sieve,
                rules: [
                    EventScripts.Rule(
                        .before, causes: [.append, .copy, .flag], path: scripts, mailbox: "*", source: nil)
                ], directory: nil
            ) { "\($0)@example.org" }
        }
        return MailboxEvents(options, trainer: trainer)
    }

    private func trainer(_ site: TestSite, _ program: String) -> JunkTrainer {
        site.write("#!/bin/sh\n\(program)\n", "learn", mode: 0o700)
        var options = JunkTrainer.Options()
        options.spam = [site.directory + "/learn", "spam"]
        options.ham = [site.directory + "/learn", "ham"]
        options.report = { text in site.reports.withLock { $0.append(text) } }
        return JunkTrainer(options, workers: 1)
    }

    /// Runs until all that an earlier process left is dealt with.
    private func takeUp(_ site: TestSite, _ events: MailboxEvents, _ trainer: JunkTrainer) async throws {
        let account = try await site.account("anna")
        let queue = try #require((site.store as any MailStore).eventQueue)
        await withTaskGroup { group in
            group.addTask { await trainer.run() }
            group.addTask { await events.run(site.store) { $0 == "anna" ? .account(account) : .gone } }
            var left = -1
            for _ in 0..<400 where left != 0 {
                try? await Task.sleep(for: .milliseconds(20))
                left = (try? await queue.waiting().count) ?? -1
            }
            events.stop()
            trainer.stop()
            group.cancelAll()
        }
    }

    /// Each kind of change, in the order in which they are made; what is noted survives the process, and is dealt with by
    /// the next one once.
    @Test func survivesTheProcess() async throws {
        try await TestSite.with { (site) async throws in
            let account = try await site.account("anna")
            let junk = try #require(MailboxName("Junk"))
            try await account.create(junk, specialUse: .junk)
            site.write("require [\"fileinto\", \"mailbox\"]; fileinto :create \"Seen\";", "event.sieve")
            let first = self.events(site, self.trainer(site, "exit 0"), scripts: site.directory + "/event.sieve")
            func note(_ cause: MailboxEvent.Cause, _ mailbox: MailboxName, from source: MailboxName? = nil)
                -> EventNote?
            {
                first.note(
                    cause, user: "anna", home: nil, session: "s", mailbox: mailbox, source: source.map { ($0, false) })
            }
            let store = site.store
            let appended = note(.append, junk)
            _ = try await EventNote.noting(appended) { () async throws(StoreError) in
                try await store.depositAll([
                    Deposit(
                        message: IncomingMessage(MessageOctets(Array("Subject: a\r\n\r\nx\r\n".utf8))),
                        account: account,
                        mailbox: junk)
                ])
            }
            let mailbox = try await account.open(junk, .readWrite, onChange: {})
            let copied = note(.copy, .inbox, from: junk)
            let result = try await EventNote.noting(copied) { () async throws(StoreError) in
                try await mailbox.copy([.first], to: .inbox)
            }
            let flagged = note(.flag, junk)
            let keyword = try #require(Keyword("$NotJunk"))
            _ = try await EventNote.noting(flagged) { () async throws(StoreError) in
                try await mailbox.store(FlagChange(.add, .seen, [keyword]), [.first], unchangedSince: nil)
            }
            mailbox.close()
            #expect(appended?.events.map(\.uids) == [[.first]])
            #expect(copied?.events.map(\.uids) == [result.target])
            #expect(copied?.events.map(\.sources) == [[.first]])
            #expect(flagged?.events.map(\.changedFlags) == [["\\Seen", "$NotJunk"]])
            #expect(flagged?.events.first?.id != nil)
            // Deliveries, and changes without a note, are none.
            _ = try await site.deliver(site.agent(), to: "anna")
            // The process ends without having dealt with any.
            let again = try await site.reopened()
            let waiting = try await #require((again.store as any MailStore).eventQueue).waiting()
            #expect(waiting.map(\.uids) == [[.first], result.target, [.first]])
            #expect(waiting.map(\.parts) == [3, 3, 3])
            let trainer = self.trainer(again, "(echo \"$1\"; cat) >> \(again.directory)/learned")
            try await self.takeUp(
                again, self.events(again, trainer, scripts: again.directory + "/event.sieve"), trainer)
            #expect(trainer.statistics.spam == 1 && trainer.statistics.ham == 1)
            #expect(try await again.count("anna", "Seen") == 3)
            let last = try await again.reopened()
            #expect(try await #require((last.store as any MailStore).eventQueue).waiting().isEmpty)
            await last.store.close()
        }
    }

    /// A program that fails for now leaves its lesson where the next process finds it; scripts that are done are not run
    /// again.
    @Test func whatFailsIsKept() async throws {
        try await TestSite.with { (site) async throws in
            let account = try await site.account("anna")
            let junk = try #require(MailboxName("Junk"))
            try await account.create(junk, specialUse: .junk)
            site.write("require [\"fileinto\", \"mailbox\", \"copy\"]; fileinto :copy :create \"Seen\";", "event.sieve")
            let trainer = self.trainer(site, "exit 75")
            let events = self.events(site, trainer, scripts: site.directory + "/event.sieve")
            let note = events.note(.append, user: "anna", home: nil, session: "s", mailbox: junk)
            let store = site.store
            _ = try await EventNote.noting(note) { () async throws(StoreError) in
                try await store.depositAll([
                    Deposit(
                        message: IncomingMessage(MessageOctets(Array("Subject: a\r\n\r\nx\r\n".utf8))),
                        account: account,
                        mailbox: junk)
                ])
            }
            let event = MailboxEvent(
                .append, user: "anna", account: account, home: nil, session: "s", mailbox: junk, uids: [])
            for noted in try #require(note).events { events.post(event.noted(as: noted)) }
            await withTaskGroup { group in
                group.addTask { await trainer.run() }
                group.addTask { await events.run(store) { _ in .gone } }
                while trainer.statistics.failures == 0 || !events.isIdle { await Task.yield() }
                events.stop()
                trainer.stop()
                group.cancelAll()
            }
            #expect(try await site.count("anna", "Seen") == 1)
            let again = try await site.reopened()
            let waiting = try await #require((again.store as any MailStore).eventQueue).waiting()
            #expect(waiting.map(\.parts) == [MailboxEvent.Parts.lesson.rawValue])
            let better = self.trainer(again, "cat > /dev/null")
            try await self.takeUp(again, self.events(again, better), better)
            #expect(better.statistics.spam == 1)
            #expect(try await again.count("anna", "Seen") == 1)
            await again.store.close()
        }
    }

    /// Whose account cannot be opened holds up nobody else, and nothing of it is lost: it comes in its order when it can.
    @Test func oneAccountHoldsUpNobody() async throws {
        try await TestSite.with { (site) async throws in
            site.write(
                "require [\"fileinto\", \"mailbox\", \"copy\"]; fileinto :copy :create \"Seen\";", "event.sieve")
            let first = self.events(site, self.trainer(site, "exit 0"), scripts: site.directory + "/event.sieve")
            let store = site.store
            for user in ["berta", "berta", "anna"] {
                let account = try await site.account(user)
                let note = first.note(.append, user: user, home: nil, session: "s", mailbox: .inbox)
                _ = try await EventNote.noting(note) { () async throws(StoreError) in
                    try await store.depositAll([
                        Deposit(
                            message: IncomingMessage(MessageOctets(Array("Subject: a\r\n\r\nx\r\n".utf8))),
                            account: account, mailbox: .inbox)
                    ])
                }
            }
            let again = try await site.reopened()
            let (anna, berta) = (try await again.account("anna"), try await again.account("berta"))
            let queue = try #require((again.store as any MailStore).eventQueue)
            let trainer = self.trainer(again, "exit 0")
            let events = self.events(again, trainer, scripts: again.directory + "/event.sieve")
            /// Waits until so many are left.
            func left(_ count: Int) async -> Bool {
                for _ in 0..<400 {
                    if (try? await queue.waiting().count) == count, events.isIdle { return true }
                    try? await Task.sleep(for: .milliseconds(20))
                }
                return false
            }
            await withTaskGroup { group in
                group.addTask { await trainer.run() }
                group.addTask {
                    await events.run(again.store) { $0 == "anna" ? .account(anna) : .later("the disk is away") }
                }
                #expect(await left(2))
                let seen = (try? await again.count("anna", "Seen"), try? await again.count("berta", "Seen"))
                #expect(seen.0 == 1 && seen.1 == nil)
                // With the next event it is there again; what was before is done before.
                events.post(
                    MailboxEvent(
                        .append, user: "berta", account: berta, home: nil, session: "t", mailbox: .inbox,
                        uids: [.first]))
                #expect(await left(0))
                events.stop()
                trainer.stop()
                group.cancelAll()
            }
            #expect(try await again.count("berta", "Seen") == 3)
            #expect(
                again.reports.withLock { $0 } == [
                    "warning: user berta: IMAP events of before the start wait, since the account cannot be opened: "
                        + "the disk is away; mend that, and they are dealt with within five minutes"
                ])
            await again.store.close()
        }
    }

    private func backlog(_ entries: (user: String, id: UInt64)...) -> EventBacklog {
        var backlog = EventBacklog()
        for (user, id) in entries {
            let note = MailboxEventNote(.flag, user: user, home: nil, session: "s", mailbox: .inbox, source: nil)
            backlog.add(note, NotedEvent(id: id, parts: 1, time: 0, uids: [.first], octets: note.encode()))
        }
        return backlog
    }

    /// Each user's events stay in their order; whoever cannot be had yet is tried behind the others.
    @Test func backlogIsByUser() {
        var backlog = self.backlog(("a", 1), ("b", 2), ("a", 3), ("c", 4))
        let start = ContinuousClock.now
        var firsts: [Bool] = []
        #expect(backlog.next(at: start) == "a")
        firsts.append(backlog.postpone("a", at: start))
        #expect(backlog.next(at: start) == "b")
        firsts.append(backlog.postpone("b", at: start))
        #expect(backlog.next(at: start) == "c")
        var taken = backlog.take("c").map(\.event.id)
        #expect(backlog.next(at: start) == nil)
        #expect(backlog.next(at: start + .seconds(1)) == "a")
        firsts.append(backlog.postpone("a", at: start))
        #expect(backlog.next(at: start + .seconds(2)) == "b")
        taken += backlog.take("a").map(\.event.id)
        // By somebody else, while it was tried.
        firsts.append(backlog.postpone("a", at: start))
        taken += backlog.take("a").map(\.event.id) + backlog.take("b").map(\.event.id)
        #expect(taken == [4, 1, 3, 2])
        #expect(firsts == [true, true, false, false])
        #expect(backlog.isEmpty)
    }

    @Test func backlogWaitsLongerEachTime() {
        var backlog = self.backlog(("a", 1))
        let start = ContinuousClock.now
        var pauses: [Int] = []
        for _ in 0..<11 {
            _ = backlog.postpone("a", at: start)
            let known = backlog
            pauses.append((0...400).first { known.next(at: start + .seconds($0)) != nil } ?? -1)
        }
        #expect(pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300])
    }

    /// What cannot be written is not noted either.
    @Test func notesAreReadBack() throws {
        let junk = try #require(MailboxName("Junk/old"))
        for (cause, isMove) in [(MailboxEvent.Cause.append, nil), (.copy, false), (.copy, true), (.flag, nil)]
            as [(
                MailboxEvent.Cause, Bool?
            )]
        {
            let note = MailboxEventNote(
                cause, user: "anna@x", home: "/h", session: "s", mailbox: junk, source: isMove.map { (.inbox, $0) })
            let octets = note.encode()
            let read = try #require(MailboxEventNote(octets))
            #expect(read.cause == cause && read.user == "anna@x" && read.home == "/h" && read.mailbox == junk)
            #expect(read.source?.isMove == isMove)
            for count in octets.indices { _ = MailboxEventNote(Array(octets[..<count])) }
        }
        #expect(MailboxEventNote([9, 1]) == nil && MailboxEventNote([]) == nil)
    }
}
