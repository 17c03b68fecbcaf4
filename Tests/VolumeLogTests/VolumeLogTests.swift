import Glibc
import TemporaryFiles
import Testing
import VolumeLog

@Suite struct VolumeLogTests {
    @Test func recordsInMemoryAreReadWithoutWaiting() throws {
        let directory = try TemporaryDirectory()
        let log = try VolumeLog.open(directory: directory.path)
        var batch = RecordBatch()
        batch.append(kind: 1, [UInt8](repeating: 5, count: 9000))
        try log.commit(&batch)
        let location = try #require(batch.locations().first)
        let whole = try log.wholeRecord(at: location)
        // A file system that cannot say what is in memory answers nothing.
        if let record = log.recordAtHand(location) { #expect(record == whole) }
        var wrong = location
        wrong.offset += 8
        #expect(log.recordAtHand(wrong) == nil)
        wrong = location
        wrong.length += 1
        #expect(log.recordAtHand(wrong) == nil)
        wrong = location
        wrong.segment += 1
        #expect(log.recordAtHand(wrong) == nil)
    }

    @Test func recordsComeBack() throws {
        let directory = try TemporaryDirectory()
        var expected: [StoredRecord] = []
        var locations: [RecordLocation] = []
        do {
            let log = try VolumeLog.open(directory: directory.path)
            #expect(log.openReport.isNew)
            #expect(log.lastSequence == .none)
            #expect(try log.contents().isEmpty)
            var batches = [RecordBatch(), RecordBatch(), RecordBatch()]
            batches[0].append(kind: 7, octets(0, 1))
            batches[0].append(kind: 8, pieces: [octets(3, 1), octets(10, 2)])
            batches[2].append(kind: 255) { $0.append(contentsOf: octets(300_000, 4)) }
            octets(9, 9).withUnsafeBytes { _ = batches[2].append(kind: 0, $0) }
            let receipt = try log.commit(&batches)
            #expect(receipt.first == .first && receipt.last.rawValue == 4 && receipt.beganSegment)
            #expect(batches[1].locations().isEmpty)
            #expect(batches[2].sequence(of: 1) == LogSequence(rawValue: 4))
            #expect(batches[2].location(of: 1) == batches[2].locations()[1])
            locations = batches.flatMap { $0.locations() }
            expected = [
                StoredRecord(kind: 7, sequence: 1, payload: []),
                StoredRecord(kind: 8, sequence: 2, payload: octets(3, 1) + octets(10, 2)),
                StoredRecord(kind: 255, sequence: 3, payload: octets(300_000, 4)),
                StoredRecord(kind: 0, sequence: 4, payload: octets(9, 9)),
            ]
            #expect(try log.contents() == expected)
            expected += try log.add([octets(5, 5)])
        }
        let log = try VolumeLog.open(directory: directory.path)
        #expect(!log.openReport.isNew && log.openReport.last.rawValue == 5 && log.openReport.tornOctets == 0)
        expected += try log.add([octets(6, 6)])
        #expect(try log.contents() == expected)
        #expect(try log.contents(from: LogSequence(rawValue: 4)) == Array(expected[3...]))
        #expect(try log.contents(from: LogSequence(rawValue: 7)).isEmpty)
        for (location, record) in zip(locations, expected) {
            let (info, payload) = try log.record(at: location)
            #expect(payload == record.payload)
            #expect(info.kind == record.kind && info.sequence.rawValue == record.sequence)
            try log.verify(location)
            var piece = [UInt8](repeating: 0, count: 4)
            let count = try piece.withUnsafeMutableBytes { try log.read(location, from: 2, into: $0) }
            #expect(Array(piece[..<count]) == Array(record.payload.dropFirst(2).prefix(4)))
        }
        var wrong = locations[1]
        wrong.offset += 8
        #expect(throws: VolumeLogError.self) { try log.read(wrong) }
        wrong = locations[1]
        wrong.length += 1
        #expect(throws: VolumeLogError.self) { try log.read(wrong) }
        wrong.segment = 99
        #expect(throws: VolumeLogError.self) { try log.read(wrong) }
        wrong = RecordLocation(segment: 1, offset: .max, length: .max)
        #expect(throws: VolumeLogError.self) { try log.read(wrong) }
    }

    @Test func replayStops() throws {
        let directory = try TemporaryDirectory()
        let log = try VolumeLog.open(directory: directory.path)
        try log.add((0..<10).map { octets(10, $0) })
        var seen = 0
        let report = try log.replay { _ in
            seen += 1
            return seen == 3 ? .stop : .next
        }
        #expect(seen == 3 && report.records == 3 && report.last.rawValue == 3)
        struct Own: Error {}
        #expect(throws: Own.self) { try log.replay { _ in throw Own() } }
    }

    @Test(arguments: [0, 1, 7, 100, 260_000, 1 << 20, 3_500_001])
    func streamsFromFile(_ count: Int) throws {
        let directory = try TemporaryDirectory()
        let spool = directory.path + "/spool"
        let body = octets(count, count)
        try TemporaryDirectory.write([1, 2, 3] + body, to: spool)
        let descriptor = open(spool, O_RDONLY)
        defer { close(descriptor) }
        let log = try VolumeLog.open(directory: directory.path + "/log")
        var batch = RecordBatch()
        batch.append(kind: 1, octets(5, 0))
        batch.append(kind: 2, prefix: octets(21, 1), file: descriptor, offset: 3, count: count)
        batch.append(kind: 3, octets(6, 0))
        try log.commit(&batch)
        let expected = [
            StoredRecord(kind: 1, sequence: 1, payload: octets(5, 0)),
            StoredRecord(kind: 2, sequence: 2, payload: octets(21, 1) + body),
            StoredRecord(kind: 3, sequence: 3, payload: octets(6, 0)),
        ]
        #expect(try log.contents() == expected)
        for (location, record) in zip(batch.locations(), expected) {
            #expect(try log.read(location) == record.payload)
        }
        // A file shorter than announced takes nothing with it.
        var short = RecordBatch()
        short.append(kind: 1, octets(5, 0))
        short.append(kind: 2, prefix: [], file: descriptor, offset: 3, count: count + 1)
        let error = #expect(throws: VolumeLogError.self) { try log.commit(&short) }
        #expect(error?.code == .sourceUnreadable)
        #expect(short.locations().isEmpty)
        let more = try log.add([octets(50, 1)])
        #expect(more[0].sequence == 4)
        #expect(try log.contents() == expected + more)
    }

    @Test func segmentsRotateAndHoldLargeBatches() throws {
        let directory = try TemporaryDirectory()
        var options = LogOptions()
        options.segmentSize = 16_384
        options.maximumOpenFiles = 2
        var expected: [StoredRecord] = []
        do {
            let log = try VolumeLog.open(directory: directory.path, options: options)
            for round in 0..<20 {
                expected += try log.add([octets(3_000, round), octets(100, round)])
            }
            expected += try log.add([octets(100_000, 77)])
            expected += try log.add([octets(10, 78)])
            #expect(log.segments().count == 9)
            #expect(try log.contents() == expected)
        }
        let log = try VolumeLog.open(directory: directory.path, options: options)
        #expect(log.openReport.damages.isEmpty)
        #expect(try log.contents() == expected)
        for first in [5, 17, 40] as [UInt64] {
            #expect(
                try log.contents(from: LogSequence(rawValue: first))
                    == expected.filter { $0.sequence >= first })
        }
        #expect(try log.verify().damages.isEmpty)
    }

    @Test func recyclesAndReuses() throws {
        let directory = try TemporaryDirectory()
        var options = LogOptions()
        options.segmentSize = 16_384
        options.maximumSpares = 2
        let log = try VolumeLog.open(directory: directory.path, options: options)
        try log.prepareNextSegment()
        try log.prepareNextSegment()
        #expect(TemporaryDirectory.names(directory.path) == ["lock", "spare-00000001"])
        var expected: [StoredRecord] = []
        for round in 0..<20 { expected += try log.add([octets(3_000, round)]) }
        #expect(log.segments().map { $0.firstSequence.rawValue } == [1, 5, 9, 13, 17])
        var batch = RecordBatch()
        batch.append(kind: 1, octets(5, 5))
        #expect(try log.recycle(below: LogSequence(rawValue: 4)) == [])
        #expect(try log.recycle(below: LogSequence(rawValue: 5)) == [1])
        #expect(try log.recycle(below: LogSequence(rawValue: 14)) == [2, 3])
        #expect(try log.contents() == expected.filter { $0.sequence >= 13 })
        #expect(
            TemporaryDirectory.names(directory.path).filter { $0.hasPrefix("spare") }.count == 2)
        // The growing ones become full-size first.
        try log.prepareNextSegment()
        for round in 0..<20 {
            expected += try log.add([octets(2_900, round)])
            try log.prepareNextSegment()
            #expect(try log.contents() == expected.filter { $0.sequence >= 13 })
        }
        #expect(
            try log.recycle(below: LogSequence(rawValue: .max)).count
                == log.segments().last.map { Int($0.number) - 4 })
        #expect(log.segments().count == 1)
        #expect(try log.recycle(below: LogSequence(rawValue: .max)).isEmpty)
    }

    @Test func skipsNumbers() throws {
        let directory = try TemporaryDirectory()
        var expected: [StoredRecord] = []
        do {
            let log = try VolumeLog.open(directory: directory.path)
            expected += try log.add([octets(3, 1)])
            log.skip(to: LogSequence(rawValue: 100))
            log.skip(to: LogSequence(rawValue: 50))
            // Whoever asks before the next record must not be told numbers that are behind us.
            #expect(log.lastSequence.rawValue == 99)
            #expect(try log.contents() == expected)
            #expect(try log.verify().damages.isEmpty)
            expected += try log.add([octets(3, 2)])
            #expect(expected[1].sequence == 100)
            #expect(try log.contents() == expected)
            #expect(try log.verify().damages.isEmpty)
        }
        let log = try VolumeLog.open(directory: directory.path)
        #expect(log.openReport.damages.isEmpty)
        #expect(log.lastSequence.rawValue == 100)
        #expect(try log.contents() == expected)
    }

    @Test func oneProcessOnly() throws {
        let directory = try TemporaryDirectory()
        let log = try VolumeLog.open(directory: directory.path)
        let error = #expect(throws: VolumeLogError.self) { try VolumeLog.open(directory: directory.path) }
        #expect(error?.code == .locked(holder: getpid()))
        #expect(log.failure == nil)
    }

    @Test func readersWorkBesideTheCommitter() async throws {
        let directory = try TemporaryDirectory()
        var options = LogOptions()
        options.segmentSize = 32_768
        let log = try VolumeLog.open(directory: directory.path, options: options)
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                for round in 0..<300 {
                    guard (try? log.add([octets(500, round)], durability: .written)) != nil else {
                        return false
                    }
                }
                return true
            }
            group.addTask {
                for _ in 0..<30 {
                    guard (try? log.prepareNextSegment()) != nil else { return false }
                }
                return true
            }
            group.addTask {
                for _ in 0..<50 {
                    let last = log.lastSequence
                    guard let seen = try? log.contents(), seen.count >= Int(last.rawValue),
                        seen.enumerated().allSatisfy({ $0.element.payload == octets(500, $0.offset) })
                    else { return false }
                }
                return true
            }
            for await success in group { #expect(success) }
        }
        try log.flush()
        #expect(try log.contents().count == 300)
    }
}
