internal import Glibc
internal import MailCore
internal import MailStore
internal import Threads
internal import VolumeLog

/// The work on files that comes behind the answer: rows in the lists of UIDs, names that show new flags, removal
/// of expunged files, and the sync of file systems, after which the log need not keep messages for them.
final class FileWork: @unchecked Sendable {
    // Proof of Sendable: the fields below are touched only with `monitor.lock` held, here and in extensions.

    let monitor = Monitor()
    var queue: FileWorkQueue
    /// Flushed records whose files are not yet known to be on the disk.
    private var outstanding: OutstandingRecords
    var doneSinceSync = false
    /// One mailbox on each file system that was written to since its last sync.
    private var dirty: [UInt64: MailboxState] = [:]
    private var segmentWanted = false
    var retries: FileWorkRetries
    private var isClosing = false
    /// Everything is wanted now, and the round that does it.
    var isDraining = false
    private(set) var isBusy = false
    /// Whether the thread waits for something to do.
    private var isAsleep = false
    /// How many wait for all work of an account, and of all accounts.
    var awaited: [UInt32: Int] = [:]
    var everyone = 0
    /// Numbers of the round that began last, and of the last one after which all was on the disk.
    private(set) var begunRound: UInt64 = 0
    private(set) var syncedRound: UInt64 = 0
    /// The thread's own: done since the last sync that succeeded.
    private var unsynced: [IndexWriter.PendingFileTask] = []
    private var hasSyncFailed = false
    /// File systems that have lost what was written since the start.
    private var lostFileSystems: Set<UInt64> = []
    /// Whether there are any: then nothing more is on the disk for certain, and nobody need wait for it.
    private(set) var hasLostFiles = false
    /// The thread's own: accounts whose size file could not be written last.
    private var staleSizeFiles: Set<UInt32> = []
    /// Which files must stay for copies of them, and the copies that are in place: they are on the disk with the next sync.
    private var sources = CopySources()

    let longestDrain: UInt64
    private let log: VolumeLog
    private let fsync: IndexedStore.Fsync
    private let report: @Sendable (IndexedStore.LogLevel, String) -> Void
    private let crashPoint: @Sendable (CrashPoint) -> Void
    private let thread = ThreadSlot()
    /// Set before `start`; weak because the applier holds this.
    private weak var applier: Applier?

    private static let interval: UInt64 = 200_000_000
    private static let failurePause: UInt32 = 20_000

    /// - Parameter unfinished: records whose files could not be written at the start; the log keeps them.
    init(
        log: VolumeLog, flushedThrough: LogSequence, unfinished: [LogSequence],
        configuration: IndexedStore.Configuration
    ) {
        self.log = log
        self.outstanding = OutstandingRecords(flushedThrough: flushedThrough, aside: unfinished)
        self.fsync = configuration.fsync
        self.queue = FileWorkQueue(shortestPause: configuration.shortestRetry)
        self.retries = FileWorkRetries(configuration.shortestRetry)
        self.longestDrain = configuration.longestFileWait
        self.report = configuration.log
        self.crashPoint = configuration.crashPoint
    }

    func start(_ applier: Applier) throws(StoreError) {
        self.applier = applier
        try self.thread.start("file work") { self.run() }
    }

    // MARK: What is to be done

    func add(_ task: IndexWriter.PendingFileTask, _ state: MailboxState) { self.change { $0.add(task, state) } }

    /// Rows for messages whose files are there.
    func add(rows: [UIDListRow], _ state: MailboxState) { self.change { $0.add(rows: rows, state) } }

    /// UIDs whose rows in the list of UIDs are still to be written.
    func pendingRows(_ key: MailboxKey) -> Set<UID> { self.monitor.lock.withLock { self.queue.pendingRows(key) } }

    /// Has the account's size file brought up to date soon.
    func updateSizeFile(_ states: [MailboxState]) {
        guard let state = states.first else { return }
        self.change { $0.addSizeFile(state) }
    }

    private func change(_ body: (inout FileWorkQueue) -> Void) {
        self.monitor.lock.withLock {
            body(&self.queue)
            guard self.isAsleep else { return }
            self.isAsleep = false
            self.monitor.wakeAll()
        }
    }

    /// Forgets the work of a mailbox that is deleted.
    func forget(_ key: MailboxKey) { self.monitor.lock.withLock { self.queue.forget(key) } }

    /// From the committer: records up to `sequence` are flushed; those of `withFiles` will be `done`.
    func flushed(through sequence: LogSequence, withFiles: [LogSequence]) {
        self.monitor.lock.withLock { self.outstanding.flushed(through: sequence, withFiles: withFiles) }
    }

    /// The files of a record are written; `state` is on the file system that needs a sync.
    func done(_ sequence: LogSequence, _ states: [MailboxState]) {
        self.monitor.lock.withLock {
            self.outstanding.done(sequence)
            for state in states { self.dirty[state.fileSystem] = state }
            if !self.doneSinceSync {
                self.doneSinceSync = true
                self.monitor.wakeAll()
            }
        }
    }

    /// The files of a record cannot be written now. It is done with later, and does not hold up those behind it.
    func setAside(_ sequence: LogSequence) { self.monitor.lock.withLock { self.outstanding.setAside(sequence) } }

    /// Has something that files did not allow tried again until it answers `true`: a second later, and then at growing
    /// pauses of up to a minute, so that what never succeeds does not keep others waiting. When the volume is closed
    /// before, there is a last attempt.
    ///
    /// - Parameter account: whose files these are; `nil`: those of many, tried each second.
    func retry(of account: UInt32? = nil, _ body: @escaping FileWorkRetries.Body) {
        self.monitor.lock.withLock {
            self.retries.add(account, body, at: SteadyClock.nanoseconds())
            self.monitor.wakeAll()
        }
    }

    func prepareNextSegment() {
        self.monitor.lock.withLock {
            self.segmentWanted = true
            self.monitor.wakeAll()
        }
    }

    // MARK: Sources of copies

    /// Keeps files where they are while copies of them may not be on the disk: after power loss those may be gone, and
    /// what takes the files away be done. To be called before anything can take the messages away, with the mailbox
    /// locked.
    func hold(_ key: MailboxKey, _ uids: UIDSet) -> CopySources.Hold {
        self.monitor.lock.withLock { self.sources.hold(key, uids) }
    }

    /// The copies will not be made.
    func letGo(_ hold: CopySources.Hold) {
        self.monitor.lock.withLock {
            self.sources.letGo(hold)
            self.monitor.wakeAll()
        }
    }

    /// The copies are in place, and their file system was said to need a sync.
    func letGoAfterSync(_ hold: CopySources.Hold) {
        self.monitor.lock.withLock {
            self.sources.letGoAfterSync(hold)
            self.doneSinceSync = true
            self.monitor.wakeAll()
        }
    }

    /// Waits on this thread until no file of the mailbox has to stay, at most five seconds; whether that is so.
    func awaitLetGo(of key: MailboxKey) -> Bool {
        self.monitor.lock.withLock {
            let end = SteadyClock.nanoseconds() &+ Self.longestHold
            while self.sources.isHeld(key), SteadyClock.nanoseconds() < end, !self.hasLostFiles {
                self.hurry()
                self.monitor.wait(until: end)
            }
            return !self.sources.isHeld(key)
        }
    }

    /// Has the next round begin at once and with everything, for who waits for it. Wakes others only when that is news to
    /// them: those who wait would wake each other without end. With the lock held.
    func hurry(isNews: Bool = false) {
        guard isNews || !self.isDraining else { return }
        self.isDraining = true
        self.monitor.wakeAll()
    }

    private static let longestHold: UInt64 = 5_000_000_000

    /// The records whose files are on the disk.
    var synced: SyncedRecords { self.monitor.lock.withLock { self.outstanding.synced } }

    /// Does everything queued now and ends the thread.
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
            self.sleep()
            let end = SteadyClock.nanoseconds() &+ Self.interval
            while !self.isClosing, !self.isDraining || !self.retries.isEmpty, !self.segmentWanted,
                SteadyClock.nanoseconds() < end
            {
                self.monitor.wait(until: end)
            }
            let isClosing = self.isClosing
            let segmentWanted = self.segmentWanted
            self.segmentWanted = false
            let now = SteadyClock.nanoseconds()
            let retries = isClosing ? self.retries.takeAll() : self.retries.take(at: now, self.isAwaited)
            let urgency: FileWorkQueue.Urgency = isClosing ? .lastChance : self.isDraining ? .everything : .usual
            let round = self.queue.take(urgency, at: now, self.isAwaited, held: { self.sources.held($0) })
            // What is done now has its rows in this round or an earlier one. What is done while the round runs may
            // have rows that only the next one writes, so that the log must keep it until then.
            let done = self.outstanding.done
            let placed = self.sources.placed
            self.doneSinceSync = false
            self.isDraining = false
            self.isBusy = true
            self.begunRound += 1
            self.monitor.lock.unlock()

            if segmentWanted {
                do throws(VolumeLogError) {
                    try self.log.prepareNextSegment()
                } catch {
                    self.report(.warning, "the next log segment cannot be prepared: \(error)")
                }
            }
            let isSynced = self.perform(round, done, urgency)
            let failed = retries.filter { !$0.body(isClosing ? .last : .another) }
            self.monitor.lock.withLock {
                if !isClosing { self.retries.tried(failed: failed, at: SteadyClock.nanoseconds()) }
                if isSynced {
                    self.sources.synced(placed)
                    self.syncedRound = self.begunRound
                }
                self.isBusy = false
                self.monitor.wakeAll()
            }
            if isClosing {
                // What has to wait for copies that cannot be made now is left to the next start.
                let isStuck = round.isEmpty && (placed.isEmpty || !isSynced)
                if isStuck || self.monitor.lock.withLock({ self.queue.isEmpty }) { return }
            }
        }
    }

    /// Waits, the lock being held, until there is something to do.
    private func sleep() {
        while !self.doneSinceSync, !self.segmentWanted, !self.isClosing {
            let wake = [self.queue.wake(self.isAwaited), self.retries.wake(self.isAwaited)].compactMap(\.self).min()
            if let wake, wake <= SteadyClock.nanoseconds() { break }
            self.isAsleep = true
            if let wake { self.monitor.wait(until: wake) } else { self.monitor.wait() }
        }
        self.isAsleep = false
    }

    /// Whether somebody waits for all work of an account. With the lock held.
    private func isAwaited(_ account: UInt32) -> Bool { self.everyone > 0 || self.awaited[account] != nil }

    /// Whether all that was done before it began is on the disk.
    private func perform(
        _ round: [FileWorkQueue.Portion], _ done: OutstandingRecords.Done, _ urgency: FileWorkQueue.Urgency
    ) -> Bool {
        if !round.isEmpty { self.crashPoint(.beforeFileWork) }
        var hasFailed = false
        for portion in round {
            if !self.writeRows(portion, urgency) { hasFailed = true }
            if !self.doTasks(portion, urgency) { hasFailed = true }
        }
        self.updateSizeFiles(round)
        if !round.isEmpty { self.crashPoint(.afterFileWork) }
        // Who waits for all of it has it tried again at once.
        if hasFailed { usleep(Self.failurePause) }
        let keepsLog = self.monitor.lock.withLock { self.queue.keepsLog }
        guard self.sync(keepsLog ? OutstandingRecords.Done() : done) else {
            if !hasFailed { usleep(Self.failurePause) }
            return false
        }
        if !self.unsynced.isEmpty { self.crashPoint(.afterFileSync) }
        for task in self.unsynced { self.applier?.add(.fileTaskDone(task)) }
        self.unsynced = []
        return true
    }

    private func updateSizeFiles(_ round: [FileWorkQueue.Portion]) {
        var cores: [UInt32: AccountCore] = [:]
        for portion in round { cores[portion.state.core.id] = portion.state.core }
        for core in cores.values {
            do throws(StoreError) {
                try core.updateSizeFile()
                self.staleSizeFiles.remove(core.id)
            } catch {
                guard self.staleSizeFiles.insert(core.id).inserted else { continue }
                self.report(
                    .warning,
                    "\(core.identity.name): size file cannot be written: \(error). Tried again with the next change")
            }
        }
    }

    /// Whether none is left.
    private func writeRows(_ portion: FileWorkQueue.Portion, _ urgency: FileWorkQueue.Urgency) -> Bool {
        guard !portion.rows.isEmpty else { return true }
        let state = portion.state
        do throws(StoreError) {
            try portion.writeRows()
            if self.monitor.lock.withLock({ self.queue.rowsWritten(state.key) }) == .ended {
                self.report(.notice, "\(state.description): the list of UIDs is written again")
            }
            return true
        } catch {
            // Else the next look at the files writes them.
            guard self.isKept(state, error) else { return true }
            let isMissing = error.code == .notFound
            let news = self.monitor.lock.withLock {
                self.queue.rowsFailed(portion, urgency, isLocked: error.code == .inUse, isTold: !isMissing)
            }
            self.dropIfGone(state)
            if news == .began {
                self.report(
                    .warning,
                    "\(state.description): list of UIDs cannot be written now: \(error). Tried again until it succeeds; "
                        + "the index has the UIDs")
            }
            return false
        }
    }

    /// Whether none is left.
    private func doTasks(_ portion: FileWorkQueue.Portion, _ urgency: FileWorkQueue.Urgency) -> Bool {
        guard !portion.tasks.isEmpty else { return true }
        let state = portion.state
        let outcome = portion.doTasks()
        self.unsynced.append(contentsOf: outcome.done)
        self.monitor.lock.withLock { self.dirty[state.fileSystem] = state }
        // What is not done is in the index, and is taken up when the mailbox is used after the next start.
        if let failure = outcome.failure, !self.isKept(state, failure) { return true }
        let isLocked = outcome.failure?.code == .inUse
        let isMissing = outcome.failure?.code == .notFound
        let news = self.monitor.lock.withLock {
            self.queue.tasksTried(portion, urgency, failed: outcome.failed, isLocked: isLocked, isTold: !isMissing)
        }
        if !outcome.failed.isEmpty { self.dropIfGone(state) }
        switch news {
        case .none: break
        case .began: if let failure = outcome.failure { self.tell(failure, outcome, state) }
        case .ended: self.report(.notice, "\(state.description): files are as the index says again")
        }
        return outcome.failed.isEmpty
    }

    private func tell(_ failure: StoreError, _ outcome: FileWorkQueue.Portion.Outcome, _ state: MailboxState) {
        let others = outcome.failed.count > 1 ? ", and \(outcome.failed.count - 1) more" : ""
        let what = outcome.uid.map { "file of message \($0.rawValue)\(others) cannot be changed" }
        self.report(
            .warning,
            "\(state.description): \(what ?? "files cannot be changed"): \(failure). Tried again until it succeeds; the "
                + "index has the changes")
    }

    /// Whether what a mailbox's files refused is to be tried again.
    private func isKept(_ state: MailboxState, _ failure: StoreError) -> Bool {
        // Files of a deleted mailbox are gone or about to go.
        if state.isGone { return false }
        guard failure.code == .notFound else { return true }
        // Removed or renamed by another program, most likely, and soon known.
        if !state.lock.withLock({ state.isDeleted }) {
            state.core.volume.refreshDirectory(of: state)
            return true
        }
        return false
    }

    /// The work of a mailbox that was deleted while it was tried is nobody's.
    private func dropIfGone(_ state: MailboxState) { if state.isGone { self.forget(state.key) } }

    /// Syncs the file systems; what was done before is then on the disk, and the log need not keep the records of `done`
    /// for it.
    private func sync(_ done: OutstandingRecords.Done) -> Bool {
        let dirty = self.monitor.lock.withLock {
            defer { self.dirty = [:] }
            return self.dirty
        }
        var left = dirty
        for (device, state) in dirty where self.fsync != .never {
            do throws(StoreError) {
                guard !self.lostFileSystems.contains(device) else {
                    throw StoreError(.damaged, "files were lost on their way to the disk")
                }
                try state.flushFiles()
                left[device] = nil
            } catch {
                // The system tells once of a write that failed, and takes the pages for clean from then on: a second try that
                // succeeds says nothing about them. Only the log has them, and a start writes them anew from there.
                let isLost = error.code == .damaged
                let isNews = isLost ? self.lostFileSystems.insert(device).inserted : !self.hasSyncFailed
                if isNews {
                    self.report(
                        .error,
                        "\(state.description): files cannot be flushed: \(error). The log keeps the messages; "
                            + (isLost
                                ? "restart martletd when the disk is mended, which writes them anew"
                                : "tried again until it succeeds"))
                }
                self.hasSyncFailed = true
                self.monitor.lock.withLock {
                    if isLost { self.hasLostFiles = true }
                    // Those behind it are not on the disk either. One that came meanwhile is more likely to be there
                    // still.
                    self.dirty.merge(left) { new, _ in new }
                    // Tried again in the next round.
                    self.doneSinceSync = true
                }
                return false
            }
        }
        self.hasSyncFailed = false
        self.monitor.lock.withLock { self.outstanding.synced(done) }
        return true
    }
}
