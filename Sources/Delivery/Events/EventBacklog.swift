import MailStore

/// What earlier processes have left, by the users whose events they are: each user's in their order, and nobody's wait
/// for another's account.
struct EventBacklog: Sendable {
    typealias Entry = (note: MailboxEventNote, event: NotedEvent)

    private struct Waiting {
        var entries: [Entry] = []
        /// How often the account could not be opened.
        var failures = 0
        /// When it is tried; `nil`: at once.
        var due: ContinuousClock.Instant?
    }

    private var users: [String: Waiting] = [:]
    /// In the order in which their accounts are tried.
    private var order: [String] = []

    /// Seconds between two attempts at most.
    static let longestPause = 300

    var isEmpty: Bool { self.users.isEmpty }

    mutating func add(_ note: MailboxEventNote, _ event: NotedEvent) {
        if self.users[note.user] == nil { self.order.append(note.user) }
        self.users[note.user, default: Waiting()].entries.append((note, event))
    }

    /// Whose account is to be tried; `nil`: nobody's yet. It stays until it is taken or postponed.
    func next(at now: ContinuousClock.Instant) -> String? {
        self.order.first { user in self.users[user].map { $0.due.map { $0 <= now } ?? true } ?? false }
    }

    /// The events of a user, whose account can be opened or is gone; none for others.
    mutating func take(_ user: String) -> [Entry] {
        guard let waiting = self.users.removeValue(forKey: user) else { return [] }
        if let place = self.order.firstIndex(of: user) { self.order.remove(at: place) }
        return waiting.entries
    }

    /// Puts a user behind the others, for longer each time. Answers whether it is the first time.
    mutating func postpone(_ user: String, at now: ContinuousClock.Instant) -> Bool {
        // Meanwhile it may have been taken.
        guard var waiting = self.users[user] else { return false }
        waiting.due = now + .seconds(min(Self.longestPause, 1 << min(waiting.failures, 16)))
        waiting.failures += 1
        self.users[user] = waiting
        if let place = self.order.firstIndex(of: user) { self.order.append(self.order.remove(at: place)) }
        return waiting.failures == 1
    }
}
