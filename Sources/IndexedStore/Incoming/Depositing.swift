internal import MailCore
internal import MailStore
internal import Threads
internal import VolumeLog

/// One call of `deposit`: its messages on their way through cache, temporary files, log and publication.
///
/// Runs on a storage thread up to the queueing, and on another from the flush to the answer; in between nothing
/// waits for it.
final class Depositing: @unchecked Sendable {
    // Proof of Sendable: one thread at a time works on it; the hand-overs (thread queue, committer) order them.

    /// Whether one failing deposit takes the others with it.
    enum Mode { case each, allOrNone }

    struct Item {
        let deposit: Deposit
        /// Whoever deposits has flags of his own in the mailbox; those of `deposit` are all that were asked for.
        var reader: ReaderFlags?
        let state: MailboxState
        /// Its place among the results.
        let index: Int
        /// Where the body is going to be; `nil` while that is not sure.
        var location: BodyLocation?
        /// The file that waits to be published, where the body goes into one.
        var prepared: PreparedBody?
        var fileFlags = FileFlags()
        var entry: MailboxState.PendingEntry?
        var uid: UID?
        /// Where the location is not the GUID.
        var guid: String?

        /// What all see.
        var flags: MessageFlags { self.reader?.common(self.deposit.flags) ?? self.deposit.flags }
        var keywords: [Keyword] { self.reader?.common(self.deposit.keywords) ?? self.deposit.keywords }
    }

    /// Deposits of one message, which share a record and a body.
    struct Group {
        let message: IncomingMessage
        var items: [Item] = []
        var derived = DerivedRows.none
        /// The body as the log is to have it, where it is to be smaller there.
        var packed: MessageOctets?
        var targets: [MessageAdded.Target] = []
        /// What deliveries do beside, and whose mails those are.
        var effects = RecordedEffects()
        var senders: [AccountIdentity] = []
        /// The parcels that the mails are from.
        var origins: [Int] = []
        /// The parcels whose effects are here.
        var parcels = Set<Int>()
        /// Of its record, once that is flushed.
        var sequence: LogSequence?

        var hasRecord: Bool { !self.targets.isEmpty || !self.effects.isEmpty }

        /// Whether one of these deposits is in it and has its UID.
        func has(_ deposits: Range<Int>) -> Bool {
            self.items.contains { deposits.contains($0.index) && $0.entry != nil }
        }
    }

    /// What became of a call.
    struct Outcome: Sendable {
        /// In the order of the deposits.
        var deposits: [Result<StoredMessage, StoreError>]
        /// In the order of the parcels.
        var effects: [Result<Void, StoreError>]
        /// Of the last thing that was taken back on the way: a message that was refused or replaced, or what a script sent.
        var removal: UInt64?
    }

    /// A message that goes when the new one is shown.
    struct Replaced {
        let state: MailboxState
        let uid: UID
        /// The mailbox's name before anything is locked: where the records are made, its lock may be held or not.
        let name: MailboxName

        init(state: MailboxState, uid: UID) {
            self.state = state
            self.uid = uid
            self.name = state.lock.withLock { state.name }
        }

        /// The message, unless it is gone or about to leave.
        var record: MessageRecord? {
            self.state.lock.withLock {
                self.state.leaving.contains(self.uid) ? nil : self.state.snapshot?.record(of: self.uid)
            }
        }

        /// What it counts in the quota; `nil` when that ignores its mailbox.
        var usage: QuotaUsage? {
            guard self.state.core.quota.counts(self.name) else { return nil }
            return self.record.map { QuotaUsage([$0]) }
        }
    }

    let replaced: Replaced?
    /// Whose doing it is. Made in the caller's task.
    let actor = TraceEvent.Actor.current
    private let note = EventNote.current
    /// What the message that goes counts in its account's quota.
    private let replacedUsage: QuotaUsage?
    var groups: [Group] = []
    var parcels: [PendingParcel]
    /// In the order of the deposits; `nil` while unanswered.
    var results: [Result<StoredMessage, StoreError>?]
    /// What may not be visible yet though its file is in place.
    var unseen: [(MailboxState, MailboxState.PendingEntry)] = []
    var removal: UInt64?
    /// Groups whose flush is still to come. Only the committer's thread counts it down.
    lazy var unflushed = self.groups.count { $0.hasRecord }
    let mode: Mode
    let volume: Volume
    private let continuation: CheckedContinuation<Outcome, Never>

    init(
        _ items: [Item], results: [Result<StoredMessage, StoreError>?], parcels: [PendingParcel], _ mode: Mode,
        _ replaced: Replaced?, _ volume: Volume, _ continuation: CheckedContinuation<Outcome, Never>
    ) {
        self.results = results
        self.parcels = parcels
        self.mode = mode
        self.replaced = replaced
        self.replacedUsage = replaced?.usage
        self.volume = volume
        self.continuation = continuation
        for item in items {
            if let known = self.groups.firstIndex(where: { $0.message === item.deposit.message }) {
                self.groups[known].items.append(item)
            } else {
                self.groups.append(Group(message: item.deposit.message, items: [item]))
            }
        }
    }

    // MARK: Before the flush

    /// On a storage thread: caches and temporary files, then the record.
    func start() {
        for index in self.groups.indices { self.prepare(&self.groups[index]) }
        self.volume.configuration.crashPoint(.afterPrepare)
        if self.mode == .allOrNone, let failure = self.firstFailure {
            self.abandon(failure)
            return
        }
        self.queue()
    }

    private var firstFailure: StoreError? {
        for case .failure(let error)? in self.results { return error }
        return nil
    }

    private func prepare(_ group: inout Group) {
        let octets = group.message.octets
        group.derived = CacheBuilder.build(octets)
        var source: PreparedBody?
        for index in group.items.indices {
            var item = group.items[index]
            guard item.state.core.home == .files else {
                group.items[index].location = .thisRecord
                continue
            }
            item.fileFlags = FileFlags(item.flags, item.keywords)
            let date = item.deposit.internalDate ?? self.volume.now
            let flags = item.fileFlags
            do throws(StoreError) {
                item.prepared = try item.state.withFiles { (files) throws(StoreError) -> PreparedBody in
                    if let source,
                        let linked = try files.prepareLink(to: source, flags: flags, internalDate: date)
                    {
                        return linked
                    }
                    return try files.prepare(octets, flags: flags, internalDate: date)
                }
                if source == nil { source = item.prepared }
                item.location = item.prepared?.location
            } catch {
                self.results[item.index] = .failure(error)
            }
            group.items[index] = item
        }
        group.items.removeAll { $0.location == nil }
        if group.items.allSatisfy({ $0.prepared == nil }) { group.packed = self.volume.packed(octets) }
    }

    /// Assigns UIDs and queues the records, with all mailboxes concerned locked in the order of their keys.
    private func queue() {
        var states: [MailboxKey: MailboxState] = [:]
        for group in self.groups {
            for item in group.items { states[item.state.key] = item.state }
        }
        let ordered = states.values.sorted { $0.key < $1.key }
        for state in ordered { state.lock.lock() }
        let tables = self.mode == .allOrNone ? ordered.map(\.keywords) : []
        var records: [PendingRecord] = []
        var failure: StoreError?
        for index in self.groups.indices where failure == nil {
            failure = self.assign(&self.groups[index])
        }
        if failure == nil {
            self.placeEffects()
            for index in self.groups.indices where self.groups[index].hasRecord {
                records.append(self.record(of: self.groups[index], number: index))
            }
            records += self.privateRecords()
            if self.mode == .allOrNone {
                for index in records.indices.dropLast() { records[index].joinsNext = true }
            }
            // Deliveries are no events.
            let items = self.groups.flatMap(\.items)
            if self.parcels.isEmpty, let account = items.first?.state.key.account,
                let event = self.volume.noted(
                    self.note, of: account, UIDSet(items.filter { $0.entry != nil }.compactMap(\.uid)), isAwaited: true)
            {
                records.append(event)
            }
            records += self.traceRecords()
        }
        // Once the records are queued, `self` is the committer's: it may flush them before the locks here are free.
        let entries = self.groups.flatMap { $0.items.compactMap(\.entry) }
        let memories = self.groups.flatMap(\.effects.remembered)
        // Without one nothing comes back from the committer, be there a trace or not.
        let hasRecord = self.groups.contains(where: \.hasRecord)
        if failure == nil, !records.isEmpty {
            self.volume.memory.queues(memories)
            if let ticket = self.volume.committer.enqueue(records) {
                for state in ordered { state.lastTicket = ticket }
                for entry in entries { entry.ticket = ticket }
                self.volume.memory.queued(memories, ticket)
            } else {
                self.volume.memory.forget(memories)
                failure = StoreError(.temporary, "volume closed")
            }
        }
        if failure != nil {
            // A number that no record names must not be given to messages.
            for (state, table) in zip(ordered, tables) { state.keywords = table }
        }
        for state in ordered { state.lock.unlock() }
        if let failure {
            self.abandon(failure)
        } else if !hasRecord {
            self.answer()
        }
    }

    /// With the locks held: UIDs for a group's items. A failure of one item drops only that, unless all are to be
    /// stored or none.
    private func assign(_ group: inout Group) -> StoreError? {
        // All mailboxes of one delivery have the same message: the GUID is the first one's location.
        let first = group.items.lazy.compactMap(\.prepared).first?.location
        let now = self.volume.now
        let size = UInt32(clamping: group.message.octets.count)
        for index in group.items.indices {
            guard let location = group.items[index].location else { continue }
            do throws(StoreError) {
                let item = group.items[index]
                let state = item.state
                // A record behind that of the deletion would be acknowledged and be in no mailbox.
                guard !state.isDeleted, !state.isDeleting else { throw state.goneError }
                let restored = item.deposit.restored
                guard !state.isRestoring || restored != nil else {
                    throw StoreError(.temporary, "mailbox \(state.name) is being restored")
                }
                try state.checkRoom(for: 1)
                var table = state.keywords
                let (numbers, new) = try MailboxState.numbers(of: item.keywords, in: &table)
                var charge = QuotaUsage(storage: Int64(size), messages: 1)
                // Of REPLACE, only what it adds counts (RFC 8508 section 3.4).
                if let old = self.replacedUsage, let replaced = self.replaced,
                    QuotaLedger.areOne(replaced.state.core.quota, state.core.quota)
                {
                    charge = charge - old
                }
                let reserved = state.isCounted ? charge : .zero
                try state.core.quota.admit(
                    charge, largest: UInt64(size), into: state.name, item.deposit.strictness,
                    reserving: reserved != .zero)
                let set = table.set(of: numbers)
                state.keywords = table
                let uid = state.takeUID(restored: restored?.uid)
                let modSeq = state.nextModSeq()
                let date = item.deposit.internalDate ?? now
                let message = NewMessage(
                    uid: uid, modSeq: modSeq, flags: item.flags, keywords: numbers,
                    internalDate: date,
                    saveDate: restored?.saveDate ?? now, size: size, location: location,
                    guid: restored?.guid
                        ?? first.flatMap { location == $0 ? nil : String(decoding: $0.bytes, as: UTF8.self) },
                    pop3UIDL: restored?.pop3UIDL, pop3Order: restored?.pop3Order)
                let record = MessageRecord(
                    uid: uid, flags: item.flags, keywords: set, modSeq: modSeq, internalDate: date,
                    size: size)
                let entry = MailboxState.PendingEntry(
                    modSeq: modSeq, records: [record], locations: [location], reserved: reserved)
                state.pending.append(entry)
                group.items[index].entry = entry
                group.items[index].uid = uid
                group.items[index].guid = message.guid
                group.targets.append(MessageAdded.Target(key: state.key, newKeywords: new, message: message))
            } catch {
                if self.mode == .allOrNone { return error }
                self.results[group.items[index].index] = .failure(error)
            }
        }
        return nil
    }

    /// With the locks held: what depositors have of their own of the new messages.
    private func privateRecords() -> [PendingRecord] {
        var records: [PendingRecord] = []
        for item in self.groups.lazy.flatMap(\.items) {
            guard let reader = item.reader, let uid = item.uid, let modSeq = item.entry?.modSeq,
                let row = reader.own(item.deposit.flags, item.deposit.keywords, modSeq)
            else { continue }
            item.state.expect(uid, of: reader.key.reader, row)
            let change = PrivateFlagsChanged(
                key: item.state.key, reader: reader.key.reader, modSeq: modSeq,
                rows: [PrivateFlagsChanged.Row(uid: uid, flags: row.flags, keywords: row.keywords)])
            records.append(PendingRecord(record: .privateFlagged(change), isAwaited: true))
        }
        return records
    }

    private func record(of group: Group, number: Int) -> PendingRecord {
        PendingRecord(
            record: .added(
                MessageAdded(
                    targets: group.targets, effects: group.effects, octets: group.packed ?? group.message.octets,
                    isPacked: group.packed != nil)),
            derived: group.derived,
            isAwaited: true, hasFileWork: group.items.contains { $0.prepared != nil },
            completion: { [self] result in self.flushed(number, result) })
    }

    // MARK: The answer

    private func abandon(_ failure: StoreError) {
        for group in self.groups {
            for item in group.items {
                if let entry = item.entry { item.state.drop(entry) }
                if let prepared = item.prepared { item.state.discard(prepared) }
            }
        }
        for index in self.results.indices { self.results[index] = .failure(failure) }
        for index in self.parcels.indices { self.parcels[index].failure = failure }
        self.answer()
    }

    /// The threads take no more work.
    func refuse() { self.abandon(StoreError(.limit, "storage threads")) }

    func answer() {
        self.continuation.resume(
            returning: Outcome(
                deposits: self.results.map { $0 ?? .failure(StoreError(.temporary, "deposit without a result")) },
                effects: self.parcels.map { $0.failure.map { .failure($0) } ?? .success(()) }, removal: self.removal))
    }
}

extension Volume {
    /// What becomes of deposits, when all of it is on the disk.
    func outcome(
        of depositing: (CheckedContinuation<Depositing.Outcome, Never>) -> Depositing
    ) async -> Depositing.Outcome {
        let outcome = await withCheckedContinuation { continuation in
            let depositing = depositing(continuation)
            if !self.threads.submit({ depositing.start() }) { depositing.refuse() }
        }
        if let removal = outcome.removal { await self.flushRemovals(through: removal) }
        return outcome
    }
}
