import MailStore
import Threads

/// Holds the thread of an object that starts after its initializer.
final class ThreadSlot: @unchecked Sendable {
    // Written once by `start`, before the object is shared, and read by `join`, called once.
    private var thread: Thread?

    /// `name`: as for `Thread`.
    func start(_ name: StaticString, _ body: @escaping @Sendable () -> Void) throws(StoreError) {
        guard let thread = Thread(name, body) else { throw StoreError(.temporary, "a thread cannot be started") }
        self.thread = thread
    }

    func join() {
        self.thread?.join()
        self.thread = nil
    }
}
