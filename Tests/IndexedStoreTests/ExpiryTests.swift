import IndexedStore
import MailCore
import MailStore
import Synchronization
import Testing

/// Messages that go by themselves.
@Suite struct ExpiryTests {
    private static let day: Int64 = 86_400

    @Test(arguments: TestFormat.allCases) func byAge(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        let trash = try #require(MailboxName("Trash"))
        try await volume.with { store in
            for user in ["anna", "bert"] {
                let account = try await store.account(volume.identity(user))
                try await account.create(trash, specialUse: nil)
                for number in 0..<3 {
                    try await store.put(message("\(user) \(number)"), account, trash)
                    try await store.put(message("\(user) kept \(number)"), account)
                    volume.time.withLock { $0 += 10 * Self.day }
                }
            }
            let rules = [ExpiryRule(pattern: "Trash", age: 25 * Self.day)]
            let steps = Mutex(0)
            let report = try await store.expire(rules) { _ in
                steps.withLock { $0 += 1 }
                return true
            }
            // Of anna all three are older, of bert one is.
            #expect(report.messages == 4)
            #expect(report.mailboxes == 2)
            #expect(report.accounts == 2)
            #expect(steps.withLock { $0 } > 0)
            let anna = try await store.account(volume.identity("anna"))
            let bert = try await store.account(volume.identity("bert"))
            #expect(try await anna.status(of: trash).messages == 0)
            #expect(try await bert.status(of: trash).messages == 2)
            #expect(try await anna.status(of: .inbox).messages == 3)
            #expect(try await anna.quota().usage == QuotaTests.recount(anna))
            #expect(try await store.expire(rules) { _ in true }.messages == 0)
        }
    }

    @Test func byCount() async throws {
        let volume = try TestVolume()
        let junk = try #require(MailboxName("Junk"))
        let old = try #require(MailboxName("Junk/Old"))
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            for name in [junk, old] {
                try await account.create(name, specialUse: nil)
                for number in 0..<7 { try await store.put(message("\(number)"), account, name) }
            }
            let report = try await store.expire([ExpiryRule(pattern: "Junk", maximum: 3)]) { _ in true }
            #expect(report.messages == 4)
            let mailbox = try await account.open(junk, .readOnly, onChange: {})
            defer { mailbox.close() }
            #expect(mailbox.snapshot().uids == [5, 6, 7])
            #expect(try await account.status(of: old).messages == 7)
        }
    }

    @Test func endsEarly() async throws {
        let volume = try TestVolume()
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            for number in 0..<3 { try await store.put(message("\(number)"), account) }
            let report = try await store.expire([ExpiryRule(pattern: "*", maximum: 1)]) { _ in false }
            #expect(report.messages == 2)
            #expect(try await store.expire([]) { _ in true } == ExpiryReport())
        }
    }

    /// A MOVE that leaves a flag behind, as for EXPUNGE into the trash.
    @Test(arguments: TestFormat.allCases) func moveClearsFlags(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        let trash = try #require(MailboxName("Trash"))
        for round in 0..<2 {
            try await volume.with { store in
                let account = try await store.account(volume.identity("anna"))
                if round == 0 {
                    try await account.create(trash, specialUse: .trash)
                    try await store.put(message("1"), account, flags: [.deleted, .seen])
                    let inbox = try await account.open(.inbox, .readWrite, onChange: {})
                    _ = try await inbox.move([.first], to: trash, clearing: .deleted)
                    inbox.close()
                    try await store.finishFileWork()
                    _ = try await account.resync(trash)
                }
                let open = try await account.open(trash, .readWrite, onChange: {})
                #expect(open.snapshot().records.map(\.flags) == [.seen])
                open.close()
            }
        }
    }
}
