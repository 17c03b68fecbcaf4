import VolumeLog

extension FileOperations {
    /// Without waiting for the disk, as no power is lost in a test.
    static var quick: FileOperations {
        var operations = FileOperations.system
        operations.flush = { _ in 0 }
        operations.flushDirectory = { _ in 0 }
        return operations
    }
}

/// A record as a value, to compare logs by.
struct StoredRecord: Hashable {
    var kind: UInt8
    var sequence: UInt64
    var payload: [UInt8]
}

extension VolumeLog {
    func contents(from first: LogSequence = .first) throws -> [StoredRecord] {
        var records: [StoredRecord] = []
        try self.replay(from: first) { record in
            records.append(
                StoredRecord(
                    kind: record.kind, sequence: record.sequence.rawValue, payload: Array(record.payload)))
            return .next
        }
        return records
    }

    /// Commits one batch of `payloads`; returns what the log must hold of it from now on.
    @discardableResult
    func add(
        _ payloads: [[UInt8]], kind: UInt8 = 1, durability: CommitDurability = .flushed
    ) throws -> [StoredRecord] {
        var batch = RecordBatch()
        for payload in payloads { batch.append(kind: kind, payload) }
        let receipt = try self.commit(&batch, durability: durability)
        return payloads.enumerated().map { index, payload in
            StoredRecord(kind: kind, sequence: receipt.first.rawValue + UInt64(index), payload: payload)
        }
    }
}

/// `count` octets that differ with `seed`.
func octets(_ count: Int, _ seed: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ seed &* 101 &+ $0 >> 8) }
}
