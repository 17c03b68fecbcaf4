internal import LMDB
internal import MailCore
internal import MailStore
internal import VolumeLog

/// Octets of messages that are in memory already, the system's cache of files included.
///
/// Reading those where they are asked for takes a tenth of what the way to a storage thread and back does.
extension OpenMailbox {
    /// Octets that are read at once on an event loop.
    private static let limitAtHand = 128 * 1024
    /// What a body's record may have before it: names of mailboxes, caches and the like.
    private static let recordLimit = 4 * limitAtHand

    /// What `octets(of:limit:)` answers for the first messages, as far as it can be read without waiting. Empty when the
    /// first one cannot, or when there is anything else about it than its octets: a storage thread finds out what.
    func octetsAtHand(
        _ records: [MessageRecord], limit: Int
    ) throws(StoreError) -> [Result<MessageOctets, StoreError>] {
        var total = 0
        var count = 0
        for record in records {
            // Sizes are 32 bits wide and the sum stays below the limit, so this cannot overflow.
            total += Int(record.size)
            if total > Self.limitAtHand || (count > 0 && total > limit) { break }
            count += 1
        }
        guard count > 0 else { return [] }
        return self.state.core.home == .log
            ? try self.loggedAtHand(records[..<count]) : try self.filesAtHand(records[..<count])
    }

    private func loggedAtHand(
        _ records: ArraySlice<MessageRecord>
    ) throws(StoreError) -> [Result<MessageOctets, StoreError>] {
        let schema = self.volume.schema
        let log = self.volume.log
        let key = self.state.key
        // One transaction for all of it: the index names a place only while the log has it.
        return try schema.read { (transaction) throws(LMDBError) in
            var found: [Result<MessageOctets, StoreError>] = []
            found.reserveCapacity(records.count)
            for record in records {
                guard let value = try transaction.get(schema.messages, IndexSchema.key(key, record.uid)) else { break }
                var reader = ByteReader(value)
                guard let id = reader.readBodyID(), let place = try transaction.get(schema.bodies, IndexSchema.key(id)),
                    let row = BodyRow(place), !row.isPacked, let location = row.location,
                    Int(location.length) <= Self.recordLimit, row.count <= location.length,
                    let octets = log.recordAtHand(location)
                else { break }
                found.append(.success(MessageOctets(octets, from: octets.count - Int(row.count))))
            }
            return found
        }
    }

    private func filesAtHand(
        _ records: ArraySlice<MessageRecord>
    ) throws(StoreError) -> [Result<MessageOctets, StoreError>] {
        let state = self.state
        let rows = try self.volume.schema.rows(state.key, records.map(\.uid))
        return try state.withFiles { (files) throws(StoreError) in
            var found: [Result<MessageOctets, StoreError>] = []
            found.reserveCapacity(records.count)
            for (record, row) in zip(records, rows) {
                guard row.uid == record.uid, !row.location.isInLog,
                    let octets = files.readAtHand(
                        row.location, flags: state.fileFlags(row.flags, row.keywords))
                else { break }
                found.append(.success(octets))
            }
            return found
        }
    }
}
