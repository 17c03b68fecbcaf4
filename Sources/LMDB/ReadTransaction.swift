internal import CLMDB

/// A key and its value, pointing into the map: valid until the transaction ends or, in a write
/// transaction, until its next change.
public typealias Entry = (key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer)

/// A snapshot of the environment, lent to a closure.
public struct ReadTransaction: ~Copyable {
    // Valid exactly as long as the closure that borrows this value runs.
    let handle: OpaquePointer

    @usableFromInline
    init(handle: OpaquePointer) { self.handle = handle }

    /// The value of `key` (1 to 511 octets), without copying it.
    public func get(
        _ database: Database, _ key: UnsafeRawBufferPointer
    ) throws(LMDBError) -> UnsafeRawBufferPointer? {
        var key = MDB_val(key)
        var value = MDB_val()
        let result = mdb_get(self.handle, database.index, &key, &value)
        if result == MDB_NOTFOUND { return nil }
        try check(result, "mdb_get")
        return UnsafeRawBufferPointer(value)
    }

    /// The value of `key` (1 to 511 octets), without copying it.
    public func get(_ database: Database, _ key: [UInt8]) throws(LMDBError) -> UnsafeRawBufferPointer? {
        try key.withBytes { (key) throws(LMDBError) in try self.get(database, key) }
    }

    /// A cursor over `database`, in no position. It must not outlive the transaction.
    public func cursor(_ database: Database) throws(LMDBError) -> Cursor {
        try Cursor(self.handle, database, environment: nil)
    }

    /// Number of entries of `database`.
    public func count(_ database: Database) throws(LMDBError) -> Int {
        var statistics = MDB_stat()
        try check(mdb_stat(self.handle, database.index, &statistics), "mdb_stat")
        return statistics.ms_entries
    }
}

extension MDB_val {
    @inline(__always)
    init(_ bytes: UnsafeRawBufferPointer) {
        self.init(
            mv_size: bytes.count, mv_data: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
    }
}

extension UnsafeRawBufferPointer {
    @inline(__always)
    init(_ value: MDB_val) { self.init(start: value.mv_data, count: value.mv_size) }
}

extension [UInt8] {
    /// `withUnsafeBytes` with a typed error.
    @inline(__always)
    func withBytes<R>(
        _ body: (UnsafeRawBufferPointer) throws(LMDBError) -> R
    ) throws(LMDBError) -> R {
        try self.withUnsafeBufferPointer { (bytes) throws(LMDBError) in
            try body(UnsafeRawBufferPointer(bytes))
        }
    }
}
