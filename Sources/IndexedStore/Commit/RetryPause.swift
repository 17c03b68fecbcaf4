/// How long to wait before what failed is tried again: a second at first, then twice as long each time, and a minute in the
/// end. What never succeeds must not keep the thread that tries it from the work of others.
struct RetryPause: Sendable {
    private(set) var failures = 0
    /// Time of the monotonic clock.
    private(set) var end: UInt64 = 0

    private let shortest: UInt64

    /// - Parameter shortest: nanoseconds, a second outside of tests.
    init(_ shortest: UInt64) { self.shortest = shortest }

    /// A try failed. One that was made before the pause was over, because somebody waits, changes nothing.
    mutating func failed(at now: UInt64) {
        guard self.end <= now else { return }
        let pause = min(1 << UInt64(min(self.failures, 6)), 60) &* self.shortest
        self.failures += 1
        self.end = now &+ pause
    }
}
