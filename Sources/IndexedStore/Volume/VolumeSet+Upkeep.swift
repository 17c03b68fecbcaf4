public import MailCore
public import MailStore

extension VolumeSet: StoreUpkeep {
    public func identities() async throws(StoreError) -> [AccountIdentity] {
        var all: [AccountIdentity] = []
        for store in self.stores { all += try await store.identities() }
        return all.sorted { $0.name < $1.name }
    }

    public func archive(_ account: any MailAccount) async throws(StoreError) -> any AccountArchive {
        try await self.store(of: account).archive(account)
    }

    public func restore(
        _ mailbox: ArchivedMailbox, in account: any MailAccount, _ identity: RestoredIdentity
    ) async throws(StoreError) -> any MailboxRestoration {
        try await self.store(of: account).restore(mailbox, in: account, identity)
    }

    public func verify(
        _ name: MailboxName, of account: any MailAccount, from first: UInt32?, _ mode: VerifyMode
    ) async throws(StoreError) -> VerifiedSlice {
        try await self.store(of: account).verify(name, of: account, from: first, mode)
    }

    /// Bits of a segment's number; above them is the volume's place.
    private static let segmentBits: UInt32 = 24

    /// The logs one after the other.
    public func verifyLog(from first: UInt32?) async throws(StoreError) -> VerifiedSlice {
        let mask = (UInt32(1) << Self.segmentBits) - 1
        let place = Int((first ?? 0) >> Self.segmentBits)
        guard place < self.stores.count else { return VerifiedSlice() }
        let store = self.stores[place]
        var slice = try await store.verifyLog(from: (first ?? 0) & mask)
        for index in slice.findings.indices {
            slice.findings[index].detail =
                "volume \(store.volume.configuration.volumeName): " + slice.findings[index].detail
        }
        if let next = slice.next, next <= mask {
            slice.next = UInt32(place) << Self.segmentBits | next
        } else {
            slice.next = place + 1 < self.stores.count ? UInt32(place + 1) << Self.segmentBits : nil
        }
        return slice
    }

    /// Sums; the free space, and the age of the checkpoint, are those of the volume that is worst off.
    public func figures() async throws(StoreError) -> StoreFigures {
        var sum = StoreFigures()
        sum.freeOctets = .max
        for store in self.stores {
            let one = try await store.figures()
            if sum.failure == nil, let failure = one.failure {
                sum.failure = "volume \(store.volume.configuration.volumeName): \(failure)"
            }
            sum.accounts += one.accounts
            sum.logOctets &+= one.logOctets
            sum.logSegments += one.logSegments
            sum.lastRecord &+= one.lastRecord
            sum.indexOctets &+= one.indexOctets
            if let time = one.checkpointTime { sum.checkpointTime = min(time, sum.checkpointTime ?? time) }
            sum.unflushed += one.unflushed
            sum.unapplied += one.unapplied
            sum.outgoing += one.outgoing
            sum.outgoingOctets &+= one.outgoingOctets
            sum.freeOctets = min(sum.freeOctets, one.freeOctets)
        }
        return sum
    }

    public func scrubStatus() -> ScrubStatus { self.stores[0].scrubStatus() }

    public func save(_ status: ScrubStatus) async throws(StoreError) { try await self.stores[0].save(status) }
}

/// What scripts remember, each account's in its volume.
struct VolumeMemory: DeliveryMemory {
    private let set: VolumeSet

    init(_ set: VolumeSet) { self.set = set }

    private func store(of account: any MailAccount) throws(StoreError) -> IndexedStore {
        let name = account.identity.name
        for store in self.set.stores where store.volume.accounts.find(name) != nil { return store }
        for store in self.set.stores {
            if try store.volume.schema.accountID(name) != nil { return store }
        }
        return self.set.stores[0]
    }

    func claim(_ key: RememberedKey, of account: any MailAccount, at now: Int64) throws(StoreError) -> Bool {
        try self.store(of: account).deliveryMemory.claim(key, of: account, at: now)
    }

    func release(_ key: RememberedKey, of account: any MailAccount) {
        // Held where it was taken: asked of all, since the account may have moved meanwhile.
        for store in self.set.stores { store.deliveryMemory.release(key, of: account) }
    }
}

/// The mails of all volumes that wait for the MTA. The volume's place is in the upper octet of a mail's number.
struct VolumeQueue: OutgoingQueue {
    private let queues: [StoreQueue]

    private static let shift: UInt32 = 24

    init(_ stores: [IndexedStore]) { self.queues = stores.map { StoreQueue($0.volume) } }

    var mails: [QueuedMail] {
        self.queues.enumerated().flatMap { place, queue in queue.mails.map { Self.outside($0, place) } }
            .sorted { ($0.queuedAt, $0.id) < ($1.queuedAt, $1.id) }
    }

    private static func outside(_ mail: QueuedMail, _ place: Int) -> QueuedMail {
        var mail = mail
        mail.id = OutgoingID(delivery: mail.id.delivery, number: mail.id.number | UInt32(place) << Self.shift)
        return mail
    }

    /// Another one where one of the volumes is another.
    var identity: UInt64 { self.queues.reduce(0) { ($0 << 1 | $0 >> 63) ^ $1.identity } }

    func takeDue(at now: Int64, longest: Int64) -> DueMail {
        var next: Int64?
        for (place, queue) in self.queues.enumerated() {
            switch queue.takeDue(at: now, longest: longest) {
            case .mail(let mail): return .mail(Self.outside(mail, place))
            case .later(let time): next = min(next ?? time, time)
            case .none: break
            }
        }
        guard let next else { return DueMail.none }
        return .later(next)
    }

    func putBack(_ id: OutgoingID) {
        if let (queue, own) = try? self.find(id) { queue.putBack(own) }
    }

    var load: (count: Int, octets: UInt64) {
        self.queues.reduce((0, 0)) { sum, queue in
            let one = queue.load
            return (sum.0 + one.count, sum.1 &+ one.octets)
        }
    }

    func watch(_ body: @escaping @Sendable () -> Void) { for queue in self.queues { queue.watch(body) } }

    func content(of id: OutgoingID) async throws(StoreError) -> QueuedContent {
        let (queue, own) = try self.find(id)
        return try await queue.content(of: own)
    }

    func note(_ change: OutgoingChange, of id: OutgoingID) async throws(StoreError) {
        let (queue, own) = try self.find(id)
        try await queue.note(change, of: own)
    }

    private func find(_ id: OutgoingID) throws(StoreError) -> (StoreQueue, OutgoingID) {
        let place = Int(id.number >> Self.shift)
        guard place < self.queues.count else { throw StoreError(.notFound, "no mail \(id) in the queue") }
        return (
            self.queues[place],
            OutgoingID(delivery: id.delivery, number: id.number & (UInt32(1) << Self.shift - 1))
        )
    }
}
