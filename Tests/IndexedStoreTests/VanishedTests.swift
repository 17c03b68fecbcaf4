import IndexedStore
import MailCore
import MailStore
import Testing

/// What was removed is remembered by MODSEQ.
@Suite struct VanishedTests {
    private func uids(_ numbers: UInt32...) -> UIDSet { UIDSet(numbers.compactMap { UID(rawValue: $0) }) }
    private let all = UIDSet(UID.first...UID(nonZero: .max))

    @Test(arguments: TestFormat.allCases) func remembersWhatWasRemovedAfter(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        var known: [ModSeq] = []
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            let elsewhere = try #require(MailboxName("other"))
            for number in 1...9 { try await store.put(message("m\(number)"), account) }
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            defer { inbox.close() }
            known.append(inbox.snapshot().highestModSeq)
            #expect(try await inbox.vanished(self.all, since: known[0]) == [])
            // The higher UIDs first: the answer is in their order all the same.
            _ = try await inbox.remove(self.uids(7, 8, 9))
            known.append(inbox.snapshot().highestModSeq)
            _ = try await inbox.store(FlagChange(.add, [.deleted]), self.uids(2, 4), unchangedSince: nil)
            _ = try await inbox.expunge(nil)
            known.append(inbox.snapshot().highestModSeq)
            #expect(try await inbox.vanished(self.all, since: known[0]) == self.uids(2, 4, 7, 8, 9))
            #expect(try await inbox.vanished(self.uids(1, 4, 5, 8), since: known[0]) == self.uids(4, 8))
            #expect(try await inbox.vanished(self.all, since: known[1]) == self.uids(2, 4))
            #expect(try await inbox.vanished(self.all, since: known[2]) == [])
            #expect(try await inbox.vanished(self.all, since: ModSeq(rawValue: .max)) == [])
            // Before the mailbox was there nothing is known.
            #expect(try await inbox.vanished(self.all, since: ModSeq(rawValue: 1)) == nil)
            _ = try await account.create(elsewhere, specialUse: nil)
            _ = try await inbox.move(self.uids(1), to: elsewhere)
            #expect(try await inbox.vanished(self.all, since: known[2]) == self.uids(1))
        }
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            let elsewhere = try #require(MailboxName("other"))
            let inbox = try await account.open(.inbox, .readOnly, onChange: {})
            defer { inbox.close() }
            #expect(try await inbox.vanished(self.all, since: known[1]) == self.uids(1, 2, 4))
            let other = try await account.open(elsewhere, .readOnly, onChange: {})
            defer { other.close() }
            #expect(try await other.vanished(self.all, since: other.snapshot().highestModSeq) == [])
        }
    }

}
