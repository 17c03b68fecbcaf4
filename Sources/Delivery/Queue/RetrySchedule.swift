/// When a mail is tried again, and when it is given up. All in seconds.
struct RetrySchedule: Sendable {
    /// After the first failure; doubled after each further one.
    var first: Int64 = 60
    /// The longest pause.
    var longest: Int64 = 3600
    /// How long a mail is tried; 0: once only.
    var lifetime: Int64 = 5 * 86_400

    /// The time of the next attempt; `nil`: there is none.
    func next(after attempts: Int, at now: Int64, queuedAt: Int64) -> Int64? {
        var pause = max(1, self.first)
        for _ in 1..<max(1, min(attempts, 60)) where pause < self.longest { pause *= 2 }
        let (end, overflow) = queuedAt.addingReportingOverflow(self.lifetime)
        guard now < (overflow ? .max : end) else { return nil }
        // The last attempt is at the end of the lifetime.
        return min(now + min(pause, max(1, self.longest)), overflow ? .max : end)
    }
}
