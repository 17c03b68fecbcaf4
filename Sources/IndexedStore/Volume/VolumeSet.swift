public import MailStore
internal import Synchronization

/// Several volumes as one store: each has its own log, index and threads, and an account lives in one of them.
///
/// Whatever concerns one account goes to its volume; what concerns all is asked of each.
public final class VolumeSet: MailStore {
    let stores: [IndexedStore]
    private let names: [String: Int]
    /// Of new accounts that ask for none.
    private let usual: Int
    /// One account at a time moves to another volume.
    private let moves = AsyncGate()
    /// First uses of one account wait for each other and for its move; names are spread over several gates.
    private let gates = (0..<64).map { _ in AsyncGate() }
    /// The volumes that have accounts as their files say; `nil`: not known.
    let roster = Mutex<[VolumeRoster.Entry]?>(nil)
    let report: @Sendable (IndexedStore.LogLevel, String) -> Void

    public let accessFeed: AccountFeed? = AccountFeed()

    public var threads: StorageThreads { self.stores[self.usual].threads }

    /// Opens all volumes, named by their configurations, each of which has a name of its own; blocks for as long as
    /// that takes.
    ///
    /// - Parameter usual: the name of the volume of new accounts that ask for none; `.cannot` when there is none of
    ///   that name.
    public static func open(
        _ configurations: [IndexedStore.Configuration], usual: String
    ) throws(StoreError) -> VolumeSet {
        guard let place = configurations.firstIndex(where: { $0.volumeName == usual }) else {
            throw StoreError(.cannot, "no volume \(usual)")
        }
        var stores: [IndexedStore] = []
        for configuration in configurations {
            do throws(StoreError) {
                stores.append(try IndexedStore.open(configuration))
            } catch {
                throw StoreError(error.code, "volume \(configuration.volumeName): \(error.detail)")
            }
        }
        let set = VolumeSet(stores, usual: place, report: configurations[place].log)
        try set.settleDoubles()
        set.noteVolumes()
        return set
    }

    private init(
        _ stores: [IndexedStore], usual: Int, report: @escaping @Sendable (IndexedStore.LogLevel, String) -> Void
    ) {
        self.stores = stores
        self.usual = usual
        self.report = report
        self.names = Dictionary(
            stores.enumerated().map { ($1.volume.configuration.volumeName, $0) },
            uniquingKeysWith: { first, _ in first })
    }

    /// Where the process ended between the end of a move in one volume and in the other, both have the account. The one
    /// that it went to has it; the other's is removed.
    private func settleDoubles() throws(StoreError) {
        var found: [String: (store: IndexedStore, id: UInt32)] = [:]
        for store in self.stores {
            for (name, id) in try store.volume.schema.accountNumbers() {
                guard let other = found[name] else {
                    found[name] = (store, id)
                    continue
                }
                let (new, old) = (
                    try store.volume.schema.accountRow(id)?.moves ?? 0,
                    try other.store.volume.schema.accountRow(other.id)?.moves ?? 0
                )
                guard new != old else {
                    self.report(
                        .error,
                        "account \(name) is in the volumes \(other.store.volume.configuration.volumeName) and "
                            + "\(store.volume.configuration.volumeName): the first one's is used")
                    continue
                }
                let loser = new > old ? other : (store: store, id: id)
                try loser.store.volume.commitAndApply([.accountLeft(account: loser.id)])
                if new > old { found[name] = (store, id) }
            }
        }
    }

    public func close() async {
        await withTaskGroup { group in
            for store in self.stores { group.addTask { await store.close() } }
        }
    }

    public func makeSpool() -> MessageSpool { self.stores[self.usual].makeSpool() }

    // MARK: Finding

    func gate(_ name: String) -> AsyncGate {
        self.gates[Int(UInt(bitPattern: name.hashValue) % UInt(self.gates.count))]
    }

    /// The volume of an account of the store or of what a user sees of it.
    func store(of account: any MailAccount) async throws(StoreError) -> IndexedStore {
        if let own = account as? StoreAccount, let store = self.stores.first(where: { $0.volume === own.volume }) {
            return store
        }
        if let known = try await self.store(having: account.identity.name) { return known }
        return try self.store(for: account.identity)
    }

    /// The volume that has an account of that name.
    func store(having name: String) async throws(StoreError) -> IndexedStore? {
        for store in self.stores {
            if store.volume.accounts.find(name) != nil, !store.volume.accounts.hasRemains(name) { return store }
        }
        for store in self.stores {
            if try await store.hasAccount(name) { return store }
        }
        return nil
    }

    /// The volume that a new account gets.
    private func store(for identity: AccountIdentity) throws(StoreError) -> IndexedStore {
        guard !identity.volume.isEmpty else { return self.stores[self.usual] }
        guard let place = self.names[identity.volume] else {
            throw StoreError(.cannot, "account \(identity.name): no volume \(identity.volume)")
        }
        return self.stores[place]
    }

    public func account(_ identity: AccountIdentity) async throws(StoreError) -> any MailAccount {
        for store in self.stores {
            if let known = store.volume.accounts.usable(identity.name) { return known }
        }
        let gate = self.gate(identity.name)
        await gate.enter()
        defer { gate.leave() }
        if let store = try await self.store(having: identity.name) { return try await store.account(identity) }
        let store = try self.store(for: identity)
        let account = try await store.account(identity)
        try await self.threads.run { () throws(StoreError) in self.noteFirstAccount(in: store) }
        return account
    }

    public func beginAnew(_ identity: AccountIdentity) async throws(StoreError) -> Bool {
        let gate = self.gate(identity.name)
        await gate.enter()
        defer { gate.leave() }
        guard let store = try await self.store(having: identity.name) else {
            throw StoreError(.notFound, "account \(identity.name)")
        }
        return try await store.beginAnew(identity)
    }

    public func hasAccount(_ name: String) async throws(StoreError) -> Bool {
        try await self.store(having: name) != nil
    }

    public func accountNames() async throws(StoreError) -> [String] {
        var names = Set<String>()
        for store in self.stores { names.formUnion(try await store.accountNames()) }
        return names.sorted()
    }

    public func accountsSharing(with identifiers: [AccessIdentifier]) async throws(StoreError) -> [String] {
        var names = Set<String>()
        for store in self.stores { names.formUnion(try await store.accountsSharing(with: identifiers)) }
        return names.sorted()
    }

    public func expire(
        _ rules: [ExpiryRule], pause: @Sendable (_ worked: Bool) async -> Bool
    ) async throws(StoreError) -> ExpiryReport {
        var report = ExpiryReport()
        for store in self.stores {
            let one = try await store.expire(rules, pause: pause)
            report.accounts += one.accounts
            report.mailboxes += one.mailboxes
            report.messages += one.messages
            report.failures += one.failures
        }
        return report
    }

    public func note(_ delivery: TracedDelivery) async {
        guard let store = try? await self.store(of: delivery.account) else { return }
        await store.note(delivery)
    }

    public func trace(_ query: TraceQuery) async throws(StoreError) -> [TraceEvent] {
        var events: [TraceEvent] = []
        for store in self.stores { events += try await store.trace(query) }
        return events.sorted { $0.time < $1.time }
    }

    public var deliveryMemory: any DeliveryMemory { VolumeMemory(self) }
    public var outgoingQueue: (any OutgoingQueue)? { VolumeQueue(self.stores) }
    public var eventQueue: (any EventQueue)? { VolumeEvents(self.stores) }

    // MARK: Moving

    public func move(_ identity: AccountIdentity, toFormat driver: String) async throws(StoreError) -> Int {
        let store = try await self.store(of: try await self.account(identity))
        return try await store.move(identity, toFormat: driver)
    }

    public func move(_ identity: AccountIdentity, toVolume name: String) async throws(StoreError) -> Int {
        guard let place = self.names[name] else {
            throw StoreError(
                .cannot, "no volume \(name); there are \(self.names.keys.sorted().joined(separator: ", "))")
        }
        let target = self.stores[place].volume
        await self.moves.enter()
        defer { self.moves.leave() }
        guard let account = try await self.account(identity) as? StoreAccount else {
            throw StoreError(.cannot, "account of another store")
        }
        guard account.volume !== target else { return 0 }
        guard !target.accounts.hasRemains(identity.name) else {
            throw StoreError(
                .temporary,
                "account \(identity.name): remains of an earlier move are in the volume \(name) until a restart")
        }
        // No move to another format meanwhile.
        await account.volume.moves.enter()
        defer { account.volume.moves.leave() }
        let count = try await account.move(to: target, opening: self.gate(identity.name))
        try await self.threads.run { () throws(StoreError) in self.noteVolumes(with: self.stores[place].rosterEntry) }
        return count
    }
}
