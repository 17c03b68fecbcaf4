public import NIOCore

/// An event loop as the executor of sessions: serial executor of their actors and preferred executor of
/// their tasks at once.
///
/// Both are needed. With the serial executor alone every continuation resumes by way of the global pool
/// first, which was measured at three times the CPU per request. Jobs run with
/// `runSynchronously(isolatedTo:taskExecutor:)`, so that an actor on this executor and the nonisolated code
/// it calls never leave the loop's thread.
///
/// A loop runs all that is enqueued, also by what it runs, before it looks at its sockets again. A session that works
/// in slices and yields between them would so let no other session's input in: jobs that come from the loop itself
/// wait now and then until the loop has been at its sockets.
public final class LoopExecutor: SerialExecutor, TaskExecutor, @unchecked Sendable {
    // Proof of Sendable: all that changes is touched on the loop only.
    public let loop: any EventLoop
    /// When the loop was last seen to look at its sockets, or was made to.
    private var lastLook = NIODeadline.now()
    /// Jobs that wait for the next look; `nil`: none has to.
    private var waiting: [UnownedJob]?
    private var jobsSinceClock = 0

    /// For so long jobs may follow each other without a look.
    private static let longest = TimeAmount.milliseconds(5)
    /// With nothing to run for so long, the loop has looked.
    private static let gap = TimeAmount.microseconds(50)

    public init(_ loop: any EventLoop) { self.loop = loop }

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if self.loop.inEventLoop, self.mustWait() {
            self.waiting?.append(job)
        } else {
            self.loop.execute { self.run(job) }
        }
    }

    /// Input has come: the loop has just looked.
    func noteLook() { self.lastLook = .now() }

    private func mustWait() -> Bool {
        if self.waiting != nil { return true }
        // The clock is asked now and then only.
        self.jobsSinceClock += 1
        guard self.jobsSinceClock >= 4 else { return false }
        self.jobsSinceClock = 0
        guard NIODeadline.now() - self.lastLook >= Self.longest else { return false }
        self.waiting = []
        self.schedule(again: false)
        return true
    }

    private func schedule(again: Bool) {
        let due = NIODeadline.now() + Self.gap
        let scheduled = self.loop.assumeIsolated().scheduleTask(deadline: due) {
            // Late: jobs ran up to now. None is left, so that one more gap is a look for sure.
            let isLate = NIODeadline.now() - due > Self.gap
            if isLate, !again { self.schedule(again: true) } else { self.release() }
        }
        // A loop that ends runs nothing that is due later; no job may be lost.
        scheduled.futureResult.whenFailure { _ in self.release() }
    }

    private func release() {
        self.lastLook = .now()
        let jobs = self.waiting ?? []
        self.waiting = nil
        for job in jobs { self.run(job) }
    }

    private func run(_ job: UnownedJob) {
        job.runSynchronously(
            isolatedTo: self.asUnownedSerialExecutor(), taskExecutor: self.asUnownedTaskExecutor())
    }

    public func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    public func asUnownedTaskExecutor() -> UnownedTaskExecutor { UnownedTaskExecutor(ordinary: self) }

    public func checkIsolated() { self.loop.preconditionInEventLoop() }

    public func isIsolatingCurrentContext() -> Bool? { self.loop.inEventLoop }
}
