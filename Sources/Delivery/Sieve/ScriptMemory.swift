import MailStore
import Synchronization

/// What the scripts of one user remember over one delivery: the keys that it took, and what of it is to stay.
///
/// A key is held from the question until the delivery is committed or given up, so that of two deliveries of one
/// message at the same time one sees the other.
final class ScriptMemory: Sendable {
    private struct State {
        var claimed: [RememberedKey] = []
        /// Of `duplicate`, to be remembered when the scripts end well.
        var seen: [RememberedKey: Int64] = [:]
        var failure: StoreError?
    }

    private let store: any DeliveryMemory
    private let account: any MailAccount
    private let now: Int64
    private let state = Mutex(State())

    init(_ store: any DeliveryMemory, _ account: any MailAccount, at now: Int64) {
        self.store = store
        self.account = account
        self.now = now
    }

    deinit { self.release() }

    /// Whether this was seen by an earlier delivery (RFC 7352 section 3); twice in one delivery is no second time. May
    /// wait for the disk.
    func isDuplicate(handle: [UInt8], identity: [UInt8], seconds: Int64, last: Bool) -> Bool {
        let key = RememberedKey(.duplicate, [handle, identity])
        let isOwn = self.state.withLock { $0.claimed.contains(key) }
        let isNew = isOwn || self.claim(key)
        // An earlier time holds unless the script wants the last one.
        if isNew || last {
            let (expires, overflow) = self.now.addingReportingOverflow(max(0, seconds))
            self.state.withLock { $0.seen[key] = overflow ? .max : expires }
        }
        return !isNew
    }

    /// Takes the key of something that is to be done once; `nil` when it was done. What comes back is to be
    /// remembered with it.
    func claim(_ kind: RememberedKey.Kind, _ parts: [[UInt8]], for seconds: Int64) -> Remembrance? {
        let key = RememberedKey(kind, parts)
        guard self.claim(key) else { return nil }
        let (expires, overflow) = self.now.addingReportingOverflow(max(0, seconds))
        return Remembrance(account: self.account, key: key, expires: overflow ? .max : expires)
    }

    private func claim(_ key: RememberedKey) -> Bool {
        do throws(StoreError) {
            guard try self.store.claim(key, of: self.account, at: self.now) else { return false }
            self.state.withLock { $0.claimed.append(key) }
            return true
        } catch {
            // Rather once more than not at all; and the delivery fails.
            self.state.withLock { $0.failure = $0.failure ?? error }
            return true
        }
    }

    /// What `duplicate` has seen.
    var seen: [Remembrance] {
        self.state.withLock { $0.seen }.map { Remembrance(account: self.account, key: $0.key, expires: $0.value) }
    }

    /// Why the memory could not be asked.
    var failure: StoreError? { self.state.withLock { $0.failure } }

    /// Gives everything back that the store does not remember by now; also when nobody holds this any more.
    func release() {
        let claimed = self.state.withLock { state in
            defer { state.claimed = [] }
            return state.claimed
        }
        for key in claimed { self.store.release(key, of: self.account) }
    }
}
