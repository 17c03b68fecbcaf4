import Glibc
import LMDB
import MailCore
import MailStore
import Testing
import VolumeLog

@testable import IndexedStore

/// Indexes that cannot be used as they are: broken, too old, too new, of another log.
@Suite struct RebuildTests {
    /// What has happened to the index's file.
    enum Harm: String, CaseIterable, Sendable {
        case emptied, onePage, half, lastPage, garbled, text
    }

    private func fill(_ volume: TestVolume, _ checkpoints: KeeperTests.Checkpoints) async throws -> KeeperTests.Picture
    {
        try await volume.with { configuration in
            configuration.logSegmentSize = 16_384
        } _: { store in
            let account = try await store.account(volume.identity("anna"))
            try await Self.load(store, account, "a")
            if checkpoints != .none { try await store.keepLogShort() }
            try await Self.load(store, account, "b")
            return try await KeeperTests.Picture(account, since: .zero)
        }
    }

    static func load(_ store: IndexedStore, _ account: any MailAccount, _ run: String) async throws {
        let work = try #require(MailboxName("Work \(run)"))
        let keyword = try #require(Keyword("k\(run)"))
        try await account.create(work, specialUse: run == "a" ? .archive : nil)
        try await account.subscribe(work)
        for number in 0..<12 {
            try await store.put(
                message("\(run)\(number)", lines: 40), account, flags: number == 3 ? [.flagged] : [],
                keywords: number == 4 ? [keyword] : [])
        }
        let inbox = try await account.open(.inbox, .readWrite, onChange: {})
        let uids = inbox.snapshot().records.suffix(12).map(\.uid)
        _ = try await inbox.copy(UIDSet(uids[2..<6]), to: work)
        _ = try await inbox.move(UIDSet(uids[5..<7]), to: work)
        _ = try await inbox.remove(UIDSet(uids[7..<9]))
        _ = try await inbox.store(FlagChange(.add, [.seen], [keyword]), UIDSet(uids[0..<4]), unchangedSince: nil)
        inbox.close()
    }

    private func expectSame(_ volume: TestVolume, _ before: KeeperTests.Picture) async throws {
        for _ in 0..<2 {
            try await volume.with { store in
                let account = try await store.account(volume.identity("anna"))
                let after = try await KeeperTests.Picture(account, since: .zero)
                #expect(after.boxes.count == before.boxes.count)
                for (a, b) in zip(after.boxes, before.boxes) { #expect(a == b) }
                #expect(after.subscriptions == before.subscriptions)
            }
        }
    }

    @Test(arguments: TestFormat.allCases, Harm.allCases)
    func brokenIndexIsMadeAgain(_ format: TestFormat, _ harm: Harm) async throws {
        let volume = try TestVolume(format)
        let before = try await self.fill(volume, harm == .half ? .none : .early)
        let path = "\(volume.directory)/volume/index/data.mdb"
        var octets = try #require(Shell.read(path))
        switch harm {
        case .emptied: octets = []
        case .onePage: octets = Array(octets.prefix(4096))
        case .half: octets = Array(octets.prefix(octets.count / 2 & ~4095))
        case .lastPage: octets.removeLast(4096)
        case .garbled: for index in 0..<8192 { octets[index] = UInt8(truncatingIfNeeded: index &* 7) }
        case .text: octets = Array("no database\n".utf8)
        }
        Shell.write(octets, path)
        try await self.expectSame(volume, before)
        #expect(Set(volume.problems.map { $0.prefix(13) }).isSubset(of: ["the index can", "the index is "]))
    }

    private func setVersion(
        _ volume: TestVolume, _ change: (IndexSchema, borrowing WriteTransaction) throws(LMDBError) -> Void
    )
        throws
    {
        let environment = try Environment(path: "\(volume.directory)/volume/index")
        let schema = try IndexSchema(environment)
        try environment.write { (transaction) throws(LMDBError) in try change(schema, transaction) }
        environment.close()
    }

    /// Of version 1 there is an upgrade; of a version before there is none, and the log makes a new one.
    @Test(arguments: TestFormat.allCases, [UInt64(1), 0])
    func olderIndex(_ format: TestFormat, _ version: UInt64) async throws {
        let volume = try TestVolume(format)
        let before = try await self.fill(volume, .early)
        try self.setVersion(volume) { (schema, transaction) throws(LMDBError) in
            try schema.setMeta(.version, version, transaction)
            try transaction.delete(schema.meta, Array(IndexSchema.Meta.log.rawValue.utf8))
        }
        try await self.expectSame(volume, before)
        #expect(
            volume.problems.contains {
                version == 1 ? $0.hasPrefix("the index was brought from version 1") : $0.contains("too old")
            })
        #expect(Shell.names("\(volume.directory)/volume").contains("index-aside") == (version == 0))
    }

    @Test func newerIndexIsRefused() async throws {
        let volume = try TestVolume()
        let before = try await self.fill(volume, .early)
        try self.setVersion(volume) { (schema, transaction) throws(LMDBError) in
            try schema.setMeta(.version, IndexSchema.version + 1, transaction)
        }
        #expect {
            _ = try volume.open()
        } throws: {
            ($0 as? StoreError)?.code == .damaged && "\($0)".contains("start the newer release")
        }
        // Nothing was touched.
        try self.setVersion(volume) { (schema, transaction) throws(LMDBError) in
            try schema.setMeta(.version, IndexSchema.version, transaction)
        }
        try await self.expectSame(volume, before)
    }

    @Test(arguments: [(UInt8(250), UInt8(1)), (16, 9)]) func newerRecordIsRefused(_ kind: UInt8, _ version: UInt8)
        async throws
    {
        let volume = try TestVolume(.pack)
        let before = try await self.fill(volume, .early)
        let path = "\(volume.directory)/volume/log"
        // The own log must stay the own one, and not become a copy.
        let kept = "\(volume.directory)/log-before"
        rename(path, kept)
        Shell.copy(kept, path)
        let log = try VolumeLog.open(directory: path)
        var batch = RecordBatch()
        batch.append(kind: kind) { (out: inout [UInt8]) in out.append(contentsOf: [version, 0, 0]) }
        try log.commit(&batch)
        log.close()
        #expect {
            _ = try volume.open()
        } throws: {
            "\($0)".contains("newer release")
        }
        Shell.remove(path)
        rename(kept, path)
        try await self.expectSame(volume, before)
    }

    @Test func indexOfAnotherLog() async throws {
        let volume = try TestVolume(.pack)
        let other = try TestVolume(.pack)
        let before = try await self.fill(volume, .early)
        _ = try await self.fill(other, .early)
        let path = "\(volume.directory)/volume/index/data.mdb"
        Shell.write(try #require(Shell.read("\(other.directory)/volume/index/data.mdb")), path)
        try await self.expectSame(volume, before)
        #expect(volume.problems.contains { $0.hasPrefix("the index belongs to another log") })
    }

    /// Without what could replace it, a broken index stays where it is, and somebody has to look.
    @Test func brokenIndexWithoutALogIsRefused() async throws {
        let volume = try TestVolume()
        _ = try await self.fill(volume, .early)
        unlink("\(volume.directory)/volume/log/checkpoint")
        let segments = Shell.names("\(volume.directory)/volume/log").filter { $0.hasSuffix(".segment") }
        for name in segments.dropLast() { unlink("\(volume.directory)/volume/log/\(name)") }
        Shell.write([1, 2, 3], "\(volume.directory)/volume/index/data.mdb")
        #expect {
            _ = try volume.open()
        } throws: {
            ($0 as? StoreError)?.code == .damaged && "\($0)".contains("does not go back far enough")
        }
        #expect(Shell.read("\(volume.directory)/volume/index/data.mdb")?.count == 3)
    }

    /// A checkpoint has its parts from one moment after the other: what came in between is in the log, too.
    @Test func bodiesAreCountedOnce() async throws {
        for _ in 0..<4 {
            let volume = try TestVolume(.pack)
            let identity = volume.identity("anna")
            try await volume.with { store in
                let account = try await store.account(identity)
                for number in 0..<20 { try await store.put(message("a\(number)"), account) }
                await withTaskGroup(of: Void.self) { group in
                    group.addTask {
                        for number in 0..<60 { _ = try? await store.put(message("b\(number)"), account) }
                    }
                    group.addTask { try? await store.keepLogShort() }
                }
            }
            Shell.remove("\(volume.directory)/volume/index")
            try await volume.with { store in
                let inbox = try await store.account(identity).open(.inbox, .readOnly, onChange: {})
                #expect(inbox.snapshot().count == 80)
                let key = try #require(inbox as? OpenMailbox).state.key
                for row in try store.volume.schema.rows(key, from: 1, limit: .max) {
                    let id = try #require(row.location.bodyID)
                    #expect(try store.volume.schema.body(id)?.references == 1)
                }
                inbox.close()
            }
        }
    }

    /// The pointer beside the segments is lost, or names a checkpoint that is not there.
    @Test(arguments: TestFormat.allCases, [nil, "martlet checkpoint 1\nbase 999999\nsize 1\n", "nonsense"])
    func checkpointIsFoundWithoutItsPointer(_ format: TestFormat, _ pointer: String?) async throws {
        let volume = try TestVolume(format)
        let before = try await self.fill(volume, .early)
        let path = "\(volume.directory)/volume/log/checkpoint"
        unlink(path)
        if let pointer { Shell.write(Array(pointer.utf8), path) }
        Shell.remove("\(volume.directory)/volume/index")
        try await self.expectSame(volume, before)
    }

    /// A crash broke a checkpoint off, and the next start began it once more under the same name: the rows of the first
    /// time do not count.
    @Test func checkpointBegunTwice() async throws {
        let volume = try TestVolume(.pack)
        let identity = volume.identity("anna")
        try await volume.with { store in
            let account = try await store.account(identity)
            for number in 0..<3 { try await store.put(message("a\(number)"), account) }
            try await store.finishFileWork()
            try store.volume.waitApplied(store.volume.committer.lastTicket)
            let schema = store.volume.schema
            let base = try schema.read { (transaction) throws(LMDBError) in try schema.meta(.applied, transaction) }
            var parts: [CheckpointPart.Content] = []
            for database in schema.environment.openDatabases where !IndexSchema.isDerived(database.name) {
                let entries = try schema.read { (transaction) throws(LMDBError) -> [UInt8] in
                    var entries: [UInt8] = []
                    let cursor = try transaction.cursor(database)
                    var entry = try cursor.first()
                    while let found = entry {
                        CheckpointPart.append(found.key, found.value, to: &entries)
                        entry = try cursor.next()
                    }
                    return entries
                }
                if !entries.isEmpty { parts.append(.rows(database: database.name, entries: entries)) }
            }
            let begin = CheckpointPart.Content.begin(restarts: 0, version: UInt32(IndexSchema.version))
            let all = [begin] + parts.dropLast() + [begin] + parts + [.end(parts: UInt64(parts.count))]
            try store.volume.keeper.commit(
                all.map { .checkpoint(CheckpointPart(base: LogSequence(rawValue: base ?? 0), $0)) })
        }
        Shell.remove("\(volume.directory)/volume/index")
        try await volume.with { store in
            let inbox = try await store.account(identity).open(.inbox, .readOnly, onChange: {})
            #expect(try await inbox.subjects() == ["a0", "a1", "a2"])
            let key = try #require(inbox as? OpenMailbox).state.key
            for row in try store.volume.schema.rows(key, from: 1, limit: .max) {
                let id = try #require(row.location.bodyID)
                #expect(try store.volume.schema.body(id)?.references == 1)
            }
            inbox.close()
        }
        #expect(volume.problems.allSatisfy { $0.hasPrefix("the index is gone") })
    }
}
