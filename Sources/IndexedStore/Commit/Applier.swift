internal import LMDB
internal import MailCore
internal import MailStore
internal import Threads
internal import VolumeLog

/// The one writer of a volume's index: turns flushed records into LMDB transactions that also store the sequence
/// number of the last record applied. Never sees a record before its flush.
final class Applier: @unchecked Sendable {
    // Proof of Sendable: the fields below are touched only with `monitor.lock` held, except those marked as the
    // thread's own.

    struct Flushed: Sendable {
        var pending: PendingRecord
        var place: PlacedRecord
        var sequence: LogSequence { self.place.sequence }
    }

    /// A change of the index that needs no record, because it can be made again.
    enum Note: Sendable {
        case derived(MailboxKey, UID, DerivedRows)
        /// Messages up to a UID have their signatures now, or cannot have any.
        case signed(MailboxKey, through: UID)
        case fileTaskDone(IndexWriter.PendingFileTask)
        /// What scripts need not remember any more goes, from this key on.
        case forget(at: Int64, after: [UInt8])
        /// Counters are to be made again from the rows.
        case recount(MailboxKey)
    }

    /// Records and notes that are not in the index.
    var waitingRecords: Int { self.monitor.lock.withLock { self.items.count + self.inWork } }

    private enum Item {
        case flushed(Flushed)
        case note(Note)
    }

    private let monitor = Monitor()
    private var items: [Item] = []
    /// Items taken by the thread and not yet committed.
    private var inWork = 0
    private var appliedTicket: UInt64 = 0
    private var deadline: UInt64?
    private var waiting = TicketWaiters()
    private var failure: StoreError?
    /// Set when the log accepts nothing more: what is not applied yet may never be.
    private var stopped: (after: UInt64, failure: StoreError)?
    /// What could not be written to the log, at which try of the committer.
    private var refused: (tickets: ClosedRange<UInt64>, tries: UInt64, failure: StoreError)?
    private var isClosing = false
    /// What is behind this is needed to make the index again.
    private var checkpoint: LogSequence
    /// A commit is wanted although there is nothing to apply, so that segments can be given back.
    private var wantsCommit = false

    /// The thread's own: whether rows of deleted mailboxes are left to be removed, as at the start may be.
    private var hasGarbage = true

    /// The thread's own: the last record of each of the last two commits. NOMETASYNC may undo the last one.
    private var lastCommitted: LogSequence
    private var lastButOne: LogSequence
    /// The thread's own: octets needed for bodies, by segment; and those that the last commit freed of them, which
    /// an undone commit would need again.
    private var live: [UInt32: UInt64]
    private var justFreed = Set<UInt32>()
    private var recycledThrough = LogSequence.none
    /// The thread's own: segments that nothing needs, and since when.
    private var retired: [UInt32: UInt64] = [:]
    /// When the first of them is due; 0: none. And whether they are to go now.
    private var retirementEnd: UInt64 = 0
    private var endsRetention = false
    private let retention: UInt64

    private let schema: IndexSchema
    private let log: VolumeLog
    private let fileWork: FileWork
    private let restarts: UInt64
    private let trace: IndexedStore.TraceLimits
    private let clock: @Sendable () -> Int64
    private let report: @Sendable (IndexedStore.LogLevel, String) -> Void
    private let crashPoint: @Sendable (CrashPoint) -> Void
    private let thread = ThreadSlot()
    /// Takes the records of large bodies that nobody names any more. Set before the thread starts.
    private var freed: @Sendable ([RecordLocation]) -> Void = { _ in }

    func whenFreed(_ body: @escaping @Sendable ([RecordLocation]) -> Void) { self.freed = body }

    /// Called when the index cannot be written, perhaps for want of space. Set before the thread starts.
    private var ranOutOfSpace: @Sendable () -> Void = {}

    func whenOutOfSpace(_ body: @escaping @Sendable () -> Void) { self.ranOutOfSpace = body }

    /// How long a record may stay unapplied when no reader asks for it.
    private static let idleDelay: UInt64 = 50_000_000
    private static let batchRecords = 2048
    /// Records of one transaction, and rows of deleted mailboxes removed in it.
    private static let maximumRecords = 4096
    /// Unapplied records above which the committer waits.
    private static let maximumBacklog = 32_768

    init(
        _ schema: IndexSchema, log: VolumeLog, fileWork: FileWork, restarts: UInt64, applied: LogSequence,
        live: [UInt32: UInt64], checkpoint: LogSequence,
        configuration: IndexedStore.Configuration
    ) {
        self.schema = schema
        self.log = log
        self.fileWork = fileWork
        self.restarts = restarts
        self.lastCommitted = applied
        self.lastButOne = applied
        self.live = live
        self.checkpoint = checkpoint
        self.retention = UInt64(max(0, min(configuration.segmentRetention, 1 << 30))) * 1_000_000_000
        self.trace = configuration.trace
        self.clock = configuration.clock
        self.report = configuration.log
        self.crashPoint = configuration.crashPoint
    }

    func start() throws(StoreError) { try self.thread.start("index writer") { self.run() } }

    // MARK: From the committer

    func add(_ records: [Flushed]) {
        self.monitor.lock.withLock {
            let wasEmpty = self.items.isEmpty
            for record in records { self.items.append(.flushed(record)) }
            if wasEmpty || self.items.count >= Self.batchRecords || !self.waiting.isEmpty {
                self.wake(wasEmpty)
            }
        }
    }

    func add(_ note: Note) {
        self.monitor.lock.withLock {
            let wasEmpty = self.items.isEmpty
            self.items.append(.note(note))
            if wasEmpty { self.wake(true) }
        }
    }

    /// The files of all records up to here are on the disk.
    var filesSyncedThrough: LogSequence { self.fileWork.synced.completeThrough }

    /// A whole checkpoint with that base is on the disk: records up to there are not needed for a rebuild.
    func keepLog(after base: LogSequence) {
        self.monitor.lock.withLock {
            self.checkpoint = max(self.checkpoint, base)
            self.wantsCommit = true
            self.monitor.wakeAll()
        }
    }

    /// Whether a segment holds nothing but bodies that anybody needs.
    func isBeforeCheckpoint(_ segment: UInt32) -> Bool {
        let base = self.monitor.lock.withLock { self.checkpoint }
        let segments = self.log.segments()
        guard let index = segments.firstIndex(where: { $0.number == segment }), index + 1 < segments.count else {
            return false
        }
        return segments[index + 1].firstSequence <= base.next
    }

    private func wake(_ wasEmpty: Bool) {
        if wasEmpty { self.deadline = SteadyClock.nanoseconds() &+ Self.idleDelay }
        self.monitor.wakeAll()
    }

    /// Waits while the backlog is too long; why nothing can be applied, when that is so.
    func waitForRoom() -> StoreError? {
        self.monitor.lock.withLock {
            while self.items.count + self.inWork > Self.maximumBacklog, self.failure == nil {
                self.monitor.wait()
            }
            return self.items.count + self.inWork > Self.maximumBacklog ? self.failure : nil
        }
    }

    // MARK: Readers

    /// Whether the record of that ticket is in the index.
    func hasApplied(_ ticket: UInt64) -> Bool { self.monitor.lock.withLock { self.appliedTicket >= ticket } }

    /// Waits, suspended, until the record of that ticket is in the index, or cannot be now. It must be flushed or about
    /// to be.
    ///
    /// - Parameter tries: those of the committer that do not count, having begun before.
    func applied(_ ticket: UInt64, since tries: UInt64) async throws(StoreError) {
        if self.hasApplied(ticket) { return }
        let result: Result<Void, StoreError> = await withCheckedContinuation { continuation in
            let ready: Result<Void, StoreError>? = self.monitor.lock.withLock {
                if self.appliedTicket >= ticket { return .success(()) }
                if let failure = self.failure(of: ticket, since: tries) { return .failure(failure) }
                self.waiting.add(ticket, since: tries, continuation)
                self.monitor.wakeAll()
                return nil
            }
            if let ready { continuation.resume(returning: ready) }
        }
        try result.get()
    }

    /// Waits on this thread until the record of that ticket is in the index, or cannot be now.
    func waitApplied(_ ticket: UInt64, since tries: UInt64) throws(StoreError) {
        self.monitor.lock.lock()
        defer { self.monitor.lock.unlock() }
        while self.appliedTicket < ticket {
            if let failure = self.failure(of: ticket, since: tries) { throw failure }
            self.deadline = 0
            self.monitor.wakeAll()
            self.monitor.wait()
        }
    }

    /// From the committer, when it drops what is queued: nobody may wait for that.
    ///
    /// - Parameter ticket: the last one flushed, which will still be applied.
    func stop(after ticket: UInt64, _ failure: StoreError) {
        self.monitor.lock.withLock {
            if self.stopped == nil { self.stopped = (ticket, failure) }
            self.monitor.wakeAll()
        }
        self.resumeWaiting(in: (ticket + 1)...UInt64.max, .failure(failure))
    }

    /// From the committer, when the log cannot be written now: who waits for what is not in it is told so, and does not
    /// hold a thread until there is space.
    ///
    /// - Parameters:
    ///   - tickets: of all that was queued.
    ///   - tries: the number of the try.
    func refuse(_ tickets: ClosedRange<UInt64>, in tries: UInt64, _ failure: StoreError) {
        self.monitor.lock.withLock {
            self.refused = (tickets, tries, failure)
            self.monitor.wakeAll()
        }
        self.monitor.lock.withLock { self.waiting.take(tickets, before: tries) }.resume(.failure(failure))
    }

    /// Why the record of that ticket is not going to be applied now.
    private func failure(of ticket: UInt64, since tries: UInt64) -> StoreError? {
        if let failure = self.failure { return failure }
        if let refused = self.refused, refused.tries > tries, refused.tickets.contains(ticket) {
            return refused.failure
        }
        guard let stopped = self.stopped, ticket > stopped.after else { return nil }
        return stopped.failure
    }

    /// Has segments given back whose time is over; from time to time.
    func recycleDue() {
        self.monitor.lock.withLock {
            guard self.retirementEnd != 0, self.retirementEnd <= SteadyClock.nanoseconds() else { return }
            self.wantsCommit = true
            self.monitor.wakeAll()
        }
    }

    /// Has segments given back that are kept only for those who copy them, with the next commit.
    func endRetention() {
        self.monitor.lock.withLock {
            self.endsRetention = true
            self.wantsCommit = true
            self.monitor.wakeAll()
        }
    }

    /// Has segments given back that nothing needs any more; waits on this thread.
    func recycleNow(_ retention: IndexedStore.Retention) {
        // Two commits: the first may be one that an unclean end undoes.
        for _ in 0..<2 {
            self.monitor.lock.withLock {
                self.endsRetention = retention == .ends
                self.wantsCommit = true
                self.monitor.wakeAll()
                while self.wantsCommit || self.inWork > 0 || !self.items.isEmpty, self.failure == nil, !self.isClosing {
                    self.monitor.wait()
                }
            }
        }
    }

    /// Waits until everything queued so far is applied, or cannot be.
    func drain() {
        self.monitor.lock.withLock {
            while !self.items.isEmpty || self.inWork > 0, self.failure == nil {
                self.deadline = 0
                self.monitor.wakeAll()
                self.monitor.wait()
            }
        }
    }

    /// Whether nothing is left unapplied.
    var isComplete: Bool {
        self.monitor.lock.withLock { self.items.isEmpty && self.inWork == 0 && self.stopped == nil }
    }

    /// Applies what is there and ends the thread.
    func close() {
        self.monitor.lock.withLock {
            self.isClosing = true
            self.monitor.wakeAll()
        }
        self.thread.join()
    }

    // MARK: The thread

    private func run() {
        while true {
            self.monitor.lock.lock()
            while true {
                if self.items.isEmpty {
                    if self.isClosing {
                        self.monitor.lock.unlock()
                        return
                    }
                    if self.hasGarbage || self.wantsCommit || !self.justFreed.isEmpty { break }
                    self.monitor.wait()
                    continue
                }
                let deadline = self.deadline ?? 0
                if self.isClosing || !self.waiting.isEmpty || self.items.count >= Self.batchRecords
                    || deadline <= SteadyClock.nanoseconds()
                {
                    break
                }
                self.monitor.wait(until: deadline)
            }
            let items = Array(self.items.prefix(Self.maximumRecords))
            self.items.removeFirst(items.count)
            self.inWork = items.count
            self.wantsCommit = false
            self.deadline = self.items.isEmpty ? nil : 0
            self.monitor.lock.unlock()
            // A closed volume leaves the rest to the next replay when the index cannot be written.
            guard self.apply(items) else { return }
        }
    }

    /// Writes the items, again and again while the disk is full. `false`: never possible.
    private func apply(_ items: [Item]) -> Bool {
        while true {
            do throws(LMDBError) {
                try self.write(items)
                return true
            } catch {
                let failure = StoreError(error)
                let isFirst = self.monitor.lock.withLock {
                    defer { self.failure = failure }
                    return self.failure == nil
                }
                self.resumeWaiting(in: 0...UInt64.max, .failure(failure))
                // LMDB does not always say that it was for want of space.
                if error.code == .diskFull || error.code == .inputOutput { self.ranOutOfSpace() }
                if isFirst {
                    self.report(
                        .error,
                        failure.code == .diskFull
                            ? "index cannot be written: \(error). Free space; the server goes on by itself"
                            : "index cannot be written: \(error). Mail stays safe in the log; tried again each second. "
                                + "Should it not end: stop the server, move the volume's index directory away and "
                                + "start it again")
                }
                let again = self.monitor.lock.withLock { () -> Bool in
                    if self.isClosing { return false }
                    self.monitor.wakeAll()
                    self.monitor.wait(until: SteadyClock.nanoseconds() &+ 1_000_000_000)
                    return true
                }
                if !again { return false }
            }
        }
    }

    private func write(_ items: [Item]) throws(LMDBError) {
        var last = self.lastCommitted
        var ticket: UInt64 = 0
        for item in items {
            guard case .flushed(let flushed) = item else { continue }
            ticket = flushed.pending.ticket
            if flushed.pending.record != nil { last = flushed.sequence }
        }
        let synced = self.fileWork.synced
        let collects = self.hasGarbage
        var rest: (now: Int64, after: [UInt8])?
        let writer = try self.schema.environment.write { (transaction) throws(LMDBError) -> IndexWriter in
            var writer = IndexWriter(self.schema, restarts: self.restarts)
            var asksToForget = false
            for item in items {
                switch item {
                case .flushed(let flushed):
                    guard let record = flushed.pending.record else { continue }
                    try writer.apply(
                        record, derived: flushed.pending.derived, at: flushed.place, transaction)
                case .note(.derived(let key, let uid, let derived)):
                    try writer.putDerived(key, uid, derived, transaction)
                case .note(.signed(let key, let uid)):
                    try writer.noteSigned(key, through: uid, transaction)
                case .note(.recount(let key)):
                    try writer.recount(key, transaction)
                case .note(.forget(let now, let last)):
                    asksToForget = true
                    rest = try writer.forget(at: now, after: last, transaction).map { (now, $0) } ?? rest
                case .note(.fileTaskDone(let task)):
                    try writer.fileTaskDone(task, transaction)
                }
            }
            if collects { try writer.collectGarbage(limit: Self.maximumRecords, transaction) }
            let changesTrace = writer.traced > 0 || asksToForget
            try writer.finish(transaction)
            if changesTrace {
                try writer.trimTrace(to: self.trace.octets, oldest: self.clock() - self.trace.age, transaction)
            }
            try self.schema.setMeta(.applied, last.rawValue, transaction)
            try self.schema.setSynced(synced.limited(to: last), transaction)
            self.crashPoint(.inApply)
            return writer
        }
        self.hasGarbage = writer.hasGarbage
        self.crashPoint(.afterApply)
        self.lastButOne = self.lastCommitted
        self.lastCommitted = last
        if !writer.bodies.freedLarge.isEmpty { self.freed(writer.bodies.freedLarge) }
        if !writer.fileTasks.isEmpty { self.handOver(writer.fileTasks, items) }
        self.monitor.lock.withLock {
            self.failure = nil
            self.inWork = 0
            self.appliedTicket = max(self.appliedTicket, ticket)
            self.monitor.wakeAll()
        }
        self.resumeWaiting(in: 0...self.monitor.lock.withLock { self.appliedTicket }, .success(()))
        let checkpoint = self.monitor.lock.withLock { self.checkpoint }
        if let rest { self.add(.forget(at: rest.now, after: rest.after)) }
        self.recycle(min(self.lastButOne, synced.completeThrough, checkpoint), writer.bodies.live)
    }

    private func handOver(_ tasks: [IndexWriter.PendingFileTask], _ items: [Item]) {
        var states: [MailboxKey: MailboxState] = [:]
        for item in items {
            guard case .flushed(let flushed) = item else { continue }
            for state in flushed.pending.mailboxes { states[state.key] = state }
        }
        for task in tasks {
            guard let state = states[task.key] else { continue }
            self.fileWork.add(task, state)
        }
    }

    private func resumeWaiting(in tickets: ClosedRange<UInt64>, _ result: Result<Void, StoreError>) {
        self.monitor.lock.withLock { self.waiting.take(tickets) }.resume(result)
    }

    /// Gives back segments that nothing needs: no body is in them, and the last commit but one knew that.
    private func recycle(_ sequence: LogSequence, _ changed: [UInt32: UInt64]) {
        var freed = Set<UInt32>()
        for (segment, octets) in changed {
            if octets == 0, self.live.removeValue(forKey: segment) != nil { freed.insert(segment) }
            if octets > 0 { self.live[segment] = octets }
        }
        let wasFreed = self.justFreed
        self.justFreed = freed
        let (isDue, endsNow) = self.monitor.lock.withLock {
            defer { self.endsRetention = false }
            return (self.retirementEnd != 0 && self.retirementEnd <= SteadyClock.nanoseconds(), self.endsRetention)
        }
        guard sequence > self.recycledThrough || !wasFreed.isEmpty || isDue || endsNow else { return }
        self.recycledThrough = max(sequence, self.recycledThrough)
        self.crashPoint(.beforeRecycling)
        let keeps = !endsNow && self.retention > 0 && !self.isNearlyFull
        var kept: [UInt32: UInt64] = [:]
        do throws(VolumeLogError) {
            try self.log.recycle(below: sequence.next) { segment in
                if self.live[segment] != nil || freed.contains(segment) { return true }
                guard keeps else { return false }
                let end = self.retired[segment] ?? SteadyClock.nanoseconds() &+ self.retention
                guard end > SteadyClock.nanoseconds() else { return false }
                kept[segment] = end
                return true
            }
        } catch {
            self.report(.warning, "a log segment cannot be given back: \(error)")
        }
        self.retired = kept
        let next = kept.values.min() ?? 0
        self.monitor.lock.withLock { self.retirementEnd = next }
    }

    /// Less than a tenth of the file system is free: space is worth more than a copier's convenience.
    private var isNearlyFull: Bool {
        guard let space = self.log.freeSpace() else { return false }
        return space.free < space.total / 10
    }
}
