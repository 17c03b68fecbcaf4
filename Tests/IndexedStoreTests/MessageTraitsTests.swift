import IndexedStore
import MailCore
import MailStore
import Testing

/// EMAILID and THREADID: the same for copies and for one delivery to many, and the same again after the index is lost.
@Suite struct MessageTraitsTests {
    private func traits(_ account: any MailAccount, _ name: MailboxName) async throws -> [MessageTraits] {
        let mailbox = try await account.open(name, .readOnly, onChange: {})
        defer { mailbox.close() }
        return try await mailbox.traits(of: mailbox.snapshot().records, [.row, .thread]).map { try #require($0) }
    }

    @Test func stayOverCopiesAndALostIndex() async throws {
        let volume = try TestVolume()
        let other = try #require(MailboxName("Other"))
        let before = try await volume.with { store -> [[MessageTraits]] in
            let anna = try await store.account(volume.identity("anna"))
            let bert = try await store.account(volume.identity("bert"))
            try await anna.create(other, specialUse: nil)
            let one = message("one")
            let deposits = [(anna, MailboxName.inbox), (bert, .inbox), (anna, other)].map {
                Deposit(message: one, account: $0.0, mailbox: $0.1)
            }
            for result in await store.deposit(deposits) { _ = try result.get() }
            try await store.put(message("two"), anna)
            let inbox = try await anna.open(.inbox, .readWrite, onChange: {})
            // Twice, so that at least one copy cannot have the name of the original.
            _ = try await inbox.copy([UID.first, UID(nonZero: 2)], to: other)
            _ = try await inbox.copy([UID.first], to: .inbox)
            inbox.close()
            return [
                try await self.traits(anna, .inbox), try await self.traits(anna, other),
                try await self.traits(bert, .inbox),
            ]
        }
        let one = before[0][0].emailID
        let two = before[0][1].emailID
        #expect(one != two)
        #expect(before[0].map(\.emailID) == [one, two, one])
        #expect(before[1].map(\.emailID) == [one, one, two])
        #expect(before[2].map(\.emailID) == [one])
        #expect(before[0][0].threadID == ObjectID(.thread, of: "one@example.org".utf8))
        #expect(before[0][0].saveDate == 1_800_000_000)

        Shell.remove(volume.directory + "/volume")
        let after = try await volume.with { store -> [[MessageTraits]] in
            let anna = try await store.account(volume.identity("anna"))
            let bert = try await store.account(volume.identity("bert"))
            return [
                try await self.traits(anna, .inbox), try await self.traits(anna, other),
                try await self.traits(bert, .inbox),
            ]
        }
        for (a, b) in zip(before.joined(), after.joined()) {
            #expect(a.emailID == b.emailID)
            #expect(a.threadID == b.threadID)
        }
        #expect(after.map(\.count) == before.map(\.count))
    }

    @Test func whatIsGoneHasNone() async throws {
        let volume = try TestVolume()
        try await volume.with { store in
            let anna = try await store.account(volume.identity("anna"))
            for subject in ["a", "b"] { try await store.put(message(subject), anna) }
            let inbox = try await anna.open(.inbox, .readWrite, onChange: {})
            let records = inbox.snapshot().records
            _ = try await inbox.remove([UID.first])
            #expect(try await anna.status(of: .inbox).messages == 1)
            _ = try await store.accountNames()
            let traits = try await inbox.traits(of: records, [.row, .thread])
            #expect(traits.map { $0 == nil } == [true, false])
            inbox.close()
        }
    }
}
