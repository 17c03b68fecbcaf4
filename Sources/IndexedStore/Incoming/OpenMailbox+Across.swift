internal import MailCore
internal import MailStore
internal import Threads

/// COPY and MOVE into a mailbox of another volume: messages are read here and stored there.
///
/// The copies are durable before a MOVE removes anything; after a crash in between both may be there. When something
/// cannot be copied, nothing stays.
extension OpenMailbox {
    func transferAcross(
        _ uids: UIDSet, to goal: DepositDestination, of account: StoreAccount, _ kind: TransferKind,
        clearing cleared: MessageFlags
    ) async throws(StoreError) -> CopyResult {
        if let failure = account.volume.committer.refusalOfAdditions { throw failure }
        let (name, rights, reader) = (goal.name, goal.rights, goal.privateFlags?.readerFlags)
        let view = self.view
        let target = try await account.state(of: name)
        try await account.countForQuota()
        // Until the MOVE has ended its messages are there twice: they need no room for that.
        let isMovedWithin =
            kind == .move && QuotaLedger.areOne(self.state.core.quota, target.core.quota)
            && self.state.lock.withLock { self.state.isCounted }
        let strictness: QuotaStrictness = isMovedWithin ? .exempt : .exact
        let isCountedTwice = isMovedWithin && target.lock.withLock { target.isCounted }
        // What lies here and there takes the room of one: deliveries meanwhile are not refused for it. While a batch is
        // stored, they may go beyond the limit by as much as it has.
        let quota = self.state.core.quota
        var lent = QuotaUsage.zero
        defer { quota.apply(QuotaLedger.Change(reserved: lent)) }
        try await self.awaitAppended()
        let ticket = self.state.lock.withLock { self.state.lastTicket }
        try await self.volume.applied(ticket)
        var result = CopyResult(uidValidity: target.uidValidity, source: [], target: [])
        do throws(StoreError) {
            var rest = self.visible(uids)[...]
            while !rest.isEmpty {
                let state = self.state
                let first = rest
                let (batch, count) = try await self.volume.threads.run {
                    () throws(StoreError) -> ([AcrossItem], Int) in try state.read(first, view)
                }
                try self.checkInUse()
                rest = rest.dropFirst(count)
                let deposits = batch.map { item in
                    Deposit(
                        message: IncomingMessage(item.octets), account: account, mailbox: name,
                        flags: rights.permitted(item.record.flags).subtracting(cleared),
                        keywords: rights.permitted(item.keywords), internalDate: item.record.internalDate,
                        strictness: strictness, restored: RestoredMessage(guid: item.guid))
                }
                if isCountedTwice {
                    let usage = QuotaUsage(batch.map(\.record))
                    quota.apply(QuotaLedger.Change(reserved: .zero - usage))
                    lent = lent + usage
                }
                let stored = try await account.volume.store(deposits, in: target, reader)
                for (item, message) in zip(batch, stored) {
                    result.source.insert(item.record.uid)
                    result.target.insert(message.uid)
                }
            }
        } catch {
            // Copies count until they are removed.
            quota.apply(QuotaLedger.Change(reserved: lent))
            lent = .zero
            if !result.target.isEmpty { await target.takeBack(result.target) }
            throw error
        }
        guard kind == .move, !result.source.isEmpty else { return result }
        let removed = try self.state.remove(result.source, .any)
        // At once, not when it is flushed: nothing is to take that room twice.
        quota.apply(QuotaLedger.Change(reserved: lent))
        lent = .zero
        if let ticket = removed.ticket { try await self.volume.committer.flushed(ticket) }
        return result
    }

    private func visible(_ uids: UIDSet) -> [UID] {
        self.state.lock.withLock {
            var wanted: [UID] = []
            self.state.forEachVisible(uids) { wanted.append($0.uid) }
            return wanted
        }
    }

    /// A message to be copied.
    struct AcrossItem: Sendable {
        var record: MessageRecord
        var keywords: [Keyword]
        var guid: String
        var octets: MessageOctets
    }
}

extension MailboxState {
    /// Messages, and their octets, that are copied at once.
    private static let acrossAtOnce = 200
    private static let octetsAtOnce = 8 << 20

    /// The first of the messages with their octets, and how many of the UIDs that took. Those that are gone are left
    /// out. On a storage thread.
    fileprivate func read(
        _ uids: ArraySlice<UID>, _ view: ReaderView?
    ) throws(StoreError) -> ([OpenMailbox.AcrossItem], Int) {
        var items: [OpenMailbox.AcrossItem] = []
        var octets = 0
        var count = 0
        for uid in uids.prefix(Self.acrossAtOnce) {
            guard octets < Self.octetsAtOnce else { break }
            count += 1
            guard let row = try self.core.volume.schema.rows(self.key, CollectionOfOne(uid)).first,
                let found = self.lock.withLock({ () -> (MessageRecord, [Keyword])? in
                    guard let shown = self.snapshot(for: view), let record = shown.record(of: uid),
                        !self.leaving.contains(uid)
                    else { return nil }
                    let names = shown.keywords.numbers(in: record.keywords).map { shown.keywords.keywords[Int($0)] }
                    return (record, names)
                })
            else { continue }
            let body: MessageOctets
            switch self.readOctets(row) {
            case .success(let read): body = read
            case .failure(let error):
                try self.core.checkInUse()
                guard error.code == .expunged else { throw error }
                continue
            }
            octets += body.count
            items.append(
                OpenMailbox.AcrossItem(
                    record: found.0, keywords: found.1, guid: self.core.volume.guid(of: row), octets: body))
        }
        return (items, count)
    }
}

extension Volume {
    /// Stores messages in one mailbox, all or none.
    fileprivate func store(
        _ deposits: [Deposit], in state: MailboxState, _ reader: ReaderFlags?
    ) async throws(StoreError) -> [StoredMessage] {
        guard !deposits.isEmpty else { return [] }
        // What is copied is not part of a backup that comes back.
        guard !state.lock.withLock({ state.isRestoring }) else {
            throw StoreError(.temporary, "mailbox \(state.name) is being restored")
        }
        let octets = deposits.reduce(0) { $0 + $1.message.octets.count }
        await self.budget.take(octets)
        defer { self.budget.giveBack(octets) }
        let items = deposits.enumerated().map { Depositing.Item(deposit: $1, reader: reader, state: state, index: $0) }
        let outcome = await self.outcome { continuation in
            Depositing(
                items, results: Array(repeating: nil, count: items.count), parcels: [], .allOrNone, nil, self,
                continuation)
        }
        var stored: [StoredMessage] = []
        for result in outcome.deposits { stored.append(try result.get()) }
        return stored
    }
}
