import Glibc

/// A lock with a condition to wait for.
package final class Monitor: @unchecked Sendable {
    // As for `Lock`.
    package let lock = Lock()
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    package init() {
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        // A clock that somebody sets must not make anybody wait.
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(self.condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(self.condition)
        self.condition.deallocate()
    }

    /// Waits, the lock being held, until somebody wakes. It may end without cause.
    package func wait() { pthread_cond_wait(self.condition, self.lock.mutex) }

    /// Waits, the lock being held, until somebody wakes or the steady clock shows `deadline` nanoseconds; `false`
    /// when it is that late.
    @discardableResult
    package func wait(until deadline: UInt64) -> Bool {
        var time = timespec(
            tv_sec: Int(deadline / 1_000_000_000), tv_nsec: Int(deadline % 1_000_000_000))
        return pthread_cond_timedwait(self.condition, self.lock.mutex, &time) != ETIMEDOUT
    }

    /// Wakes one of those who wait. Who does it without the lock spares them a second wait, for the lock.
    package func wakeOne() { pthread_cond_signal(self.condition) }

    /// Wakes all who wait.
    package func wakeAll() { pthread_cond_broadcast(self.condition) }
}
