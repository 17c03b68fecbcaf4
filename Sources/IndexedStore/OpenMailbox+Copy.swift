internal import MailCore
internal import MailStore
internal import VolumeLog

/// COPY and MOVE within a volume: one record for all messages; links are made before the flush and become
/// visible after it. Between accounts of different formats each message has a record with its octets.
extension OpenMailbox {
    func copy(_ uids: UIDSet, to target: MailboxName) async throws(StoreError) -> CopyResult {
        try await self.transfer(uids, to: self.place(target), .copy)
    }

    private func place(_ name: MailboxName) -> DepositDestination {
        DepositDestination(account: self.account, name: name, rights: .all)
    }

    func move(_ uids: UIDSet, to target: MailboxName) async throws(StoreError) -> CopyResult {
        try await self.transfer(uids, to: self.place(target), .move)
    }

    func move(
        _ uids: UIDSet, to target: MailboxName, clearing flags: MessageFlags
    ) async throws(StoreError) -> CopyResult {
        try await self.transfer(uids, to: self.place(target), .move, clearing: flags)
    }

    func transfer(
        _ uids: UIDSet, to target: DepositDestination, _ kind: TransferKind
    ) async throws(StoreError) -> CopyResult {
        try await self.transfer(uids, to: target, kind, clearing: [])
    }

    private func transfer(
        _ uids: UIDSet, to goal: DepositDestination, _ kind: TransferKind, clearing flags: MessageFlags
    ) async throws(StoreError) -> CopyResult {
        if kind == .move { try self.checkWritable() }
        if let failure = self.volume.committer.failure { throw failure }
        guard let account = goal.account as? StoreAccount else { throw StoreError(.cannot, "account of another store") }
        guard account.volume === self.volume else {
            return try await self.transferAcross(uids, to: goal, of: account, kind, clearing: flags)
        }
        let target = try await account.state(of: goal.name)
        let own = (source: self.view, target: goal.privateFlags?.readerFlags)
        try await self.awaitAppended()
        let source = self.state
        let volume = self.volume
        func transfer(_ uids: UIDSet) async throws(StoreError) -> CopyResult {
            try await Self.result { continuation in
                let copying = Copying(
                    (self.account, account), source, target, kind, goal.rights, clearing: flags, own, continuation)
                if !volume.threads.submit({ copying.start(uids) }) {
                    continuation.resume(returning: .failure(StoreError(.limit, "storage threads")))
                }
            }
        }
        if source.core.home == target.core.home { return try await transfer(uids) }
        return try await self.converted(uids, to: target, kind, transfer)
    }

    private static func result(
        _ body: (CheckedContinuation<Result<CopyResult, StoreError>, Never>) -> Void
    ) async throws(StoreError) -> CopyResult {
        try await withCheckedContinuation { body($0) }.get()
    }
}

/// One COPY or MOVE on its way.
final class Copying: @unchecked Sendable {
    // Proof of Sendable: as for `Depositing`.

    private struct Item {
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
    private let continuation: CheckedContinuation<Result<CopyResult, StoreError>, Never>
    private var items: [Item] = []
    private var arriving: MailboxState.PendingEntry?
    /// Of a MOVE, where source and target differ.
    private var leaving: MailboxState.PendingEntry?
    private var vanishedModSeq: ModSeq?
    /// `MailboxState.lastRelocation` of the source, before its rows were read.
    private var seenRelocation: UInt64 = 0
    /// Keeps the sources' files until the copies are on the disk.
    private var hold: CopySources.Hold?
    /// To place files, by the thread that does it again.
    private var attempts = 0
    private var isAnswered = false

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
                if self.items.isEmpty { return self.answer() }
                self.volume.configuration.crashPoint(.afterPrepare)
                if try self.queue() { return }
                self.discardAll()
                self.items = []
            }
        } catch {
            self.discardAll()
            self.continuation.resume(returning: .failure(error))
        }
    }

    private func discardAll() {
        for item in self.items { if let prepared = item.prepared { self.target.discard(prepared) } }
    }

    private var hasFiles: Bool { self.items.contains { $0.prepared != nil } }

    private func prepare(_ uids: UIDSet) throws(StoreError) {
        let wanted = self.source.lock.withLock { () -> [UID] in
            var wanted: [UID] = []
            self.source.forEachVisible(uids) { wanted.append($0.uid) }
            self.seenRelocation = self.source.lastRelocation
            return wanted
        }
        guard !wanted.isEmpty else { return }
        try self.volume.waitApplied(self.seenRelocation)
        let rows = try self.volume.schema.rows(self.source.key, wanted)
        try self.readReaders(wanted)
        let sourceFiles = self.source.lock.withLock { self.source.files }
        let targetFiles = self.target.lock.withLock { self.target.files }
        for row in rows {
            if let item = try self.converted(row, targetFiles) {
                self.items.append(item)
                continue
            }
            if row.location.isInLog {
                // A body in the log is shared, whatever the target's new messages are.
                self.items.append(Item(row: row, location: row.location, prepared: nil, fileFlags: FileFlags()))
                continue
            }
            let flags = self.source.fileFlags(row.flags, row.keywords)
            do throws(StoreError) {
                let prepared = try self.prepare(row, flags, from: sourceFiles, in: targetFiles)
                self.items.append(
                    Item(row: row, location: prepared.location, prepared: prepared, fileFlags: flags))
            } catch {
                guard error.code == .expunged else { throw error }
                // Moved into the log a moment ago, or gone by another program's hand: as if it had not been in the
                // set.
                guard let now = try self.volume.schema.rows(self.source.key, CollectionOfOne(row.uid)).first,
                    now.location.isInLog
                else { continue }
                if let item = try self.converted(now, targetFiles) {
                    self.items.append(item)
                    continue
                }
                self.items.append(Item(row: now, location: now.location, prepared: nil, fileFlags: FileFlags()))
            }
        }
    }

    /// A message whose octets are written anew, because the target keeps them elsewhere than the source; `nil` where the
    /// copy can have those of the source, or the message is gone.
    private func converted(_ row: NewMessage, _ targetFiles: any MailboxFiles) throws(StoreError) -> Item? {
        switch (self.source.core.home, self.target.core.home) {
        case (.files, .files), (.log, .log): return nil
        case (.files, .log): if row.location.isInLog { return nil }
        case (.log, .files): break
        }
        let octets: MessageOctets
        switch self.source.readOctets(row) {
        case .success(let read): octets = read
        case .failure(let error):
            if error.code == .expunged, !row.location.isInLog { return nil }
            throw error
        }
        guard self.target.core.home == .files else {
            return Item(row: row, location: .thisRecord, prepared: nil, fileFlags: FileFlags(), octets: octets)
        }
        // The keywords' letters are the target's business, when the file gets its name.
        let flags = FileFlags(row.flags)
        let prepared = try self.target.core.asOwner { () throws(StoreError) in
            try targetFiles.prepare(octets, flags: flags, internalDate: row.internalDate)
        }
        return Item(row: row, location: prepared.location, prepared: prepared, fileFlags: flags, octets: octets)
    }

    private func prepare(
        _ row: NewMessage, _ flags: FileFlags, from source: any MailboxFiles, in target: any MailboxFiles
    ) throws(StoreError) -> PreparedBody {
        if self.source.core.identity.owner == self.target.core.identity.owner {
            return try self.source.core.asOwner { () throws(StoreError) in
                try target.prepareCopy(of: row.location, flags: flags, in: source, as: flags)
            }
        }
        // Files of two owners: neither may read or link the other's.
        let octets = try self.source.core.asOwner { () throws(StoreError) in
            try source.read(row.location, flags: flags)
        }
        return try self.target.core.asOwner { () throws(StoreError) in
            try target.prepare(octets, flags: flags, internalDate: row.internalDate)
        }
    }

    /// Assigns UIDs and queues the record. What has gone from the source meanwhile is left out; flags are those of
    /// now. `false`: the source's account moves, and a body in the log may have no owner by now; to be prepared again.
    private func queue() throws(StoreError) -> Bool {
        let states =
            self.source === self.target
            ? [self.source] : [self.source, self.target].sorted { $0.key < $1.key }
        for state in states { state.lock.lock() }
        defer { for state in states { state.lock.unlock() } }
        guard !self.target.isDeleted else { throw self.target.goneError }
        guard !self.target.isRestoring else {
            throw StoreError(.temporary, "mailbox \(self.target.name) is being restored")
        }
        guard !self.source.isDeleted, !self.source.isDeleting else { throw StoreError(.expunged, "mailbox deleted") }
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

    /// Prepared copies of messages that went away meanwhile.
    private var dropped: [PreparedBody] = []

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

    /// Counts the copies from now on. What a MOVE takes away here it adds there, which needs no room within an account.
    private func reserve(
        _ records: [MessageRecord]
    ) throws(StoreError) -> (target: QuotaUsage, source: QuotaUsage) {
        let usage = QuotaUsage(records)
        let isMove = self.kind == .move
        if isMove, self.source === self.target { return (.zero, .zero) }
        let target = self.target.isCounted ? usage : .zero
        let source = isMove && self.source.isCounted ? .zero - usage : .zero
        try self.target.core.quota.admit(
            usage, largest: UInt64(records.map(\.size).max() ?? 0), into: self.target.name,
            source == .zero || self.source.core !== self.target.core ? .exact : .exempt, reserving: target != .zero)
        self.source.core.quota.apply(QuotaLedger.Change(reserved: source))
        return (target, source)
    }

    private func leaveAll() {
        // With the locks held: nothing else can have come behind the entries.
        if let arriving = self.arriving {
            _ = self.target.pending.popLast()
            self.target.core.quota.apply(QuotaLedger.Change(reserved: .zero - arriving.reserved))
        }
        if let leaving = self.leaving {
            self.source.core.quota.apply(QuotaLedger.Change(reserved: .zero - leaving.reserved))
            _ = self.source.pending.popLast()
            self.source.leaving = UIDSet(self.source.leaving.filter { !leaving.vanished.contains($0) })
        }
    }

    // MARK: After the flush

    /// Records that are not flushed yet. Counted down on the committer's thread alone, as are the two below it.
    private var unflushed = 0
    private var written: [(sequence: LogSequence, hasFileWork: Bool)] = []
    private var failure: StoreError?

    /// On the committer's thread, once for each record.
    private func flushed(_ result: Result<LogSequence, StoreError>, hasFileWork: Bool) {
        switch result {
        case .success(let sequence): self.written.append((sequence, hasFileWork))
        case .failure(let error): self.failure = self.failure ?? error
        }
        self.unflushed -= 1
        guard self.unflushed == 0 else { return }
        if !self.volume.threads.submit({ self.finish() }) { self.finish() }
    }

    private func finish() {
        switch self.failure {
        case nil: self.publish()
        case let error?:
            self.takeBackWritten()
            if let arriving = self.arriving { self.target.drop(arriving) }
            if let leaving = self.leaving { self.source.drop(leaving) }
            self.discardAll()
            self.letGo()
            self.continuation.resume(returning: .failure(error))
        }
    }

    /// What the copy needs to have the GUID of its source; `nil` when its location says it.
    private func guid(of item: Item) -> String? {
        item.row.guid ?? (item.location == item.row.location ? nil : self.volume.guid(of: item.row))
    }

    private func publish() {
        self.volume.configuration.crashPoint(.beforePublish)
        guard self.hasFiles else {
            self.show()
            self.volume.configuration.crashPoint(.afterPublish)
            self.answer()
            return
        }
        let failure = self.placeFiles()
        self.volume.configuration.crashPoint(.afterPublish)
        guard let failure, !self.isTargetDeleted else { return self.placed() }
        switch self.kind {
        case .copy: self.takeBack(failure)
        case .move: self.placeLater(failure)
        }
    }

    /// A copy into a mailbox that was deleted since is gone with it, as if the deletion had come a moment later.
    private var isTargetDeleted: Bool { self.target.lock.withLock { self.target.isDeleted } }

    /// The files are there: so are the copies, and of a MOVE the sources can go.
    private func placed() {
        self.show()
        var rows: [UIDListRow] = []
        for item in self.items {
            guard let uid = item.uid else { continue }
            if item.prepared != nil { rows.append(UIDListRow(uid, item.location, guid: self.guid(of: item))) }
        }
        if !self.isTargetDeleted { self.volume.fileWork.add(rows: rows, self.target) }
        self.fileWorkDone()
        if let hold = self.hold { self.volume.fileWork.letGoAfterSync(hold) }
        if let modSeq = self.vanishedModSeq { self.removeSources(modSeq) }
        self.answer()
    }

    /// Copies that are in the log but cannot be in the files: the client is told so, and may try again. Files that are
    /// there go with the rows.
    private func takeBack(_ failure: StoreError) {
        do throws(StoreError) {
            try self.target.lock.withLock { () throws(StoreError) in
                let uids = UIDSet(self.items.compactMap(\.uid))
                let modSeq = self.target.nextModSeq()
                _ = try self.target.queue(
                    PendingRecord(record: .vanished(self.target.key, modSeq, uids), isAwaited: false))
            }
        } catch {
            self.volume.configuration.log(
                .warning, "\(self.target.description): copies, refused, may come back: \(error)")
        }
        if let arriving = self.arriving { self.target.drop(arriving) }
        self.discardAll()
        self.fileWorkDone()
        self.letGo()
        self.fail(failure)
    }

    /// A MOVE that is in the log cannot be taken back: the sources' UIDs are gone. Nobody sees it before the files are
    /// there, and until then no source file is removed. Should that be after the next start, the log has the rest.
    private func placeLater(_ failure: StoreError) {
        self.volume.configuration.log(
            .error,
            "\(self.target.description): moved files cannot be placed now: \(failure). Tried again until it succeeds")
        self.volume.fileWork.retry { [self] attempt in
            guard let failure = self.placeFiles(), !self.isTargetDeleted else {
                self.placed()
                return true
            }
            self.attempts += 1
            if attempt == .last || self.attempts == Self.attemptsAwaited { self.fail(failure) }
            return false
        }
    }

    /// Attempts, one a second, for which a client waits.
    private static let attemptsAwaited = 5

    private func placeFiles() -> StoreError? {
        var unplaced: [Item] = []
        do throws(StoreError) {
            try self.target.changeFiles(of: self.items.lazy.map(\.location)) {
                (files) throws(StoreError) in
                for item in self.items {
                    guard let prepared = item.prepared else { continue }
                    do throws(StoreError) {
                        try files.publish(prepared, flags: item.fileFlags)
                    } catch {
                        unplaced.append(item)
                    }
                }
            }
            // The target was renamed since, or its temporary file swept: copied once more. Source and target are
            // never locked together here, since another copy may go the other way.
            for item in unplaced where item.prepared != nil {
                let octets: MessageOctets
                if let known = item.octets {
                    octets = known
                } else {
                    octets = try self.source.withFiles { (files) throws(StoreError) in
                        try files.read(item.row.location, flags: item.fileFlags)
                    }
                }
                try self.target.changeFiles(of: CollectionOfOne(item.location)) {
                    (files) throws(StoreError) in
                    try files.restore(
                        octets, at: item.location, flags: item.fileFlags,
                        internalDate: item.row.internalDate)
                }
            }
            return nil
        } catch {
            return error
        }
    }

    private func show() {
        guard let arriving = self.arriving else { return }
        if let leaving = self.leaving {
            MailboxState.publish(arriving, self.target, and: leaving, self.source)
        } else {
            self.target.publish(arriving)
        }
    }

    /// With the source locked, and before the record is queued: nothing can have come in between that removes the files.
    private func holdSources(_ rows: [MessagesCopied.Row]) {
        let uids = UIDSet(rows.lazy.filter { !$0.sourceLocation.isInLog }.map(\.source))
        if !uids.isEmpty { self.hold = self.volume.fileWork.hold(self.source.key, uids) }
    }

    /// There will be no copies.
    private func letGo() {
        if let hold = self.hold { self.volume.fileWork.letGo(hold) }
        self.hold = nil
    }

    private func removeSources(_ modSeq: ModSeq) {
        // Of those with octets of their own, the record that says so sees to it.
        for item in self.items where !item.row.location.isInLog && item.octets == nil {
            self.volume.fileWork.add(
                IndexWriter.PendingFileTask(
                    key: self.source.key, uid: item.row.uid, kind: .remove, location: item.row.location,
                    oldFlags: item.row.flags, oldKeywords: item.row.keywords, newFlags: item.row.flags,
                    newKeywords: item.row.keywords, modSeq: modSeq), self.source)
        }
    }

    private func fail(_ failure: StoreError) { self.resume(.failure(failure)) }

    private func resume(_ result: Result<CopyResult, StoreError>) {
        guard !self.isAnswered else { return }
        self.isAnswered = true
        self.continuation.resume(returning: result)
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

    private func fileWorkDone() {
        for record in self.written where record.hasFileWork {
            self.volume.fileWork.done(record.sequence, [self.target])
        }
    }

    /// Some records are in the log and others could not be written: the client will do all of it again.
    private func takeBackWritten() {
        guard !self.written.isEmpty, let arriving = self.arriving else { return }
        self.fileWorkDone()
        let uids = UIDSet(arriving.records.map(\.uid))
        do throws(StoreError) {
            try self.target.lock.withLock { () throws(StoreError) in
                let modSeq = self.target.nextModSeq()
                let record = StoreRecord.vanished(self.target.key, modSeq, uids)
                _ = try self.target.queue(PendingRecord(record: record, isAwaited: false))
            }
        } catch {
            self.volume.configuration.log(
                .warning, "\(self.target.description): copies of messages, refused, may come back: \(error)")
        }
    }

    private func answer() {
        for body in self.dropped { self.target.discard(body) }
        var result = CopyResult(uidValidity: self.target.uidValidity, source: [], target: [])
        for item in self.items {
            guard let uid = item.uid else { continue }
            result.source.insert(item.row.uid)
            result.target.insert(uid)
        }
        self.resume(.success(result))
    }
}
