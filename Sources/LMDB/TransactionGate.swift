import Threads

/// Counts live transactions, keeps idle readers for reuse, and lets one thread wait until no
/// transaction is live so that it may move the map.
///
/// Invariant: `live`, `idle` and `moving` are touched only with the monitor's lock held, which is why sharing it
/// between threads is safe.
final class TransactionGate: @unchecked Sendable {
    private let monitor = Monitor()
    private var live = 0
    private var moving = false
    private var idle: [OpaquePointer] = []
    private let maximumIdle: Int

    init(maximumIdle: Int) {
        self.maximumIdle = maximumIdle
        self.idle.reserveCapacity(maximumIdle)
    }

    /// Counts a transaction in, and hands out an idle (reset) reader if `reader` asks for one.
    ///
    /// Waits while the map moves, but one second at most: a thread that opens a transaction
    /// inside another one would otherwise wait for itself.
    func enter(takingReader reader: Bool) -> OpaquePointer? {
        self.monitor.lock.withLock {
            if self.moving {
                let deadline = SteadyClock.nanoseconds() &+ 1_000_000_000
                while self.moving, self.monitor.wait(until: deadline) {}
            }
            self.live += 1
            return reader ? self.idle.popLast() : nil
        }
    }

    /// Counts a transaction out. A reset reader given along is kept; `false` means there is no
    /// room for it and the caller must abort it.
    func leave(keeping reader: OpaquePointer?) -> Bool {
        self.monitor.lock.lock()
        defer { self.monitor.lock.unlock() }
        self.live -= 1
        if self.live == 0, self.moving { self.monitor.wakeAll() }
        guard let reader else { return true }
        guard self.idle.count < self.maximumIdle else { return false }
        self.idle.append(reader)
        return true
    }

    /// Runs `body` while no transaction is live. It gets the idle readers, which it must end.
    func alone<R>(_ body: ([OpaquePointer]) -> R) -> R {
        self.monitor.lock.lock()
        defer { self.monitor.lock.unlock() }
        while self.moving { self.monitor.wait() }
        self.moving = true
        while self.live > 0 { self.monitor.wait() }
        let readers = self.idle
        self.idle.removeAll(keepingCapacity: true)
        // The lock stays held: nobody can slip in, not even one whose wait timed out.
        let result = body(readers)
        self.moving = false
        self.monitor.wakeAll()
        return result
    }
}
