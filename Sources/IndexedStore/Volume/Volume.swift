internal import LMDB
internal import MailCore
internal import MailStore
internal import Synchronization
internal import VolumeLog

/// A volume at work: its log and index with the threads that write them, and the accounts in memory.
final class Volume: Sendable {
    let configuration: IndexedStore.Configuration
    let threads: StorageThreads
    let schema: IndexSchema
    let log: VolumeLog
    let restarts: UInt64
    /// Whether it was closed in order before.
    let wasClean: Bool
    /// Other names of mailboxes, for every account.
    let aliases: [MailboxName: MailboxName]
    let committer: Committer
    let applier: Applier
    let fileWork: FileWork
    let missingFiles = MissingFiles()
    let quotaGaps = QuotaGaps()
    /// Directories that were told of, by account.
    let unnamedDirectories = ToldOnce()
    let keeper: LogKeeper
    let indexer = SignatureIndexer()
    let budget: OctetBudget
    let watcher: FileWatcher?
    let accounts = AccountTable()
    let accessLists: AccessListTable
    let outgoing = OutgoingTable()
    let events = EventTable()
    let memory: StoreMemory
    let idleMailboxes: IdleMailboxes
    let largeBodies = LargeBodies()
    let lateRestoring: LateRestoring
    /// Mailboxes with file work from before the start, until they are first used.
    let leftTasks = Mutex(Set<MailboxKey>())
    /// One account at a time moves to another format.
    let moves = AsyncGate()

    init(
        _ configuration: IndexedStore.Configuration, threads: StorageThreads, recovered: Recovery.Result
    ) throws(StoreError) {
        self.configuration = configuration
        self.threads = threads
        self.schema = recovered.schema
        self.log = recovered.log
        self.restarts = recovered.restarts
        self.wasClean = recovered.report.wasClean
        self.aliases = Dictionary(
            configuration.mailboxDefaults.flatMap { mailbox in mailbox.aliases.map { ($0, mailbox.name) } },
            uniquingKeysWith: { first, _ in first })
        self.accessLists = AccessListTable()
        self.lateRestoring = LateRestoring(recovered.files)
        self.idleMailboxes = IdleMailboxes(maximumMessages: configuration.maximumIdleMessages)
        self.budget = OctetBudget(total: configuration.maximumPendingOctets)
        self.fileWork = FileWork(
            log: recovered.log, flushedThrough: recovered.log.lastSequence, unfinished: recovered.unrestored,
            configuration: configuration)
        self.applier = Applier(
            recovered.schema, log: recovered.log, fileWork: self.fileWork, restarts: recovered.restarts,
            applied: recovered.log.lastSequence, live: try recovered.schema.liveSegments(),
            checkpoint: recovered.checkpoint?.base ?? .none, configuration: configuration)
        self.memory = StoreMemory(self.schema, self.accounts, self.applier)
        self.committer = Committer(
            log: recovered.log, applier: self.applier, fileWork: self.fileWork, configuration: configuration)
        self.keeper = LogKeeper(
            schema: recovered.schema, log: recovered.log, committer: self.committer, applier: self.applier,
            restarts: recovered.restarts, checkpoint: recovered.checkpoint, configuration: configuration)
        self.watcher =
            configuration.watchesFiles ? FileWatcher(threads: threads, report: configuration.log) : nil
    }

    /// Throws when the machine has no thread left; the process can then only end.
    func start(_ recovered: RecoveredFiles, unlogged: StoreRecord?) throws(StoreError) {
        self.leftTasks.withLock { $0 = recovered.leftTasks }
        self.lateRestoring.start(self)
        if let unlogged { _ = self.committer.enqueue(PendingRecord(record: unlogged, isAwaited: false)) }
        try self.accessLists.load(self.schema)
        try self.outgoing.load(self.schema)
        try self.events.load(self.schema)
        // Weak: the keeper holds the applier.
        self.applier.whenFreed { [weak keeper = self.keeper] in keeper?.freed($0) }
        self.applier.whenOutOfSpace { [weak keeper = self.keeper] in keeper?.ranOutOfSpace() }
        try self.fileWork.start(self.applier)
        try self.applier.start()
        try self.committer.start(self.keeper)
        let largeBodies = self.largeBodies
        self.keeper.everyRound { largeBodies.expire() }
        try self.keeper.start()
        try self.indexer.start(self)
    }

    /// Looks soon whether a mailbox is still among the files of its account.
    func refreshDirectory(of mailbox: MailboxState) {
        guard let account = self.accounts.find(mailbox.core.identity.name), account.core === mailbox.core else {
            return
        }
        account.refreshDirectorySoon()
    }

    var now: Int64 { self.configuration.clock() }

    /// Queues a record of no mailbox and waits for its flush.
    func commit(_ record: StoreRecord, hasFileWork: Bool = false) async throws(StoreError) -> LogSequence {
        let result: Result<LogSequence, StoreError> = await withCheckedContinuation { continuation in
            let pending = PendingRecord(
                record: record, isAwaited: true, hasFileWork: hasFileWork,
                completion: { continuation.resume(returning: $0) })
            if self.committer.enqueue(pending) == nil {
                continuation.resume(returning: .failure(StoreError(.temporary, "volume closed")))
            }
        }
        return try result.get()
    }

    /// Commits what undoes a record; as soon as there is space when there is none.
    func takeBack(_ record: StoreRecord) async {
        do throws(StoreError) {
            _ = try await self.commit(record)
        } catch {
            _ = self.committer.enqueue(PendingRecord(record: record, isAwaited: false))
        }
    }

    /// Waits until the removal of messages that were refused or replaced is on the disk, lest they come back at the next
    /// start, beside those that the peer sends again. When nothing can be written, that is not waited for.
    func flushRemovals(through ticket: UInt64) async {
        do throws(StoreError) { try await self.committer.flushed(ticket) } catch {}
    }

    /// Waits, suspended, until the record is in the index. Throws when nothing can be written now.
    func applied(_ ticket: UInt64) async throws(StoreError) {
        if self.applier.hasApplied(ticket) { return }
        let tries = self.committer.begunTries
        self.committer.hurry(ticket)
        try await self.applier.applied(ticket, since: tries)
    }

    /// Waits on this thread until the record is in the index; throws when nothing can be written now. Not for the
    /// committer's or applier's thread.
    func waitApplied(_ ticket: UInt64) throws(StoreError) {
        if self.applier.hasApplied(ticket) { return }
        let tries = self.committer.begunTries
        self.committer.hurry(ticket)
        try self.applier.waitApplied(ticket, since: tries)
    }

    /// Ends the threads in the order in which work flows, so that nothing is left behind.
    func close() {
        self.watcher?.close()
        self.keeper.close()
        self.indexer.close()
        self.committer.close()
        self.applier.drain()
        self.fileWork.close()
        self.applier.close()
        do throws(LMDBError) {
            let isComplete = self.committer.failure?.code != .diskFull && self.applier.isComplete
            var synced = self.fileWork.synced.limited(to: self.log.lastSequence)
            if isComplete, let closed = self.logClosing(synced.completeThrough), synced.through.next == closed {
                synced.through = closed
            }
            let last = self.log.lastSequence
            try self.schema.environment.write { (transaction) throws(LMDBError) in
                if isComplete {
                    try self.schema.setMeta(.applied, last.rawValue, transaction)
                    try self.schema.setSynced(synced.limited(to: last), transaction)
                    try self.schema.setMeta(.clean, 1, transaction)
                }
            }
            try self.schema.environment.sync()
        } catch {
            self.configuration.log(.warning, "index cannot be closed cleanly: \(error)")
        }
        self.largeBodies.removeAll()
        self.idleMailboxes.removeAll()
        self.accounts.removeAll()
        self.schema.environment.close()
        self.log.close()
    }
}

extension Volume {
    /// Writes the record that says that the log lacks nothing; its number. Without it a rebuild of the index takes
    /// the end for a crash, which costs a jump of MODSEQs and nothing else.
    private func logClosing(_ synced: LogSequence) -> LogSequence? {
        guard self.log.lastSequence > .none else { return nil }
        var batch = RecordBatch()
        let record = StoreRecord.closed(filesSynced: synced)
        batch.append(kind: record.kind.rawValue) { (out: inout [UInt8]) in record.encode(into: &out) }
        return try? self.log.commit(&batch).last
    }
}
