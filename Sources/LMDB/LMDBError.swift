internal import CLMDB
internal import Glibc

/// A failure of the index library or of the file system below it.
public struct LMDBError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Why it failed, in terms of what a caller can do about it.
    public enum Code: Hashable, Sendable {
        /// The file ends early or its pages contradict each other: rebuild the index.
        case corrupted
        /// The file is not an LMDB data file.
        case invalid
        /// The file was written by an incompatible version of LMDB.
        case versionMismatch
        /// A fatal error happened before; the environment must be closed and opened again.
        case panic
        /// The map is full and `Environment.Options.maximumMapSize` lets it grow no further.
        case mapFull
        /// More read transactions at once than `Environment.Options.maximumReaders`.
        case readersFull
        /// More named databases than `Environment.Options.maximumDatabases`.
        case databasesFull
        /// One write transaction touched too many pages: split it.
        case transactionFull
        /// A key is empty or longer than 511 octets, or a value is too long.
        case badValueSize
        /// The transaction had an earlier error, or was used in a way its kind does not allow.
        case badTransaction
        /// The database does not exist, or was opened with other flags.
        case badDatabase
        case diskFull
        case inputOutput
        case permissionDenied
        case readOnly
        case fileNotFound
        case outOfMemory
        case other
    }

    public let code: Code
    /// The library call that failed.
    public let operation: StaticString
    /// LMDB's return code (negative) or an `errno` (positive).
    public let number: Int32

    init(_ number: Int32, _ operation: StaticString) {
        self.code = Code(number)
        self.operation = operation
        self.number = number
    }

    /// For the log only: LMDB's own words and the call.
    public var description: String {
        let text = mdb_strerror(self.number).map { String(cString: $0) } ?? "unknown error"
        return "\(self.operation): \(text) (\(self.number))"
    }

    public static func == (a: LMDBError, b: LMDBError) -> Bool {
        a.code == b.code && a.number == b.number
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(self.number) }
}

extension LMDBError.Code {
    init(_ number: Int32) {
        self =
            switch number {
            case MDB_CORRUPTED, MDB_PAGE_NOTFOUND, MDB_CURSOR_FULL, MDB_PAGE_FULL: .corrupted
            case MDB_INVALID: .invalid
            case MDB_VERSION_MISMATCH: .versionMismatch
            case MDB_PANIC: .panic
            case MDB_MAP_FULL: .mapFull
            case MDB_READERS_FULL, MDB_TLS_FULL: .readersFull
            case MDB_DBS_FULL: .databasesFull
            case MDB_TXN_FULL: .transactionFull
            case MDB_BAD_VALSIZE: .badValueSize
            case MDB_BAD_TXN, MDB_BAD_RSLOT: .badTransaction
            case MDB_BAD_DBI, MDB_INCOMPATIBLE, MDB_NOTFOUND: .badDatabase
            case ENOSPC, EDQUOT: .diskFull
            case EIO: .inputOutput
            case EACCES, EPERM: .permissionDenied
            case EROFS: .readOnly
            case ENOENT, ENOTDIR: .fileNotFound
            case ENOMEM: .outOfMemory
            default: .other
            }
    }
}

/// Throws unless an LMDB call succeeded.
@inline(__always)
func check(_ result: Int32, _ operation: StaticString) throws(LMDBError) {
    if result != MDB_SUCCESS { throw LMDBError(result, operation) }
}
