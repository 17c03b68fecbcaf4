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
            let name = store.volume.configuration.volumeName
            if let failure = one.failure {
                sum.failure = (sum.failure.map { $0 + "; " } ?? "") + "volume \(name): \(failure)"
            }
            sum.volumes.append(
                StoreFigures.Volume(name: name, failure: one.failure, freeOctets: one.freeOctets))
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
