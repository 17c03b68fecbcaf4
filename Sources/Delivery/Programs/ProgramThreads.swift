import MailStore
import Synchronization

/// Threads for scripts and actions that wait for programs, so that a slow program holds up nothing but those.
final class ProgramThreads: Sendable {
    /// Made at first use.
    private let threads = Mutex<StorageThreads?>(nil)

    /// Programs at the same time, and those that wait for their turn.
    private static let threadCount = 8
    private static let maximumQueued = 1000

    deinit { self.threads.withLock { $0?.stop() } }

    func run<Value: Sendable>(
        _ work: @escaping @Sendable () throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let pool = self.threads.withLock { threads in
            if let threads { return threads }
            let made = StorageThreads(count: Self.threadCount, maximumQueued: Self.maximumQueued)
            threads = made
            return made
        }
        return try await pool.run(work)
    }
}
