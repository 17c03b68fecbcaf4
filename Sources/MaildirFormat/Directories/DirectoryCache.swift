import MailStore
import Synchronization

/// Open directories of the mailboxes used last, so that a file operation need not walk the whole path.
///
/// Holds at most `limit` descriptors; one in use stays open until its last user has done with it. Thread-safe.
final class DirectoryCache: Sendable {
    private struct Entry {
        var handle: DirectoryHandle
        var used: UInt64
    }

    private struct State {
        var entries: [UInt64: Entry] = [:]
        var clock: UInt64 = 0
        var nextKey: UInt64 = 0
    }

    private let state = Mutex(State())
    private let limit: Int

    init(limit: Int) { self.limit = max(1, limit) }

    /// A key for one mailbox object.
    func makeKey() -> UInt64 {
        self.state.withLock { state in
            state.nextKey += 1
            return state.nextKey
        }
    }

    /// The open directory of `key`, opened at `path` when it is not held.
    func handle(_ key: UInt64, at path: [UInt8]) throws(StoreError) -> DirectoryHandle {
        if let held = self.held(key) { return held }
        let opened = try DirectoryHandle.open(path)
        self.state.withLock { state in
            if state.entries.count >= self.limit {
                // Half at once: one sort pays for many openings.
                let ages = state.entries.values.map(\.used).sorted()
                let middle = ages[ages.count / 2]
                state.entries = state.entries.filter { $0.value.used > middle }
            }
            state.entries[key] = Entry(handle: opened, used: state.clock)
        }
        return opened
    }

    /// The directory of `key` if it is held.
    func held(_ key: UInt64) -> DirectoryHandle? {
        self.state.withLock { state in
            state.clock += 1
            state.entries[key]?.used = state.clock
            return state.entries[key]?.handle
        }
    }

    /// Closes the directory of `key` when nobody uses it any more.
    func forget(_ key: UInt64) {
        let dropped = self.state.withLock { $0.entries.removeValue(forKey: key)?.handle }
        _ = dropped
    }
}
