internal import Threads

/// Tells one session that its mailbox changed, until it is silenced.
final class SessionNotifier: Sendable {
    private let lock = Lock()
    // Only touched while `lock` is held.
    nonisolated(unsafe) private var onChange: (@Sendable () -> Void)?

    init(_ onChange: @escaping @Sendable () -> Void) { self.onChange = onChange }

    func notify() { self.lock.withLock { self.onChange?() } }

    /// When this returns, no call is under way and none will come.
    func silence() { self.lock.withLock { self.onChange = nil } }
}
