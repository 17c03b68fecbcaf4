import Glibc
import Synchronization
import TemporaryFiles
import Testing

@testable import VolumeLog

/// Lets the n-th system call fail, once or from then on.
final class Faults: Sendable {
    enum Mode: CaseIterable, Sendable { case once, lasting, short }

    private let calls = Atomic<Int>(0)
    private let failing: Atomic<Int>
    private let number: Int32
    private let mode: Mode

    init(failing: Int, number: Int32, mode: Mode) {
        self.failing = Atomic(failing)
        self.number = number
        self.mode = mode
    }

    var count: Int { self.calls.load(ordering: .relaxed) }

    /// Lets a coming call fail; 0 is the next one.
    func failNext(_ distance: Int) { self.failing.store(self.count + distance, ordering: .relaxed) }

    /// The cause goes away.
    func heal() { self.failing.store(.max, ordering: .relaxed) }

    private func fails() -> Bool {
        let call = self.calls.wrappingAdd(1, ordering: .relaxed).oldValue
        let failing = self.failing.load(ordering: .relaxed)
        return self.mode == .lasting ? call >= failing : call == failing
    }

    var operations: FileOperations {
        let system = FileOperations.quick
        @Sendable func fail() -> Int32 {
            errno = self.number
            return -1
        }
        return FileOperations(
            open: { self.fails() ? fail() : system.open($0, $1, $2) },
            write: { file, bytes, offset in
                guard self.fails() else { return system.write(file, bytes, offset) }
                // A full disk often takes a part first.
                let part = UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count / 2)])
                let written = system.write(file, part, offset)
                if self.mode == .short, written > 0 { return written }
                errno = self.number
                return -1
            },
            flush: { self.fails() ? fail() : system.flush($0) },
            flushDirectory: { self.fails() ? fail() : system.flushDirectory($0) },
            truncate: { self.fails() ? fail() : system.truncate($0, $1) },
            rename: { self.fails() ? fail() : system.rename($0, $1) },
            unlink: { self.fails() ? fail() : system.unlink($0) },
            space: system.space)
    }
}

@Suite struct FaultTests {
    /// Commits through rotation, recycling and preparation with a fault at every call in turn: what
    /// was acknowledged is there after reopening, each number once, and nothing that was not sent.
    @Test(arguments: [ENOSPC, EIO, EDQUOT, EMFILE], Faults.Mode.allCases)
    func everyCallFails(_ number: Int32, _ mode: Faults.Mode) throws {
        var point = 0
        while true {
            let directory = try TemporaryDirectory()
            let faults = Faults(failing: point, number: number, mode: mode)
            let acknowledged = try self.work(directory.path, faults)
            #expect(point < 400)
            var options = LogOptions()
            options.files = .quick
            let log = try VolumeLog.open(directory: directory.path, options: options)
            #expect(log.openReport.damages.isEmpty, "point \(point)")
            #expect(try log.verify().damages.isEmpty, "point \(point)")
            let contents = try log.contents()
            let first = log.segments().first?.firstSequence.rawValue ?? 1
            let present = Set(contents)
            for record in acknowledged where record.sequence >= first {
                #expect(present.contains(record), "point \(point)")
            }
            #expect(zip(contents, contents.dropFirst()).allSatisfy { $0.sequence + 1 == $1.sequence })
            // Unacknowledged records may be there only at the end, or where the log stopped.
            if faults.count <= point { break }
            point += 1
        }
    }

    private func work(_ path: String, _ faults: Faults) throws -> [StoredRecord] {
        var options = LogOptions()
        options.segmentSize = 8_192
        options.maximumSpares = 2
        options.files = faults.operations
        guard let log = try? VolumeLog.open(directory: path, options: options) else { return [] }
        var acknowledged: [StoredRecord] = []
        var isHealed = false
        for round in 0..<14 {
            do {
                acknowledged += try log.add([
                    octets(1_000, round), octets(5, round), octets(100 * (round % 3), 3),
                ])
            } catch {
                let code = (error as? VolumeLogError)?.code
                if code == .diskFull || code == .exhausted, log.failure == nil {
                    // Space is back: service goes on by itself, with the next number.
                    faults.heal()
                    isHealed = true
                    let more = try log.add([octets(700, round)])
                    #expect(more[0].sequence == (acknowledged.last?.sequence ?? 0) + 1)
                    acknowledged += more
                } else if log.failure != nil {
                    let error = #expect(throws: VolumeLogError.self) { try log.add([[1]]) }
                    #expect(error?.code == .stopped)
                    return acknowledged
                }
            }
            if round % 3 == 1 { try? log.prepareNextSegment() }
            if round == 8 { _ = try? log.recycle(below: LogSequence(rawValue: 7)) }
        }
        if isHealed { #expect(log.failure == nil) }
        return acknowledged
    }

    @Test(arguments: [(ENOSPC, VolumeLogError.Code.diskFull), (EMFILE, .exhausted), (ENFILE, .exhausted)])
    func nothingBeforeAnythingWasWritten(_ number: Int32, _ code: VolumeLogError.Code) throws {
        let directory = try TemporaryDirectory()
        let faults = Faults(failing: 0, number: number, mode: .lasting)
        var options = LogOptions()
        options.files = faults.operations
        let log = try VolumeLog.open(directory: directory.path, options: options)
        for _ in 0..<3 {
            let error = #expect(throws: VolumeLogError.self) { try log.add([octets(10, 1)]) }
            #expect(error?.code == code)
        }
        faults.heal()
        let records = try log.add([octets(10, 1)])
        #expect(records[0].sequence == 1)
        #expect(try log.contents() == records)
    }

    /// A spare file that could not be opened serves the next commit, and no number is left out.
    @Test func spareIsNotLostForWantOfDescriptors() throws {
        let directory = try TemporaryDirectory()
        let faults = Faults(failing: .max, number: EMFILE, mode: .once)
        var options = LogOptions()
        options.segmentSize = 8_192
        options.maximumSpares = 1
        options.files = faults.operations
        let log = try VolumeLog.open(directory: directory.path, options: options)
        try log.add([octets(3_900, 1)])
        try log.prepareNextSegment()
        let names = TemporaryDirectory.names(directory.path)
        faults.failNext(0)
        let error = #expect(throws: VolumeLogError.self) { try log.add([octets(3_900, 2)]) }
        #expect(error?.code == .exhausted)
        #expect(TemporaryDirectory.names(directory.path) == names)
        try log.add([octets(3_900, 3)])
        #expect(TemporaryDirectory.names(directory.path).count == names.count)
        #expect(log.segments().map(\.number) == [1, 2])
    }

    /// A flush that failed may have lost what an earlier commit had only written.
    @Test func failedFlushStopsTheLog() throws {
        for number in [EIO, ENOSPC] {
            let directory = try TemporaryDirectory()
            // Calls: open, write, write, flush.
            let faults = Faults(failing: 3, number: number, mode: .once)
            var options = LogOptions()
            options.files = faults.operations
            let log = try VolumeLog.open(directory: directory.path, options: options)
            try log.add([octets(10, 1)], durability: .written)
            #expect(throws: VolumeLogError.self) { try log.add([octets(10, 2)]) }
            let error = #expect(throws: VolumeLogError.self) { try log.add([octets(10, 3)]) }
            #expect(error?.code == .stopped)
            #expect(log.failure != nil)
        }
    }
}
