import Glibc

/// The CPU time of this thread, for what scripts may take.
struct ScriptTime {
    private let start: Int64
    /// Nanoseconds; 0: no limit.
    private let limit: Int64

    init(_ maximum: Duration) {
        self.start = Self.now()
        let (seconds, attoseconds) = maximum.components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (limit, isBeyond) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
        self.limit = overflow || isBeyond ? 0 : max(0, limit)
    }

    var isOver: Bool { self.limit > 0 && Self.now() - self.start > self.limit }

    /// Nanoseconds. What a program takes that a script runs is not this thread's.
    private static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
