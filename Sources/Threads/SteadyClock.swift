import Glibc

/// The clock that only goes on, whatever anybody sets the time to.
package enum SteadyClock {
    package static func nanoseconds() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }

    package static func milliseconds() -> Int64 { Int64(self.nanoseconds() / 1_000_000) }
}
