import IndexedStore
import MailCore
import MailStore
import Synchronization
import Testing

@Suite struct FlagTests {
    /// Runs `body` with an INBOX of `count` messages opened for changes.
    private func withInbox(
        _ format: TestFormat, _ count: Int, _ body: (any Mailbox, any MailAccount, IndexedStore) async throws -> Void
    ) async throws {
        let volume = try TestVolume(format)
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            for number in 0..<count { try await store.put(message("m\(number + 1)"), account) }
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            defer { inbox.close() }
            try await body(inbox, account, store)
        }
    }

    private func uids(_ numbers: UInt32...) -> UIDSet { UIDSet(numbers.compactMap { UID(rawValue: $0) }) }

    @Test(arguments: TestFormat.allCases) func changesBumpModSeqOnlyWhenTheyChange(_ format: TestFormat) async throws {
        try await self.withInbox(format, 3) { inbox, account, _ in
            let before = inbox.snapshot().highestModSeq
            let first = try await inbox.store(
                FlagChange(.add, [.seen]), self.uids(1, 2, 9), unchangedSince: nil)
            let modSeq = try #require(first.modSeq)
            #expect(modSeq > before)
            #expect(inbox.snapshot().highestModSeq == modSeq)
            #expect(inbox.snapshot().records.map(\.modSeq).filter { $0 == modSeq }.count == 2)
            let again = try await inbox.store(FlagChange(.add, [.seen]), self.uids(1, 2), unchangedSince: nil)
            #expect(again.modSeq == nil)
            #expect(inbox.snapshot().highestModSeq == modSeq)
            let status = try await account.status(of: .inbox)
            #expect(status.unseen == 1)
            #expect(status.messages == 3)
        }
    }

    @Test(arguments: TestFormat.allCases) func unchangedSinceLeavesNewerAlone(_ format: TestFormat) async throws {
        try await self.withInbox(format, 2) { inbox, _, _ in
            let known = inbox.snapshot().highestModSeq
            _ = try await inbox.store(FlagChange(.add, [.flagged]), self.uids(1), unchangedSince: nil)
            let result = try await inbox.store(
                FlagChange(.replace, [.seen]), self.uids(1, 2), unchangedSince: known)
            #expect(result.modified == self.uids(1))
            #expect(inbox.snapshot()[0].flags == [.flagged])
            #expect(inbox.snapshot()[1].flags == [.seen])
            // MODSEQ 0: nothing is older.
            let none = try await inbox.store(
                FlagChange(.add, [.draft]), self.uids(1, 2), unchangedSince: .zero)
            #expect(none.modified == self.uids(1, 2))
            #expect(none.modSeq == nil)
        }
    }

    @Test(arguments: TestFormat.allCases) func keywordsAreKept(_ format: TestFormat) async throws {
        try await self.withInbox(format, 2) { inbox, _, _ in
            let a = try #require(Keyword("$Forwarded"))
            let b = try #require(Keyword("NonJunk"))
            func names(_ index: Int) -> [String] {
                let snapshot = inbox.snapshot()
                return snapshot.keywords.numbers(in: snapshot[index].keywords).map {
                    snapshot.keywords.keywords[Int($0)].name
                }
            }
            _ = try await inbox.store(FlagChange(.add, [], [a, b]), self.uids(1), unchangedSince: nil)
            #expect(names(0) == ["$Forwarded", "NonJunk"])
            _ = try await inbox.store(
                FlagChange(
                    .remove, [], [try #require(Keyword("nonjunk")), try #require(Keyword("unknown"))]),
                self.uids(1, 2), unchangedSince: nil)
            #expect(names(0) == ["$Forwarded"])
            _ = try await inbox.store(
                FlagChange(.replace, [.seen], [b]), self.uids(1, 2), unchangedSince: nil)
            #expect(names(0) == ["NonJunk"])
            #expect(names(1) == ["NonJunk"])
            // A keyword that no message gets is not in the table either.
            _ = try await inbox.store(
                FlagChange(.add, [], [try #require(Keyword("nobody"))]), self.uids(77), unchangedSince: nil)
            #expect(inbox.snapshot().keywords.keywords.count == 2)
        }
    }

    @Test(arguments: TestFormat.allCases) func expungeTakesMarkedOnly(_ format: TestFormat) async throws {
        try await self.withInbox(format, 4) { inbox, account, _ in
            _ = try await inbox.store(FlagChange(.add, [.deleted]), self.uids(2, 3), unchangedSince: nil)
            #expect(try await account.status(of: .inbox).deleted == 2)
            #expect(try await inbox.expunge(self.uids(1, 2)) == self.uids(2))
            #expect(try await inbox.expunge(nil) == self.uids(3))
            #expect(try await inbox.expunge(nil).isEmpty)
            #expect(inbox.snapshot().uids == [1, 4])
            #expect(try await inbox.remove(self.uids(4, 5)) == self.uids(4))
            #expect(try await inbox.subjects() == ["m1"])
            let status = try await account.status(of: .inbox)
            #expect(status.messages == 1)
            #expect(status.deleted == 0)
            #expect(status.uidNext == UID(nonZero: 5))
        }
    }

    @Test(arguments: TestFormat.allCases) func parallelStoresAreNotLost(_ format: TestFormat) async throws {
        try await self.withInbox(format, 1) { inbox, _, _ in
            let flags: [MessageFlags] = [.seen, .answered, .flagged, .draft]
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<32 {
                    group.addTask {
                        guard let keyword = Keyword("k\(number)") else { return }
                        _ = try? await inbox.store(
                            FlagChange(.add, flags[number % 4], [keyword]), [.first], unchangedSince: nil)
                    }
                }
            }
            let record = inbox.snapshot()[0]
            #expect(record.flags == [.seen, .answered, .flagged, .draft])
            #expect(inbox.snapshot().keywords.numbers(in: record.keywords).count == 32)
        }
    }

    @Test(arguments: TestFormat.allCases) func sessionsAreTold(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            let calls = Mutex(0)
            let first = try await account.open(.inbox, .readWrite, onChange: { calls.withLock { $0 += 1 } })
            let second = try await account.open(.inbox, .readWrite, onChange: {})
            try await store.put(message("a"), account)
            #expect(calls.withLock { $0 } == 1)
            #expect(second.snapshot().count == 1)
            // Recent to one session only.
            #expect(second.takeRecent().count == 1)
            #expect(first.takeRecent().isEmpty)
            let old = first.snapshot()
            _ = try await second.store(FlagChange(.add, [.deleted]), [.first], unchangedSince: nil)
            _ = try await second.expunge(nil)
            try await store.put(message("b"), account)
            let changes = MailboxChanges(from: old, to: first.snapshot())
            #expect(changes.expunged.map(\.index) == [0])
            #expect(changes.appended == 1)
            first.close()
            let before = calls.withLock { $0 }
            try await store.put(message("c"), account)
            #expect(calls.withLock { $0 } == before)
            second.close()
        }
    }

    @Test(arguments: TestFormat.allCases) func examineLeavesRecentAndFlags(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            try await store.put(message("a"), account)
            let reader = try await account.open(.inbox, .readOnly, onChange: {})
            #expect(reader.takeRecent().count == 1)
            #expect(reader.takeRecent().isEmpty)
            await #expect(throws: StoreError.self) {
                try await reader.store(FlagChange(.add, [.seen]), [.first], unchangedSince: nil)
            }
            let writer = try await account.open(.inbox, .readWrite, onChange: {})
            #expect(try await account.status(of: .inbox).recent == 1)
            #expect(writer.takeRecent().count == 1)
            #expect(try await account.status(of: .inbox).recent == 0)
            reader.close()
            writer.close()
        }
    }
}
