package import Glibc

/// A lock that several functions may hold in turn, in places where the closure of a `Mutex` would not do.
///
/// Not recursive. It may be locked and unlocked on any thread, and must be unlocked where it was locked.
package final class Lock: @unchecked Sendable {
    // The POSIX object is made for use from all threads and does not move.
    @usableFromInline package let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)

    package init() { pthread_mutex_init(self.mutex, nil) }

    deinit {
        pthread_mutex_destroy(self.mutex)
        self.mutex.deallocate()
    }

    /// Waits until nobody holds it.
    @inlinable package func lock() { pthread_mutex_lock(self.mutex) }

    @inlinable package func unlock() { pthread_mutex_unlock(self.mutex) }

    @inlinable package func withLock<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
        self.lock()
        defer { self.unlock() }
        return try body()
    }
}
