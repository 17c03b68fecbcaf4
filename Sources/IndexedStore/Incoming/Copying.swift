internal import MailCore
internal import MailStore
internal import Threads
internal import VolumeLog

/// One COPY or MOVE on its way.
final class Copying: @unchecked Sendable {
    // Proof of Sendable: as for `Depositing`.

    struct Item {
        let row: NewMessage
        /// Where the copy's body is: in a file of its own, or in the log with the source's.
        let location: BodyLocation
        /// `nil` when the body is in the log.
        let prepared: PreparedBody?
        /// What the copy's file is to show: the flags of the record.
        var fileFlags: FileFlags
        /// Where source and target keep octets differently.
        var octets: MessageOctets?
        var uid: UID?
    }

    /// Those of source and target, kept in memory: another object for the same account would not know what is on
    /// its way.
    private let accounts: (StoreAccount, StoreAccount)
    let source: MailboxState
    let target: MailboxState
    let kind: TransferKind
    /// Made in the caller's task.
    private let actor = TraceEvent.Actor.current
    private let note = EventNote.current
    /// What may be set in the target.
    let rights: MailRights
    /// Flags that the copies do not get.
    let cleared: MessageFlags
    /// Where whoever copies has flags of his own.
    let own: (source: ReaderView?, target: ReaderFlags?)
    /// What others have of their own of messages that a MOVE takes along.
    var readers: [String: [UID: PrivateFlagRow]] = [:]
    let continuation: CheckedContinuation<Result<CopyResult, StoreError>, Never>
    var items: [Item] = []
    /// Prepared copies of messages that went away meanwhile.
    var dropped: [PreparedBody] = []
    var arriving: MailboxState.PendingEntry?
    /// Of a MOVE, where source and target differ.
    var leaving: MailboxState.PendingEntry?
    var vanishedModSeq: ModSeq?
    /// `MailboxState.lastRelocation` of the source, before its rows were read.
    var seenRelocation: UInt64 = 0
    /// Keeps the sources' files until the copies are on the disk.
    var hold: CopySources.Hold?
    /// To place files, by the thread that does it again.
    var attempts = 0
    var isAnswered = false
    /// Records that are not flushed yet. Counted down on the committer's thread alone, as are the two below it.
    var unflushed = 0
    var written: [(sequence: LogSequence, hasFileWork: Bool)] = []
    var failure: StoreError?

    init(
        _ accounts: (StoreAccount, StoreAccount), _ source: MailboxState, _ target: MailboxState,
        _ kind: TransferKind, _ rights: MailRights, clearing cleared: MessageFlags,
        _ own: (source: ReaderView?, target: ReaderFlags?),
        _ continuation: CheckedContinuation<Result<CopyResult, StoreError>, Never>
    ) {
        self.accounts = accounts
        self.rights = rights
        self.source = source
        self.target = target
        self.kind = kind
        self.cleared = cleared
        self.own = own
        self.continuation = continuation
    }

    var volume: Volume { self.accounts.0.volume }

    /// On a storage thread.
    func start(_ uids: UIDSet) {
        do throws(StoreError) {
            while true {
                try self.prepare(uids)
                if self.items.isEmpty {
                    try self.source.core.checkInUse()
                    return self.answer()
                }
                self.volume.configuration.crashPoint(.afterPrepare)
                if try self.queue() { return }
                self.discardAll()
                self.items = []
            }
        } catch {
            self.discardAll()
            self.continuation.resume(returning: .failure(self.moving ?? error))
        }
    }

    /// Why nothing can be copied when one of the accounts has moved: what else is wrong then comes from that.
    private var moving: StoreError? {
        for core in [self.source.core, self.target.core] {
            do throws(StoreError) { try core.checkInUse() } catch { return error }
        }
        return nil
    }

    func discardAll() {
        for item in self.items { if let prepared = item.prepared { self.target.discard(prepared) } }
    }

    var hasFiles: Bool { self.items.contains { $0.prepared != nil } }

    /// Assigns UIDs and queues the record. What has gone from the source meanwhile is left out; flags are those of
    /// now. `false`: the source's account moves, and a body in the log may have no owner by now; to be prepared again.
    func queue() throws(StoreError) -> Bool {
        let states =
            self.source === self.target
            ? [self.source] : [self.source, self.target].sorted { $0.key < $1.key }
        for state in states { state.lock.lock() }
        defer { for state in states { state.lock.unlock() } }
        guard !self.target.isDeleted, !self.target.isDeleting else { throw self.target.goneError }
        guard !self.target.isRestoring else {
            throw StoreError(.temporary, "mailbox \(self.target.name) is being restored")
        }
        guard !self.source.isDeleted, !self.source.isDeleting else { throw self.source.expungedError }
        if self.source.lastRelocation != self.seenRelocation, self.items.contains(where: { $0.location.isInLog }) {
            return false
        }
        try self.target.checkRoom(for: self.items.count)
        var kept: [Item] = []
        var sources = UIDSet()
        var records: [MessageRecord] = []
        var rows: [MessagesCopied.Row] = []
        var added: [(message: NewMessage, item: Item)] = []
        var table = self.target.keywords
        let first = table.keywords.count
        // Numbers that no record names are not given: clients would see them in UIDNEXT and HIGHESTMODSEQ, which go back then
        // at the next start.
        let unused = (self.target.uidNext, self.target.highestModSeq)
        var isRecorded = false
        defer { if !isRecorded { (self.target.uidNext, self.target.highestModSeq) = unused } }
        let modSeq = self.target.nextModSeq()
        let now = self.volume.now
        let shown = self.source.snapshot(for: self.own.source)
        var ownRows: [String: [UID: PrivateFlagRow]] = [:]
        for var item in self.items {
            guard let record = self.source.snapshot?.record(of: item.row.uid),
                !self.source.leaving.contains(item.row.uid)
            else {
                if let prepared = item.prepared { self.dropped.append(prepared) }
                continue
            }
            let (flags, names, row) = self.flags(of: record, shown, modSeq)
            let numbers = try MailboxState.numbers(of: names, in: &table).numbers
            let uid = self.target.nextUID()
            item.uid = uid
            // The index row that the copy was prepared from may have been behind.
            item.fileFlags = FileFlags(flags, names)
            let message = NewMessage(
                uid: uid, modSeq: modSeq, flags: flags, keywords: numbers,
                internalDate: record.internalDate, saveDate: now, size: record.size,
                location: item.location, guid: self.guid(of: item))
            if item.octets != nil {
                added.append((message, item))
            } else {
                rows.append(
                    MessagesCopied.Row(source: record.uid, sourceLocation: item.row.location, message: message))
            }
            records.append(
                MessageRecord(
                    uid: uid, flags: flags, keywords: table.set(of: numbers), modSeq: modSeq,
                    internalDate: record.internalDate, size: record.size))
            sources.insert(record.uid)
            kept.append(item)
            if let row, let reader = self.own.target { ownRows[reader.key.reader, default: [:]][uid] = row }
            for (reader, row) in self.othersRows(of: record.uid, modSeq) {
                ownRows[reader, default: [:]][uid] = row
            }
        }
        self.items = kept
        guard !kept.isEmpty else {
            if !self.volume.threads.submit({ self.answer() }) { self.answer() }
            return true
        }
        let reserved = try self.reserve(records)
        isRecorded = true
        self.target.keywords = table
        let names = Array(table.keywords[first...])
        let new =
            names.isEmpty
            ? NewKeywords() : NewKeywords(first: UInt16(truncatingIfNeeded: first), names: names)
        self.enter(records, sources, modSeq, reserved)
        var pending: [PendingRecord] = []
        if !rows.isEmpty {
            let record = StoreRecord.copied(
                MessagesCopied(
                    source: self.source.key, vanishedModSeq: self.vanishedModSeq, target: self.target.key,
                    newKeywords: new, messages: rows))
            pending.append(
                PendingRecord(
                    record: record, isAwaited: true, hasFileWork: self.hasFiles,
                    mailboxes: states, completion: { [self] in self.flushed($0, hasFileWork: self.hasFiles) }))
        }
        self.unflushed = pending.count + added.count
        pending += self.records(added, pending.isEmpty ? new : NewKeywords(), states)
        for (reader, rows) in ownRows { pending.append(self.privateRecord(reader, rows, modSeq)) }
        // One change, or none of it.
        for index in pending.indices.dropLast() { pending[index].joinsNext = true }
        let event = self.volume.noted(
            self.note, of: self.source.key.account, UIDSet(records.map(\.uid)), from: sources, isAwaited: true)
        if let event { pending.append(event) }
        if let trace = self.trace(to: UIDSet(records.map(\.uid)), from: sources) { pending.append(trace) }
        self.holdSources(rows)
        let ticket = self.volume.committer.enqueue(pending)
        guard let ticket else {
            self.leaveAll()
            self.letGo()
            throw StoreError(.temporary, "volume closed")
        }
        for state in states { state.lastTicket = ticket }
        self.arriving?.ticket = ticket
        return true
    }

    /// What is noted of it, with the mailboxes locked.
    private func trace(to uids: UIDSet, from sources: UIDSet) -> PendingRecord? {
        let (source, target) = (self.source.tracePlace(sources), self.target.tracePlace(uids))
        return self.volume.traced(
            self.kind == .move ? .moved(source, to: target) : .copied(source, to: target),
            of: self.source.key.account, by: self.actor, isAwaited: true)
    }

    private func enter(
        _ records: [MessageRecord], _ sources: UIDSet, _ modSeq: ModSeq,
        _ reserved: (target: QuotaUsage, source: QuotaUsage)
    ) {
        let locations = self.items.map(\.location)
        var vanished = UIDSet()
        if self.kind == .move {
            for uid in sources { self.source.leaving.insert(uid) }
            if self.source === self.target {
                vanished = sources
                self.vanishedModSeq = modSeq
            } else {
                let modSeq = self.source.nextModSeq()
                self.vanishedModSeq = modSeq
                let entry = MailboxState.PendingEntry(
                    modSeq: modSeq, records: [], locations: [], vanished: sources, reserved: reserved.source)
                self.source.pending.append(entry)
                self.leaving = entry
            }
        }
        let entry = MailboxState.PendingEntry(
            modSeq: modSeq, records: records, locations: locations, vanished: vanished,
            reserved: reserved.target)
        self.target.pending.append(entry)
        self.arriving = entry
    }

    /// Counts the copies from now on. What a MOVE takes away here it adds there, which needs no room within a quota.
    private func reserve(
        _ records: [MessageRecord]
    ) throws(StoreError) -> (target: QuotaUsage, source: QuotaUsage) {
        let usage = QuotaUsage(records)
        let isMove = self.kind == .move
        if isMove, self.source === self.target { return (.zero, .zero) }
        let (ledger, sourceLedger) = (self.target.core.quota, self.source.core.quota)
        let target = self.target.isCounted ? usage : .zero
        let source = isMove && self.source.isCounted ? .zero - usage : .zero
        if source != .zero, QuotaLedger.areOne(ledger, sourceLedger) {
            // In one step: nothing that comes meanwhile is to find both counted.
            QuotaLedger.apply(
                QuotaLedger.Change(reserved: target), ledger, QuotaLedger.Change(reserved: source), sourceLedger)
            return (target, source)
        }
        try ledger.admit(
            usage, largest: UInt64(records.map(\.size).max() ?? 0), into: self.target.name, .exact,
            reserving: target != .zero)
        sourceLedger.apply(QuotaLedger.Change(reserved: source))
        return (target, source)
    }

    private func leaveAll() {
        // With the locks held: nothing else can have come behind the entries.
        var (arrived, left) = (QuotaLedger.Change(), QuotaLedger.Change())
        if let arriving = self.arriving {
            _ = self.target.pending.popLast()
            arrived.reserved = .zero - arriving.reserved
        }
        if let leaving = self.leaving {
            left.reserved = .zero - leaving.reserved
            _ = self.source.pending.popLast()
            self.source.leaving = UIDSet(self.source.leaving.filter { !leaving.vanished.contains($0) })
        }
        QuotaLedger.apply(arrived, self.target.core.quota, left, self.source.core.quota)
    }

    /// A record for each message with its octets, and one that has them vanish from the source.
    private func records(
        _ added: [(message: NewMessage, item: Item)], _ new: NewKeywords, _ states: [MailboxState]
    ) -> [PendingRecord] {
        var records: [PendingRecord] = []
        var sources = UIDSet()
        for (message, item) in added {
            guard let octets = item.octets else { continue }
            sources.insert(item.row.uid)
            let target = MessageAdded.Target(
                key: self.target.key, newKeywords: records.isEmpty ? new : NewKeywords(), message: message)
            let hasFileWork = item.prepared != nil
            records.append(
                PendingRecord(
                    record: .added(MessageAdded(targets: [target], octets: octets)),
                    derived: CacheBuilder.build(octets), isAwaited: true, hasFileWork: hasFileWork, mailboxes: states,
                    completion: { [self] in self.flushed($0, hasFileWork: hasFileWork) }))
        }
        if let modSeq = self.vanishedModSeq, !sources.isEmpty {
            let record = StoreRecord.vanished(self.source.key, modSeq, sources)
            records.append(PendingRecord(record: record, isAwaited: true, mailboxes: states))
        }
        return records
    }

    /// With the source locked, and before the record is queued: nothing can have come in between that removes the files.
    private func holdSources(_ rows: [MessagesCopied.Row]) {
        let uids = UIDSet(rows.lazy.filter { !$0.sourceLocation.isInLog }.map(\.source))
        if !uids.isEmpty { self.hold = self.volume.fileWork.hold(self.source.key, uids) }
    }

    /// What the copy needs to have the GUID of its source; `nil` when its location says it.
    func guid(of item: Item) -> String? {
        item.row.guid ?? (item.location == item.row.location ? nil : self.volume.guid(of: item.row))
    }
}
