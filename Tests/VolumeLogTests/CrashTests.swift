import Glibc
import TemporaryFiles
import Testing

@testable import VolumeLog

/// Files as power loss, a kill or a bad disk leave them, then opened again.
@Suite struct CrashTests {
    private static func options(_ segmentSize: Int) -> LogOptions {
        var options = LogOptions()
        options.segmentSize = segmentSize
        options.files = .quick
        return options
    }

    /// One segment of a few small batches; returns its file, its records and where each of them ends.
    private func smallLog(
        _ batches: [[[UInt8]]], prepared: Bool = false
    ) throws -> (file: [UInt8], records: [StoredRecord], ends: [Int]) {
        let directory = try TemporaryDirectory()
        let log = try VolumeLog.open(directory: directory.path, options: CrashTests.options(8_192))
        if prepared { try log.prepareNextSegment() }
        var records: [StoredRecord] = []
        var ends: [Int] = []
        for payloads in batches {
            var batch = RecordBatch()
            for payload in payloads { batch.append(kind: 1, payload) }
            let receipt = try log.commit(&batch)
            for (index, location) in batch.locations().enumerated() {
                records.append(
                    StoredRecord(
                        kind: 1, sequence: receipt.first.rawValue + UInt64(index), payload: payloads[index]))
                ends.append(Int(location.offset) + RecordHeader.size + Int(location.length))
            }
        }
        return (try TemporaryDirectory.contents(directory.path + "/00000001.segment"), records, ends)
    }

    private static let batches: [[[UInt8]]] = [
        [octets(5, 1)], [octets(40, 2), [], octets(17, 3)], [octets(8, 4)], [octets(33, 5), octets(2, 6)],
    ]

    /// Records that are one change are all there or none, wherever the log is cut; what was complete before stays.
    @Test func joinedRecordsComeTogether() throws {
        let source = try TemporaryDirectory()
        let log = try VolumeLog.open(directory: source.path, options: CrashTests.options(8_192))
        try log.add([octets(7, 1)])
        var batch = RecordBatch()
        for number in 0..<3 {
            batch.append(kind: 1, octets(20, number))
            if number < 2 { batch.joinLastToNext() }
        }
        batch.append(kind: 1, octets(9, 9))
        try log.commit(&batch)
        let ends = batch.locations().map { Int($0.offset) + RecordHeader.size + Int($0.length) }
        let file = try TemporaryDirectory.contents(source.path + "/00000001.segment")
        let directory = try TemporaryDirectory()
        for cut in ends[0] - 30...file.count {
            try TemporaryDirectory.write(Array(file[..<cut]), to: directory.path + "/00000001.segment")
            let whole = cut < ends[2] ? 1 : cut < ends[3] ? 4 : 5
            for round in 0..<2 {
                let log = try VolumeLog.open(directory: directory.path, options: CrashTests.options(8_192))
                #expect(try log.contents().count == whole + 2 * round, "cut at \(cut)")
                #expect(log.openReport.damages.isEmpty)
                try log.add([octets(3, cut), octets(5, cut)])
            }
            for name in TemporaryDirectory.names(directory.path) { unlink(directory.path + "/" + name) }
        }
    }

    /// A segment that was taken into use and never written leaves a number out, and no record.
    @Test func unusedSegmentIsNoGap() throws {
        let directory = try TemporaryDirectory()
        do {
            let log = try VolumeLog.open(directory: directory.path, options: CrashTests.options(8_192))
            try log.add([octets(3000, 1)])
        }
        // Prepared, renamed, and then the process ended.
        try TemporaryDirectory.write([UInt8](repeating: 0, count: 8_192), to: directory.path + "/00000002.segment")
        let log = try VolumeLog.open(directory: directory.path, options: CrashTests.options(8_192))
        try log.add([octets(3000, 2)])
        #expect(log.segments().map(\.number) == [1, 3])
        #expect(log.isContinuous(from: .first))
        // Numbers left out on purpose are another thing.
        log.skip(to: LogSequence(rawValue: 9))
        try log.add([octets(3, 3)])
        #expect(!log.isContinuous(from: .first))
        #expect(log.isContinuous(from: LogSequence(rawValue: 9)))
    }

    @Test func everyTruncation() throws {
        let (file, records, ends) = try self.smallLog(CrashTests.batches)
        let directory = try TemporaryDirectory()
        let path = directory.path + "/00000001.segment"
        for cut in [0, 1, 63, 64, 2_048, 4_095] + Array(SegmentHeader.size...file.count) {
            try TemporaryDirectory.write(Array(file[..<cut]), to: path)
            let whole = ends.prefix { $0 <= cut }.count
            do {
                let log = try VolumeLog.open(directory: directory.path, options: CrashTests.options(8_192))
                #expect(try log.contents() == Array(records[..<whole]), "cut at \(cut)")
                #expect(log.openReport.damages.isEmpty)
                // It goes on behind the last whole record, and that comes back as well.
                let added = try log.add([octets(3, cut), octets(9, cut)])
                #expect(added[0].sequence == UInt64(whole) + 1)
            }
            let log = try VolumeLog.open(directory: directory.path, options: CrashTests.options(8_192))
            #expect(try log.contents().count == whole + 2, "cut at \(cut)")
            for name in TemporaryDirectory.names(directory.path) { unlink(directory.path + "/" + name) }
        }
    }

    /// The rest of the segment is zeros, as after a torn write into blocks written before.
    @Test func everyCutIntoZeros() throws {
        let (file, records, ends) = try self.smallLog(CrashTests.batches, prepared: true)
        #expect(file.count == 8_192)
        let directory = try TemporaryDirectory()
        let last = try #require(ends.last)
        for cut in SegmentHeader.size...last {
            let torn = Array(file[..<cut]) + [UInt8](repeating: 0, count: file.count - cut)
            try TemporaryDirectory.write(torn, to: directory.path + "/00000001.segment")
            let log = try VolumeLog.open(directory: directory.path, options: CrashTests.options(8_192))
            let contents = try log.contents()
            // A record whose lost octets were zeros is whole.
            let whole = ends.prefix { end in end <= cut || file[cut..<end].allSatisfy { $0 == 0 } }.count
            #expect(contents == Array(records[..<whole]), "cut at \(cut)")
            #expect(log.openReport.damages.isEmpty)
        }
    }

    @Test func everyFlippedOctet() throws {
        let (file, records, ends) = try self.smallLog(CrashTests.batches)
        let directory = try TemporaryDirectory()
        let path = directory.path + "/00000001.segment"
        for place in [0, 10, 20, 40, 63, 64, 3_000] + Array(SegmentHeader.size..<file.count) {
            var flipped = file
            flipped[place] ^= 0x10
            try TemporaryDirectory.write(flipped, to: path)
            let log = try VolumeLog.open(directory: directory.path, options: CrashTests.options(8_192))
            let contents = try log.contents()
            guard place >= SegmentHeader.size, let hit = ends.firstIndex(where: { $0 > place }) else {
                #expect(contents == records, "flip at \(place)")
                continue
            }
            // Padding between records means nothing.
            let start = hit == 0 ? SegmentHeader.size : (ends[hit - 1] + 7) & ~7
            if place < start {
                #expect(contents == records, "flip at \(place)")
                continue
            }
            if hit < 5 {
                // The last batch was flushed after the hit record, so it is damage and the rest is there.
                var rest = records
                rest.remove(at: hit)
                #expect(contents == rest, "flip at \(place)")
                #expect(log.openReport.damages.count == 1)
                let number = records[hit].sequence
                #expect(log.openReport.damages.first?.lost == number...number)
            } else if hit == 5 || hit == 4 {
                // Within the last batch it cannot be told from a torn write.
                #expect(contents == Array(records[..<hit]), "flip at \(place)")
                #expect(log.openReport.damages.isEmpty)
            }
            let added = try log.add([octets(3, 1)])
            #expect(added[0].sequence > contents.last?.sequence ?? 0)
        }
    }

    /// Blocks of an unflushed batch reach the disk in any order.
    @Test func laterRecordsOfATornBatchAreCut() throws {
        let (file, records, ends) = try self.smallLog(
            [[octets(9, 1)], [octets(20, 2), octets(20, 3), octets(20, 4)]], prepared: true)
        var torn = file
        torn[ends[0] + 47] ^= 1
        let directory = try TemporaryDirectory()
        try TemporaryDirectory.write(torn, to: directory.path + "/00000001.segment")
        do {
            let log = try VolumeLog.open(directory: directory.path, options: CrashTests.options(8_192))
            #expect(try log.contents() == [records[0]])
            #expect(log.openReport.damages.isEmpty)
            #expect(log.openReport.tornOctets > 0)
            // Of the same size and content as the one cut: what was cut must not fit behind it.
            try log.add([octets(20, 2)])
        }
        let log = try VolumeLog.open(directory: directory.path, options: CrashTests.options(8_192))
        #expect(try log.contents() == Array(records[...1]))
    }

    @Test func damageInOlderSegmentsIsReported() throws {
        let directory = try TemporaryDirectory()
        var records: [StoredRecord] = []
        do {
            let log = try VolumeLog.open(directory: directory.path, options: CrashTests.options(8_192))
            for round in 0..<12 { records += try log.add([octets(900, round)]) }
        }
        let path = directory.path + "/00000002.segment"
        var file = try TemporaryDirectory.contents(path)
        let intact = file
        for octet in 5_100..<5_900 { file[octet] = 0xAA }
        try TemporaryDirectory.write(file, to: path)
        do {
            let log = try VolumeLog.open(directory: directory.path, options: CrashTests.options(8_192))
            let report = try log.verify()
            #expect(report.damages.count == 1)
            let damage = try #require(report.damages.first)
            #expect(damage.segment == 2 && damage.cause == .records && damage.lost == 6...6)
            #expect(try log.contents() == records.filter { $0.sequence != 6 })
        }
        // Both copies of the header gone: the records are still found.
        file = intact
        for octet in 0..<SegmentHeader.size { file[octet] = 0x55 }
        try TemporaryDirectory.write(file, to: path)
        do {
            let log = try VolumeLog.open(directory: directory.path, options: CrashTests.options(8_192))
            #expect(log.openReport.damages.map { $0.cause } == [.segmentHeader])
            #expect(try log.contents() == records)
        }
        // Nothing in the file is right: it is set aside.
        try TemporaryDirectory.write([UInt8](repeating: 0x55, count: file.count), to: path)
        do {
            let log = try VolumeLog.open(directory: directory.path, options: CrashTests.options(8_192))
            #expect(log.openReport.damages.map { $0.cause } == [.segment])
            #expect(try log.contents() == records.filter { !(5...8).contains($0.sequence) })
            #expect(TemporaryDirectory.names(directory.path).contains("damaged-00000002"))
        }
        // The end of an older segment is gone.
        try TemporaryDirectory.write(Array(intact[..<7_000]), to: path)
        let log = try VolumeLog.open(directory: directory.path, options: CrashTests.options(8_192))
        #expect(try log.verify().damages.map { $0.lost } == [8...8])
    }

    @Test func unknownVersionAndForeignFilesAreRefused() throws {
        let (file, _, _) = try self.smallLog(CrashTests.batches)
        let directory = try TemporaryDirectory()
        let path = directory.path + "/00000001.segment"
        try TemporaryDirectory.write([UInt8](repeating: 0x55, count: 5_000), to: path)
        #expect(throws: VolumeLogError.self) { try VolumeLog.open(directory: directory.path) }
        var newer = file
        newer[8] = 2
        let checksum = ChecksumOf.header(newer)
        for octet in 0..<4 { newer[60 + octet] = UInt8(truncatingIfNeeded: checksum >> (8 * octet)) }
        try TemporaryDirectory.write(newer, to: path)
        let error = #expect(throws: VolumeLogError.self) { try VolumeLog.open(directory: directory.path) }
        #expect(error?.code == .unsupportedVersion)
    }

    /// Random batches, rotation, recycling, reopening, torn tails over blocks full of old records.
    @Test(arguments: 0..<12)
    func randomHistory(_ seed: UInt64) throws {
        var random = SmallRandom(state: seed &* 0x9E37_79B9_7F4A_7C15 | 1)
        let directory = try TemporaryDirectory()
        var options = CrashTests.options(12_288)
        options.maximumSpares = 3
        var log: VolumeLog? = try VolumeLog.open(directory: directory.path, options: options)
        var model: [StoredRecord] = []
        for step in 0..<250 {
            switch random.below(12) {
            case 0:
                try log?.prepareNextSegment()
            case 1:
                let limit = (model.first?.sequence ?? 1) + UInt64(random.below(max(1, model.count)))
                try log?.recycle(below: LogSequence(rawValue: limit))
                let first = log?.segments().first?.firstSequence.rawValue ?? 0
                model.removeAll { $0.sequence < first }
            case 2:
                log = nil
                log = try VolumeLog.open(directory: directory.path, options: options)
                #expect(log?.openReport.damages == [])
            case 3:
                // A batch that is not acknowledged, torn at some octet; what was there before stays.
                let before = try self.lastSegment(directory)
                try log?.add((0..<3).map { octets(1 + random.below(700), step + $0) })
                log = nil
                let after = try self.lastSegment(directory)
                var kept: UInt64 = 0
                if before?.path == after?.path, let before, let after {
                    var torn = after.bytes
                    let cut = random.below(after.bytes.count + 1)
                    for place in cut..<torn.count {
                        torn[place] = place < before.bytes.count ? before.bytes[place] : 0
                    }
                    try TemporaryDirectory.write(torn, to: after.path)
                }
                log = try VolumeLog.open(directory: directory.path, options: options)
                #expect(log?.openReport.damages == [])
                kept = log?.lastSequence.rawValue ?? 0
                let contents = try log?.contents() ?? []
                #expect(contents.count >= model.count)
                model += contents.filter { $0.sequence > model.last?.sequence ?? 0 && $0.sequence <= kept }
            default:
                let payloads = (0..<1 + random.below(4)).map { octets(random.below(1_200), step &* 7 &+ $0) }
                model += try log?.add(payloads, durability: random.below(3) == 0 ? .written : .flushed) ?? []
            }
            if step % 5 == 0 {
                let contents = try log?.contents() ?? []
                #expect(contents == model, "seed \(seed) step \(step)")
                if contents != model { return }
            }
        }
    }

    private func lastSegment(_ directory: TemporaryDirectory) throws -> (path: String, bytes: [UInt8])? {
        guard let name = TemporaryDirectory.names(directory.path).last(where: { $0.hasSuffix(".segment") })
        else { return nil }
        let path = directory.path + "/" + name
        return (path, try TemporaryDirectory.contents(path))
    }
}

struct SmallRandom {
    var state: UInt64

    mutating func below(_ bound: Int) -> Int {
        self.state ^= self.state << 13
        self.state ^= self.state >> 7
        self.state ^= self.state << 17
        return Int(self.state % UInt64(max(1, bound)))
    }
}
