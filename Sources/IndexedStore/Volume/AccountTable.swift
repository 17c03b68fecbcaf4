internal import DequeModule
internal import MailStore
internal import Synchronization

/// The accounts in memory: those in use, and some more.
///
/// There is one object for an account, and one for each of its mailboxes, as long as anybody holds one of them: the
/// numbers they have given are nowhere else until the index has them.
final class AccountTable: Sendable {
    private struct State {
        var byName: [String: StoreAccount] = [:]
        /// The names in `byName` in the order in which they came or were last found to be in use.
        var order: Deque<String> = []
        var nextID: UInt32 = 1
        /// Names of accounts that go to another volume or are there: none is opened or made anew for who has the old
        /// one in hand.
        var left = Set<String>()
        /// Names of accounts that are in another volume, and of which rows are left here.
        var remains = Set<String>()
    }

    private let state = Mutex(State())
    /// Openings of one account wait for each other; names are spread over several gates.
    private let gates = (0..<64).map { _ in AsyncGate() }

    func gate(_ name: String) -> AsyncGate {
        self.gates[Int(UInt(bitPattern: name.hashValue) % UInt(self.gates.count))]
    }

    func noteLeft(_ name: String) { self.state.withLock { _ = $0.left.insert(name) } }
    /// It has come, or has not left after all.
    func noteStays(_ name: String) { self.state.withLock { _ = $0.left.remove(name) } }
    /// It has left, and its rows stay until the next start.
    func noteRemains(_ name: String) { self.state.withLock { _ = $0.remains.insert(name) } }
    func hasRemains(_ name: String) -> Bool { self.state.withLock { $0.remains.contains(name) } }
    func hasLeft(_ name: String) -> Bool { self.state.withLock { $0.left.contains(name) } }

    func find(_ name: String) -> StoreAccount? { self.state.withLock { $0.byName[name] } }

    /// The account's object that can be used now: not one that moves or has moved.
    func usable(_ name: String) -> StoreAccount? {
        guard let known = self.find(name), !known.isRetired else { return nil }
        return known
    }

    /// Enters an account object. Of those above `limit`, some that nobody uses are let go.
    func insert(_ account: StoreAccount, keeping limit: Int) {
        let dropped = self.state.withLock { state in
            let name = account.identity.name
            if state.byName.updateValue(account, forKey: name) == nil { state.order.append(name) }
            var dropped: [StoreAccount] = []
            // As many as come, and some more; those in use are looked at again later.
            for _ in 0..<8 where state.byName.count > limit {
                guard let oldest = state.order.popFirst(), var known = state.byName.removeValue(forKey: oldest) else {
                    break
                }
                if oldest != name, isKnownUniquelyReferenced(&known), known.hasMailboxesAlone {
                    // Whoever still comes to it by a weak reference is refused.
                    known.core.retire()
                    dropped.append(known)
                } else {
                    state.byName[oldest] = known
                    state.order.append(oldest)
                }
            }
            return dropped
        }
        // Their last references go here, outside of the lock.
        _ = dropped
    }

    /// Forgets an account object; the next who asks for the account gets another.
    func remove(_ account: StoreAccount) {
        // Its last reference may go here, outside of the lock.
        _ = self.state.withLock { state -> StoreAccount? in
            let name = account.identity.name
            guard state.byName[name] === account else { return nil }
            state.order.removeAll { $0 == name }
            return state.byName.removeValue(forKey: name)
        }
    }

    func setNextID(_ id: UInt32) { self.state.withLock { $0.nextID = max($0.nextID, id) } }

    /// `nil` when all numbers are used up.
    func takeID() -> UInt32? {
        self.state.withLock { state in
            guard state.nextID < .max else { return nil }
            defer { state.nextID += 1 }
            return state.nextID
        }
    }

    func removeAll() {
        // Their last references go here, outside of the lock.
        _ = self.state.withLock { state in
            defer { (state.byName, state.order) = ([:], []) }
            return state.byName
        }
    }
}
