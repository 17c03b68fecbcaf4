import Glibc

/// How long after a change of a directory the next one may leave its times as they are: these are as coarse as the ticks
/// of the kernel's clock.
enum SettlingTime {
    private static let nanoseconds = 100_000_000

    static func now() -> timespec {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return now
    }

    static func isOver(since status: stat, at now: timespec) -> Bool {
        let seconds = FileAge.seconds(since: Int64(status.st_mtim.tv_sec), at: Int64(now.tv_sec))
        return seconds > 1
            || seconds >= 0 && Int(seconds) * 1_000_000_000 + now.tv_nsec - status.st_mtim.tv_nsec > self.nanoseconds
    }
}
