import MailStore
import Synchronization

/// Threads for scripts, and for programs that scripts wait for: a long script and a slow program hold up nothing but
/// those, and those of one user hold up no other user's.
///
/// At most `share` of one user's run at a time; the next of them come to a thread when those have ended, in order.
final class ScriptThreads: Sendable {
    private typealias Work = @Sendable () -> Void

    private struct State {
        /// Made at first use.
        var threads: StorageThreads?
        /// Of each user how many are on a thread or wait for one, and what waits for these.
        var users: [String: (running: Int, waiting: [Work])] = [:]
        var queued = 0
        var isStopped = false
    }

    private let state = Mutex(State())

    /// Scripts and programs at the same time; of one user; and those that wait for their turn.
    private static let threadCount = 8
    static let share = 2
    private static let maximumQueued = 1000
    /// What one user may have waiting.
    private static let maximumWaiting = 200

    deinit { self.state.withLock { $0.threads?.stop() } }

    /// Runs `work` on a thread when it is the user's turn. `.limit` when too much waits.
    func run<Value: Sendable>(
        for user: String, _ work: @escaping @Sendable () throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let result: Result<Value, StoreError> = await withCheckedContinuation { continuation in
            let isTaken = self.take(user) {
                let result: Result<Value, StoreError>
                do throws(StoreError) { result = .success(try work()) } catch { result = .failure(error) }
                // The next of the user's has its turn before anybody hears of this one.
                self.ended(user)
                continuation.resume(returning: result)
            }
            if !isTaken { continuation.resume(returning: .failure(StoreError(.limit, "threads for scripts"))) }
        }
        return try result.get()
    }

    private func take(_ user: String, _ work: @escaping Work) -> Bool {
        self.state.withLock { state in
            var entry = state.users[user] ?? (0, [])
            guard state.queued < Self.maximumQueued else { return false }
            if entry.running < Self.share {
                let threads = state.threads ?? StorageThreads(count: Self.threadCount, maximumQueued: .max)
                state.threads = threads
                guard threads.submit(work) else { return false }
                entry.running += 1
            } else {
                guard entry.waiting.count < Self.maximumWaiting else { return false }
                entry.waiting.append(work)
            }
            state.queued += 1
            state.users[user] = entry
            return true
        }
    }

    private func ended(_ user: String) {
        self.state.withLock { state in
            guard var entry = state.users[user] else { return }
            state.queued -= 1
            if entry.waiting.isEmpty {
                entry.running -= 1
            } else {
                // On the thread that has become free, or on another.
                state.threads?.submit(entry.waiting.removeFirst())
            }
            state.users[user] = entry.running == 0 ? nil : entry
        }
    }
}
