/// How old a file is by its own time. Its owner sets that as he likes, and some file systems take any number of 64 bits.
enum FileAge {
    /// Seconds from `time` to `now`, negative for a time to come; the nearest there is where the difference is too large.
    static func seconds(since time: Int64, at now: Int64) -> Int64 {
        let (difference, isTooLarge) = now.subtractingReportingOverflow(time)
        if isTooLarge { return time < 0 ? .max : .min }
        return difference
    }
}
