internal import MailCore
internal import MailStore
internal import Threads

/// File work that waits, by mailbox. What the files of one refuse stays here and is tried again at growing pauses, while
/// the work of the others goes on.
struct FileWorkQueue {
    typealias Task = IndexWriter.PendingFileTask

    /// What is done for one mailbox at once.
    struct Portion {
        let state: MailboxState
        var rows: [UIDListRow] = []
        var tasks: [UID: Task] = [:]
    }

    /// What is wanted now.
    enum Urgency { case usual, everything, lastChance }

    /// Whether the log is to tell of a trouble.
    enum News { case none, began, ended }

    private struct Work {
        var state: MailboxState
        var rows: [UIDListRow] = []
        /// With more rows than this, those that are there twice go: each look at the files adds all that the list lacks.
        var crowd = 4_096
        var tasks: [UID: Task] = [:]
        /// When renames are due; they wait to be joined with the next change of the same message.
        var due: UInt64 = .max
        var wantsSizeFile = false

        mutating func add(_ rows: [UIDListRow]) {
            self.rows.append(contentsOf: rows)
            guard self.rows.count > self.crowd else { return }
            var seen = Set<UID>()
            self.rows = self.rows.reversed().filter { seen.insert($0.uid).inserted }
            self.crowd = max(self.crowd, 2 * self.rows.count)
        }
    }

    private struct Trouble {
        var pause: RetryPause
        /// Whether another try makes the thread wait for somebody's lock.
        var isLocked = false
        var isTold = false
    }

    private struct Troubles {
        var rows: Trouble?
        var tasks: Trouble?
        /// The messages whose tasks failed. Those of others go on, unless there is a lock in the way.
        var failed = Set<UID>()
    }

    private var work: [MailboxKey: Work] = [:]
    private var troubles: [MailboxKey: Troubles] = [:]
    private let shortestPause: UInt64

    private static let renameDelay: UInt64 = 800_000_000
    /// Tries, within seconds, during which the log keeps messages for a list of UIDs that cannot be written. Index and log
    /// know the UIDs all the same: a list that stays as it is must not have the log grow for ever.
    private static let triesKept = 3

    init(shortestPause: UInt64) { self.shortestPause = shortestPause }

    var isEmpty: Bool { self.work.isEmpty }

    func has(of account: UInt32) -> Bool { self.work.contains { $0.key.account == account } }

    /// Whether files of the account refused something that is still to be done.
    func isTroubled(_ account: UInt32) -> Bool { self.troubles.contains { $0.key.account == account } }

    /// Whether the log is to keep messages for rows that failed.
    var keepsLog: Bool {
        self.troubles.values.contains { troubles in
            troubles.rows.map { $0.pause.failures < Self.triesKept } ?? false
        }
    }

    func pendingRows(_ key: MailboxKey) -> Set<UID> { Set(self.work[key]?.rows.map(\.uid) ?? []) }

    // MARK: Adding

    // In its place: a copy of what may be a hundred thousand tasks for each new one would be quadratic.

    mutating func add(_ task: Task, _ state: MailboxState) {
        Self.add(task, to: &self.work[state.key, default: Work(state: state)], state)
    }

    private static func add(_ task: Task, to work: inout Work, _ state: MailboxState) {
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
        if work.due == .max { work.due = SteadyClock.nanoseconds() &+ Self.renameDelay }
    }

    mutating func add(rows: [UIDListRow], _ state: MailboxState) {
        self.work[state.key, default: Work(state: state)].add(rows)
    }

    mutating func addSizeFile(_ state: MailboxState) {
        self.work[state.key, default: Work(state: state)].wantsSizeFile = true
    }

    mutating func forget(_ key: MailboxKey) {
        self.work[key] = nil
        self.troubles[key] = nil
    }

    // MARK: Taking

    /// When something is to be done; `nil`: there is nothing, 0: as soon as possible.
    func wake(_ isAwaited: (UInt32) -> Bool) -> UInt64? {
        var earliest: UInt64?
        for (key, work) in self.work {
            guard let troubles = self.troubles[key], !isAwaited(key.account), !work.wantsSizeFile else { return 0 }
            var end = UInt64.max
            if !work.rows.isEmpty {
                guard let trouble = troubles.rows else { return 0 }
                end = trouble.pause.end
            }
            if !work.tasks.isEmpty {
                guard let trouble = troubles.tasks,
                    trouble.isLocked || work.tasks.keys.allSatisfy(troubles.failed.contains)
                else { return 0 }
                end = min(end, trouble.pause.end)
            }
            earliest = min(earliest ?? .max, end)
        }
        return earliest
    }

    /// Takes out what is to be done now.
    ///
    /// - Parameters:
    ///   - isAwaited: whether somebody waits for all of an account.
    ///   - held: the messages of a mailbox whose files must stay.
    mutating func take(
        _ urgency: Urgency, at now: UInt64, _ isAwaited: (UInt32) -> Bool, held: (MailboxKey) -> [UIDSet]
    ) -> [Portion] {
        var round: [Portion] = []
        for (key, work) in self.work {
            let isDue = urgency != .usual || work.due <= now
            let held = held(key)
            let troubles = self.troubles[key]
            if isDue, held.isEmpty, troubles == nil {
                round.append(Portion(state: work.state, rows: work.rows, tasks: work.tasks))
                self.work[key] = nil
                continue
            }
            func rests(_ trouble: Trouble?) -> Bool {
                guard let trouble else { return false }
                // The end must not wait for the locks of others, of which there may be many.
                if urgency == .lastChance { return trouble.isLocked }
                return !isAwaited(key.account) && now < trouble.pause.end
            }
            let tasksRest = rests(troubles?.tasks)
            func isReady(_ task: Task) -> Bool {
                let hasFailed = troubles?.failed.contains(task.uid) == true
                if tasksRest, hasFailed || troubles?.tasks?.isLocked == true { return false }
                return task.kind == .remove ? !held.contains { $0.contains(task.uid) } : isDue || hasFailed
            }
            var part = Portion(state: work.state, rows: rests(troubles?.rows) ? [] : work.rows)
            for (uid, task) in work.tasks where isReady(task) { part.tasks[uid] = task }
            guard !part.rows.isEmpty || !part.tasks.isEmpty || work.wantsSizeFile else { continue }
            round.append(part)
            var rest = work
            rest.wantsSizeFile = false
            if !part.rows.isEmpty { rest.rows = [] }
            rest.tasks = work.tasks.filter { part.tasks[$0.key] == nil }
            if isDue, !tasksRest { rest.due = .max }
            self.work[key] = rest.rows.isEmpty && rest.tasks.isEmpty ? nil : rest
        }
        return round
    }

    // MARK: What came of it

    /// Rows were written.
    mutating func rowsWritten(_ key: MailboxKey) -> News {
        let wasTold = self.troubles[key]?.rows?.isTold == true
        self.troubles[key]?.rows = nil
        self.tidy(key)
        return wasTold ? .ended : .none
    }

    /// Rows could not be written; they are kept for the next try, if there is one.
    mutating func rowsFailed(_ portion: Portion, _ urgency: Urgency, isLocked: Bool, isTold: Bool) -> News {
        let key = portion.state.key
        if urgency != .lastChance { self.work[key, default: Work(state: portion.state)].add(portion.rows) }
        var trouble = self.troubles[key]?.rows ?? Trouble(pause: RetryPause(self.shortestPause))
        trouble.isLocked = isLocked
        trouble.pause.failed(at: SteadyClock.nanoseconds())
        let isNews = isTold && !trouble.isTold
        trouble.isTold = trouble.isTold || isTold
        self.troubles[key, default: Troubles()].rows = trouble
        return isNews ? .began : .none
    }

    /// Tasks were tried; `failed` of them are kept for the next try.
    mutating func tasksTried(
        _ portion: Portion, _ urgency: Urgency, failed: [Task], isLocked: Bool, isTold: Bool
    ) -> News {
        let key = portion.state.key
        if failed.isEmpty, self.troubles[key]?.tasks == nil { return .none }
        var troubles = self.troubles[key] ?? Troubles()
        troubles.failed.subtract(portion.tasks.keys)
        for task in failed {
            troubles.failed.insert(task.uid)
            if urgency == .lastChance { continue }
            Self.putBack(task, to: &self.work[key, default: Work(state: portion.state)])
        }
        var news = News.none
        var trouble = troubles.tasks ?? Trouble(pause: RetryPause(self.shortestPause))
        if !failed.isEmpty {
            trouble.isLocked = isLocked
            trouble.pause.failed(at: SteadyClock.nanoseconds())
            if isTold, !trouble.isTold { news = .began }
            trouble.isTold = trouble.isTold || isTold
            troubles.tasks = trouble
        } else if troubles.failed.isEmpty {
            if trouble.isTold { news = .ended }
            troubles.tasks = nil
        }
        self.troubles[key] = troubles
        self.tidy(key)
        return news
    }

    /// What came meanwhile begins where the file is now.
    private static func putBack(_ task: Task, to work: inout Work) {
        guard var newer = work.tasks[task.uid] else {
            work.tasks[task.uid] = task
            return
        }
        guard newer.location == task.location else { return }
        if task.kind == .remove {
            newer = task
        } else {
            newer.oldFlags = task.oldFlags
            newer.oldKeywords = task.oldKeywords
        }
        work.tasks[task.uid] = newer
    }

    private mutating func tidy(_ key: MailboxKey) {
        if let troubles = self.troubles[key], troubles.rows == nil, troubles.tasks == nil { self.troubles[key] = nil }
    }
}
