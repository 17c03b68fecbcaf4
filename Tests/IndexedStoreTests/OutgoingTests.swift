import Glibc
import IndexedStore
import MailCore
import MailStore
import Testing

/// What deliveries send and remember, in the store.
@Suite struct OutgoingTests {
    static func redirect(_ message: IncomingMessage, _ account: any MailAccount, to address: String) -> OutgoingMessage
    {
        OutgoingMessage(
            purpose: .redirect, account: account, sender: "a@example.org", recipient: address,
            prefix: Array("X-Prefix: 1\r\n".utf8), message: message)
    }

    static func key(_ text: String) -> RememberedKey { RememberedKey(.vacation, [Array(text.utf8)]) }

    static func parcel(
        _ message: IncomingMessage, _ account: any MailAccount, to address: String, remembering: String
    ) -> Parcel {
        var effects = DeliveryEffects()
        effects.outgoing = [
            Self.redirect(message, account, to: address),
            OutgoingMessage(
                purpose: .vacation, account: account, sender: "", recipient: "v" + address,
                message: IncomingMessage(MessageOctets(Array("Subject: away\r\n\r\n".utf8)))),
        ]
        effects.remembered = [
            Remembrance(account: account, key: Self.key(remembering), expires: 1_800_000_100)
        ]
        return Parcel(
            deposits: [Deposit(message: message, account: account, mailbox: .inbox)], effects: effects)
    }

    static func text(_ content: QueuedContent) -> String {
        String(decoding: content.prefix, as: UTF8.self)
            + content.message.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }

    private func check(_ store: IndexedStore, _ volume: TestVolume) async throws {
        let queue = try #require(store.outgoingQueue)
        let mails = queue.mails
        #expect(mails.map(\.recipient) == ["one@example.net", "vone@example.net"])
        #expect(mails.map(\.purpose) == [.redirect, .vacation])
        #expect(mails.map(\.account.name) == ["anna", "anna"])
        let first = try #require(mails.first)
        #expect(OutgoingID(first.id.description) == first.id)
        #expect(first.sender == "a@example.org" && first.queuedAt == 1_800_000_000 && first.attempts == 0)
        let text = Self.text(try await queue.content(of: first.id))
        #expect(text.hasPrefix("X-Prefix: 1\r\nFrom: a@example.org\r\n"))
        #expect(text.utf8.count == first.size)
        #expect(Self.text(try await queue.content(of: mails[1].id)) == "Subject: away\r\n\r\n")
        #expect(queue.load.count == 2 && queue.load.octets == mails.reduce(0) { $0 + $1.size })
        let anna = try await store.account(volume.identity("anna"))
        #expect(try await anna.status(of: .inbox).messages == 1)
        #expect(try !store.deliveryMemory.claim(Self.key("k"), of: anna, at: 1_800_000_099))
        #expect(try store.deliveryMemory.claim(Self.key("k"), of: anna, at: 1_800_000_100))
        store.deliveryMemory.release(Self.key("k"), of: anna)
        let bert = try await store.account(volume.identity("bert"))
        #expect(try store.deliveryMemory.claim(Self.key("k"), of: bert, at: 1_800_000_000))
        store.deliveryMemory.release(Self.key("k"), of: bert)
    }

    @Test(arguments: TestFormat.allCases) func comeBackWhateverIsLost(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        try await volume.with { store in
            let anna = try await store.account(volume.identity("anna"))
            let parcel = Self.parcel(message("m", lines: 1000), anna, to: "one@example.net", remembering: "k")
            let result = try #require(await store.deliver([parcel]).first)
            #expect(result.deposits.count == 1)
            _ = try result.effects.get()
            // At once, whether the index has it or not.
            try await self.check(store, volume)
        }
        try await volume.with { store in try await self.check(store, volume) }
        // From the log alone.
        Shell.remove(volume.directory + "/volume/index")
        try await volume.with { store in
            try await self.check(store, volume)
            try await store.finishFileWork()
            try await store.keepLogShort()
        }
        // From a checkpoint.
        Shell.remove(volume.directory + "/volume/index")
        try await volume.with { store in try await self.check(store, volume) }
    }

    @Test(arguments: TestFormat.allCases) func bodiesStayAsLongAsTheyWait(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        try await volume.with({ $0.logSegmentSize = 16_384 }) { store in
            let anna = try await store.account(volume.identity("anna"))
            let kept = message("kept", lines: 100)
            var effects = DeliveryEffects()
            effects.outgoing = [Self.redirect(kept, anna, to: "x@example.net")]
            // Sent and stored nowhere.
            _ = try #require(await store.deliver([Parcel(deposits: [], effects: effects)]).first).effects.get()
            for number in 0..<40 { try await store.put(message("m\(number)", lines: 100), anna) }
            let inbox = try await anna.open(.inbox, .readWrite, onChange: {})
            _ = try await inbox.remove(UIDSet(inbox.snapshot().records.map(\.uid)))
            inbox.close()
            try await store.finishFileWork()
            try await store.keepLogShort()
            try await store.keepLogShort()
            let queue = try #require(store.outgoingQueue)
            let id = try #require(queue.mails.first).id
            #expect(Self.text(try await queue.content(of: id)).contains("Line 99 of kept."))
            try await queue.note(.handedOver, of: id)
            #expect(queue.mails.first?.isHandedOver == true && queue.mails.first?.attempts == 1)
            try await queue.note(.deferred(until: 1_800_000_500, reason: "busy"), of: id)
        }
        try await volume.with { store in
            let queue = try #require(store.outgoingQueue)
            let mail = try #require(queue.mails.first)
            #expect(mail.nextAttempt == 1_800_000_500 && mail.lastError == "busy" && !mail.isHandedOver)
            #expect(Self.text(try await queue.content(of: mail.id)).contains("Line 99 of kept."))
            try await queue.note(.gone, of: mail.id)
            #expect(queue.mails.isEmpty && queue.load.octets == 0)
            await #expect(throws: StoreError.self) { try await queue.content(of: mail.id) }
            await #expect(throws: StoreError.self) { try await queue.note(.gone, of: mail.id) }
        }
        Shell.remove(volume.directory + "/volume/index")
        try await volume.with { store in #expect(store.outgoingQueue?.mails.isEmpty == true) }
        #expect(volume.problems.allSatisfy { $0.contains("made again from the log") })
    }

    @Test func nothingIsSentOfWhatCannotBeStored() async throws {
        let volume = try TestVolume()
        try await volume.with { store in
            let anna = try await store.account(volume.identity("anna"))
            let bert = try await store.account(volume.identity("bert"))
            let one = message("m")
            var missing = Self.parcel(one, anna, to: "no@example.net", remembering: "no")
            missing.deposits.append(
                Deposit(message: one, account: anna, mailbox: try #require(MailboxName("Nowhere"))))
            let results = await store.deliver([
                missing, Self.parcel(one, bert, to: "yes@example.net", remembering: "yes"),
            ])
            #expect(throws: StoreError.self) { try results[0].effects.get() }
            _ = try results[1].effects.get()
            #expect(store.outgoingQueue?.mails.map(\.account.name) == ["bert", "bert"])
            #expect(try store.deliveryMemory.claim(Self.key("no"), of: anna, at: 1_800_000_000))
            // It is held now.
            #expect(try !store.deliveryMemory.claim(Self.key("no"), of: anna, at: 1_800_000_000))
            store.deliveryMemory.release(Self.key("no"), of: anna)
            #expect(try store.deliveryMemory.claim(Self.key("no"), of: anna, at: 1_800_000_000))
        }
    }

    // MARK: Crashes

    struct Crash: Sendable, CustomTestStringConvertible {
        var point: CrashPoint
        var time: Int
        var format: TestFormat
        var testDescription: String { "\(self.format) \(self.point) \(self.time)" }
    }

    static let crashes: [Crash] = TestFormat.allCases.flatMap { format in
        [
            CrashPoint.afterPrepare, .beforeLogWrite, .afterFlush, .beforePublish, .afterPublish, .inApply, .afterApply,
        ].flatMap { point in [1, 2, 4, 7].map { Crash(point: point, time: $0, format: format) } }
    }

    /// A process dies at each step of deliveries that store, send and remember. Who was answered has all of it, once;
    /// who was not has all or nothing.
    @Test(arguments: crashes) func allOrNothing(_ crash: Crash) async throws {
        let volume = try TestVolume(crash.format)
        let (directory, point) = (volume.directory, crash.point.rawValue)
        let (time, format) = (crash.time, crash.format.rawValue)
        await #expect(processExitsWith: .exitCode(77)) {
            [directory = directory as String, point = point as String, time = time as Int, format = format as String] in
            await OutgoingLoad(directory, point, time, TestFormat(rawValue: format) ?? .maildir).run()
        }
        let answered = String(decoding: Shell.read("\(directory)/answers") ?? [], as: UTF8.self).split(separator: "\n")
            .map(String.init)
        #expect(!answered.contains { $0.hasPrefix("error") })
        for _ in 0..<2 {
            try await volume.with { store in
                let anna = try await store.account(volume.identity("anna"))
                let inbox = try await anna.open(.inbox, .readOnly, onChange: {})
                let stored = try await inbox.subjects()
                inbox.close()
                let mails = store.outgoingQueue?.mails ?? []
                let sent = mails.filter { $0.purpose == .redirect }.map(\.recipient).sorted()
                #expect(sent == stored.map { "\($0)@example.net" }.sorted())
                #expect(mails.filter { $0.purpose == .vacation }.map(\.recipient).sorted() == sent.map { "v" + $0 })
                for subject in answered where subject.hasPrefix("m") { #expect(stored.contains(subject)) }
                for subject in stored {
                    #expect(try !store.deliveryMemory.claim(Self.key(subject), of: anna, at: 1_800_000_000))
                }
                for mail in mails { _ = try await store.outgoingQueue?.content(of: mail.id) }
            }
        }
        #expect(volume.problems == [])
    }
}

/// The work of the process that dies.
struct OutgoingLoad {
    private let volume: TestDirectory
    private let answers: CInt

    init(_ directory: String, _ point: String, _ time: Int, _ format: TestFormat) {
        let countdown = Countdown(time)
        self.volume = TestDirectory(directory, .succeed, format) { reached in
            guard reached.rawValue == point, countdown.isLast else { return }
            _exit(77)
        }
        self.answers = open("\(directory)/answers", O_WRONLY | O_CREAT | O_APPEND, 0o600)
    }

    private func told(_ line: String) {
        let octets = Array((line + "\n").utf8)
        _ = Glibc.write(self.answers, octets, octets.count)
    }

    func run() async {
        do {
            let store = try IndexedStore.open(self.volume.configuration)
            let anna = try await store.account(self.volume.identity("anna"))
            for round in 0..<4 {
                await withTaskGroup(of: Void.self) { group in
                    for number in 0..<3 {
                        group.addTask {
                            let subject = "m\(round)n\(number)"
                            let parcel = OutgoingTests.parcel(
                                message(subject), anna, to: "\(subject)@example.net", remembering: subject)
                            let results = await store.deliver([parcel])
                            if case .success? = results.first?.effects { self.told(subject) }
                        }
                    }
                }
            }
            await store.close()
        } catch {
            self.told("error \(error)")
        }
        _exit(77)
    }
}
