internal import LMDB
internal import MIMECore
internal import MailCore
internal import MailStore

extension OpenMailbox {
    func signatures(
        of records: [MessageRecord], _ visit: (Int, TextSignature.View?) -> Bool
    ) async throws(StoreError) {
        guard !records.isEmpty else { return }
        try await self.awaitAppended()
        let schema = self.volume.schema
        let prefix = IndexSchema.key(self.state.key)
        try schema.read { (transaction) throws(LMDBError) in
            let cursor = try transaction.cursor(schema.signatures)
            var row: (uid: UInt32, value: UnsafeRawBufferPointer)?
            var isAtEnd = false

            func take(_ entry: Entry?) {
                guard let entry, entry.key.count == 12, entry.key.starts(with: prefix) else {
                    row = nil
                    isAtEnd = true
                    return
                }
                row = (IndexSchema.lastNumber(of: entry.key), entry.value)
            }

            for position in records.indices {
                let uid = records[position].uid
                // Messages asked for are mostly neighbours. Where they are not, a search is cheaper than many steps.
                var steps = 0
                while let known = row, known.uid < uid.rawValue, steps < Self.neighbours {
                    take(try cursor.next())
                    steps += 1
                }
                if !isAtEnd, row.map({ $0.uid < uid.rawValue }) ?? true {
                    take(try cursor.seek(IndexSchema.key(self.state.key, uid)))
                }
                var signature: TextSignature.View?
                if let known = row, known.uid == uid.rawValue { signature = TextSignature.View(known.value) }
                guard visit(position, signature) else { return }
            }
        }
    }

    private static let neighbours = 8
}
