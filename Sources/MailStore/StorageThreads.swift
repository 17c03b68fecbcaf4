import Threads

/// A bounded pool of threads for work that may wait for the disk or scan much.
///
/// Work is queued first in, first out. The result resumes on the caller's executor. The queue is bounded by
/// `maximumQueued`; a submission beyond it is refused by `.limit`.
public final class StorageThreads: Sendable {
    private struct State {
        var queue: [@Sendable () -> Void] = []
        var head = 0
        var stopped = false
    }

    private final class Shared: @unchecked Sendable {
        // `state` is only touched while the monitor's lock is held.
        var state = State()
        let monitor = Monitor()
    }

    private let shared = Shared()
    private let maximumQueued: Int

    /// Starts `count` threads at once. When the system gives none at all, every submission is refused.
    ///
    /// `name`: what the system shows of the threads, of at most 15 octets.
    public init(count: Int, maximumQueued: Int = 65_536, name: StaticString = "storage") {
        self.maximumQueued = maximumQueued
        let shared = self.shared
        var started = 0
        for _ in 0..<max(1, count) where Thread.detached(name, { StorageThreads.serve(shared) }) { started += 1 }
        if started == 0 { self.stop() }
    }

    deinit { self.stop() }

    /// Lets the threads end when the queue is empty; later submissions are refused.
    public func stop() {
        self.shared.monitor.lock.withLock { self.shared.state.stopped = true }
        self.shared.monitor.wakeAll()
    }

    /// Queues `work` without waiting for it; `false` when the queue is full or stopped.
    @discardableResult
    public func submit(_ work: @escaping @Sendable () -> Void) -> Bool {
        let isTaken = self.shared.monitor.lock.withLock {
            guard !self.shared.state.stopped,
                self.shared.state.queue.count - self.shared.state.head < self.maximumQueued
            else { return false }
            self.shared.state.queue.append(work)
            return true
        }
        // Behind the lock, which the woken thread wants at once.
        if isTaken { self.shared.monitor.wakeOne() }
        return isTaken
    }

    /// Runs `work` on a storage thread and answers its result on the caller's executor.
    public func run<Value: Sendable>(
        _ work: @escaping @Sendable () throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let result: Result<Value, StoreError> = await withCheckedContinuation { continuation in
            let accepted = self.submit {
                do throws(StoreError) {
                    continuation.resume(returning: .success(try work()))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
            if !accepted { continuation.resume(returning: .failure(StoreError(.limit, "storage threads"))) }
        }
        return try result.get()
    }

    private static func serve(_ shared: Shared) {
        while let work = self.next(shared) { work() }
    }

    /// Waits for work; nil when it has stopped and all is done.
    private static func next(_ shared: Shared) -> (@Sendable () -> Void)? {
        shared.monitor.lock.withLock {
            while shared.state.head == shared.state.queue.count, !shared.state.stopped { shared.monitor.wait() }
            guard shared.state.head < shared.state.queue.count else { return nil }
            let work = shared.state.queue[shared.state.head]
            shared.state.head += 1
            if shared.state.head == shared.state.queue.count || shared.state.head >= 1024 {
                shared.state.queue.removeFirst(shared.state.head)
                shared.state.head = 0
            }
            return work
        }
    }
}
