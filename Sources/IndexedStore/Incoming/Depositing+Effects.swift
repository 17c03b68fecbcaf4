internal import MailCore
internal import MailStore
internal import VolumeLog

/// What deliveries do beside storing: put into the records of the messages that they belong to.
extension Depositing {
    /// One user's part of a call.
    struct PendingParcel {
        /// Its deposits among the results.
        var deposits: Range<Int>
        var outgoing: [(account: UInt32, identity: AccountIdentity, mail: OutgoingMessage)] = []
        var remembered: [RecordedEffects.Memory] = []
        /// What is noted of it.
        var trace: (account: UInt32, delivery: DeliveryTrace)?
        /// Why its effects do not happen.
        var failure: StoreError?

        var hasEffects: Bool { !self.outgoing.isEmpty || !self.remembered.isEmpty }
    }

    /// A mail above this is a body in the log and no value in the index.
    private static let inlineOctets = 32 << 10

    /// With UIDs assigned: gives the effects of the parcels of which nothing failed to the groups.
    func placeEffects() {
        self.noteRefusals()
        for index in self.parcels.indices where self.parcels[index].failure == nil && self.parcels[index].hasEffects {
            self.placeEffects(ofParcel: index)
        }
    }

    /// The effects of a parcel of which a message is refused do not happen.
    private func noteRefusals() {
        for index in self.parcels.indices where self.parcels[index].failure == nil && self.parcels[index].hasEffects {
            for case .failure(let error)? in self.results[self.parcels[index].deposits] {
                self.parcels[index].failure = error
                break
            }
        }
    }

    private func placeEffects(ofParcel index: Int) {
        let parcel = self.parcels[index]
        let now = self.volume.now
        // A redirect is the message itself, or as good as: never a copy of it in the index.
        let withBody = parcel.outgoing.map { sent in
            sent.mail.purpose == .redirect || sent.mail.message.octets.count > Self.inlineOctets
        }
        for (sent, hasBody) in zip(parcel.outgoing, withBody) where hasBody {
            let group = self.group(of: sent.mail.message)
            self.groups[group].effects.outgoing.append(
                RecordedEffects.Mail(account: sent.account, row: OutgoingRow(sent.mail, isInline: false, at: now)))
            self.groups[group].senders.append(sent.identity)
            self.groups[group].origins.append(index)
            self.groups[group].parcels.insert(index)
        }
        // Into the last record of the parcel: what is remembered must not be there without what was done.
        let last =
            self.groups.lastIndex { $0.parcels.contains(index) || $0.has(parcel.deposits) }
            ?? self.group(of: Self.nothing)
        for (sent, hasBody) in zip(parcel.outgoing, withBody) where !hasBody {
            self.groups[last].effects.outgoing.append(
                RecordedEffects.Mail(account: sent.account, row: OutgoingRow(sent.mail, isInline: true, at: now)))
            self.groups[last].senders.append(sent.identity)
            self.groups[last].origins.append(index)
        }
        self.groups[last].effects.remembered += parcel.remembered
        self.groups[last].parcels.insert(index)
    }

    /// Stands for no message.
    private static let nothing = IncomingMessage(MessageOctets([]))

    private func group(of message: IncomingMessage) -> Int {
        if let known = self.groups.firstIndex(where: { $0.message === message }) { return known }
        self.groups.append(Group(message: message))
        return self.groups.count - 1
    }

    /// The effects are durable: the MTA may have them. Those of a parcel of which a message was refused are taken back: the
    /// peer sends it again, and the script does it all once more.
    func showEffects() {
        self.noteRefusals()
        var hasMail = false
        var durable = Set<Int>()
        for group in self.groups {
            guard let sequence = group.sequence else { continue }
            durable.formUnion(group.parcels)
            for (number, mail) in group.effects.outgoing.enumerated() {
                let id = OutgoingID(delivery: sequence.rawValue, number: UInt32(clamping: number))
                let key = OutgoingKey(account: mail.account, id: id)
                if self.parcels[group.origins[number]].failure == nil {
                    self.volume.outgoing.add(key, mail.row, group.senders[number])
                    hasMail = true
                } else {
                    self.takeBack(.outgoingChanged(OutgoingChanged(key: key, state: nil)))
                }
            }
        }
        for index in durable where self.parcels[index].failure != nil { self.forget(self.parcels[index].remembered) }
        if hasMail { self.volume.outgoing.tell() }
    }

    /// Has what was remembered end before it began.
    private func forget(_ remembered: [RecordedEffects.Memory]) {
        var effects = RecordedEffects()
        effects.remembered = self.volume.memory.end(remembered)
        guard !effects.isEmpty else { return }
        let ended = effects.remembered
        let ticket = self.takeBack(
            .added(MessageAdded(targets: [], effects: effects, octets: Self.nothing.octets, isPacked: false)))
        // A volume that takes nothing more keeps what it has.
        if let ticket { self.volume.memory.queued(ended, ticket) } else { self.volume.memory.forget(ended) }
    }

    /// A full disk takes it as soon as it can; who hears of a refusal hears of it behind this.
    @discardableResult
    private func takeBack(_ record: StoreRecord) -> UInt64? {
        let ticket = self.volume.committer.enqueue([PendingRecord(record: record, isAwaited: false)])
        if let ticket { self.removal = max(self.removal ?? 0, ticket) }
        return ticket
    }

    /// They could not be written.
    func dropEffects(_ group: Group, _ failure: StoreError) {
        self.volume.memory.forget(group.effects.remembered)
        for index in group.parcels where self.parcels[index].failure == nil { self.parcels[index].failure = failure }
    }
}
