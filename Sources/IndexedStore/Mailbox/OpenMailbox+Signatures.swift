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
        try self.rows(of: records, self.volume.schema.signatures) { position, value in
            visit(position, value.flatMap { TextSignature.View($0) })
        }
        try self.checkInUse()
    }

    func headerKeys(
        of records: [MessageRecord], _ visit: (Int, HeaderKeys.View?) -> Bool
    ) async throws(StoreError) {
        guard !records.isEmpty else { return }
        try await self.awaitAppended()
        try self.rows(of: records, self.volume.schema.headerKeys) { position, value in
            visit(position, value.flatMap { HeaderKeys.View($0) })
        }
        try self.checkInUse()
    }

    /// Calls `visit` with the row of each record, which ascend by UID, in a database that is keyed by message.
    @inline(__always)
    private func rows(
        of records: [MessageRecord], _ database: Database, _ visit: (Int, UnsafeRawBufferPointer?) -> Bool
    ) throws(StoreError) {
        let key = self.state.key
        // Account and mailbox, as the first octets of a key that is read as one number.
        let prefix = (UInt64(key.account) << 32 | UInt64(key.mailbox)).bigEndian
        try self.volume.schema.read { (transaction) throws(LMDBError) in
            let cursor = try transaction.cursor(database)
            // Where the cursor stands; beyond all UIDs behind the mailbox's last row.
            var uid: UInt64 = 0
            var value = UnsafeRawBufferPointer(start: nil, count: 0)
            var isPlaced = false
            var octets = 0
            defer { self.volume.schema.environment.look(at: octets) }

            func take(_ entry: Entry?) {
                isPlaced = true
                guard let entry, entry.key.count == 12, entry.key.loadUnaligned(as: UInt64.self) == prefix else {
                    uid = .max
                    return
                }
                uid = UInt64(UInt32(bigEndian: entry.key.loadUnaligned(fromByteOffset: 8, as: UInt32.self)))
                value = entry.value
                octets += value.count
            }

            for position in records.indices {
                let wanted = records[position].uid
                // Messages asked for are mostly neighbours. Where they are not, a search is cheaper than many steps.
                var steps = 0
                while isPlaced, uid < wanted.rawValue, steps < Self.neighbours {
                    take(try cursor.next())
                    steps += 1
                }
                if !isPlaced || uid < wanted.rawValue { take(try cursor.seek(IndexSchema.key(key, wanted))) }
                guard visit(position, uid == wanted.rawValue ? value : nil) else { return }
            }
        }
    }

    private static let neighbours = 8
}
