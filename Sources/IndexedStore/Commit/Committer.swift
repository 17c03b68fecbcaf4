internal import MailCore
internal import MailStore
internal import Threads
internal import VolumeLog

/// A record on its way: to the log, then to the index.
struct PendingRecord: Sendable {
    /// Counts records in the order in which they were queued.
    var ticket: UInt64 = 0
    /// `nil` when it was dropped because the disk was full.
    var record: StoreRecord?
    /// Made from a new message, for the index.
    var derived = DerivedRows.none
    /// Whether somebody waits for the flush. Such a record is dropped when it cannot be written; the others stay
    /// queued, because their effect is visible already.
    var isAwaited: Bool
    /// Whether it is of the same flush as the one before, whatever the size of that.
    var joinsPrevious = false
    /// Whether files are to be written for it after the flush, so that the log must keep it until they are on the
    /// disk and `FileWork.done` says so.
    var hasFileWork = false
    /// Kept in memory until the record is applied, because its file work needs them.
    var mailboxes: [MailboxState] = []
    /// Called on the committer's thread after the flush, without locks; must be quick.
    var completion: (@Sendable (Result<LogSequence, StoreError>) -> Void)?
    /// Whether it is one change with the next record of the queue.
    var joinsNext = false

    /// Whether this record, and not one beside it, may be why nothing was written.
    fileprivate func isToBlame(for failure: StoreError) -> Bool {
        failure.code != .tooBig || (self.record?.octetCount ?? 0) > VolumeLog.maximumPayload / 2
    }
}

/// The one writer of a volume's log: takes whatever is queued, writes it with one flush, answers all.
///
/// Callers queue under the lock of the mailbox that they change, so that records of one mailbox stand in the log
/// in the order of their MODSEQs.
final class Committer: @unchecked Sendable {
    // Proof of Sendable: the fields below are touched only with `monitor.lock` held, except `batch` and `lastReport`,
    // which only the committer's thread touches.
    private let monitor = Monitor()
    private var queue: [PendingRecord] = []
    private var nextTicket: UInt64 = 1
    private var flushedTicket: UInt64 = 0
    /// When the queue is to be written at the latest, in monotonic nanoseconds; `nil` when it is empty.
    private var deadline: UInt64?
    /// Somebody waits for what has come since the last try to write began, or waits since then.
    private var isHurried = false
    private var isClosing = false
    private var isClosed = false
    private var stopped: StoreError?
    /// Tries to write, the last ticket that was queued when the last one began, and the last one that failed.
    private var tries: UInt64 = 0
    private var triedThrough: UInt64 = 0
    private var refused: (tries: UInt64, through: UInt64) = (0, 0)
    /// Why the last try failed; `nil` when it did not.
    private var refusal: StoreError?
    private var waiting = TicketWaiters()
    private var batch = RecordBatch()
    /// The thread's own: when it last told that nothing can be written.
    private var lastReport: UInt64 = 0

    private let log: VolumeLog
    private let applier: Applier
    private let fileWork: FileWork
    private let fsync: IndexedStore.Fsync
    private let report: @Sendable (IndexedStore.LogLevel, String) -> Void
    private let crashPoint: @Sendable (CrashPoint) -> Void
    private let thread = ThreadSlot()
    /// Set before the thread starts; weak because the keeper holds this.
    private weak var keeper: LogKeeper?

    /// Bodies above this are written from where they are.
    private static let copiedOctets = 256 << 10

    private struct LargeBody: RecordBody {
        let octets: MessageOctets
        var count: Int { self.octets.count }
        func withOctets(_ body: (UnsafeRawBufferPointer) -> Void) { self.octets.withUnsafeBytes { body($0) } }
    }

    /// How long a change that nobody waits for may stay in memory only.
    static let idleDelay: UInt64 = 500_000_000
    /// Octets that one batch holds in memory; what is above waits for the next.
    private static let batchOctets = 32 << 20

    init(
        log: VolumeLog, applier: Applier, fileWork: FileWork, configuration: IndexedStore.Configuration
    ) {
        self.log = log
        self.applier = applier
        self.fileWork = fileWork
        self.fsync = configuration.fsync
        self.report = configuration.log
        self.crashPoint = configuration.crashPoint
    }

    func start(_ keeper: LogKeeper) throws(StoreError) {
        self.keeper = keeper
        try self.thread.start("log writer") { self.run() }
    }

    /// Records that are not flushed.
    var waitingRecords: Int {
        self.monitor.lock.withLock { Int(clamping: self.nextTicket - 1 - min(self.flushedTicket, self.nextTicket - 1)) }
    }

    // MARK: Queueing

    /// Queues a record; its ticket, or `nil` when the volume is closed.
    func enqueue(_ record: consuming PendingRecord) -> UInt64? {
        self.monitor.lock.lock()
        defer { self.monitor.lock.unlock() }
        return self.push(record)
    }

    /// Queues records that stand together.
    func enqueue(_ records: [PendingRecord]) -> UInt64? {
        self.monitor.lock.lock()
        defer { self.monitor.lock.unlock() }
        var last: UInt64?
        for record in records { last = self.push(record) }
        return last
    }

    private func push(_ record: consuming PendingRecord) -> UInt64? {
        guard !self.isClosed else { return nil }
        let ticket = self.nextTicket
        self.nextTicket += 1
        record.ticket = ticket
        let isUrgent = record.isAwaited || self.fsync == .always
        let wasEmpty = self.queue.isEmpty
        self.queue.append(record)
        if isUrgent {
            self.isHurried = true
            // A thread that finds the queue empty sleeps whatever the deadline is.
            if wasEmpty || self.deadline != 0 {
                self.deadline = 0
                self.monitor.wakeAll()
            }
        } else if wasEmpty {
            self.deadline = SteadyClock.nanoseconds() &+ Self.idleDelay
            self.monitor.wakeAll()
        }
        return ticket
    }

    /// The ticket of the newest record.
    var lastTicket: UInt64 { self.monitor.lock.withLock { self.nextTicket - 1 } }

    /// Has the queue written now when it holds `ticket`.
    func hurry(_ ticket: UInt64) {
        self.monitor.lock.withLock {
            guard ticket > self.flushedTicket else { return }
            self.isHurried = true
            guard !self.queue.isEmpty else { return }
            self.deadline = 0
            self.monitor.wakeAll()
        }
    }

    /// Waits on this thread until the record is flushed and its completion was called. Throws when nothing can be
    /// written: a record that nobody is told of stays queued, but threads are not to be held by a full disk.
    func waitFlushed(_ ticket: UInt64) throws(StoreError) {
        if let refusal = try self.waitForTry(ticket) { throw refusal }
    }

    /// Waits on this thread until the record is flushed, or could not be written once. Then those that are awaited have
    /// been told, and the others stay queued.
    func waitTried(_ ticket: UInt64) throws(StoreError) { _ = try self.waitForTry(ticket) }

    /// Why the record could not be written, at a try that began after this call; `nil` once it is flushed.
    private func waitForTry(_ ticket: UInt64) throws(StoreError) -> StoreError? {
        let before = self.begunTries
        self.hurry(ticket)
        self.monitor.lock.lock()
        defer { self.monitor.lock.unlock() }
        while self.flushedTicket < ticket {
            if let stopped = self.stopped { throw stopped }
            if self.isClosed { throw StoreError(.temporary, "volume closed") }
            if self.refused.tries > before, ticket <= self.refused.through, let refusal = self.refusal {
                return refusal
            }
            self.monitor.wait()
        }
        return nil
    }

    /// Waits, suspended, until the record is flushed and its completion was called.
    func flushed(_ ticket: UInt64) async throws(StoreError) {
        let result: Result<Void, StoreError> = await withCheckedContinuation { continuation in
            let ready: Result<Void, StoreError>? = self.monitor.lock.withLock {
                if self.flushedTicket >= ticket { return .success(()) }
                if let stopped = self.stopped { return .failure(stopped) }
                if self.isClosed { return .failure(StoreError(.temporary, "volume closed")) }
                self.waiting.add(ticket, continuation)
                self.isHurried = true
                if !self.queue.isEmpty {
                    self.deadline = 0
                    self.monitor.wakeAll()
                }
                return nil
            }
            if let ready { continuation.resume(returning: ready) }
        }
        try result.get()
    }

    private func resumeWaiting(through ticket: UInt64, _ result: Result<Void, StoreError>) {
        self.monitor.lock.withLock { self.waiting.take(0...ticket) }.resume(result)
    }

    /// Why nothing can be changed now; `nil` while the volume works.
    var failure: StoreError? {
        self.monitor.lock.withLock {
            self.stopped ?? (self.isClosing ? StoreError(.temporary, "volume closing") : nil)
        }
    }

    /// Why nothing that takes space can come in now; `nil` while the volume works.
    var refusalOfAdditions: StoreError? { self.failure ?? self.keeper?.reserve.refusal }

    /// For those who are about to wait: what they hurry is not part of these.
    var begunTries: UInt64 { self.monitor.lock.withLock { self.tries } }

    /// Why nothing could be written the last time; `nil` when it could.
    var currentRefusal: StoreError? { self.monitor.lock.withLock { self.refusal } }

    /// Stops accepting new work: what is queued later fails. For errors that others meet.
    func stop(_ error: StoreError) {
        self.monitor.lock.withLock {
            if self.stopped == nil { self.stopped = error }
            self.monitor.wakeAll()
        }
    }

    /// Whether so much waits to be written, on a disk that is full, that no more flag changes can be taken. Removals
    /// still can: they make room.
    var isOverfull: Bool { self.monitor.lock.withLock { self.queue.count > Self.maximumQueued } }

    /// Records that may wait while nothing can be written.
    private static let maximumQueued = 200_000

    /// Writes what is queued and ends the thread.
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
                if self.queue.isEmpty {
                    if self.isClosing {
                        self.isClosed = true
                        self.monitor.wakeAll()
                        self.monitor.lock.unlock()
                        return
                    }
                    self.monitor.wait()
                    continue
                }
                if self.isClosing || self.stopped != nil { break }
                let deadline = self.deadline ?? 0
                if deadline <= SteadyClock.nanoseconds() { break }
                self.monitor.wait(until: deadline)
            }
            self.tries += 1
            self.isHurried = false
            self.triedThrough = self.nextTicket - 1
            let (records, rest) = self.takeBatch()
            let stopped = self.stopped
            self.deadline = rest ? 0 : nil
            self.monitor.lock.unlock()
            if let stopped {
                self.drop(records, stopped)
            } else {
                self.commit(records)
            }
        }
    }

    private func takeBatch() -> (records: [PendingRecord], rest: Bool) {
        var octets = 0
        var count = 0
        var isJoined = false
        for record in self.queue {
            octets += record.record?.octetCount ?? 0
            if count > 0, !isJoined, !record.joinsPrevious, octets > Self.batchOctets || count >= 16_384 { break }
            isJoined = record.joinsNext
            count += 1
        }
        if count == self.queue.count {
            defer { self.queue = [] }
            return (self.queue, false)
        }
        let records = Array(self.queue[..<count])
        self.queue.removeFirst(count)
        return (records, true)
    }

    private func commit(_ records: [PendingRecord]) {
        if let failure = self.applier.waitForRoom() {
            self.retry(records, failure)
            return
        }
        if self.batch.logSize > 4 << 20 { self.batch = RecordBatch() } else { self.batch.removeAll() }
        for pending in records {
            guard let record = pending.record else { continue }
            defer { if pending.joinsNext { self.batch.joinLastToNext() } }
            if let body = record.body, body.count > Self.copiedOctets {
                var head: [UInt8] = []
                record.encodeHead(into: &head)
                self.batch.append(kind: record.kind.rawValue, prefix: head, body: LargeBody(octets: body))
                continue
            }
            self.batch.append(kind: record.kind.rawValue) { (out: inout [UInt8]) in record.encode(into: &out)
            }
        }
        self.crashPoint(.beforeLogWrite)
        let receipt: CommitReceipt
        do throws(VolumeLogError) {
            receipt = try self.log.commit(&self.batch, durability: self.fsync == .never ? .written : .flushed)
        } catch {
            let failure = StoreError(error)
            switch error.code {
            case .diskFull, .exhausted, .payloadTooLarge:
                self.retry(records, failure)
            default:
                self.report(
                    .error,
                    "volume stopped: \(error). Mail is refused until the cause is removed and the server restarted; "
                        + "nothing acknowledged is lost")
                self.stop(StoreError(.temporary, "volume stopped: \(error)"))
                self.drop(records, StoreError(.temporary, "volume stopped: \(error)"))
            }
            return
        }
        self.crashPoint(.afterFlush)
        self.finish(records, receipt)
    }

    private func finish(_ records: [PendingRecord], _ receipt: CommitReceipt) {
        var sequence = receipt.first
        let locations = self.batch.locations()
        let written = self.batch.logSize
        // A large body must not stay in memory until the next commit.
        if records.contains(where: { $0.record?.octetCount ?? 0 > Self.copiedOctets }) { self.batch.removeAll() }
        var next = 0
        var applying: [Applier.Flushed] = []
        applying.reserveCapacity(records.count)
        var withFiles: [LogSequence] = []
        for var pending in records {
            pending.record = pending.record?.withoutOctets
            // A record that was dropped has no place; it stands for its ticket only.
            let location =
                next < locations.count ? locations[next] : RecordLocation(segment: 0, offset: 0, length: 0)
            applying.append(
                Applier.Flushed(pending: pending, place: PlacedRecord(sequence: sequence, location: location)))
            if pending.record != nil {
                next += 1
                if pending.hasFileWork { withFiles.append(sequence) }
                sequence = sequence.next
            }
        }
        self.fileWork.flushed(through: receipt.last, withFiles: withFiles)
        self.keeper?.wrote(written)
        self.applier.add(applying)
        for flushed in applying { flushed.pending.completion?(.success(flushed.sequence)) }
        if receipt.beganSegment, receipt.first > .first { self.fileWork.prepareNextSegment() }
        self.advance(past: records)
    }

    private func advance(past records: [PendingRecord]) {
        guard let last = records.last else { return }
        self.monitor.lock.withLock {
            self.flushedTicket = max(self.flushedTicket, last.ticket)
            self.refusal = nil
            self.monitor.wakeAll()
        }
        self.resumeWaiting(through: last.ticket, .success(()))
    }

    /// Nothing could be written now. Who waits is told, also of what was queued behind, for which there was no room in
    /// the batch; what is visible already stays queued.
    private func retry(_ tried: [PendingRecord], _ failure: StoreError) {
        let behind = self.monitor.lock.withLock { () -> [PendingRecord] in
            // The others fit.
            guard failure.code != .tooBig else { return [] }
            // What came later has its own try.
            let behind = self.queue.prefix { $0.ticket <= self.triedThrough }
            self.queue.removeFirst(behind.count)
            return Array(behind)
        }
        let refused = tried + behind
        // Before anybody is told: what comes next shall not take what is given up here.
        if failure.code == .diskFull { self.keeper?.ranOutOfSpace() }
        let through = refused.last?.ticket ?? 0
        var kept: [PendingRecord] = []
        kept.reserveCapacity(refused.count)
        for var pending in refused {
            guard pending.isAwaited else {
                kept.append(pending)
                continue
            }
            let completion = pending.completion
            let refusal = pending.isToBlame(for: failure) ? failure : StoreError(.temporary, "\(failure)")
            pending.completion = nil
            pending.hasFileWork = false
            pending.isAwaited = false
            pending.joinsNext = false
            pending.derived = .none
            // Later records may use keyword numbers that this one brought.
            let keywords = pending.record?.keywordsAlone ?? []
            pending.record = nil
            kept.append(pending)
            for record in keywords {
                pending.record = record
                kept.append(pending)
            }
            completion?(.failure(refusal))
        }
        let (tries, flushed, dropped) = self.monitor.lock.withLock { () -> (UInt64, UInt64, [PendingRecord]) in
            defer { self.monitor.wakeAll() }
            self.refusal = failure
            self.refused = (self.tries, through)
            if self.isClosing {
                // No second try: the process ends.
                defer { self.queue = [] }
                self.stopped = self.stopped ?? failure
                return (self.tries, self.flushedTicket, kept + self.queue)
            }
            self.queue.insert(contentsOf: kept, at: 0)
            // Who waits has it tried again at once; else once a second.
            let isNow = self.isHurried || failure.code == .tooBig
            self.deadline = isNow ? 0 : SteadyClock.nanoseconds() &+ 1_000_000_000
            return (self.tries, self.flushedTicket, [])
        }
        for pending in dropped { pending.completion?(.failure(failure)) }
        self.resumeWaiting(through: dropped.isEmpty ? through : .max, .failure(failure))
        if flushed < through { self.applier.refuse(flushed + 1...through, in: tries, failure) }
        if !kept.isEmpty, self.lastReport == 0 || SteadyClock.nanoseconds() &- self.lastReport >= 1_000_000_000 {
            self.lastReport = SteadyClock.nanoseconds()
            self.report(.warning, "nothing can be written to the volume now: \(failure)")
        }
    }

    private func drop(_ records: [PendingRecord], _ failure: StoreError) {
        for pending in records { pending.completion?(.failure(failure)) }
        self.monitor.lock.withLock { self.monitor.wakeAll() }
        self.resumeWaiting(through: .max, .failure(failure))
        self.applier.stop(after: self.monitor.lock.withLock { self.flushedTicket }, failure)
    }
}

extension StoreError {
    init(_ error: VolumeLogError) {
        let code: StoreError.Code =
            switch error.code {
            case .diskFull: .diskFull
            case .payloadTooLarge: .tooBig
            case .locked: .inUse
            case .permissionDenied: .noPermission
            case .damaged, .unsupportedVersion: .damaged
            default: .temporary
            }
        self.init(code, "log: \(error)")
    }
}
