internal import LMDB
internal import MailCore

/// Removes what scripts need not remember any more. No record says so: what a rebuild brings back is removed again.
extension IndexWriter {
    /// Rows that an account may have; the ones that end first go.
    static let maximumMemories = 10_000
    /// Rows looked at in one transaction, to the end of an account.
    private static let slice = 20_000

    /// Goes through the rows behind `last`; where the next slice begins, `nil` at the end.
    func forget(
        at now: Int64, after last: [UInt8], _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) -> [UInt8]? {
        var looked = 0
        var account: [UInt8] = []
        var kept: [(expires: Int64, key: [UInt8])] = []
        var gone: [[UInt8]] = []
        var rest: [UInt8]?
        let cursor = try transaction.cursor(self.schema.remembered)
        var entry = try cursor.seek(last)
        while let found = entry {
            let key = Array(found.key)
            if !key.starts(with: account) || account.isEmpty {
                gone += Self.surplus(&kept)
                if looked >= Self.slice {
                    rest = key
                    break
                }
                account = Array(key.prefix(4))
            }
            looked += 1
            let expires =
                found.value.count == 8 ? Int64(littleEndian: found.value.loadUnaligned(as: Int64.self)) : 0
            if expires <= now { gone.append(key) } else { kept.append((expires, key)) }
            entry = try cursor.next()
        }
        gone += Self.surplus(&kept)
        for key in gone { _ = try transaction.delete(self.schema.remembered, key) }
        return rest
    }

    /// Empties `kept` and answers those of it that are too many.
    private static func surplus(_ kept: inout [(expires: Int64, key: [UInt8])]) -> [[UInt8]] {
        defer { kept.removeAll(keepingCapacity: true) }
        guard kept.count > self.maximumMemories else { return [] }
        return kept.sorted { $0.expires < $1.expires }.prefix(kept.count - self.maximumMemories).map(\.key)
    }
}
