internal import Glibc
internal import MailCore
internal import MailStore
internal import Threads
internal import VolumeLog

/// The work on files that comes behind the answer: rows in the lists of UIDs, names that show new flags, removal
/// of expunged files, and the sync of file systems, after which the log need not keep messages for them.
final class FileWork: @unchecked Sendable {
    // Proof of Sendable: the fields below are touched only with `monitor.lock` held.

    private struct Work {
        var state: MailboxState
        var rows: [UIDListRow] = []
        var tasks: [UID: IndexWriter.PendingFileTask] = [:]
        /// When renames are due; they wait to be joined with the next change of the same message.
        var due: UInt64 = .max
    }

    private let monitor = Monitor()
    private var work: [MailboxKey: Work] = [:]
    /// Flushed records whose files are not yet known to be on the disk.
    private var outstanding: OutstandingRecords
    private var doneSinceSync = false
    /// One mailbox on each file system that was written to since its last sync.
    private var dirty: [UInt64: MailboxState] = [:]
    private var segmentWanted = false
    /// What is tried again each second, and when.
    private var retries: [@Sendable (Attempt) -> Bool] = []
    private var retryAt: UInt64 = 0
    private var isClosing = false
    /// Everything is wanted now, and the round that does it.
    private var isDraining = false
    private var isBusy = false
    /// The thread's own: done since the last sync that succeeded.
    private var unsynced: [IndexWriter.PendingFileTask] = []
    private var hasSyncFailed = false
    /// Which files must stay for copies of them, and the copies that are in place: they are on the disk with the next sync.
    private var sources = CopySources()

    private let log: VolumeLog
    private let fsync: IndexedStore.Fsync
    private let report: @Sendable (IndexedStore.LogLevel, String) -> Void
    private let crashPoint: @Sendable (CrashPoint) -> Void
    private let thread = ThreadSlot()
    /// Set before `start`; weak because the applier holds this.
    private weak var applier: Applier?

    /// Whether a thing that is tried again may be tried once more.
    enum Attempt { case another, last }

    private static let interval: UInt64 = 200_000_000
    private static let retryInterval: UInt64 = 1_000_000_000
    private static let renameDelay: UInt64 = 800_000_000
    /// Files that are renamed or removed while nobody else can touch those of the mailbox.
    private static let slice = 64
    /// Microseconds left to others between two slices.
    private static let pause: UInt32 = 300
    private static let failurePause: UInt32 = 20_000

    /// - Parameter unfinished: records whose files could not be written at the start; the log keeps them.
    init(
        log: VolumeLog, flushedThrough: LogSequence, unfinished: [LogSequence],
        configuration: IndexedStore.Configuration
    ) {
        self.log = log
        self.outstanding = OutstandingRecords(flushedThrough: flushedThrough, aside: unfinished)
        self.fsync = configuration.fsync
        self.report = configuration.log
        self.crashPoint = configuration.crashPoint
    }

    func start(_ applier: Applier) throws(StoreError) {
        self.applier = applier
        try self.thread.start("file work") { self.run() }
    }

    // MARK: What is to be done

    func add(_ task: IndexWriter.PendingFileTask, _ state: MailboxState) {
        self.change(state) { work in
            work.state = state
            // A MOVE has its files removed at once; the index may tell only later of a flag change before it.
            if work.tasks[task.uid]?.kind == .remove, task.kind == .rename { return }
            if var known = work.tasks[task.uid], known.kind == .rename, task.kind == .rename {
                known.newFlags = task.newFlags
                known.newKeywords = task.newKeywords
                known.modSeq = task.modSeq
                work.tasks[task.uid] = known
            } else {
                work.tasks[task.uid] = task
            }
            if work.due == .max { work.due = Monitor.now() &+ Self.renameDelay }
        }
    }

    /// Rows for messages whose files are there.
    func add(rows: [UIDListRow], _ state: MailboxState) {
        self.change(state) { $0.rows.append(contentsOf: rows) }
    }

    /// UIDs whose rows in the list of UIDs are still to be written.
    func pendingRows(_ key: MailboxKey) -> Set<UID> {
        self.monitor.lock.withLock { Set(self.work[key]?.rows.map(\.uid) ?? []) }
    }

    /// Has the account's size file brought up to date soon.
    func updateSizeFile(_ states: [MailboxState]) {
        guard let state = states.first else { return }
        self.change(state) { $0.due = min($0.due, Monitor.now()) }
    }

    /// In its place: a copy of what may be a hundred thousand tasks for each new one would be quadratic.
    private func change(_ state: MailboxState, _ body: (inout Work) -> Void) {
        self.monitor.lock.withLock {
            let wasIdle = self.work.isEmpty
            body(&self.work[state.key, default: Work(state: state)])
            if wasIdle { self.monitor.wakeAll() }
        }
    }

    /// Forgets the work of a mailbox that is deleted.
    func forget(_ key: MailboxKey) { self.monitor.lock.withLock { _ = self.work.removeValue(forKey: key) } }

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

    /// Has something that files did not allow tried again, each second until it answers `true`. When the volume is
    /// closed before, there is a last attempt.
    func retry(_ body: @escaping @Sendable (Attempt) -> Bool) {
        self.monitor.lock.withLock {
            if self.retries.isEmpty { self.retryAt = Monitor.now() &+ Self.retryInterval }
            self.retries.append(body)
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
            let end = Monitor.now() &+ Self.longestHold
            while self.sources.isHeld(key), Monitor.now() < end {
                self.isDraining = true
                self.monitor.wakeAll()
                self.monitor.wait(until: end)
            }
            return !self.sources.isHeld(key)
        }
    }

    private static let longestHold: UInt64 = 5_000_000_000

    /// The records whose files are on the disk.
    var synced: SyncedRecords { self.monitor.lock.withLock { self.outstanding.synced } }

    /// Waits on this thread until everything queued is done.
    func drain() {
        self.monitor.lock.withLock {
            while !self.work.isEmpty || self.isBusy || self.doneSinceSync || !self.retries.isEmpty {
                self.isDraining = true
                self.monitor.wakeAll()
                self.monitor.wait()
            }
        }
    }

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
            while self.work.isEmpty, !self.doneSinceSync, !self.segmentWanted, !self.isClosing {
                if self.retries.isEmpty {
                    self.monitor.wait()
                } else if Monitor.now() < self.retryAt {
                    self.monitor.wait(until: self.retryAt)
                } else {
                    break
                }
            }
            let end = Monitor.now() &+ Self.interval
            while !self.isClosing, !self.isDraining || !self.retries.isEmpty, !self.segmentWanted, Monitor.now() < end {
                self.monitor.wait(until: end)
            }
            let isClosing = self.isClosing
            let segmentWanted = self.segmentWanted
            self.segmentWanted = false
            let retries = isClosing || self.retryAt <= Monitor.now() ? self.retries : []
            if !retries.isEmpty { self.retries = [] }
            let round = self.takeRound(everything: isClosing || self.isDraining)
            // What is done now has its rows in this round or an earlier one. What is done while the round runs may
            // have rows that only the next one writes, so that the log must keep it until then.
            let done = self.outstanding.done
            let placed = self.sources.placed
            self.doneSinceSync = false
            self.isDraining = false
            self.isBusy = true
            self.monitor.lock.unlock()

            if segmentWanted {
                do throws(VolumeLogError) {
                    try self.log.prepareNextSegment()
                } catch {
                    self.report(.warning, "the next log segment cannot be prepared: \(error)")
                }
            }
            let isSynced = self.perform(round, done)
            let failed = retries.filter { !$0(isClosing ? .last : .another) }
            self.monitor.lock.withLock {
                if !failed.isEmpty, !isClosing {
                    self.retries.insert(contentsOf: failed, at: 0)
                    self.retryAt = Monitor.now() &+ Self.retryInterval
                }
                if isSynced { self.sources.synced(placed) }
                self.isBusy = false
                self.monitor.wakeAll()
            }
            if isClosing {
                // What has to wait for copies that cannot be made now is left to the next start.
                let isStuck = round.isEmpty && (placed.isEmpty || !isSynced)
                if isStuck || self.monitor.lock.withLock({ self.work.isEmpty }) { return }
            }
        }
    }

    private func takeRound(everything: Bool) -> [Work] {
        let now = Monitor.now()
        var round: [Work] = []
        for (key, work) in self.work {
            let isDue = everything || work.due <= now
            let held = self.sources.held(key)
            if isDue, held.isEmpty {
                round.append(work)
                self.work[key] = nil
                continue
            }
            func isReady(_ task: IndexWriter.PendingFileTask) -> Bool {
                task.kind == .remove ? !held.contains { $0.contains(task.uid) } : isDue
            }
            var part = Work(state: work.state, rows: work.rows)
            for (uid, task) in work.tasks where isReady(task) { part.tasks[uid] = task }
            guard !part.rows.isEmpty || !part.tasks.isEmpty else { continue }
            round.append(part)
            var rest = work
            rest.rows = []
            rest.tasks = work.tasks.filter { !isReady($0.value) }
            if isDue { rest.due = .max }
            if rest.tasks.isEmpty { self.work[key] = nil } else { self.work[key] = rest }
        }
        return round
    }

    /// Whether all that was done before it began is on the disk.
    private func perform(_ round: [Work], _ done: OutstandingRecords.Done) -> Bool {
        if !round.isEmpty { self.crashPoint(.beforeFileWork) }
        var hasFailed = false
        for work in round { self.unsynced.append(contentsOf: self.perform(work, &hasFailed)) }
        self.updateSizeFiles(round)
        if !round.isEmpty { self.crashPoint(.afterFileWork) }
        // Who waits for all of it has it tried again at once.
        if hasFailed { usleep(Self.failurePause) }
        guard self.sync(hasFailed ? OutstandingRecords.Done() : done) else { return false }
        if !self.unsynced.isEmpty { self.crashPoint(.afterFileSync) }
        for task in self.unsynced { self.applier?.add(.fileTaskDone(task)) }
        self.unsynced = []
        return true
    }

    private func updateSizeFiles(_ round: [Work]) {
        var cores: [UInt32: AccountCore] = [:]
        for work in round { cores[work.state.core.id] = work.state.core }
        for core in cores.values {
            do throws(StoreError) {
                try core.updateSizeFile()
            } catch {
                self.report(.warning, "\(core.identity.name): size file cannot be written: \(error)")
            }
        }
    }

    /// - Parameter hasFailed: set when rows could not be written.
    private func perform(_ work: Work, _ hasFailed: inout Bool) -> [IndexWriter.PendingFileTask] {
        let state = work.state
        var done: [IndexWriter.PendingFileTask] = []
        let header = state.header
        do throws(StoreError) {
            try state.changeFiles(of: []) { (files) throws(StoreError) in
                if !work.rows.isEmpty {
                    try files.record(work.rows.sorted { $0.uid < $1.uid }, header: header)
                }
            }
        } catch {
            // Files of a deleted mailbox are gone or about to go.
            if state.isGone { return [] }
            hasFailed = true
            if error.code == .notFound {
                // Removed or renamed by another program, most likely, and soon known.
                state.core.volume.refreshDirectory(of: state)
            } else {
                self.report(.warning, "\(state.description): list of UIDs cannot be written now: \(error)")
            }
            // Else the next look at the files writes them.
            if !self.monitor.lock.withLock({ self.isClosing }) { self.add(rows: work.rows, state) }
        }
        guard !work.tasks.isEmpty else { return [] }
        var rest = work.tasks.values.sorted(by: { $0.uid < $1.uid })[...]
        while !rest.isEmpty {
            let slice = rest.prefix(Self.slice)
            rest = rest.dropFirst(Self.slice)
            do throws(StoreError) {
                try state.changeFiles(of: slice.lazy.map(\.location)) { (files) throws(StoreError) in
                    for task in slice where self.perform(task, state, files) { done.append(task) }
                }
            } catch {
                if !state.isGone {
                    self.report(.warning, "\(state.description): files cannot be changed: \(error)")
                }
                break
            }
            guard !rest.isEmpty else { break }
            // Who waits for the mailbox's files, a delivery above all, comes first: a lock taken again at once is
            // seldom given to another.
            usleep(Self.pause)
            if state.isGone { break }
        }
        self.monitor.lock.withLock { self.dirty[state.fileSystem] = state }
        return done
    }

    private func perform(
        _ task: IndexWriter.PendingFileTask, _ state: MailboxState, _ files: any MailboxFiles
    ) -> Bool {
        let old = state.fileFlags(task.oldFlags, task.oldKeywords)
        do throws(StoreError) {
            switch task.kind {
            case .rename:
                try files.setFlags(
                    task.location, from: old, to: state.fileFlags(task.newFlags, task.newKeywords))
            case .remove:
                try files.remove(task.location, flags: old)
            }
            return true
        } catch {
            if !state.isGone {
                self.report(.warning, "\(state.description): file of message \(task.uid.rawValue): \(error)")
            }
            return false
        }
    }

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
                try state.flushFiles()
                left[device] = nil
            } catch {
                if !self.hasSyncFailed {
                    self.report(
                        .error,
                        "\(state.description): files cannot be flushed: \(error). The log keeps the messages; "
                            + "tried again until it succeeds")
                }
                self.hasSyncFailed = true
                self.monitor.lock.withLock {
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
