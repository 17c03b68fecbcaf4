internal import LMDB
internal import MailCore
internal import VolumeLog

/// Counts who names a body in the log, and how much of each segment is needed for that; inside one write
/// transaction.
struct BodyAccounting {
    /// What to do with a body that nobody names any more.
    enum Unreferenced {
        case forget
        /// A rebuild meets names and bodies in no order, so it decides at its end.
        case keep
    }

    /// The body that the record at hand holds.
    var current: (id: BodyID, location: RecordLocation, count: UInt32, isPacked: Bool)?
    var unreferenced = Unreferenced.forget
    /// How the needed octets of segments have changed in this transaction.
    private var changes: [UInt32: Int64] = [:]
    /// Needed octets of the segments that this transaction changed, after `finish`.
    private(set) var live: [UInt32: UInt64] = [:]
    /// The records of large bodies that nobody names any more.
    private(set) var freedLarge: [RecordLocation] = []
    private var buffer: [UInt8] = []

    private func row(
        _ id: BodyID, _ schema: IndexSchema, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) -> BodyRow? {
        try transaction.get(schema.bodies, IndexSchema.key(id)).flatMap { BodyRow($0) }
    }

    private mutating func put(
        _ id: BodyID, _ row: BodyRow, _ schema: IndexSchema, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        self.buffer.removeAll(keepingCapacity: true)
        row.encode(into: &self.buffer)
        try transaction.put(schema.bodies, IndexSchema.key(id), self.buffer)
    }

    private mutating func count(_ row: BodyRow, _ sign: Int64) {
        guard let location = row.location else { return }
        self.changes[location.segment, default: 0] += sign * Int64(clamping: row.span)
    }

    /// In a rebuild, makes the body of the record at hand known although nobody may name it yet: the mailbox that it
    /// came into may be gone from the checkpoint, and a copy elsewhere be still to come.
    mutating func introduce(
        _ schema: IndexSchema, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        guard self.unreferenced == .keep, let current else { return }
        var row =
            try self.row(current.id, schema, transaction) ?? BodyRow(location: nil, count: 0, references: 0)
        guard row.location == nil else { return }
        row.location = current.location
        row.count = current.count
        row.isPacked = current.isPacked
        if row.references > 0 { self.count(row, 1) }
        try self.put(current.id, row, schema, transaction)
    }

    /// One more message names the body.
    mutating func retain(
        _ id: BodyID, _ schema: IndexSchema, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        var row = try self.row(id, schema, transaction) ?? BodyRow(location: nil, count: 0, references: 0)
        let wasCounted = row.references > 0 && row.location != nil
        if let current, current.id == id, row.location == nil {
            row.location = current.location
            row.count = current.count
            row.isPacked = current.isPacked
        }
        row.references = row.references == .max ? .max : row.references + 1
        if !wasCounted { self.count(row, 1) }
        try self.put(id, row, schema, transaction)
    }

    /// One message fewer names it.
    mutating func release(
        _ id: BodyID, _ schema: IndexSchema, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        guard var row = try self.row(id, schema, transaction), row.references > 0 else { return }
        row.references -= 1
        if row.references == 0 {
            self.count(row, -1)
            if self.unreferenced == .forget {
                if Int(row.count) > VolumeLog.largeBody, let location = row.location {
                    self.freedLarge.append(location)
                }
                try transaction.delete(schema.bodies, IndexSchema.key(id))
                return
            }
        }
        try self.put(id, row, schema, transaction)
    }

    /// The body stands in another record now.
    mutating func move(
        _ id: BodyID, to location: RecordLocation, count: UInt32, isPacked: Bool, _ schema: IndexSchema,
        _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        // Gone while it was copied: the copy is garbage.
        guard var row = try self.row(id, schema, transaction) else { return }
        if row.references > 0 { self.count(row, -1) }
        row.location = location
        row.count = count
        row.isPacked = isPacked
        if row.references > 0 { self.count(row, 1) }
        try self.put(id, row, schema, transaction)
    }

    /// Writes what the segments have now.
    mutating func finish(_ schema: IndexSchema, _ transaction: borrowing WriteTransaction) throws(LMDBError) {
        for (segment, change) in self.changes where change != 0 {
            let key = IndexSchema.key(segment)
            var octets: Int64 = 0
            if let value = try transaction.get(schema.segments, key), value.count == 8 {
                octets = Int64(littleEndian: value.loadUnaligned(as: Int64.self))
            }
            octets = max(0, octets &+ change)
            if octets == 0 {
                try transaction.delete(schema.segments, key)
            } else {
                var bytes: [UInt8] = []
                bytes.appendLittleEndian(octets)
                try transaction.put(schema.segments, key, bytes)
            }
            self.live[segment] = UInt64(octets)
        }
        self.changes = [:]
    }
}
