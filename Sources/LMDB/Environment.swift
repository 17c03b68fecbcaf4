internal import CLMDB
internal import Glibc
internal import Synchronization

/// One LMDB environment: a file of named, sorted, byte-keyed databases with one writer and any
/// number of readers that never wait for it.
///
/// Safe to use from any thread. Transactions are closures; what they get from the database points
/// into the map and is valid until the closure returns. They must not suspend, and a thread must
/// not start a transaction inside another one (a write inside a write would wait for itself).
///
/// Map size is address space, not disk space, so a large one costs nothing; when it is full all
/// the same, the map is moved to twice its size as soon as no transaction is live, and the
/// interrupted write runs **again from its beginning**: its closure must not leave traces outside
/// of the transaction before it is done.
public final class Environment: Sendable {
    /// What a commit waits for.
    public enum Durability: Hashable, Sendable {
        /// Data and meta page are flushed: a committed transaction survives power loss.
        case full
        /// The meta page is not flushed: integrity is kept, the last transaction may be undone.
        case noMetaSync
        /// Nothing is flushed: power loss can destroy the file. For what can be made again.
        case noSync
    }

    public struct Options: Hashable, Sendable {
        public var durability = Durability.full
        /// Octets of address space mapped at first. Never less than what the file already has.
        public var mapSize = 64 << 30
        /// Octets beyond which the map does not grow.
        public var maximumMapSize = 4 << 40
        public var maximumDatabases = 64
        /// Read transactions at the same time, those of other processes included.
        public var maximumReaders = 512
        /// Ended read transactions kept for reuse.
        public var pooledReaders = 64
        /// Permissions of the files created.
        public var mode: UInt32 = 0o600

        public init() {}
    }

    public let path: String
    public let options: Options
    /// Octets by which the data file was shorter than it says of itself when it was opened.
    ///
    /// Above zero, pages at its end may be lost, though LMDB also leaves the last pages unwritten
    /// when a transaction freed them itself. They then read as zeros: a lost tree page is reported
    /// as `corrupted`, but a long value may come back as zeros, so verify or rebuild the index.
    public let missingBytes: Int

    // The C library synchronizes access to the environment itself; moving the map and opening it anew, which it
    // does not protect, happen behind the gate, and everybody else who reads the handle has passed the gate.
    nonisolated(unsafe) private var handle: OpaquePointer
    private let gate: TransactionGate
    private let residentPages = ResidentPages()
    private let databases = Mutex<[String: Database]>([:])
    private enum Condition: UInt8, AtomicRepresentable {
        case usable
        /// LMDB refuses all work, or has no map any more, since a page could not be written: to be opened anew.
        case failed
        /// As `failed`, and the handle is closed already.
        case lost
        case closed
    }

    private let condition = Atomic<Condition>(.usable)
    /// Whether the running write transaction met a full map; only the one writer touches it.
    private let metFullMap = Atomic<Bool>(false)

    /// Opens or creates the environment at `path`, a directory with `data.mdb` and `lock.mdb`; made (mode 0700) when
    /// absent.
    public init(path: String, options: Options = Options()) throws(LMDBError) {
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw LMDBError(errno, "mkdir") }
        let handle = try Self.open(path, options)
        do throws(LMDBError) {
            self.missingBytes = try Environment.fillMissingPages(handle)
        } catch {
            mdb_env_close(handle)
            throw error
        }
        self.path = path
        self.options = options
        self.handle = handle
        self.gate = TransactionGate(maximumIdle: max(0, options.pooledReaders))
    }

    private static func open(_ path: String, _ options: Options) throws(LMDBError) -> OpaquePointer {
        var created: OpaquePointer?
        try check(mdb_env_create(&created), "mdb_env_create")
        guard let handle = created else { throw LMDBError(ENOMEM, "mdb_env_create") }
        do throws(LMDBError) {
            try check(mdb_env_set_mapsize(handle, options.mapSize), "mdb_env_set_mapsize")
            try check(
                mdb_env_set_maxdbs(handle, UInt32(clamping: options.maximumDatabases)), "mdb_env_set_maxdbs")
            try check(
                mdb_env_set_maxreaders(handle, UInt32(clamping: options.maximumReaders)),
                "mdb_env_set_maxreaders")
            // NOTLS: a reader belongs to its transaction and not to a thread, so that it can be pooled.
            // NORDAHEAD: index pages are visited in no order; read-ahead would evict useful ones.
            var flags = UInt32(MDB_NOTLS) | UInt32(MDB_NORDAHEAD)
            switch options.durability {
            case .full: break
            case .noMetaSync: flags |= UInt32(MDB_NOMETASYNC)
            case .noSync: flags |= UInt32(MDB_NOSYNC)
            }
            try check(mdb_env_open(handle, path, flags, mode_t(options.mode)), "mdb_env_open")
            // Slots of processes that died in a read transaction would keep old pages alive.
            var dead: Int32 = 0
            try check(mdb_reader_check(handle, &dead), "mdb_reader_check")
            return handle
        } catch {
            mdb_env_close(handle)
            throw error
        }
    }

    deinit {
        self.gate.alone { readers in
            for reader in readers { mdb_txn_abort(reader) }
        }
        switch self.condition.load(ordering: .relaxed) {
        case .usable, .failed: mdb_env_close(self.handle)
        case .lost, .closed: break
        }
    }

    /// Makes the file as long as its meta page says. Touching a mapped page beyond the end of the
    /// file would kill the process; a page of zeros is merely found corrupted.
    private static func fillMissingPages(_ handle: OpaquePointer) throws(LMDBError) -> Int {
        var information = MDB_envinfo()
        try check(mdb_env_info(handle, &information), "mdb_env_info")
        var statistics = MDB_stat()
        try check(mdb_env_stat(handle, &statistics), "mdb_env_stat")
        let pageSize = Int(statistics.ms_psize)
        guard pageSize > 0, information.me_last_pgno > 0,
            information.me_last_pgno < information.me_mapsize / pageSize
        else { throw LMDBError(MDB_CORRUPTED, "mdb_env_info") }
        let needed = (information.me_last_pgno + 1) * pageSize
        var descriptor: Int32 = -1
        try check(mdb_env_get_fd(handle, &descriptor), "mdb_env_get_fd")
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw LMDBError(errno, "fstat") }
        let missing = needed - Int(status.st_size)
        guard missing > 0 else { return 0 }
        guard ftruncate(descriptor, off_t(needed)) == 0 else { throw LMDBError(errno, "ftruncate") }
        return missing
    }
}

// MARK: Transactions

extension Environment {
    /// Runs `body` on a snapshot of the last committed state.
    @inlinable
    public func read<R>(
        _ body: (borrowing ReadTransaction) throws(LMDBError) -> R
    ) throws(LMDBError) -> R {
        let transaction = try self.beginRead()
        defer { self.endRead(transaction) }
        return try body(ReadTransaction(handle: transaction))
    }

    /// Runs `body` in the write transaction and commits. An error thrown by it undoes everything.
    ///
    /// Waits for another thread's or process's write. `body` may run more than once (see the type).
    @inlinable
    public func write<R>(
        _ body: (borrowing WriteTransaction) throws(LMDBError) -> R
    ) throws(LMDBError) -> R {
        while true {
            let transaction = try self.beginWrite()
            let result: R
            do throws(LMDBError) {
                result = try body(WriteTransaction(handle: transaction, environment: self))
            } catch {
                if try self.abortWrite(transaction) { continue }
                throw error
            }
            if try self.commitWrite(transaction) { return result }
        }
    }

    @usableFromInline
    func beginRead() throws(LMDBError) -> OpaquePointer {
        var attempts = 0
        while true {
            try self.checkUsable()
            var transaction = self.gate.enter(takingReader: true)
            try self.checkStillUsable()
            var result: Int32
            if let pooled = transaction {
                result = mdb_txn_renew(pooled)
                if result != MDB_SUCCESS {
                    mdb_txn_abort(pooled)
                    transaction = nil
                }
            } else {
                result = mdb_txn_begin(self.handle, nil, UInt32(MDB_RDONLY), &transaction)
                if result == MDB_READERS_FULL {
                    var dead: Int32 = 0
                    mdb_reader_check(self.handle, &dead)
                    if dead > 0 {
                        result = mdb_txn_begin(self.handle, nil, UInt32(MDB_RDONLY), &transaction)
                    }
                }
            }
            if result == MDB_SUCCESS, let transaction { return transaction }
            _ = self.gate.leave(keeping: nil)
            attempts += 1
            if result == MDB_PANIC, attempts < 8 {
                self.markFailed()
                continue
            }
            guard result == MDB_MAP_RESIZED, attempts < 8 else {
                throw LMDBError(result, "mdb_txn_begin")
            }
            // Another process made the file larger than our map.
            try self.moveMap(to: 0)
        }
    }

    @usableFromInline
    func endRead(_ transaction: OpaquePointer) {
        mdb_txn_reset(transaction)
        self.look(at: ResidentPages.perRead)
        if !self.gate.leave(keeping: transaction) { mdb_txn_abort(transaction) }
    }

    /// To be called inside a transaction that has looked at many octets of values. Before it ends, the pages that were looked
    /// at may be let go, so that they do not count as this process's memory.
    public func look(at octets: Int) {
        guard self.residentPages.look(at: octets) else { return }
        var descriptor: Int32 = -1
        guard mdb_env_get_fd(self.handle, &descriptor) == MDB_SUCCESS else { return }
        self.residentPages.letGo(of: descriptor)
    }

    /// The same of small values whose pages lie between those of others: each brings its neighbours along. At most some MiB at a time.
    public func look(atScattered octets: Int) { self.look(at: octets &* ResidentPages.neighbours) }

    @usableFromInline
    func beginWrite() throws(LMDBError) -> OpaquePointer {
        var attempts = 0
        while true {
            try self.checkUsable()
            _ = self.gate.enter(takingReader: false)
            try self.checkStillUsable()
            var transaction: OpaquePointer?
            let result = mdb_txn_begin(self.handle, nil, 0, &transaction)
            if result == MDB_SUCCESS, let transaction {
                self.metFullMap.store(false, ordering: .relaxed)
                return transaction
            }
            _ = self.gate.leave(keeping: nil)
            attempts += 1
            if result == MDB_PANIC, attempts < 8 {
                self.markFailed()
                continue
            }
            guard result == MDB_MAP_RESIZED, attempts < 8 else {
                throw LMDBError(result, "mdb_txn_begin")
            }
            try self.moveMap(to: 0)
        }
    }

    /// Commits. `false`: the map was full and is larger now, so the transaction must run again.
    @usableFromInline
    func commitWrite(_ transaction: OpaquePointer) throws(LMDBError) -> Bool {
        // Read before the commit, which lets the next writer in.
        let full = self.metFullMap.load(ordering: .relaxed)
        let result = mdb_txn_commit(transaction)
        self.look(at: ResidentPages.perCommit)
        _ = self.gate.leave(keeping: nil)
        if result == MDB_SUCCESS { return true }
        guard result == MDB_MAP_FULL || full else { throw LMDBError(result, "mdb_txn_commit") }
        try self.growMap()
        return false
    }

    /// Aborts. `true`: the map had been full and is larger now, so the transaction should run again.
    @usableFromInline
    func abortWrite(_ transaction: OpaquePointer) throws(LMDBError) -> Bool {
        let full = self.metFullMap.load(ordering: .relaxed)
        mdb_txn_abort(transaction)
        _ = self.gate.leave(keeping: nil)
        if full { try self.growMap() }
        return full
    }

    /// Called by the write transaction whose put found no page.
    func noteFullMap() { self.metFullMap.store(true, ordering: .relaxed) }

    /// Closes the file when the last live transaction has ended, also while the object is still referred to; later
    /// transactions throw `panic`. LMDB must not have a file open twice in one process.
    public func close() {
        self.gate.alone { readers in
            switch self.condition.exchange(.closed, ordering: .relaxed) {
            case .closed, .lost: return
            case .usable, .failed: break
            }
            for reader in readers { mdb_txn_abort(reader) }
            mdb_env_close(self.handle)
        }
    }

    /// Once more after the gate, which may have been waited for while the environment was closed.
    private func checkStillUsable() throws(LMDBError) {
        if self.condition.load(ordering: .relaxed) != .usable {
            _ = self.gate.leave(keeping: nil)
            throw LMDBError(MDB_PANIC, "mdb_env_open")
        }
    }

    /// Opens the file anew if that is needed.
    private func checkUsable() throws(LMDBError) {
        switch self.condition.load(ordering: .relaxed) {
        case .usable: break
        case .closed: throw LMDBError(MDB_PANIC, "mdb_env_close")
        case .failed, .lost: try self.reopen()
        }
    }

    private func markFailed() {
        _ = self.condition.compareExchange(expected: .usable, desired: .failed, ordering: .relaxed)
    }

    /// After a meta page could not be written, LMDB does nothing any more with what it has open. What was committed
    /// before is in the file: opened anew, it goes on from there.
    private func reopen() throws(LMDBError) {
        let known = self.databases.withLock { Array($0.values) }.sorted { $0.index < $1.index }
        let failure = self.gate.alone { readers -> LMDBError? in
            switch self.condition.load(ordering: .relaxed) {
            case .usable: return nil
            case .closed: return LMDBError(MDB_PANIC, "mdb_env_close")
            case .failed:
                for reader in readers { mdb_txn_abort(reader) }
                mdb_env_close(self.handle)
                self.condition.store(.lost, ordering: .relaxed)
            case .lost: break
            }
            do throws(LMDBError) {
                let handle = try Self.open(self.path, self.options)
                do throws(LMDBError) {
                    try Self.open(known, in: handle)
                } catch {
                    mdb_env_close(handle)
                    throw error
                }
                self.handle = handle
                self.residentPages.forgetMap()
                self.condition.store(.usable, ordering: .relaxed)
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }

    /// Opens databases so that each has the number that it had: numbers are given in the order of opening.
    private static func open(_ databases: [Database], in handle: OpaquePointer) throws(LMDBError) {
        guard !databases.isEmpty else { return }
        var transaction: OpaquePointer?
        try check(mdb_txn_begin(handle, nil, UInt32(MDB_RDONLY), &transaction), "mdb_txn_begin")
        for database in databases {
            var index: MDB_dbi = 0
            let result = mdb_dbi_open(transaction, database.name, 0, &index)
            guard result == MDB_SUCCESS, index == database.index else {
                mdb_txn_abort(transaction)
                throw LMDBError(result == MDB_SUCCESS ? MDB_PANIC : result, "mdb_dbi_open")
            }
        }
        // Committing keeps the handles.
        try check(mdb_txn_commit(transaction), "mdb_txn_commit")
    }
}

// MARK: Map, databases, state

extension Environment {
    private func growMap() throws(LMDBError) {
        var information = MDB_envinfo()
        try self.checkUsable()
        _ = self.gate.enter(takingReader: false)
        try self.checkStillUsable()
        let found = mdb_env_info(self.handle, &information)
        _ = self.gate.leave(keeping: nil)
        try check(found, "mdb_env_info")
        let size = Int(information.me_mapsize)
        guard size < self.options.maximumMapSize else { throw LMDBError(MDB_MAP_FULL, "mdb_put") }
        // Whole mebibytes: the size must be a multiple of the page size.
        let doubled = size > self.options.maximumMapSize / 2 ? self.options.maximumMapSize : size * 2
        try self.moveMap(to: max(doubled & ~0xF_FFFF, 1 << 20))
    }

    /// Maps the file anew with `size` octets, 0 for the size the file says it has.
    private func moveMap(to size: Int) throws(LMDBError) {
        let result = self.gate.alone { readers -> Int32 in
            for reader in readers { mdb_txn_abort(reader) }
            // Another thread's transaction may have found the file failed meanwhile.
            guard self.condition.load(ordering: .relaxed) == .usable else { return MDB_PANIC }
            self.residentPages.forgetMap()
            let result = mdb_env_set_mapsize(self.handle, size)
            // The old map is gone before the new one is made: without it every access would trap.
            if result != MDB_SUCCESS { self.condition.store(.failed, ordering: .relaxed) }
            return result
        }
        try check(result, "mdb_env_set_mapsize")
    }

    /// The database called `name`, created if `creating` and absent; throws `badDatabase` otherwise.
    ///
    /// Takes a transaction of its own: not to be called inside one.
    public func database(_ name: String, creating: Bool = true) throws(LMDBError) -> Database {
        if let known = self.databases.withLock({ $0[name] }) { return known }
        // A handle becomes visible to others only when its transaction commits; LMDB allows one
        // thread at a time to open one, which the write lock sees to. A reader must not open it.
        var index: MDB_dbi = 0
        let database = try self.write { (transaction) throws(LMDBError) -> Database in
            let flags = creating ? UInt32(MDB_CREATE) : 0
            try transaction.check(
                mdb_dbi_open(transaction.reading.handle, name, flags, &index), "mdb_dbi_open")
            return Database(name: name, index: index)
        }
        self.databases.withLock { $0[name] = database }
        return database
    }

    /// The databases opened so far, by name.
    public var openDatabases: [Database] {
        self.databases.withLock { Array($0.values) }.sorted { $0.name < $1.name }
    }

    /// Flushes what was committed to the disk. Unless `force`, only if the durability promises it.
    public func sync(force: Bool = true) throws(LMDBError) {
        try self.checkUsable()
        _ = self.gate.enter(takingReader: false)
        try self.checkStillUsable()
        defer { _ = self.gate.leave(keeping: nil) }
        try check(mdb_env_sync(self.handle, force ? 1 : 0), "mdb_env_sync")
    }

    /// Sizes of the environment as of now.
    public struct Usage: Hashable, Sendable {
        /// Octets of address space.
        public var mapSize: Int
        /// Octets of the file in use or free for reuse: its length never shrinks.
        public var usedSize: Int
        public var pageSize: Int
        /// Number of the last committed write transaction.
        public var lastTransaction: UInt64
        /// Slots of the reader table taken, idle ones included.
        public var readers: Int
    }

    public func usage() throws(LMDBError) -> Usage {
        try self.checkUsable()
        _ = self.gate.enter(takingReader: false)
        try self.checkStillUsable()
        defer { _ = self.gate.leave(keeping: nil) }
        var information = MDB_envinfo()
        try check(mdb_env_info(self.handle, &information), "mdb_env_info")
        var statistics = MDB_stat()
        try check(mdb_env_stat(self.handle, &statistics), "mdb_env_stat")
        let pageSize = Int(statistics.ms_psize)
        return Usage(
            mapSize: Int(information.me_mapsize), usedSize: (information.me_last_pgno + 1) * pageSize,
            pageSize: pageSize, lastTransaction: UInt64(information.me_last_txnid),
            readers: Int(information.me_numreaders))
    }
}

/// A named database of an environment: a handle, cheap to copy, valid as long as the environment.
public struct Database: Hashable, Sendable {
    public let name: String
    let index: UInt32
}
