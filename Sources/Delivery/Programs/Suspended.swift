import Glibc
import MailStore
import Synchronization

/// Work that suspends, waited for by a thread that may wait.
enum Suspended {
    private final class Box<Value: Sendable>: @unchecked Sendable {
        // Written once before `done` is posted and read after it was waited for.
        var result: Result<Value, StoreError>?
        let done = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

        init() { sem_init(self.done, 0, 0) }

        deinit {
            sem_destroy(self.done)
            self.done.deallocate()
        }
    }

    /// Only for threads of `ScriptThreads`: storage threads and executors would wait for themselves.
    static func wait<Value: Sendable>(
        _ body: @escaping @Sendable () async throws(StoreError) -> Value
    ) throws(StoreError) -> Value {
        let box = Box<Value>()
        // Not loose: its end is waited for here.
        Task {
            do throws(StoreError) { box.result = .success(try await body()) } catch { box.result = .failure(error) }
            sem_post(box.done)
        }
        while sem_wait(box.done) != 0, errno == EINTR {}
        guard let result = box.result else { throw StoreError(.temporary, "interrupted") }
        return try result.get()
    }
}
