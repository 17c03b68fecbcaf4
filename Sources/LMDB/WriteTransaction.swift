internal import CLMDB

/// The one transaction that may change the environment, lent to a closure.
public struct WriteTransaction: ~Copyable {
    /// The same transaction for code that only reads; it sees what was changed so far.
    public let reading: ReadTransaction
    private let environment: Environment

    @usableFromInline
    init(handle: OpaquePointer, environment: Environment) {
        self.reading = ReadTransaction(handle: handle)
        self.environment = environment
    }

    func check(_ result: Int32, _ operation: StaticString) throws(LMDBError) {
        if result == MDB_SUCCESS { return }
        // The environment then enlarges the map and runs the closure again, whatever it makes of the error.
        if result == MDB_MAP_FULL { self.environment.noteFullMap() }
        throw LMDBError(result, operation)
    }

    // MARK: Reading

    /// The value of `key`, valid until the next change in this transaction.
    public func get(
        _ database: Database, _ key: UnsafeRawBufferPointer
    ) throws(LMDBError) -> UnsafeRawBufferPointer? {
        try self.reading.get(database, key)
    }

    /// The value of `key`, valid until the next change in this transaction.
    public func get(_ database: Database, _ key: [UInt8]) throws(LMDBError) -> UnsafeRawBufferPointer? {
        try self.reading.get(database, key)
    }

    /// A cursor over `database` that may also delete.
    public func cursor(_ database: Database) throws(LMDBError) -> Cursor {
        try Cursor(self.reading.handle, database, environment: self.environment)
    }

    /// Number of entries of `database`.
    public func count(_ database: Database) throws(LMDBError) -> Int { try self.reading.count(database) }

    // MARK: Changing

    /// Sets the value of `key` (1 to 511 octets). `value` may point into the map only if it is of
    /// another key.
    public func put(
        _ database: Database, _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer
    ) throws(LMDBError) {
        var key = MDB_val(key)
        var value = MDB_val(value)
        try self.check(mdb_put(self.reading.handle, database.index, &key, &value, 0), "mdb_put")
    }

    /// Sets the value of `key` (1 to 511 octets).
    public func put(_ database: Database, _ key: [UInt8], _ value: [UInt8]) throws(LMDBError) {
        try key.withBytes { (key) throws(LMDBError) in
            try value.withBytes { (value) throws(LMDBError) in try self.put(database, key, value) }
        }
    }

    /// Deletes `key`; false if it was not there.
    @discardableResult
    public func delete(_ database: Database, _ key: UnsafeRawBufferPointer) throws(LMDBError) -> Bool {
        var key = MDB_val(key)
        let result = mdb_del(self.reading.handle, database.index, &key, nil)
        if result == MDB_NOTFOUND { return false }
        try self.check(result, "mdb_del")
        return true
    }

    /// Deletes `key`; false if it was not there.
    @discardableResult
    public func delete(_ database: Database, _ key: [UInt8]) throws(LMDBError) -> Bool {
        try key.withBytes { (key) throws(LMDBError) in try self.delete(database, key) }
    }

    /// Deletes up to `limit` entries whose keys begin with `prefix`; returns how many.
    ///
    /// Fewer than `limit` means that none are left. Bound it where there may be millions.
    @discardableResult
    public func delete(
        _ database: Database, prefix: [UInt8], limit: Int = .max
    ) throws(LMDBError) -> Int {
        let cursor = try self.cursor(database)
        var count = 0
        var entry = try cursor.seek(prefix)
        while let found = entry, count < limit, found.key.starts(with: prefix) {
            try cursor.delete()
            count += 1
            entry = try cursor.next()
        }
        return count
    }

    /// Deletes every entry of `database`.
    public func deleteAll(_ database: Database) throws(LMDBError) {
        try self.check(mdb_drop(self.reading.handle, database.index, 0), "mdb_drop")
    }
}
