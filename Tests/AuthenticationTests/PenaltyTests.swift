import Testing

@testable import Authentication

struct PenaltyTests {
    let start = Ticks(milliseconds: 1_000_000)

    @Test func doublesUpToFifteenSeconds() {
        var table = PenaltyTable()
        var delays: [Int] = []
        for attempt in 0..<7 {
            delays.append(table.delay("192.0.2.1", now: self.start))
            table.failed("192.0.2.1", user: "a", password: [UInt8(attempt)], now: self.start)
        }
        #expect(delays == [0, 2000, 4000, 8000, 15000, 15000, 15000])
        #expect(table.delay("192.0.2.2", now: self.start) == 0)
        #expect(table.delay("192.0.2.1", now: self.start + 3_600_000) == 0)
        table.succeeded("192.0.2.1")
        #expect(table.delay("192.0.2.1", now: self.start) == 0)
    }

    @Test func theSameWrongPasswordCountsOnce() {
        var table = PenaltyTable()
        for _ in 0..<5 { table.failed("192.0.2.1", user: "a", password: [1], now: self.start) }
        #expect(table.delay("192.0.2.1", now: self.start) == 2000)
    }

    @Test func noAddressNoPenalty() {
        var table = PenaltyTable()
        table.failed(nil, user: "a", password: [1], now: self.start)
        table.failed("junk", user: "a", password: [1], now: self.start)
        #expect(table.delay(nil, now: self.start) == 0)
        #expect(table.delay("junk", now: self.start) == 0)
    }

    @Test func addressesOfOneIPv6SiteCountTogether() {
        var table = PenaltyTable()
        table.failed("2001:db8:1::1", user: "a", password: [1], now: self.start)
        #expect(table.delay("2001:db8:1:ffff::9", now: self.start) == 2000)
        #expect(table.delay("2001:db8:2::1", now: self.start) == 0)
    }

    @Test func memoryIsBounded() {
        var table = PenaltyTable()
        for i in 0..<25_000 {
            table.failed(
                "10.\(i >> 16).\(i >> 8 & 255).\(i & 255)", user: "a", password: [1], now: self.start + i)
        }
        #expect(table.delay("10.0.97.167", now: self.start + 25_000) == 2000)
        #expect(table.delay("10.0.0.1", now: self.start + 25_000) == 0)
    }

    @Test func deadlinesComeInOrder() {
        var queue = DeadlineQueue<Int64>()
        var seed: Int64 = 7
        for _ in 0..<1000 {
            seed = (seed * 1_103_515_245 + 12345) % 65536
            queue.insert(seed, at: Ticks(milliseconds: seed))
        }
        #expect(queue.popFirst(until: Ticks(milliseconds: -1)) == nil)
        var last: Int64 = -1
        var count = 0
        while let next = queue.popFirst(until: Ticks(milliseconds: 65536)) {
            #expect(next >= last)
            last = next
            count += 1
        }
        #expect(count == 1000)
        #expect(queue.first == nil)
    }

    @Test func verifiedPasswordsAreBoundToWhatWasStored() {
        let memory = VerifiedPasswords(capacity: 2)
        memory.insert("a", source: 0, stored: "hash", password: [1], lifetime: 60)
        #expect(memory.contains("a", source: 0, stored: "hash", password: [1]))
        #expect(!memory.contains("a", source: 0, stored: "hash", password: [2]))
        #expect(!memory.contains("a", source: 0, stored: "other", password: [1]))
        #expect(!memory.contains("a", source: 1, stored: "hash", password: [1]))
        memory.insert("b", source: 0, stored: "hash", password: [1], lifetime: 0)
        #expect(!memory.contains("b", source: 0, stored: "hash", password: [1]))
        for name in ["c", "d", "e"] {
            memory.insert(name, source: 0, stored: "hash", password: [1], lifetime: 60)
        }
        #expect(memory.removeAll() == 2)
    }
}
