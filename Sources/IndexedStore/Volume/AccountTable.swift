internal import MailStore
internal import Synchronization

/// The accounts in memory: those in use, and some more.
final class AccountTable: Sendable {
    private struct Entry {
        weak var account: StoreAccount?
    }

    private struct State {
        var byName: [String: Entry] = [:]
        /// The last ones used, kept although nobody else does. A ring.
        var kept: [StoreAccount?] = []
        var next = 0
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

    func find(_ name: String) -> StoreAccount? { self.state.withLock { $0.byName[name]?.account } }

    /// The account's object that can be used now: not one that moves or has moved.
    func usable(_ name: String) -> StoreAccount? {
        guard let known = self.find(name), !known.isRetired else { return nil }
        return known
    }

    func insert(_ account: StoreAccount, keeping limit: Int) {
        let dropped: StoreAccount? = self.state.withLock { state in
            state.byName[account.identity.name] = Entry(account: account)
            if state.byName.count > 2 * limit + 64 {
                state.byName = state.byName.filter { $0.value.account != nil }
            }
            guard limit > 0 else { return nil }
            if state.kept.count < limit {
                state.kept.append(account)
                return nil
            }
            let slot = state.next
            state.next = (slot + 1) % limit
            let old = state.kept[slot]
            state.kept[slot] = account
            return old
        }
        // Its last reference may go here, outside of the lock.
        _ = dropped
    }

    /// Forgets an account object; the next who asks for the account gets another.
    func remove(_ account: StoreAccount) {
        let dropped: [StoreAccount?] = self.state.withLock { state in
            if state.byName[account.identity.name]?.account === account {
                state.byName[account.identity.name] = nil
            }
            var dropped: [StoreAccount?] = []
            for slot in state.kept.indices where state.kept[slot] === account {
                dropped.append(state.kept[slot])
                state.kept[slot] = nil
            }
            return dropped
        }
        // Its last reference may go here, outside of the lock.
        _ = dropped
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
        let kept = self.state.withLock { state in
            defer { state.kept = [] }
            return state.kept
        }
        _ = kept
    }
}
