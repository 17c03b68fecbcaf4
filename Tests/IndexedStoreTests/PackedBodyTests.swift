import MailCore
import MailStore
import PackFormat
import Testing
import VolumeLog

@testable import IndexedStore

/// Bodies that are compressed in the log.
@Suite(.enabled(if: ZstdCodec(level: 3) != nil, "libzstd.so.1 is not installed")) struct PackedBodyTests {
    private static func packing(_ configuration: inout IndexedStore.Configuration) {
        configuration.bodyCodec = ZstdCodec(level: 3)
        configuration.packsBodies = true
    }

    private static func reading(_ configuration: inout IndexedStore.Configuration) {
        configuration.bodyCodec = ZstdCodec(level: 3)
    }

    private func rows(_ store: IndexedStore) throws -> [BodyRow] {
        try store.volume.waitApplied(store.volume.committer.lastTicket)
        return try (1...store.volume.log.lastSequence.rawValue).compactMap {
            try store.volume.schema.body(BodyID(rawValue: $0))
        }
    }

    @Test func thereAndBack() throws {
        let codec = try #require(ZstdCodec(level: 3))
        let octets = message("m", lines: 500).octets
        let packed = try #require(PackedBody.pack(octets, codec))
        #expect(packed.count < octets.count / 3)
        let again = try PackedBody.unpack(packed, codec)
        #expect(again.withUnsafeBytes { Array($0) } == octets.withUnsafeBytes { Array($0) })
        // Neither what is small nor what does not become smaller.
        #expect(PackedBody.pack(message("m").octets, codec) == nil)
        var random = SystemRandomNumberGenerator()
        let noise = MessageOctets((0..<4000).map { _ in UInt8.random(in: 0...255, using: &random) })
        #expect(PackedBody.pack(noise, codec) == nil)
        // Cut short at each place, or with another octet somewhere: never a crash, never another message.
        let bytes = packed.withUnsafeBytes { Array($0) }
        for count in stride(from: 0, to: bytes.count, by: 7) {
            #expect(throws: StoreError.self) { try PackedBody.unpack(MessageOctets(Array(bytes[..<count])), codec) }
        }
        for index in 0..<4 {
            var wrong = bytes
            wrong[index] ^= 0xFF
            #expect(throws: StoreError.self) { try PackedBody.unpack(MessageOctets(wrong), codec) }
        }
        #expect(throws: StoreError.self) { try PackedBody.unpack(packed, nil) }
    }

    @Test func everythingStays() async throws {
        let volume = try TestVolume(.pack)
        let identity = volume.identity("anna")
        let work = try #require(MailboxName("Work"))
        let before = try await volume.with(Self.packing) { store in
            let account = try await store.account(identity)
            try await account.create(work, specialUse: nil)
            for number in 0..<40 { try await store.put(message("m\(number)", lines: 5 + number * 20), account) }
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            _ = try await inbox.copy(UIDSet(UID.first...UID(nonZero: 20)), to: work)
            inbox.close()
            let rows = try self.rows(store)
            #expect(rows.count { $0.isPacked } > 30 && rows.contains { !$0.isPacked })
            return try await KeeperTests.Picture(account, since: .zero)
        }
        // Read without being written, after a restart, and made again from the log with and without a checkpoint.
        for step in 0..<3 {
            if step > 0 { Shell.remove("\(volume.directory)/volume/index") }
            try await volume.with(Self.reading) { store in
                let account = try await store.account(identity)
                let after = try await KeeperTests.Picture(account, since: .zero)
                #expect(after == before)
                #expect(try self.rows(store).count { $0.isPacked } > 30)
                for name in [MailboxName.inbox, work] {
                    let slice = try await store.verify(name, of: account, from: nil, .examine)
                    #expect(slice.findings == [])
                }
                if step == 1 { try await store.keepLogShort() }
            }
        }
        #expect(volume.problems.allSatisfy { $0.hasPrefix("the index is gone") })
    }

    @Test func cleaningPacks() async throws {
        let volume = try TestVolume(.pack)
        let identity = volume.identity("anna")
        func fill(_ store: IndexedStore, _ account: any MailAccount) async throws {
            for number in 0..<60 { try await store.put(message("m\(number)", lines: 2000), account) }
        }
        try await volume.with { store in try await fill(store, try await store.account(identity)) }
        try await volume.with(Self.packing) { store in
            let account = try await store.account(identity)
            #expect(try self.rows(store).allSatisfy { !$0.isPacked })
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            let uids = inbox.snapshot().records.map(\.uid).filter { $0.rawValue % 10 != 0 }
            _ = try await inbox.remove(UIDSet(uids))
            inbox.close()
            try await fill(store, account)
            try await store.keepLogShort()
            let left = try await account.open(.inbox, .readOnly, onChange: {})
            #expect(try await left.subjects().count == 66)
            left.close()
            #expect(try self.rows(store).count { $0.isPacked } >= 60)
        }
        // Cleaned again as they are, and no more packed.
        try await volume.with(Self.reading) { store in
            let account = try await store.account(identity)
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            _ = try await inbox.remove(UIDSet(inbox.snapshot().records.suffix(50).map(\.uid)))
            let subjects = try await inbox.subjects()
            try await fill(store, account)
            try await store.keepLogShort()
            #expect(try await inbox.subjects().prefix(subjects.count).elementsEqual(subjects))
            inbox.close()
        }
        #expect(volume.problems == [])
    }

    @Test func accountsMove() async throws {
        let pair = try VolumeSetTests.Pair(.pack)
        var configurations = pair.configurations
        for index in configurations.indices { Self.packing(&configurations[index]) }
        let set = try VolumeSet.open(configurations, usual: "one")
        let identity = pair.identity("anna")
        let account = try await set.account(identity)
        for number in 0..<20 { try await set.put(message("m\(number)", lines: 300), account) }
        let before = try await KeeperTests.Picture(account, since: .zero)
        #expect(try await set.move(identity, toVolume: "two") == 20)
        #expect(try await KeeperTests.Picture(try await set.account(identity), since: .zero) == before)
        #expect(try self.rows(set.stores[1]).allSatisfy { $0.isPacked })
        #expect(try await set.move(identity, toFormat: "maildir") == 20)
        let files = try await KeeperTests.Picture(try await set.account(identity), since: .zero)
        #expect(files.boxes == before.boxes)
        await set.close()
    }
}
