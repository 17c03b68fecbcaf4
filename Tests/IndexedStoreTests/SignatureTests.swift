import Glibc
import IndexedStore
import MIMECore
import MailCore
import MailStore
import Testing

@Suite struct SignatureTests {
    /// The UIDs of messages that have a text, by looking into each, and by signatures first.
    private func search(_ mailbox: any Mailbox, _ text: String) async throws -> (
        all: [UInt32], narrowed: [UInt32], asked: Int
    ) {
        let needle = SearchNeedle(text.utf8)
        let probe = TextProbe(needle, in: .text)
        let records = mailbox.snapshot().records
        func has(_ record: MessageRecord) async throws -> Bool {
            guard let first = try await mailbox.octets(of: [record], limit: 1).first else { return false }
            return try first.get().withUnsafeBytes {
                MessageText($0, PartTable($0), converter: .system).textContains(needle)
            }
        }
        var all: [UInt32] = []
        for record in records where try await has(record) { all.append(record.uid.rawValue) }
        var candidates: [MessageRecord] = []
        var seen: [Int] = []
        try await mailbox.signatures(of: records) { position, signature in
            seen.append(position)
            if signature.map({ probe.mayMatch($0) }) ?? true { candidates.append(records[position]) }
            return true
        }
        #expect(seen == Array(records.indices))
        var narrowed: [UInt32] = []
        for record in candidates where try await has(record) { narrowed.append(record.uid.rawValue) }
        return (all, narrowed, candidates.count)
    }

    private func uids(_ numbers: UInt32...) -> UIDSet { UIDSet(numbers.compactMap { UID(rawValue: $0) }) }

    private static let words = [
        "zephyrquartz", "Überraschung", "xylophone", "mellifluous", "quixotic", "0815-4711", "pneumonoultra", "gewürz",
    ]

    private static func octets(_ number: Int) -> [UInt8] {
        Array(
            "Subject: m\(number)\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nbody \(words[number % words.count]) \(number)\r\n"
                .utf8)
    }

    private static func message(_ number: Int) -> IncomingMessage {
        IncomingMessage(MessageOctets(self.octets(number)))
    }

    /// Every word finds what a look into each message finds, and asks few others.
    private func check(_ mailbox: any Mailbox, _ comment: String) async throws {
        let count = mailbox.snapshot().count
        for word in Self.words + ["body", "no such thing", "m1", "ö", "4711 1"] {
            let found = try await self.search(mailbox, word)
            #expect(found.all == found.narrowed, "\(comment): \(word)")
            // "m1" has no grams to ask for.
            if word.utf8.count > 2, word != "body" {
                #expect(found.asked <= found.all.count + 2 + count / 8, "\(comment): \(word)")
            }
        }
    }

    @Test(arguments: TestFormat.allCases) func followMessagesEverywhere(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        let archive = try #require(MailboxName("Archive"))
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            try await account.create(archive, specialUse: nil)
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            let target = try await account.open(archive, .readWrite, onChange: {})
            for number in 1...40 {
                try await store.put(Self.message(number), account)
                // At once.
                if number % 13 == 0 { try await self.check(inbox, "after delivery \(number)") }
            }
            _ = try await inbox.copy(self.uids(3, 5, 9, 17), to: archive)
            try await self.check(target, "copied")
            _ = try await inbox.move(self.uids(4, 5, 6, 7, 8), to: archive)
            try await self.check(inbox, "moved away")
            try await self.check(target, "moved here")
            _ = try await inbox.remove(self.uids(10, 11, 39, 40))
            try await self.check(inbox, "removed")
            #expect(try await store.unsignedMessages() == 0)
            inbox.close()
            target.close()
        }
        // Made again from the log, with and without a checkpoint.
        for round in 0..<2 {
            Shell.remove("\(volume.directory)/volume/index")
            try await volume.with { store in
                let account = try await store.account(volume.identity("anna"))
                let inbox = try await account.open(.inbox, .readWrite, onChange: {})
                for word in Self.words {
                    let found = try await self.search(inbox, word)
                    #expect(found.all == found.narrowed)
                }
                try await store.finishSignatures()
                #expect(try await store.unsignedMessages() == 0, "round \(round)")
                try await self.check(inbox, "made again")
                let target = try await account.open(archive, .readWrite, onChange: {})
                try await self.check(target, "made again")
                target.close()
                inbox.close()
                if round == 0 { try await store.keepLogShort() }
            }
        }
        #expect(volume.problems.filter { !$0.contains("made again") } == [])
    }

    /// Messages that another program put there are found at once and signed later.
    @Test func othersMessagesAreSignedLater() async throws {
        let volume = try TestVolume(.maildir)
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            try await store.put(Self.message(1), account)
            for number in 2...300 {
                Shell.write(Self.octets(number), "\(volume.directory)/anna/new/17000\(1000 + number).M\(number)P1.host")
            }
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            #expect(inbox.snapshot().count == 300)
            let before = try await self.search(inbox, "zephyrquartz")
            #expect(before.all == before.narrowed)
            #expect(before.all.count == 37)
            try await store.finishSignatures()
            #expect(try await store.unsignedMessages() == 0)
            try await self.check(inbox, "signed later")
            inbox.close()
        }
        #expect(volume.problems == [])
    }

    /// A crash leaves each message with its signature.
    @Test(arguments: TestFormat.allCases, [CrashPoint.afterFlush, .inApply, .afterApply])
    func crashLeavesSignatures(_ format: TestFormat, _ point: CrashPoint) async throws {
        let volume = try TestVolume(format)
        let directory = volume.directory
        let name = point.rawValue
        let kind = format.rawValue
        await #expect(processExitsWith: .exitCode(77)) {
            [directory = directory as String, name = name as String, kind = kind as String] in
            await CrashLoad(directory, .succeed, name, 5, TestFormat(rawValue: kind) ?? .maildir).run()
        }
        try await volume.with { store in
            #expect(!store.openReport.wasClean)
            try await store.finishSignatures()
            #expect(try await store.unsignedMessages() == 0)
            for user in ["anna", "bert"] {
                let account = try await store.account(volume.identity(user))
                for listing in try await account.mailboxes() where listing.isSelectable {
                    let mailbox = try await account.open(listing.name, .readOnly, onChange: {})
                    let found = try await self.search(mailbox, "subject")
                    #expect(found.all == found.narrowed)
                    mailbox.close()
                }
            }
        }
    }
}
