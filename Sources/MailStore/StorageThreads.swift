import Glibc
import Synchronization

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

    private final class Signal: @unchecked Sendable {
        // POSIX objects, safe to use from every thread; the address is stable because they live on the heap.
        let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
        let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

        init() {
            pthread_mutex_init(self.mutex, nil)
            pthread_cond_init(self.condition, nil)
        }

        deinit {
            pthread_cond_destroy(self.condition)
            pthread_mutex_destroy(self.mutex)
            self.condition.deallocate()
            self.mutex.deallocate()
        }
    }

    private final class Shared: @unchecked Sendable {
        // `state` is only touched while `signal.mutex` is held.
        var state = State()
        let signal = Signal()
    }

    private let shared = Shared()
    private let maximumQueued: Int

    /// Starts `count` threads at once. When the system gives none at all, every submission is refused.
    public init(count: Int, maximumQueued: Int = 65_536) {
        self.maximumQueued = maximumQueued
        var started = 0
        for _ in 0..<max(1, count) {
            var thread = pthread_t()
            let context = Unmanaged.passRetained(self.shared)
            let failed = pthread_create(
                &thread, nil,
                { raw in
                    guard let raw else { return nil }
                    StorageThreads.serve(Unmanaged<Shared>.fromOpaque(raw).takeRetainedValue())
                    return nil
                }, context.toOpaque())
            if failed == 0 {
                pthread_detach(thread)
                started += 1
            } else {
                context.release()
            }
        }
        if started == 0 { self.stop() }
    }

    deinit { self.stop() }

    /// Lets the threads end when the queue is empty; later submissions are refused.
    public func stop() {
        pthread_mutex_lock(self.shared.signal.mutex)
        self.shared.state.stopped = true
        pthread_cond_broadcast(self.shared.signal.condition)
        pthread_mutex_unlock(self.shared.signal.mutex)
    }

    /// Queues `work` without waiting for it; `false` when the queue is full or stopped.
    @discardableResult
    public func submit(_ work: @escaping @Sendable () -> Void) -> Bool {
        pthread_mutex_lock(self.shared.signal.mutex)
        defer { pthread_mutex_unlock(self.shared.signal.mutex) }
        guard !self.shared.state.stopped,
            self.shared.state.queue.count - self.shared.state.head < self.maximumQueued
        else { return false }
        self.shared.state.queue.append(work)
        pthread_cond_signal(self.shared.signal.condition)
        return true
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
        while true {
            pthread_mutex_lock(shared.signal.mutex)
            while shared.state.head == shared.state.queue.count, !shared.state.stopped {
                pthread_cond_wait(shared.signal.condition, shared.signal.mutex)
            }
            guard shared.state.head < shared.state.queue.count else {
                pthread_mutex_unlock(shared.signal.mutex)
                return
            }
            let work = shared.state.queue[shared.state.head]
            shared.state.head += 1
            if shared.state.head == shared.state.queue.count || shared.state.head >= 1024 {
                shared.state.queue.removeFirst(shared.state.head)
                shared.state.head = 0
            }
            pthread_mutex_unlock(shared.signal.mutex)
            work()
        }
    }
}
