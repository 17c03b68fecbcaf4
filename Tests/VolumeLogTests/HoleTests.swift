import Glibc
import Synchronization
import TemporaryFiles
import Testing

@testable import VolumeLog

@Suite struct HoleTests {
    private func fill(_ log: VolumeLog) throws -> [RecordLocation] {
        var locations: [RecordLocation] = []
        for number in 0..<8 {
            var batch = RecordBatch()
            batch.append(kind: 1, [UInt8](repeating: UInt8(number + 1), count: 40_000))
            try log.commit(&batch)
            locations += batch.locations()
        }
        return locations
    }

    private func blocks(_ log: VolumeLog, _ segment: UInt32) -> Int {
        var status = stat()
        return stat(log.path(FileName.segment(segment)), &status) == 0 ? Int(status.st_blocks) * 512 : 0
    }

    @Test func passedOverKnowingly() throws {
        let directory = try TemporaryDirectory()
        var options = LogOptions()
        options.segmentSize = 128 << 10
        var log: VolumeLog? = try VolumeLog.open(directory: directory.path, options: options)
        let locations = try self.fill(try #require(log))
        do {
            let log = try #require(log)
            let before = self.blocks(log, locations[0].segment)
            let given = try log.punch(locations[0])
            #expect(given == 32_768)
            #expect(self.blocks(log, locations[0].segment) <= before - given)
            #expect(try log.punch(locations[0]) == 0)
            // Not where records are being written.
            #expect(try log.punch(try #require(locations.last)) == 0)
            #expect(throws: VolumeLogError.self) { try log.read(locations[0]) }
            #expect(throws: VolumeLogError.self) { try log.map(locations[0]) }
            for location in locations.dropFirst() { #expect(try log.read(location).count == 40_000) }
            let report = try log.verify()
            #expect(report.records == 7 && report.damages == [])
            log.close()
        }
        log = nil
        let reader = try LogReader(directory: directory.path)
        var read = 0
        for segment in reader.segments {
            let report = try reader.read(segment) { _ in
                read += 1
                return .next
            }
            #expect(report.damages == [])
        }
        #expect(read == 7)
        // After a restart, and not without the file that says so.
        let again = try VolumeLog.open(directory: directory.path, options: options)
        #expect(try again.verify().damages == [])
        #expect(try again.verify().records == 7)
        unlink(again.path(FileName.holes(locations[0].segment)))
        let damaged = try again.verify()
        #expect(damaged.damages.count == 1 && damaged.records == 7)
    }

    /// Who has read the index before does not get zeros for a payload that is about to go.
    @Test func notMappedMeanwhile() throws {
        let directory = try TemporaryDirectory()
        let ask = Mutex<@Sendable () -> Void>({})
        var options = LogOptions()
        options.segmentSize = 128 << 10
        let flush = options.files.flush
        options.files.flush = { file in
            ask.withLock { $0 }()
            return flush(file)
        }
        let log = try VolumeLog.open(directory: directory.path, options: options)
        let locations = try self.fill(log)
        let answers = Mutex<[VolumeLogError.Code?]>([])
        ask.withLock {
            $0 = {
                for location in locations[..<2] {
                    let answer: VolumeLogError.Code?
                    do throws(VolumeLogError) {
                        _ = try log.map(location)
                        answer = nil
                    } catch {
                        answer = error.code
                    }
                    answers.withLock { $0.append(answer) }
                }
            }
        }
        #expect(try log.punch(locations[0]) > 0)
        #expect(answers.withLock { $0 } == [.noSuchRecord, nil])
        ask.withLock { $0 = {} }
    }

    @Test func cutShort() throws {
        let directory = try TemporaryDirectory()
        var options = LogOptions()
        options.segmentSize = 128 << 10
        let log = try VolumeLog.open(directory: directory.path, options: options)
        let locations = try self.fill(log)
        // A line without its end says nothing; the next is on a line of its own.
        let path = log.path(FileName.holes(locations[0].segment))
        let file = open(path, O_RDWR | O_CREAT, 0o600)
        _ = pwrite(file, "409", 3, 0)
        close(file)
        #expect(log.holes(of: locations[0].segment) == [])
        #expect(try log.punch(locations[0]) > 0)
        #expect(log.holes(of: locations[0].segment).contains(locations[0].offset))
        #expect(try log.verify().damages == [])
        // The segment goes as a whole, and with it the file.
        try log.recycle(segment: locations[0].segment)
        #expect(access(path, F_OK) != 0)
        #expect(!TemporaryDirectory.names(directory.path).contains { $0.hasPrefix("spare-") })
    }
}
