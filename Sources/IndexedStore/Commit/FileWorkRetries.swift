internal import Threads

/// What files did not allow and is tried again until they do.
struct FileWorkRetries {
    /// Whether a thing that is tried again may be tried once more.
    enum Attempt { case another, last }

    typealias Body = @Sendable (Attempt) -> Bool

    struct Retry {
        /// `nil`: of the whole volume, from before the start.
        let account: UInt32?
        let body: Body
        fileprivate var pause: RetryPause
        fileprivate var lastTried: UInt64
    }

    private var waiting: [Retry] = []
    /// Taken out and not yet `tried`.
    private var running: [Retry] = []
    /// Nanoseconds between two tries of what is the whole volume's, and while somebody waits.
    private let interval: UInt64

    init(_ interval: UInt64) { self.interval = interval }

    var isEmpty: Bool { self.waiting.isEmpty && self.running.isEmpty }

    func has(of account: UInt32) -> Bool {
        self.waiting.contains { $0.account == account } || self.running.contains { $0.account == account }
    }

    mutating func add(_ account: UInt32?, _ body: @escaping Body, at now: UInt64) {
        var retry = Retry(account: account, body: body, pause: RetryPause(self.interval), lastTried: now)
        retry.pause.failed(at: now)
        self.waiting.append(retry)
    }

    /// When the next one is to be tried; `nil`: there is none.
    func wake(_ isAwaited: (UInt32) -> Bool) -> UInt64? { self.waiting.map { self.due($0, isAwaited) }.min() }

    private func due(_ retry: Retry, _ isAwaited: (UInt32) -> Bool) -> UInt64 {
        let soon = retry.lastTried &+ self.interval
        guard let account = retry.account, !isAwaited(account) else { return soon }
        return retry.pause.end
    }

    /// Takes out what is to be tried now; to be told how that went with `tried`.
    mutating func take(at now: UInt64, _ isAwaited: (UInt32) -> Bool) -> [Retry] {
        let due = self.waiting.filter { self.due($0, isAwaited) <= now }
        if !due.isEmpty { self.waiting = self.waiting.filter { self.due($0, isAwaited) > now } }
        self.running = due
        return due
    }

    /// For a last try.
    mutating func takeAll() -> [Retry] {
        defer { self.waiting = [] }
        return self.waiting
    }

    /// - Parameter failed: those taken that are to be tried again.
    mutating func tried(failed: [Retry], at now: UInt64) {
        self.running = []
        self.waiting.insert(
            contentsOf: failed.map { retry in
                var retry = retry
                retry.pause.failed(at: now)
                retry.lastTried = now
                return retry
            }, at: 0)
    }
}
