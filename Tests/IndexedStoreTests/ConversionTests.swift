import Glibc
import MailCore
import MailStore
import Testing

@testable import IndexedStore

/// COPY and MOVE between accounts of different formats.
@Suite struct ConversionTests {
    private func uids(_ numbers: UInt32...) -> UIDSet { UIDSet(numbers.compactMap { UID(rawValue: $0) }) }

    private func identity(_ name: String, _ format: TestFormat, _ volume: TestVolume) -> AccountIdentity {
        var identity = volume.identity(name)
        identity.driver = format.rawValue
        return identity
    }

    private func files(_ volume: TestVolume, _ name: String) -> Int {
        Shell.names("\(volume.directory)/\(name)/cur").count + Shell.names("\(volume.directory)/\(name)/new").count
    }

    private static let keyword = Keyword("work")

    @Test(arguments: TestFormat.allCases) func bothWays(_ format: TestFormat) async throws {
        let volume = try TestVolume()
        let other: TestFormat = format == .pack ? .maildir : .pack
        let keyword = try #require(Self.keyword)
        let sizes = try await volume.with { store in
            let anna = try await store.account(self.identity("anna", format, volume))
            let ben = try await store.account(self.identity("ben", other, volume))
            for number in 1...5 {
                try await store.put(
                    message("m\(number)"), anna, flags: number == 2 ? [.seen, .flagged] : [],
                    keywords: number == 3 ? [keyword] : [])
            }
            let source = try await anna.open(.inbox, .readWrite, onChange: {})
            let target = try await ben.open(.inbox, .readWrite, onChange: {})
            let goal = DepositDestination(account: ben, name: .inbox, rights: .all)
            let copied = try await source.transfer(self.uids(2, 3, 9), to: goal, .copy)
            #expect(copied.source == self.uids(2, 3))
            #expect(copied.target == self.uids(1, 2))
            #expect(copied.uidValidity == target.snapshot().uidValidity)
            let moved = try await source.transfer(self.uids(1, 4), to: goal, .move)
            #expect(moved.target == self.uids(3, 4))
            #expect(try await source.subjects() == ["m2", "m3", "m5"])
            #expect(try await target.subjects() == ["m2", "m3", "m1", "m4"])
            let snapshot = target.snapshot()
            #expect(snapshot.records.map(\.flags) == [[.seen, .flagged], [], [], []])
            #expect(
                snapshot.keywords.numbers(in: snapshot[1].keywords).map { snapshot.keywords.keywords[Int($0)] } == [
                    keyword
                ])
            #expect(snapshot[0].internalDate == source.snapshot()[0].internalDate)
            #expect(snapshot[0].size == source.snapshot()[0].size)
            let (old, new) = (try await source.details(of: UID(nonZero: 2)), try await target.details(of: .first))
            #expect(old.guid == new.guid)
            var cached = 0
            try await target.caches(of: snapshot.records) { _, view in
                if view != nil { cached += 1 }
                return true
            }
            #expect(cached == 4)
            #expect(try await anna.quota().usage.messages == 3)
            #expect(try await ben.quota().usage.messages == 4)
            // Nothing, and what is not there.
            #expect(try await source.transfer(self.uids(77), to: goal, .copy).source.isEmpty)
            source.close()
            target.close()
            try await store.finishFileWork()
            if other == .maildir { #expect(self.files(volume, "ben") == 4) }
            if format == .maildir { #expect(self.files(volume, "anna") == 3) }
            return snapshot.records.map(\.size)
        }
        #expect(sizes.count == 4)
        for _ in 0..<2 {
            try await volume.with { store in
                let ben = try await store.account(self.identity("ben", other, volume))
                let target = try await ben.open(.inbox, .readWrite, onChange: {})
                #expect(try await target.subjects() == ["m2", "m3", "m1", "m4"])
                #expect(target.snapshot().records.map(\.size) == sizes)
                target.close()
                let anna = try await store.account(self.identity("anna", format, volume))
                let source = try await anna.open(.inbox, .readWrite, onChange: {})
                #expect(try await source.subjects() == ["m2", "m3", "m5"])
                source.close()
            }
            unlink("\(volume.directory)/volume/index/data.mdb")
        }
    }

    @Test(arguments: TestFormat.allCases) func overQuotaLeavesAllAsItWas(_ format: TestFormat) async throws {
        let volume = try TestVolume()
        let other: TestFormat = format == .pack ? .maildir : .pack
        try await volume.with { store in
            let anna = try await store.account(self.identity("anna", format, volume))
            let ben = try await store.account(self.identity("ben", other, volume))
            try await ben.setQuotaLimits(QuotaLimits(storage: nil, messages: 2))
            for number in 1...3 { try await store.put(message("m\(number)"), anna) }
            let source = try await anna.open(.inbox, .readWrite, onChange: {})
            let goal = DepositDestination(account: ben, name: .inbox, rights: .all)
            for kind in [TransferKind.copy, .move] {
                await #expect(throws: StoreError.self) {
                    try await source.transfer(self.uids(1, 2, 3), to: goal, kind)
                }
                #expect(try await ben.quota().usage.messages == 0)
                #expect(source.snapshot().count == 3)
            }
            _ = try await source.transfer(self.uids(1, 3), to: goal, .move)
            #expect(try await source.subjects() == ["m2"])
            source.close()
        }
        #expect(volume.problems == [])
    }

    /// More than one step holds.
    @Test(arguments: TestFormat.allCases) func manyOctets(_ format: TestFormat) async throws {
        let volume = try TestVolume()
        let other: TestFormat = format == .pack ? .maildir : .pack
        try await volume.with {
            $0.conversionStep = 1000
        } _: { store in
            let anna = try await store.account(self.identity("anna", format, volume))
            let ben = try await store.account(self.identity("ben", other, volume))
            for number in 1...5 { try await store.put(message("m\(number)", lines: 20), anna) }
            let source = try await anna.open(.inbox, .readWrite, onChange: {})
            #expect(source.snapshot()[0].size < 500 && source.snapshot()[0].size * 3 > 1000)
            let goal = DepositDestination(account: ben, name: .inbox, rights: .all)
            try await ben.setQuotaLimits(QuotaLimits(storage: nil, messages: 4))
            await #expect(throws: StoreError.self) {
                try await source.transfer(self.uids(1, 2, 3, 4, 5), to: goal, .copy)
            }
            #expect(try await ben.quota().usage.messages == 0)
            try await ben.setQuotaLimits(nil)
            let moved = try await source.transfer(self.uids(1, 2, 3, 4, 5), to: goal, .move)
            #expect(moved.source == self.uids(1, 2, 3, 4, 5))
            #expect(moved.target.ranges.count == 1)
            #expect(source.snapshot().isEmpty)
            let target = try await ben.open(.inbox, .readWrite, onChange: {})
            #expect(try await target.subjects() == ["m1", "m2", "m3", "m4", "m5"])
            target.close()
            source.close()
        }
        #expect(volume.problems == [])
    }
}
