import Glibc
import IndexedStore
import MailCore
import MailStore
import Synchronization
import Testing

/// What the store notes of what happens to mail.
@Suite struct TraceTests {
    private static let actor = TraceEvent.Actor(service: "imap", session: "s1", address: "192.0.2.1", client: "Test 1")

    private static func message(_ id: String) -> IncomingMessage {
        IncomingMessage(MessageOctets(Array("From: a@example.org\r\nMessage-ID: <\(id)@x>\r\n\r\nhello\r\n".utf8)))
    }

    private static func delivery(_ id: String, _ decisions: String...) -> DeliveryTrace {
        var delivery = DeliveryTrace(
            actor: TraceEvent.Actor(service: "lmtp", session: "s0", address: "local", client: "mta.example.org"),
            sender: "s@example.org", recipient: "anna@example.org", messageID: "\(id)@x", queueID: "4ABC")
        delivery.decisions = decisions
        return delivery
    }

    /// What is done and what is to be noted of it, in words.
    private func work(_ store: IndexedStore, _ volume: TestVolume) async throws {
        let anna = try await store.account(volume.identity("anna"))
        try await anna.create(try #require(MailboxName("Work")), specialUse: nil)
        try await anna.create(try #require(MailboxName("Old")), specialUse: nil)
        let work = try #require(MailboxName("Work"))
        let old = try #require(MailboxName("Old"))
        let message = Self.message("one")
        var parcel = Parcel(deposits: [
            Deposit(message: message, account: anna, mailbox: .inbox),
            Deposit(message: message, account: anna, mailbox: work),
        ])
        parcel.trace = TracedDelivery(
            account: anna, delivery: Self.delivery("one", "main:3: fileinto \"Work\"", "main:4: keep"))
        let results = await store.deliver([parcel])
        #expect(try results.first?.deposits.map { try $0.get().uid.rawValue } == [1, 1])
        var discarded = Self.delivery("two", "main:7: discard")
        discarded.outcome = .discarded
        await store.note(TracedDelivery(account: anna, delivery: discarded))
        let actor = MailActor(service: "imap", session: "s1", address: "192.0.2.1")
        try await MailActor.$current.withValue(actor) {
            actor.client = "Test 1"
            _ = try await store.depositAll([Deposit(message: Self.message("three"), account: anna, mailbox: .inbox)])
            let inbox = try await anna.open(.inbox, .readWrite, onChange: {})
            _ = try await inbox.store(FlagChange(.add, .seen), [UID.first], unchangedSince: nil)
            // Nothing changes, so there is nothing to tell.
            _ = try await inbox.store(FlagChange(.add, .seen), [UID.first], unchangedSince: nil)
            _ = try await inbox.copy([UID.first], to: old)
            _ = try await inbox.move([UID.first], to: work)
            let place = try await anna.open(work, .readWrite, onChange: {})
            _ = try await place.remove([UID.first])
            inbox.close()
            place.close()
        }
        // Nobody's doing is not noted.
        let inbox = try await anna.open(.inbox, .readWrite, onChange: {})
        _ = try await inbox.store(
            FlagChange(.replace, .flagged), UIDSet(UID.first...UID(nonZero: 9)), unchangedSince: nil)
        inbox.close()
    }

    private static func words(_ place: TraceEvent.Place) -> String {
        "\(place.user):\(place.mailbox):" + place.uids.map { "\($0.rawValue)" }.joined(separator: ",")
    }

    private static func words(_ event: TraceEvent) -> String {
        switch event.what {
        case .delivered(let delivery, let places):
            "\(delivery.outcome) \(delivery.messageID) \(delivery.queueID) \(delivery.decisions) "
                + places.map(Self.words).joined(separator: " ")
        case .appended(let place, let id): "appended \(id) \(Self.words(place))"
        case .copied(let source, let target): "copied \(Self.words(source)) \(Self.words(target))"
        case .moved(let source, let target): "moved \(Self.words(source)) \(Self.words(target))"
        case .flagged(let place, let change): "flagged \(change) \(Self.words(place))"
        case .expunged(let place): "expunged \(Self.words(place))"
        }
    }

    private static let expected = [
        "stored one@x 4ABC [\"main:3: fileinto \\\"Work\\\"\", \"main:4: keep\"] anna:INBOX:1 anna:Work:1",
        "discarded two@x 4ABC [\"main:7: discard\"] ", "appended three@x anna:INBOX:2", "flagged +\\Seen anna:INBOX:1",
        "copied anna:INBOX:1 anna:Old:1", "moved anna:INBOX:1 anna:Work:2", "expunged anna:Work:1",
    ]

    @Test(arguments: TestFormat.allCases)
    func tells(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        try await volume.with { store in
            try await self.work(store, volume)
            let events = try await store.trace(TraceQuery())
            #expect(events.map(Self.words) == Self.expected)
            #expect(events.allSatisfy { $0.time == 1_800_000_000 && $0.user == "anna" })
            #expect(events.dropFirst(2).allSatisfy { $0.actor == Self.actor })
            let ids = events.compactMap { event -> String? in
                if case .expunged(let place) = event.what { return place.mailboxID }
                if case .moved(_, let target) = event.what { return target.mailboxID }
                return nil
            }
            #expect(ids.count == 2 && ids[0] == ids[1])
            #expect(try await store.trace(TraceQuery(containing: Array("three@x".utf8))).count == 1)
            #expect(try await store.trace(TraceQuery(users: ["anna"])).count == events.count)
            #expect(try await store.trace(TraceQuery(users: ["bert"])).isEmpty)
        }
        // Once more from the index, and from the log without one.
        try await volume.with { store in
            let events = try await store.trace(TraceQuery())
            #expect(events.map(Self.words) == Self.expected)
        }
        Shell.remove(volume.directory + "/volume/index")
        try await volume.with { store in
            let events = try await store.trace(TraceQuery())
            #expect(events.map(Self.words) == Self.expected)
        }
    }

    /// `martlet dump log` says the same in words.
    @Test func isDumpedInWords() async throws {
        let volume = try TestVolume(.pack)
        try await volume.with { store in try await self.work(store, volume) }
        var texts: [String] = []
        try LogDump.run(directory: "\(volume.directory)/volume/log") { row in
            if row.kind == "traced" { texts.append(row.text) }
            return true
        }
        #expect(
            texts == [
                "time=1800000000 by=lmtp delivered outcome=stored to=anna@example.org 1/1=INBOX uids=1 1/2=Work uids=1",
                "time=1800000000 by=lmtp delivered outcome=discarded to=anna@example.org",
                "time=1800000000 by=imap appended 1/1=INBOX uids=2",
                "time=1800000000 by=imap flagged 1/1=INBOX uids=1 +\\Seen",
                "time=1800000000 by=imap copied 1/1=INBOX uids=1 -> 1/3=Old uids=1",
                "time=1800000000 by=imap moved 1/1=INBOX uids=1 -> 1/2=Work uids=2",
                "time=1800000000 by=imap expunged 1/2=Work uids=1",
            ])
    }

    @Test func keepsToItsBounds() async throws {
        let volume = try TestVolume(.pack)
        func limits(_ configuration: inout IndexedStore.Configuration) {
            configuration.trace.octets = 2000
            configuration.trace.age = 100
        }
        try await volume.with(limits) { store in
            let anna = try await store.account(volume.identity("anna"))
            for number in 0..<100 {
                await store.note(TracedDelivery(account: anna, delivery: Self.delivery("n\(number)")))
            }
            let events = try await store.trace(TraceQuery())
            #expect((5...40).contains(events.count), "\(events.count)")
            #expect(events.last.map(Self.words)?.contains("n99@x") == true)
            volume.time.withLock { $0 += 101 }
            await store.note(TracedDelivery(account: anna, delivery: Self.delivery("late")))
            let rest = try await store.trace(TraceQuery())
            #expect(rest.map(Self.words) == ["stored late@x 4ABC [] "])
        }
        try await volume.with({ $0.trace.octets = 0 }) { store in
            let anna = try await store.account(volume.identity("anna"))
            await store.note(TracedDelivery(account: anna, delivery: Self.delivery("off")))
            #expect(try await store.trace(TraceQuery(containing: Array("off@x".utf8))).isEmpty)
        }
    }

    /// What a refused deposit would have been is not told.
    @Test func refusedIsNotTold() async throws {
        let volume = try TestVolume(.pack)
        try await volume.with { store in
            let anna = try await store.account(volume.identity("anna"))
            let missing = try #require(MailboxName("Missing"))
            var parcel = Parcel(deposits: [Deposit(message: Self.message("one"), account: anna, mailbox: missing)])
            parcel.trace = TracedDelivery(account: anna, delivery: Self.delivery("one"))
            _ = await store.deliver([parcel])
            #expect(try await store.trace(TraceQuery()).isEmpty)
        }
    }

    /// Texts of peers are cut, and an odd cut in UTF-8 does no harm.
    @Test func longTexts() async throws {
        let volume = try TestVolume(.pack)
        try await volume.with { store in
            let anna = try await store.account(volume.identity("anna"))
            var delivery = Self.delivery(String(repeating: "ü€", count: 5000))
            delivery.decisions = (0..<1000).map { "main:\($0): redirect" }
            await store.note(TracedDelivery(account: anna, delivery: delivery))
            let event = try #require(try await store.trace(TraceQuery()).first)
            guard case .delivered(let noted, _) = event.what else {
                Issue.record("not a delivery")
                return
            }
            #expect(noted.messageID.utf8.count <= 520 && noted.messageID.hasPrefix("ü€ü€"))
            #expect(noted.decisions.count == 40)
        }
    }
}
