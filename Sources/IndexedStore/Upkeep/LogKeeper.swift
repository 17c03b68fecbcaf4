internal import LMDB
internal import MailCore
internal import MailStore
internal import Synchronization
internal import Threads
internal import VolumeLog

/// Keeps the log short, behind everybody's back: writes checkpoints, so that the records before them are not needed
/// for a rebuild of the index, and copies the last messages out of segments that are mostly dead, so that those can
/// be used again.
final class LogKeeper: @unchecked Sendable {
    // Proof of Sendable: the fields below are touched only with `monitor.lock` held, those below `thread` only by
    // the thread.
    private let monitor = Monitor()
    /// Octets written to the log since the last checkpoint.
    private var written: UInt64
    /// Somebody waits for a whole round: the number of the last one wanted, and of the last one done.
    private var wantedRound = 0
    private var doneRound = 0
    private var isClosing = false
    /// The file system is full: everything that makes the log shorter is worth doing.
    private var isShort = false

    let reserve: SpaceReserve
    let schema: IndexSchema
    let log: VolumeLog
    let committer: Committer
    let applier: Applier
    let restarts: UInt64
    let configuration: IndexedStore.Configuration
    private let thread = ThreadSlot()

    private var checkpoint: CheckpointPointer?
    private var hasFailed = false
    /// Segments with a damaged record, in which something live may be.
    var uncleanable = Set<UInt32>()
    /// When the budget allows the next octet, in monotonic nanoseconds.
    private var paidUntil: UInt64 = 0

    /// Large bodies that nobody names any more. With `monitor.lock` held.
    private var freedBodies: [Freed] = []

    func addFreed(_ freed: [Freed]) {
        guard !freed.isEmpty else { return }
        self.monitor.lock.withLock {
            self.freedBodies += freed.prefix(max(0, Self.maximumFreed - self.freedBodies.count))
        }
    }

    func takeFreed() -> [Freed] {
        self.monitor.lock.withLock {
            defer { self.freedBodies = [] }
            return self.freedBodies
        }
    }

    /// What else is done from time to time. Set before the thread starts.
    private var steps: [@Sendable () -> Void] = []

    func everyRound(_ step: @escaping @Sendable () -> Void) { self.steps.append(step) }

    /// When scripts' memories are to be looked through.
    private var forgetAt: UInt64 = 0
    private static let forgetInterval: UInt64 = 600_000_000_000

    /// How often it looks for sparse segments when nothing is written.
    private static let interval: UInt64 = 10_000_000_000

    init(
        schema: IndexSchema, log: VolumeLog, committer: Committer, applier: Applier, restarts: UInt64,
        checkpoint: CheckpointPointer?, configuration: IndexedStore.Configuration
    ) {
        self.schema = schema
        self.log = log
        self.committer = committer
        self.applier = applier
        self.restarts = restarts
        self.checkpoint = checkpoint
        self.configuration = configuration
        self.reserve = SpaceReserve(directory: configuration.directory, log: log)
        self.largestInterval = min(
            UInt64(configuration.checkpointInterval),
            max(Self.smallestInterval, (log.freeSpace()?.total ?? .max) / 16))
        // Without a checkpoint nothing of the log can be given back: one is due when as much is there as would be
        // due later. Else what was written since is known only roughly, by segments.
        let base = checkpoint?.base ?? .none
        let since = log.segments().count { $0.firstSequence > base }
        self.written = UInt64(since) * UInt64(configuration.logSegmentSize)
        // A log of a release without checkpoints: what is gone from its beginning is in the index alone.
        if checkpoint == nil, let first = log.segments().first, first.firstSequence > .first {
            self.written = UInt64.max / 2
        }
    }

    func start() throws(StoreError) { try self.thread.start("log keeper") { self.run() } }

    /// From the committer: so much was written.
    func wrote(_ octets: Int) {
        self.monitor.lock.withLock {
            self.written += UInt64(octets)
            if self.isDue { self.monitor.wakeAll() }
        }
    }

    /// From threads that could not write something for want of space: gives up the reserve, and makes room.
    func ranOutOfSpace() {
        guard self.reserve.giveUp() else { return }
        self.monitor.lock.withLock {
            guard !self.isShort else { return }
            self.isShort = true
            self.monitor.wakeAll()
        }
    }

    /// Writes a checkpoint and cleans what can be cleaned, now. Waits on this thread.
    func runNow() {
        self.monitor.lock.withLock {
            self.wantedRound += 1
            let round = self.wantedRound
            self.monitor.wakeAll()
            while self.doneRound < round, !self.isClosing { self.monitor.wait() }
        }
    }

    /// Ends the thread; what it was at is left for the next start.
    func close() {
        self.monitor.lock.withLock {
            self.isClosing = true
            self.monitor.wakeAll()
        }
        self.thread.join()
    }

    /// What is before the checkpoint is the log's least length, which may be no large part of a small disk.
    private let largestInterval: UInt64
    private static let smallestInterval: UInt64 = 4 << 20
    private var threshold: UInt64 { max(self.largestInterval, 2 * self.checkpointSize) }
    private var checkpointSize: UInt64 = 0
    private var isDue: Bool { self.written >= self.threshold }

    /// Whether making room is due.
    private var mustMakeRoom: Bool { self.monitor.lock.withLock { self.isShort } }

    var mustStop: Bool { self.monitor.lock.withLock { self.isClosing } || self.committer.failure != nil }

    private func run() {
        self.monitor.lock.withLock { self.checkpointSize = self.checkpoint?.size ?? 0 }
        while true {
            self.monitor.lock.lock()
            let end = SteadyClock.nanoseconds() &+ Self.interval
            while !self.isClosing, self.wantedRound == self.doneRound, !self.isDue, !self.isShort,
                SteadyClock.nanoseconds() < end
            {
                self.monitor.wait(until: end)
            }
            let isWanted = self.wantedRound > self.doneRound
            let round = self.wantedRound
            let isShort = self.isShort
            self.isShort = false
            let isDue = self.isDue || isWanted
            let pace: Pace = isShort ? .room : isWanted ? .everything : .withinBudget
            let isClosing = self.isClosing
            self.monitor.lock.unlock()
            if isClosing { return }
            if SteadyClock.nanoseconds() >= self.forgetAt {
                self.forgetAt = SteadyClock.nanoseconds() &+ Self.forgetInterval
                self.applier.add(.forget(at: self.configuration.clock(), after: []))
            }
            for step in self.steps { step() }
            self.applier.recycleDue()
            do throws(StoreError) {
                if isShort {
                    self.applier.endRetention()
                    // First what is before the last checkpoint, for the next one needs space itself.
                    try self.punchFreed(pace)
                    try self.clean(pace)
                    if self.hasRoomForCheckpoint { try self.writeCheckpoint(pace) }
                } else if isDue {
                    try self.writeCheckpoint(.withinBudget)
                }
                try self.clean(pace)
                try self.punchFreed(pace)
                self.hasFailed = false
            } catch {
                if !self.mustStop, !self.hasFailed {
                    self.configuration.log(
                        .warning, "the log cannot be kept short now: \(error). Tried again every ten seconds")
                    self.hasFailed = true
                }
                self.monitor.lock.withLock {
                    // Also where this round was a common one, and the disk became full in it.
                    let pause = isShort || self.isShort ? Self.shortInterval : Self.interval
                    if !self.isClosing, !isWanted { self.monitor.wait(until: SteadyClock.nanoseconds() &+ pause) }
                }
            }
            self.reserve.take()
            self.monitor.lock.withLock {
                self.doneRound = max(self.doneRound, round)
                self.monitor.wakeAll()
            }
            if isShort, self.reserve.isShort { self.goOnMakingRoom() }
        }
    }

    /// On a full file system: whether a checkpoint fits, and makes more room than it takes.
    private var hasRoomForCheckpoint: Bool {
        let (written, size) = self.monitor.lock.withLock { (self.written, self.checkpointSize) }
        guard let space = self.log.freeSpace() else { return false }
        return written > 2 * size + Self.checkpointMargin && space.free > size + size / 4 + Self.checkpointMargin
    }

    private static let checkpointMargin: UInt64 = 256 << 10

    /// What has been copied is given back with the next commit of the index, and users remove mail meanwhile.
    private func goOnMakingRoom() {
        self.monitor.lock.withLock {
            let end = SteadyClock.nanoseconds() &+ Self.shortInterval
            while !self.isClosing, self.wantedRound == self.doneRound, SteadyClock.nanoseconds() < end {
                self.monitor.wait(until: end)
            }
            self.isShort = true
        }
    }

    private static let shortInterval: UInt64 = 1_000_000_000

    /// How much of the disk's time a round may take: `room` is for a full file system.
    enum Pace { case everything, withinBudget, room }

    /// Waits until so many octets more may be written.
    func pay(_ octets: Int, _ pace: Pace) {
        let rate = UInt64(self.configuration.backgroundRate)
        guard pace == .withinBudget, rate > 0 else { return }
        let now = SteadyClock.nanoseconds()
        self.paidUntil = max(self.paidUntil, now) &+ UInt64(octets) &* 1_000_000_000 / rate
        self.monitor.lock.withLock {
            while !self.isClosing, !self.isShort, SteadyClock.nanoseconds() < self.paidUntil {
                self.monitor.wait(until: self.paidUntil)
            }
        }
    }

    /// Queues records and waits until they are flushed.
    func commit(_ records: [StoreRecord]) throws(StoreError) {
        guard !records.isEmpty else { return }
        let outcome = Outcome(records.count)
        let pending = records.map { record in
            PendingRecord(
                record: record, isAwaited: true,
                completion: { result in
                    if case .failure(let error) = result { outcome.done(error) } else { outcome.done(nil) }
                })
        }
        guard self.committer.enqueue(pending) != nil else { throw StoreError(.temporary, "volume closed") }
        try outcome.wait()
    }

    /// Of several records: waits for the last, and remembers the first failure.
    private final class Outcome: @unchecked Sendable {
        // Touched only with `monitor.lock` held.
        private let monitor = Monitor()
        private var left: Int
        private var failure: StoreError?

        init(_ count: Int) { self.left = count }

        func done(_ failure: StoreError?) {
            self.monitor.lock.withLock {
                self.left -= 1
                self.failure = self.failure ?? failure
                self.monitor.wakeAll()
            }
        }

        func wait() throws(StoreError) {
            self.monitor.lock.lock()
            defer { self.monitor.lock.unlock() }
            while self.left > 0 { self.monitor.wait() }
            if let failure = self.failure { throw failure }
        }
    }

    // MARK: Checkpoints

    /// Octets of one record of rows.
    private static let partSize = 256 << 10

    private func writeCheckpoint(_ pace: Pace) throws(StoreError) {
        let schema = self.schema
        let before = self.monitor.lock.withLock { self.written }
        let applied = try schema.read { (transaction) throws(LMDBError) in try schema.meta(.applied, transaction) }
        // What is behind it is repeated by a rebuild, the work on files too.
        let base = min(LogSequence(rawValue: applied ?? 0), self.applier.filesSyncedThrough)
        guard base > self.checkpoint?.base ?? .none else {
            // The log is kept for files that cannot be written: none makes it shorter.
            self.monitor.lock.withLock { self.written -= min(self.written, before) }
            return
        }
        self.configuration.crashPoint(.beforeCheckpoint)
        let begin = CheckpointPart.Content.begin(restarts: self.restarts, version: UInt32(IndexSchema.version))
        try self.commit([.checkpoint(CheckpointPart(base: base, begin))])
        var parts: UInt64 = 0
        var size: UInt64 = 0
        for database in schema.environment.openDatabases where !IndexSchema.isDerived(database.name) {
            var last: [UInt8] = []
            while let entries = try self.entries(of: database, after: &last) {
                if self.mustStop { throw StoreError(.temporary, "volume closing") }
                // What was given up for making room is not for this: first goes what is before the last checkpoint.
                if pace != .room, self.mustMakeRoom {
                    throw StoreError(.diskFull, "a checkpoint was broken off: the file system has become full")
                }
                let part = CheckpointPart(base: base, .rows(database: database.name, entries: entries))
                try self.commit([.checkpoint(part)])
                parts += 1
                size += UInt64(entries.count)
                if parts == 2 { self.configuration.crashPoint(.inCheckpoint) }
                self.pay(entries.count, pace)
            }
        }
        try self.commit([.checkpoint(CheckpointPart(base: base, .end(parts: parts)))])
        self.configuration.crashPoint(.afterCheckpoint)
        let pointer = CheckpointPointer(base: base, size: size)
        do throws(VolumeLogError) {
            try self.log.replaceNote(CheckpointPointer.name, Array(pointer.text.utf8))
        } catch {
            throw StoreError(error)
        }
        self.checkpoint = pointer
        self.monitor.lock.withLock {
            self.written -= min(self.written, before)
            self.checkpointSize = size
        }
        // Only now: a rebuild finds this checkpoint, and needs nothing before its base.
        self.applier.keepLog(after: base)
    }

    /// The entries behind `last`, as many as fit into one record; `nil` when there are no more.
    private func entries(of database: Database, after last: inout [UInt8]) throws(StoreError) -> [UInt8]? {
        let previous = last
        let (entries, end) = try self.schema.read { (transaction) throws(LMDBError) -> ([UInt8], [UInt8]) in
            var entries: [UInt8] = []
            var end: [UInt8] = []
            let cursor = try transaction.cursor(database)
            var entry = try cursor.seek(previous)
            if let found = entry, !previous.isEmpty, found.key.elementsEqual(previous) { entry = try cursor.next() }
            while let found = entry {
                CheckpointPart.append(found.key, found.value, to: &entries)
                if entries.count >= Self.partSize {
                    end = Array(found.key)
                    return (entries, end)
                }
                end = Array(found.key)
                entry = try cursor.next()
            }
            return (entries, end)
        }
        guard !entries.isEmpty else { return nil }
        last = end
        return entries
    }
}
