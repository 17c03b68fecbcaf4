import MailCore
import MailStore
import Synchronization

/// Gives messages to the program that teaches the junk filter, a few at a time, in the background.
///
/// Lessons wait in memory, up to a bound; what fails is tried again for a day. Who gives one hears when it is learned or
/// given up, and not of one that the server's end left: that is to be given again. Safe to use from any thread.
public final class JunkTrainer: Sendable {
    /// What the site decided. A reload gives another.
    public struct Options: Sendable {
        /// The program, absolute, and its arguments with variables; empty: nothing is learned of that kind.
        public var spam: [String] = []
        public var ham: [String] = []
        public var timeout: Duration = .seconds(30)
        /// Messages of one run where the arguments have `%{files}`.
        public var batch = 50
        /// Replaces variables of an argument by what the second answers for their names.
        public var expand: @Sendable (String, (String) -> String?) -> String = { text, _ in text }
        /// Takes what went wrong, for the log.
        public var report: @Sendable (String) -> Void = { _ in }
        /// Takes what was done, for the log.
        public var log: @Sendable (String) -> Void = { _ in }

        public init() {}

        func command(of lesson: JunkRules.Lesson) -> [String] { lesson == .spam ? self.spam : self.ham }
    }

    /// What was done since the start. Messages.
    public struct Statistics: Sendable, Equatable {
        public var spam = 0
        public var ham = 0
        /// Runs of the program that failed.
        public var failures = 0
        /// Given up, after several failures or for want of room.
        public var lost = 0
        /// Not learned yet.
        public var waiting = 0

        public init() {}
    }

    /// Messages of one command.
    struct Job: Sendable {
        var lesson: JunkRules.Lesson
        var user: String
        var account: any MailAccount
        var mailbox: MailboxName
        var uids: UIDSet
        /// Only messages that still have the keyword.
        var isByKeyword: Bool
        /// Called when it is learned or given up.
        var done: @Sendable () -> Void
        var attempts = 0

        var count: Int { self.uids.ranges.reduce(0) { $0 + Int($1.upperBound - $1.lowerBound) + 1 } }
    }

    private struct State {
        var options: Options
        var statistics = Statistics()
        /// Jobs that failed, and when they are due.
        var later: [(job: Job, due: ContinuousClock.Instant)] = []
        var jobs = 0
        /// What was learned last of a message, so that a keyword and a move are one lesson.
        var learned: [String: JunkRules.Lesson] = [:]
        var isStopped = false
    }

    private let state: Mutex<State>
    private let jobs: AsyncStream<Job>
    private let inbox: AsyncStream<Job>.Continuation
    private let threads: StorageThreads
    private let workers: Int
    /// How long a job waits after its first, second... failure; none is left after the last.
    private let pauses: [Duration]

    /// Jobs that wait, a whole command each.
    private static let maximumJobs = 10_000
    private static let maximumLearned = 8192
    /// Octets of messages read at once.
    private static let slice = 8 << 20

    /// - Parameters:
    ///   - workers: programs that run at a time.
    ///   - pauses: between attempts; `nil`: those of events.
    public init(
        _ options: Options, workers: Int, pauses: [Duration]? = nil
    ) {
        self.state = Mutex(State(options: options))
        self.workers = max(1, workers)
        self.pauses = pauses ?? MailboxEvents.pauses
        self.threads = StorageThreads(count: max(1, workers), maximumQueued: 1000)
        (self.jobs, self.inbox) = AsyncStream.makeStream(of: Job.self, bufferingPolicy: .unbounded)
    }

    deinit { self.threads.stop() }

    public func reload(_ options: Options) { self.state.withLock { $0.options = options } }

    public var statistics: Statistics { self.state.withLock { $0.statistics } }

    /// Whether all lessons are learned or given up.
    public var isIdle: Bool { self.state.withLock { $0.jobs } == 0 }

    /// Has the messages of an event learned soon. Does not wait.
    ///
    /// - Parameter done: called when that is over, unless the server ends before.
    func teach(_ lesson: JunkRules.Lesson, _ event: MailboxEvent, done: @escaping @Sendable () -> Void = {}) {
        let job = Job(
            lesson: lesson, user: event.user, account: event.account, mailbox: event.mailbox, uids: event.uids,
            isByKeyword: event.cause == .flag, done: done)
        let count = job.count
        guard self.state.withLock({ !$0.options.command(of: lesson).isEmpty }) else { return done() }
        let refusal = self.state.withLock { state -> (@Sendable (String) -> Void)? in
            guard !state.isStopped else { return nil }
            guard state.jobs < Self.maximumJobs else {
                state.statistics.lost += count
                return state.options.report
            }
            state.jobs += 1
            state.statistics.waiting += count
            self.inbox.yield(job)
            return nil
        }
        refusal?(
            "user \(event.user): junk: too much waits to be learned; \(count) messages in \(job.mailbox) wait for the next start"
        )
    }

    /// Ends `run()` once no job is left that can be done now; those that wait for another attempt are to be given again
    /// after the next start.
    public func stop() {
        self.state.withLock { state in
            state.isStopped = true
            state.jobs -= state.later.count
            state.later = []
        }
        self.inbox.finish()
    }

    /// Works until `stop`. Called once.
    public func run() async {
        await withTaskGroup { group in
            for _ in 0..<self.workers {
                group.addTask { for await job in self.jobs { await self.work(on: job) } }
            }
            group.addTask { await self.bringBack() }
        }
    }

    /// Puts jobs whose time has come back into the queue.
    private func bringBack() async {
        while !self.state.withLock({ $0.isStopped }) {
            do { try await Task.sleep(for: .milliseconds(500)) } catch { return }
            let now = ContinuousClock.now
            self.state.withLock { state in
                let due = state.later.filter { $0.due <= now }
                state.later.removeAll { $0.due <= now }
                for (job, _) in due { self.inbox.yield(job) }
            }
        }
    }

    // MARK: One job

    private func work(on job: Job) async {
        let options = self.state.withLock { $0.options }
        var rest = UIDSet()
        var failure: String?
        var learned = 0
        do throws(StoreError) {
            let mailbox = try await job.account.open(job.mailbox, .readWrite, onChange: {})
            defer { mailbox.close() }
            var records = self.records(of: job, mailbox.snapshot())
            records = try await self.unlearned(records, job, mailbox)
            while !records.isEmpty, failure == nil {
                let wanted = Array(records.prefix(TrainingProgram.takesFiles(options, job.lesson) ? options.batch : 32))
                let read = try await mailbox.octets(of: wanted, limit: Self.slice)
                guard !read.isEmpty else { break }
                let batch = Array(zip(wanted, read))
                let (done, why) = try await self.teach(batch, job, options)
                learned += done.count
                try await self.note(done, job, mailbox)
                failure = why
                records.removeFirst(why == nil ? read.count : done.count)
            }
            if failure != nil { rest = UIDSet(records.map(\.uid)) }
        } catch {
            // What is gone cannot be learned any more.
            if error.code != .notFound, error.code != .expunged {
                failure = error.description
                rest = job.uids
            }
        }
        self.conclude(job, rest, failure, learned, options)
    }

    private func records(of job: Job, _ snapshot: MailboxSnapshot) -> [MessageRecord] {
        var records: [MessageRecord] = []
        let number =
            job.isByKeyword ? JunkRules.keyword(of: job.lesson).flatMap { snapshot.keywords.number(of: $0) } : nil
        if job.isByKeyword, number == nil { return [] }
        for uid in job.uids {
            guard let record = snapshot.record(of: uid) else { continue }
            if let number, !snapshot.keywords.contains(number, in: record.keywords) { continue }
            records.append(record)
        }
        return records
    }

    /// Without the messages of which the same was learned last.
    private func unlearned(
        _ records: [MessageRecord], _ job: Job, _ mailbox: any Mailbox
    ) async throws(StoreError) -> [MessageRecord] {
        var left: [MessageRecord] = []
        var start = 0
        while start < records.count {
            let part = Array(records[start..<min(records.count, start + 200)])
            start += part.count
            let details = try await mailbox.details(of: part)
            self.state.withLock { state in
                for (record, details) in zip(part, details) {
                    guard let details, state.learned[Self.key(job, details)] != job.lesson else { continue }
                    left.append(record)
                }
            }
        }
        return left
    }

    private static func key(_ job: Job, _ details: MessageDetails) -> String {
        "\(job.account.identity.name)\n\(details.guid)"
    }

    private func note(_ done: [MessageRecord], _ job: Job, _ mailbox: any Mailbox) async throws(StoreError) {
        guard !done.isEmpty else { return }
        let details = try await mailbox.details(of: done)
        self.state.withLock { state in
            if state.learned.count > Self.maximumLearned { state.learned.removeAll() }
            for details in details {
                guard let details else { continue }
                state.learned[Self.key(job, details)] = job.lesson
            }
        }
    }

    /// Runs the program; answers which messages it took, and why it did not take more.
    private func teach(
        _ batch: [(MessageRecord, Result<MessageOctets, StoreError>)], _ job: Job, _ options: Options
    ) async throws(StoreError) -> (done: [MessageRecord], failure: String?) {
        try await self.threads.run { () throws(StoreError) -> ([MessageRecord], String?) in
            var done: [MessageRecord] = []
            let program = TrainingProgram(options, job.lesson, user: job.user, account: job.account.identity)
            do throws(StoreError) {
                if TrainingProgram.takesFiles(options, job.lesson) {
                    try program.run(files: batch.compactMap { try? $0.1.get() })
                    return (batch.map(\.0), nil)
                }
                for (record, octets) in batch {
                    // One that is gone is no failure of the others.
                    if case .success(let octets) = octets { try program.run(octets) }
                    done.append(record)
                }
                return (done, nil)
            } catch {
                return (done, error.detail)
            }
        }
    }

    private func conclude(_ job: Job, _ rest: UIDSet, _ failure: String?, _ learned: Int, _ options: Options) {
        if learned > 0 {
            options.log(
                "user \(job.user): junk: \(learned) message\(learned == 1 ? "" : "s") in \(job.mailbox) learned as \(job.lesson.rawValue)"
            )
        }
        var again = job
        again.uids = rest
        again.attempts += 1
        let left = failure == nil ? 0 : again.count
        let pause = job.attempts < self.pauses.count ? self.pauses[job.attempts] : nil
        let triesAgain = self.state.withLock { state in
            if job.lesson == .spam { state.statistics.spam += learned } else { state.statistics.ham += learned }
            state.statistics.waiting -= job.count - left
            guard failure != nil else {
                state.jobs -= 1
                return false
            }
            state.statistics.failures += 1
            if let pause, !state.isStopped {
                state.later.append((again, ContinuousClock.now + pause))
                return true
            }
            state.jobs -= 1
            return false
        }
        guard let failure else { return job.done() }
        if triesAgain, let pause {
            options.report(
                "user \(job.user): junk: learning \(job.lesson.rawValue) from \(job.mailbox) failed: \(failure); trying again in \(pause.components.seconds) s"
            )
        } else if pause != nil {
            // The server stops.
        } else {
            self.giveUp(again, left, failure)
            job.done()
        }
    }

    private func giveUp(_ job: Job, _ count: Int, _ why: String) {
        let report = self.state.withLock { state in
            state.statistics.lost += count
            state.statistics.waiting -= count
            return state.options.report
        }
        report(
            "user \(job.user): junk: \(count) message\(count == 1 ? "" : "s") in \(job.mailbox) not learned as \(job.lesson.rawValue): \(why)"
        )
    }
}
