import Glibc
import IndexedStore
import MailCore
import MailStore
import Synchronization
import Testing

@Suite struct CopyTests {
    private func withMailboxes(
        _ format: TestFormat,
        _ body: (any Mailbox, any Mailbox, MailboxName, any MailAccount, TestVolume) async throws -> Void
    ) async throws {
        let volume = try TestVolume(format)
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            let name = try #require(MailboxName("Archive/2026"))
            try await account.create(name, specialUse: nil)
            for number in 1...4 {
                try await store.put(
                    message("m\(number)"), account, flags: number == 2 ? [.seen] : [],
                    keywords: number == 3 ? [try #require(Keyword("work"))] : [])
            }
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            let target = try await account.open(name, .readWrite, onChange: {})
            try await body(inbox, target, name, account, volume)
            inbox.close()
            target.close()
        }
        #expect(volume.problems == [])
    }

    private func uids(_ numbers: UInt32...) -> UIDSet { UIDSet(numbers.compactMap { UID(rawValue: $0) }) }

    @Test(arguments: TestFormat.allCases) func copyKeepsContentAndFlags(_ format: TestFormat) async throws {
        try await self.withMailboxes(format) { inbox, target, name, _, _ in
            let result = try await inbox.copy(self.uids(2, 3, 77), to: name)
            #expect(result.source == self.uids(2, 3))
            #expect(result.target == self.uids(1, 2))
            #expect(result.uidValidity == target.snapshot().uidValidity)
            #expect(try await target.subjects() == ["m2", "m3"])
            let snapshot = target.snapshot()
            #expect(snapshot[0].flags == [.seen])
            #expect(snapshot.keywords.numbers(in: snapshot[1].keywords).count == 1)
            #expect(snapshot[0].internalDate == inbox.snapshot()[1].internalDate)
            #expect(inbox.snapshot().count == 4)
            let source = try await inbox.details(of: UID(nonZero: 2))
            let copy = try await target.details(of: .first)
            #expect(source.guid == copy.guid)
            var cached = 0
            try await target.caches(of: snapshot.records) { _, view in
                if view != nil { cached += 1 }
                return true
            }
            #expect(cached == 2)
        }
    }

    /// A COPY that is refused gives no numbers: UIDNEXT and HIGHESTMODSEQ would go back at the next start.
    @Test(arguments: TestFormat.allCases) func refusedCopyTakesNoNumbers(_ format: TestFormat) async throws {
        try await self.withMailboxes(format) { inbox, target, name, account, _ in
            let before = try await account.status(of: name)
            account.apply(QuotaTests.rules(messages: 5))
            await #expect(throws: StoreError.self) { try await inbox.copy(self.uids(1, 2), to: name) }
            let after = try await account.status(of: name)
            #expect(after.uidNext == before.uidNext)
            #expect(after.highestModSeq == before.highestModSeq)
            account.apply(QuotaTests.rules())
            #expect(try await inbox.copy(self.uids(3, 4), to: name).target == self.uids(1, 2))
        }
    }

    @Test(arguments: TestFormat.allCases) func copyOfNothingAndToNowhere(_ format: TestFormat) async throws {
        try await self.withMailboxes(format) { inbox, _, name, _, _ in
            #expect(try await inbox.copy(self.uids(50), to: name).source.isEmpty)
            let absent = try #require(MailboxName("Absent"))
            let error = await #expect(throws: StoreError.self) {
                try await inbox.copy(self.uids(1), to: absent)
            }
            #expect(error?.code == .notFound)
        }
    }

    @Test(arguments: TestFormat.allCases) func moveIsOneStep(_ format: TestFormat) async throws {
        try await self.withMailboxes(format) { inbox, target, name, account, _ in
            let before = inbox.snapshot().highestModSeq
            let result = try await inbox.move(self.uids(1, 4), to: name)
            #expect(result.source == self.uids(1, 4))
            #expect(inbox.snapshot().uids == [2, 3])
            #expect(inbox.snapshot().highestModSeq > before)
            #expect(try await target.subjects() == ["m1", "m4"])
            let status = try await account.status(of: .inbox)
            #expect(status.messages == 2)
            #expect(try await account.status(of: name).messages == 2)
        }
    }

    @Test(arguments: TestFormat.allCases) func moveWithinGivesNewUIDs(_ format: TestFormat) async throws {
        try await self.withMailboxes(format) { inbox, _, _, account, _ in
            let result = try await inbox.move(self.uids(1, 2), to: .inbox)
            #expect(result.target == self.uids(5, 6))
            #expect(inbox.snapshot().uids == [3, 4, 5, 6])
            #expect(try await inbox.subjects() == ["m3", "m4", "m1", "m2"])
            #expect(try await account.status(of: .inbox).messages == 4)
        }
    }

    @Test(arguments: TestFormat.allCases) func parallelMovesTakeEachMessageOnce(_ format: TestFormat) async throws {
        try await self.withMailboxes(format) { inbox, target, name, _, _ in
            let all = self.uids(1, 2, 3, 4)
            let moved = await withTaskGroup(of: Int.self) { group in
                for _ in 0..<8 {
                    group.addTask { (try? await inbox.move(all, to: name).source.count) ?? 0 }
                }
                return await group.reduce(0, +)
            }
            #expect(moved == 4)
            #expect(inbox.snapshot().isEmpty)
            #expect(target.snapshot().count == 4)
            // And back and forth at once.
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        _ = try? await inbox.move(UIDSet(inbox.snapshot().records.map(\.uid)), to: name)
                    }
                    group.addTask {
                        _ = try? await target.move(UIDSet(target.snapshot().records.map(\.uid)), to: .inbox)
                    }
                }
            }
            #expect(inbox.snapshot().count + target.snapshot().count == 4)
            let subjects = try await inbox.subjects() + target.subjects()
            #expect(subjects.sorted() == ["m1", "m2", "m3", "m4"])
        }
    }

    /// A copy in flight when its target is deleted: the answer is as if the deletion had come a moment later, nothing
    /// stays in the source's files, and the sync of the file system goes on without the deleted directory.
    @Test(arguments: TestFormat.allCases) func targetDeletedWhileMoving(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        let isHeld = Mutex(false)
        let (reached, arrival) = AsyncStream.makeStream(of: Void.self)
        var ends: [CInt] = [-1, -1]
        try #require(pipe(&ends) == 0)
        let (wait, release) = (ends[0], ends[1])
        try await volume.with { configuration in
            configuration.crashPoint = { point in
                let isOurs = isHeld.withLock { held in
                    defer { if point == .beforePublish { held = false } }
                    return held && point == .beforePublish
                }
                guard isOurs else { return }
                arrival.yield()
                var byte: UInt8 = 0
                _ = read(wait, &byte, 1)
            }
        } _: { store in
            let account = try await store.account(volume.identity("anna"))
            let name = try #require(MailboxName("Target"))
            try await account.create(name, specialUse: nil)
            for number in 1...3 { try await store.put(message("m\(number)"), account) }
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            isHeld.withLock { $0 = true }
            async let moved = inbox.move(self.uids(1, 2), to: name)
            for await _ in reached { break }
            try await account.delete(name)
            close(release)
            #expect(try await moved.source == self.uids(1, 2))
            #expect(try await inbox.subjects() == ["m3"])
            inbox.close()
        }
        close(wait)
        #expect(volume.problems == [])
        if format == .maildir {
            let files = ["new", "cur"].flatMap { Shell.names("\(volume.directory)/anna/\($0)") }
            #expect(files.count == 1)
        }
        // Nothing is left for the next start to mend.
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            #expect(try await account.status(of: .inbox).messages == 1)
        }
        #expect(volume.problems == [])
    }

    /// A flag change that is applied behind a MOVE must not bring the moved message's file back.
    @Test(arguments: TestFormat.allCases) func flagsChangedJustBeforeMoving(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            let name = try #require(MailboxName("Target"))
            try await account.create(name, specialUse: nil)
            for number in 1...4 { try await store.put(message("m\(number)"), account) }
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            for uid in 1...4 as ClosedRange<UInt32> {
                _ = try await inbox.store(FlagChange(.add, .flagged), self.uids(uid), unchangedSince: nil)
                _ = try await inbox.move(self.uids(uid), to: name)
            }
            inbox.close()
        }
        #expect(volume.problems == [])
        #expect(["new", "cur"].flatMap { Shell.names("\(volume.directory)/anna/\($0)") } == [])
    }
}
