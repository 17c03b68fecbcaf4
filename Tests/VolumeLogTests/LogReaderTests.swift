import TemporaryFiles
import Testing

@testable import VolumeLog

/// Reading a log that another process has open.
@Suite struct LogReaderTests {
    @Test func readsBesideAWriter() throws {
        let directory = try TemporaryDirectory()
        var options = LogOptions()
        options.segmentSize = 8_192
        options.files = .quick
        let log = try VolumeLog.open(directory: directory.path, options: options)
        var stored: [StoredRecord] = []
        for number in 0..<20 { stored += try log.add([[UInt8](repeating: UInt8(number), count: 700)]) }
        let reader = try LogReader(directory: directory.path)
        #expect(reader.segments.count == log.segments().count)
        #expect(reader.segments.count > 3)
        var seen: [StoredRecord] = []
        for segment in reader.segments {
            let report = try reader.read(segment) { record in
                seen.append(
                    StoredRecord(
                        kind: record.kind, sequence: record.sequence.rawValue, payload: Array(record.payload)))
                return .next
            }
            #expect(report.damages.isEmpty)
        }
        #expect(seen == stored)
        // The writer goes on.
        stored += try log.add([[1]])
        #expect(try log.contents() == stored)
    }

    @Test func notesAreReplacedWhole() throws {
        let directory = try TemporaryDirectory()
        let log = try VolumeLog.open(directory: directory.path)
        #expect(log.note("checkpoint") == nil)
        try log.replaceNote("checkpoint", [1, 2, 3])
        try log.replaceNote("checkpoint", [4])
        #expect(log.note("checkpoint") == [4])
    }
}
