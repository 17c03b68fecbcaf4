import TemporaryFiles
import Testing

@testable import VolumeLog

@Suite struct MappingTests {
    @Test func mappedPayloadKeepsItsSegment() throws {
        let directory = try TemporaryDirectory()
        var options = LogOptions()
        options.segmentSize = 16_384
        let log = try VolumeLog.open(directory: directory.path, options: options)
        let octets = (0..<9000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        var locations: [RecordLocation] = []
        for _ in 0..<6 {
            var batch = RecordBatch()
            batch.append(kind: 1, octets)
            try log.commit(&batch)
            locations += batch.locations()
        }
        let first = try log.map(locations[0])
        #expect(Array(first.octets) == octets)
        let number = locations[0].segment
        try log.recycle(segment: number)
        try log.recycle(below: log.lastSequence)
        #expect(log.segments().contains { $0.number == number })
        var second: MappedPayload? = try log.map(locations[0])
        #expect(second?.octets.count == 9000)
        second = nil
        try log.recycle(segment: number)
        #expect(log.segments().contains { $0.number == number })
        withExtendedLifetime(first) {}
    }

    @Test func givenBackAfterwards() throws {
        let directory = try TemporaryDirectory()
        var options = LogOptions()
        options.segmentSize = 16_384
        let log = try VolumeLog.open(directory: directory.path, options: options)
        var locations: [RecordLocation] = []
        for _ in 0..<4 {
            var batch = RecordBatch()
            batch.append(kind: 1, [UInt8](repeating: 5, count: 9000))
            try log.commit(&batch)
            locations += batch.locations()
        }
        do {
            let mapped = try log.map(locations[0])
            #expect(mapped.octets.allSatisfy { $0 == 5 })
        }
        try log.recycle(segment: locations[0].segment)
        #expect(!log.segments().contains { $0.number == locations[0].segment })
        #expect(throws: VolumeLogError.self) { try log.map(locations[0]) }
        var wrong = locations[3]
        wrong.offset += 8
        #expect(throws: VolumeLogError.self) { try log.map(wrong) }
    }
}
