internal import LMDB
internal import MailCore
internal import MailStore
internal import Synchronization

/// What scripts remember: in the index, and here what is on its way there or held by a delivery.
final class StoreMemory: DeliveryMemory {
    private struct Key: Hashable {
        var account: UInt32
        var key: RememberedKey
    }

    private struct State {
        /// Taken by deliveries under way.
        var held = Set<Key>()
        /// Remembered by records that the index may not have yet: when it ends, and the record's ticket.
        var recent: [Key: (expires: Int64, ticket: UInt64)] = [:]
    }

    private let state = Mutex(State())
    private let schema: IndexSchema
    private let accounts: AccountTable
    private let applier: Applier

    /// Above it, what the index has by now is forgotten here.
    private static let maximumRecent = 1000

    init(_ schema: IndexSchema, _ accounts: AccountTable, _ applier: Applier) {
        self.schema = schema
        self.accounts = accounts
        self.applier = applier
    }

    func claim(_ key: RememberedKey, of account: any MailAccount, at now: Int64) throws(StoreError) -> Bool {
        guard let own = try self.key(key, account) else { return true }
        let (isFree, isRecent) = self.state.withLock { state in
            let recent = state.recent[own]
            if let recent, recent.expires > now { return (false, true) }
            return (state.held.insert(own).inserted, recent != nil)
        }
        // What is on its way to the index is newer than what it says.
        guard isFree, !isRecent else { return isFree }
        do throws(StoreError) {
            guard let expires = try self.schema.expiry(own.account, key), expires > now else { return true }
            self.release(own)
            return false
        } catch {
            self.release(own)
            throw error
        }
    }

    func release(_ key: RememberedKey, of account: any MailAccount) {
        // An account whose number cannot be found now had none when the key was taken either, or is in memory.
        guard let own = try? self.key(key, account) else { return }
        self.release(own)
    }

    private func release(_ key: Key) { self.state.withLock { _ = $0.held.remove(key) } }

    private func key(_ key: RememberedKey, _ account: any MailAccount) throws(StoreError) -> Key? {
        let name = account.identity.name
        if let id = self.accounts.find(name)?.core.id { return Key(account: id, key: key) }
        return try self.schema.accountID(name).map { Key(account: $0, key: key) }
    }

    /// Records are about to be queued that remember these. Before they are: the committer may have failed with them
    /// when `queued` is called, and what was forgotten then must not come back.
    func queues(_ memories: [RecordedEffects.Memory]) {
        guard !memories.isEmpty else { return }
        self.state.withLock { state in
            for memory in memories {
                state.recent[Key(account: memory.account, key: memory.key)] = (memory.expires, .max)
            }
        }
    }

    /// They are queued.
    func queued(_ memories: [RecordedEffects.Memory], _ ticket: UInt64) {
        guard !memories.isEmpty else { return }
        self.state.withLock { state in
            for memory in memories {
                state.recent[Key(account: memory.account, key: memory.key)]?.ticket = ticket
            }
            guard state.recent.count > Self.maximumRecent else { return }
            state.recent = state.recent.filter { !self.applier.hasApplied($0.value.ticket) }
        }
    }

    /// The deliveries that these are of were refused after all: what they had taken is free again, and is to be written so.
    /// What was known before and is only known for longer stays.
    func end(_ memories: [RecordedEffects.Memory]) -> [RecordedEffects.Memory] {
        self.state.withLock { state in
            var ended: [RecordedEffects.Memory] = []
            for memory in memories {
                let key = Key(account: memory.account, key: memory.key)
                guard state.held.contains(key) else { continue }
                state.recent[key] = (0, .max)
                ended.append(RecordedEffects.Memory(account: memory.account, key: memory.key, expires: 0))
            }
            return ended
        }
    }

    /// They could not be written.
    func forget(_ memories: [RecordedEffects.Memory]) {
        self.state.withLock { state in
            for memory in memories { state.recent[Key(account: memory.account, key: memory.key)] = nil }
        }
    }
}

extension IndexSchema {
    static func key(_ account: UInt32, _ key: RememberedKey) -> [UInt8] { self.key(account) + key.octets }

    /// Until when something is remembered; it may be over.
    func expiry(_ account: UInt32, _ key: RememberedKey) throws(StoreError) -> Int64? {
        try self.read { (transaction) throws(LMDBError) in
            guard let value = try transaction.get(self.remembered, Self.key(account, key)), value.count == 8 else {
                return nil
            }
            return Int64(littleEndian: value.loadUnaligned(as: Int64.self))
        }
    }
}
