public import NIOCore

/// An event loop as the executor of sessions: serial executor of their actors and preferred executor of
/// their tasks at once.
///
/// Both are needed. With the serial executor alone every continuation resumes by way of the global pool
/// first, which was measured at three times the CPU per request. Jobs run with
/// `runSynchronously(isolatedTo:taskExecutor:)`, so that an actor on this executor and the nonisolated code
/// it calls never leave the loop's thread.
public final class LoopExecutor: SerialExecutor, TaskExecutor {
    public let loop: any EventLoop

    public init(_ loop: any EventLoop) { self.loop = loop }

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        self.loop.execute {
            job.runSynchronously(
                isolatedTo: self.asUnownedSerialExecutor(), taskExecutor: self.asUnownedTaskExecutor())
        }
    }

    public func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    public func asUnownedTaskExecutor() -> UnownedTaskExecutor { UnownedTaskExecutor(ordinary: self) }

    public func checkIsolated() { self.loop.preconditionInEventLoop() }

    public func isIsolatingCurrentContext() -> Bool? { self.loop.inEventLoop }
}
