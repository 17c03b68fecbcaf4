internal import LMDB
internal import MailCore
internal import VolumeLog

/// The trace in the index: rows in the order of the log, the oldest removed when they are too many or too old. A
/// checkpoint leaves it out, so a rebuild has only what is behind the last one.
extension IndexWriter {
    /// Rows removed in one transaction at most.
    private static let slice = 20_000

    mutating func trace(
        _ octets: [UInt8], at sequence: LogSequence, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        var key: [UInt8] = []
        key.appendBigEndian(sequence.rawValue)
        guard try transaction.get(self.schema.trace, key) == nil else { return }
        try transaction.put(self.schema.trace, key, octets)
        self.traced += UInt64(octets.count)
    }

    /// Adds what was put to the count of octets.
    mutating func finishTrace(_ transaction: borrowing WriteTransaction) throws(LMDBError) {
        guard self.traced > 0 else { return }
        try self.schema.setMeta(.traceOctets, try self.traceOctets(transaction) &+ self.traced, transaction)
        self.traced = 0
    }

    /// Removes rows from the front, until what is left is as small and as young as it may be. Comes after `finish`.
    ///
    /// - Parameters:
    ///   - limit: octets.
    ///   - oldest: seconds since 1970; what is older goes.
    func trimTrace(
        to limit: UInt64, oldest: Int64, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        let known = try self.traceOctets(transaction)
        guard known > 0 else { return }
        var octets = known
        do {
            let cursor = try transaction.cursor(self.schema.trace)
            var removed = 0
            var entry = try cursor.first()
            while let row = entry, removed < Self.slice {
                guard octets > limit || TraceRecord.time(row.value) < oldest else { break }
                octets -= min(octets, UInt64(row.value.count))
                try cursor.delete()
                removed += 1
                entry = try cursor.next()
            }
            // Nothing is left: a count that was wrong is right again.
            if entry == nil { octets = 0 }
        }
        if octets != known { try self.schema.setMeta(.traceOctets, octets, transaction) }
    }

    private func traceOctets(_ transaction: borrowing WriteTransaction) throws(LMDBError) -> UInt64 {
        guard let value = try transaction.get(self.schema.meta, Array(IndexSchema.Meta.traceOctets.rawValue.utf8)),
            value.count == 8
        else { return 0 }
        return UInt64(littleEndian: value.loadUnaligned(as: UInt64.self))
    }
}
