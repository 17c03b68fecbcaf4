internal import Glibc

/// Counts live transactions, keeps idle readers for reuse, and lets one thread wait until no
/// transaction is live so that it may move the map.
///
/// Invariant: `live`, `idle` and `moving` are touched only with `mutex` held. That, and that the
/// two pointers never change, is why sharing it between threads is safe.
final class TransactionGate: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let changed: UnsafeMutablePointer<pthread_cond_t>
    private var live = 0
    private var moving = false
    private var idle: [OpaquePointer] = []
    private let maximumIdle: Int

    init(maximumIdle: Int) {
        self.mutex = .allocate(capacity: 1)
        self.changed = .allocate(capacity: 1)
        self.maximumIdle = maximumIdle
        self.idle.reserveCapacity(maximumIdle)
        pthread_mutex_init(self.mutex, nil)
        pthread_cond_init(self.changed, nil)
    }

    deinit {
        pthread_mutex_destroy(self.mutex)
        pthread_cond_destroy(self.changed)
        self.mutex.deallocate()
        self.changed.deallocate()
    }

    /// Counts a transaction in, and hands out an idle (reset) reader if `reader` asks for one.
    ///
    /// Waits while the map moves, but one second at most: a thread that opens a transaction
    /// inside another one would otherwise wait for itself.
    func enter(takingReader reader: Bool) -> OpaquePointer? {
        pthread_mutex_lock(self.mutex)
        defer { pthread_mutex_unlock(self.mutex) }
        if self.moving {
            var deadline = timespec()
            clock_gettime(CLOCK_REALTIME, &deadline)
            deadline.tv_sec += 1
            while self.moving {
                if pthread_cond_timedwait(self.changed, self.mutex, &deadline) == ETIMEDOUT { break }
            }
        }
        self.live += 1
        return reader ? self.idle.popLast() : nil
    }

    /// Counts a transaction out. A reset reader given along is kept; `false` means there is no
    /// room for it and the caller must abort it.
    func leave(keeping reader: OpaquePointer?) -> Bool {
        pthread_mutex_lock(self.mutex)
        defer { pthread_mutex_unlock(self.mutex) }
        self.live -= 1
        if self.live == 0, self.moving { pthread_cond_broadcast(self.changed) }
        guard let reader else { return true }
        guard self.idle.count < self.maximumIdle else { return false }
        self.idle.append(reader)
        return true
    }

    /// Runs `body` while no transaction is live. It gets the idle readers, which it must end.
    func alone<R>(_ body: ([OpaquePointer]) -> R) -> R {
        pthread_mutex_lock(self.mutex)
        defer { pthread_mutex_unlock(self.mutex) }
        while self.moving { pthread_cond_wait(self.changed, self.mutex) }
        self.moving = true
        while self.live > 0 { pthread_cond_wait(self.changed, self.mutex) }
        let readers = self.idle
        self.idle.removeAll(keepingCapacity: true)
        // The mutex stays held: nobody can slip in, not even one whose wait timed out.
        let result = body(readers)
        self.moving = false
        pthread_cond_broadcast(self.changed)
        return result
    }
}
