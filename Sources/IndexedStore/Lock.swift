import Glibc

/// A lock that several functions may hold in turn, in places where a closure would not do: several mailboxes are
/// locked together, in the order of their keys.
///
/// Order of locks, outer to inner: a mailbox's `filesLock`, mailboxes' `lock` by ascending key, a thread's queue.
final class Lock: @unchecked Sendable {
    // The POSIX object is made for use from all threads and does not move.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)

    init() { pthread_mutex_init(self.mutex, nil) }

    deinit {
        pthread_mutex_destroy(self.mutex)
        self.mutex.deallocate()
    }

    @inline(__always)
    func lock() { pthread_mutex_lock(self.mutex) }

    @inline(__always)
    func unlock() { pthread_mutex_unlock(self.mutex) }

    @inline(__always)
    func withLock<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
        self.lock()
        defer { self.unlock() }
        return try body()
    }

    fileprivate var pointer: UnsafeMutablePointer<pthread_mutex_t> { self.mutex }
}

/// A lock with a condition to wait for; the clock of timed waits is monotonic.
final class Monitor: @unchecked Sendable {
    // As for `Lock`.
    let lock = Lock()
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(self.condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(self.condition)
        self.condition.deallocate()
    }

    /// Waits, the lock being held, until somebody wakes.
    func wait() { pthread_cond_wait(self.condition, self.lock.pointer) }

    /// Waits, the lock being held, until somebody wakes or the monotonic clock shows `deadline` nanoseconds.
    func wait(until deadline: UInt64) {
        var time = timespec(
            tv_sec: Int(deadline / 1_000_000_000), tv_nsec: Int(deadline % 1_000_000_000))
        pthread_cond_timedwait(self.condition, self.lock.pointer, &time)
    }

    func wakeAll() { pthread_cond_broadcast(self.condition) }

    /// Nanoseconds of the monotonic clock.
    static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }
}

/// A thread of the engine that runs one function to its end.
final class EngineThread: Sendable {
    private final class Start: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    private let thread: pthread_t?

    init(_ body: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        let context = Unmanaged.passRetained(Start(body))
        let failed = pthread_create(
            &thread, nil,
            { raw in
                guard let raw else { return nil }
                Unmanaged<Start>.fromOpaque(raw).takeRetainedValue().body()
                return nil
            }, context.toOpaque())
        if failed != 0 { context.release() }
        self.thread = failed == 0 ? thread : nil
    }

    /// Whether the thread could be started.
    var isRunning: Bool { self.thread != nil }

    /// Waits for the end of the function. To be called once.
    func join() {
        if let thread = self.thread { pthread_join(thread, nil) }
    }
}
