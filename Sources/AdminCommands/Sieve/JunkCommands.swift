/// What the junk filter was taught, for `martlet junk`. Messages since the daemon began.
public struct AdminJunk: Sendable {
    public var spam: Int
    public var ham: Int
    /// Not learned yet.
    public var waiting: Int
    /// Runs of the program that failed.
    public var failures: Int
    /// Given up.
    public var lost: Int

    public init(spam: Int, ham: Int, waiting: Int, failures: Int, lost: Int) {
        self.spam = spam
        self.ham = ham
        self.waiting = waiting
        self.failures = failures
        self.lost = lost
    }
}

/// `junk`.
enum JunkCommands {
    static func show(_ context: AdminContext, _ output: inout some AdminOutput) async throws(AdminError) -> AdminExit {
        guard let junk = context.junk?() else {
            throw AdminError(.unavailable, "the daemon is not running, so nothing is learned")
        }
        try await output.columns(["spam", "ham", "waiting", "failed-runs", "lost"])
        try await output.row([junk.spam, junk.ham, junk.waiting, junk.failures, junk.lost].map { String($0) })
        return .success
    }
}
