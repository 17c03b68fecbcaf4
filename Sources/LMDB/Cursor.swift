internal import CLMDB
internal import Glibc

/// A position among the sorted keys of one database (compared as octets, a prefix before what it
/// begins).
///
/// Closes itself; it must be gone before its transaction's closure returns, which holds for every
/// local variable inside of it. Do not move it into a variable outside.
public struct Cursor: ~Copyable {
    private let handle: OpaquePointer
    /// Whose map is to grow when a change finds it full; nil in a read transaction.
    private let environment: Environment?

    init(
        _ transaction: OpaquePointer, _ database: Database, environment: Environment?
    ) throws(LMDBError) {
        var cursor: OpaquePointer?
        try check(mdb_cursor_open(transaction, database.index, &cursor), "mdb_cursor_open")
        guard let cursor else { throw LMDBError(MDB_PANIC, "mdb_cursor_open") }
        self.handle = cursor
        self.environment = environment
    }

    deinit { mdb_cursor_close(self.handle) }

    private func move(
        _ operation: MDB_cursor_op, _ key: UnsafeRawBufferPointer = .init(start: nil, count: 0)
    ) throws(LMDBError) -> Entry? {
        var key = MDB_val(key)
        var value = MDB_val()
        let result = mdb_cursor_get(self.handle, &key, &value, operation)
        if result == MDB_NOTFOUND { return nil }
        try check(result, "mdb_cursor_get")
        return (UnsafeRawBufferPointer(key), UnsafeRawBufferPointer(value))
    }

    /// Goes to the first entry.
    public func first() throws(LMDBError) -> Entry? { try self.move(MDB_FIRST) }

    /// Goes to the last entry.
    public func last() throws(LMDBError) -> Entry? { try self.move(MDB_LAST) }

    /// Goes to the next entry; to the first if there is no position yet.
    public func next() throws(LMDBError) -> Entry? { try self.move(MDB_NEXT) }

    /// Goes to the previous entry; to the last if there is no position yet.
    public func previous() throws(LMDBError) -> Entry? { try self.move(MDB_PREV) }

    /// Goes to the entry with that key and answers its value, which is valid as long as one of a transaction's `get`; nil if
    /// there is none, and then the position is anywhere. No entry has the empty key.
    public func get(_ key: [UInt8]) throws(LMDBError) -> UnsafeRawBufferPointer? {
        guard !key.isEmpty else { return nil }
        return try key.withBytes { (key) throws(LMDBError) in try self.move(MDB_SET, key)?.value }
    }

    /// `get` for keys that ascend: cheaper when the entry is the next one.
    public func getNext(_ key: [UInt8]) throws(LMDBError) -> UnsafeRawBufferPointer? {
        guard let next = try self.next(), next.key.count == key.count,
            key.withUnsafeBytes({ wanted in
                guard let wanted = wanted.baseAddress, let known = next.key.baseAddress else { return false }
                return memcmp(known, wanted, key.count) == 0
            })
        else { return try self.get(key) }
        return next.value
    }

    /// Goes to the first entry whose key is `key` or above.
    public func seek(_ key: UnsafeRawBufferPointer) throws(LMDBError) -> Entry? {
        key.isEmpty ? try self.first() : try self.move(MDB_SET_RANGE, key)
    }

    /// Goes to the first entry whose key is `key` or above.
    public func seek(_ key: [UInt8]) throws(LMDBError) -> Entry? {
        try key.withBytes { (key) throws(LMDBError) in try self.seek(key) }
    }

    /// Goes to the last entry whose key begins with `prefix`; nil if there is none.
    public func last(withPrefix prefix: [UInt8]) throws(LMDBError) -> Entry? {
        // The last key with the prefix stands before the first one above all of them.
        var bound = prefix
        while let octet = bound.last, octet == 0xFF { bound.removeLast() }
        let found: Entry?
        if let octet = bound.popLast() {
            bound.append(octet + 1)
            found = try self.seek(bound) == nil ? try self.last() : try self.previous()
        } else {
            found = try self.last()
        }
        guard let found, found.key.starts(with: prefix) else { return nil }
        return found
    }

    /// Deletes the entry at the position, in a write transaction; `next` then gives the one after.
    public func delete() throws(LMDBError) {
        let result = mdb_cursor_del(self.handle, 0)
        if result == MDB_MAP_FULL { self.environment?.noteFullMap() }
        try check(result, "mdb_cursor_del")
    }
}
