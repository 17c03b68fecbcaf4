internal import MailCore
internal import MailStore
internal import Threads

/// Changes by sessions. They take effect in memory at once; their records follow within a second, or before the
/// answer when `mail_fsync` is `always`.
extension MailboxState {
    /// What a change is to wait for, if anything.
    struct Queued<Value> {
        var value: Value
        var ticket: UInt64?
    }

    private func checkUsable() throws(StoreError) {
        if let failure = self.core.volume.committer.failure { throw failure }
        guard !self.isDeleted else { throw self.expungedError }
        guard self.snapshot != nil else { throw StoreError(.temporary, "mailbox not open") }
    }

    /// Queues a record about this mailbox, with `lock` held.
    func queue(
        _ record: consuming PendingRecord, followedBy events: [PendingRecord] = []
    ) throws(StoreError) -> UInt64 {
        try self.core.checkPresent()
        record.mailboxes = [self]
        return try self.enqueue([record] + events)
    }

    /// Queues records about this mailbox that stand together, with `lock` held; the ticket of the last.
    func queue(_ records: [PendingRecord]) throws(StoreError) -> UInt64 {
        try self.core.checkPresent()
        return try self.enqueue(
            records.map { record in
                var record = record
                record.mailboxes = [self]
                return record
            })
    }

    private func enqueue(_ records: [PendingRecord]) throws(StoreError) -> UInt64 {
        guard let ticket = self.core.volume.committer.enqueue(records) else {
            throw StoreError(.temporary, "volume closed")
        }
        self.lastTicket = ticket
        return ticket
    }

    func store(
        _ change: FlagChange, _ uids: UIDSet, unchangedSince: ModSeq?, as view: ReaderView? = nil
    ) throws(StoreError) -> Queued<FlagChangeResult> {
        self.lock.lock()
        var notifiers: [SessionNotifier] = []
        defer {
            self.lock.unlock()
            for notifier in notifiers { notifier.notify() }
        }
        try self.checkUsable()
        if self.core.volume.committer.isOverfull { throw StoreError(.diskFull, "too many unwritten changes") }
        let shown = self.snapshot(for: view)
        let hasOwnKeywords = view?.key.hasKeywords ?? false
        var table = hasOwnKeywords ? view?.keywords ?? self.keywords : self.keywords
        let new: NewKeywords
        let numbers: [UInt16]
        let changesKeywords = change.rights.contains(.write)
        if !changesKeywords {
            numbers = []
            new = NewKeywords()
        } else if change.mode == .remove {
            numbers = change.keywords.compactMap { table.number(of: $0) }
            new = NewKeywords()
        } else {
            (numbers, new) = try Self.numbers(of: change.keywords, in: &table)
        }
        var result = FlagChangeResult()
        var changed: [MessageRecord] = []
        var rows: [FlagsChanged.Row] = []
        // Of a reader with flags of his own, what he sees and what is his.
        var seen: [MessageRecord] = []
        var own: [PrivateFlagsChanged.Row] = []
        let modSeq = ModSeq(rawValue: self.highestModSeq.rawValue + 1)
        var sets: [KeywordTable.SetID: KeywordTable.SetID] = [:]
        let note = EventNote.current
        var differences = FlagDifferences()
        self.forEachVisible(uids, in: shown) { record in
            if let unchangedSince, record.modSeq > unchangedSince {
                result.modified.insert(record.uid)
                return
            }
            var after = record
            after.flags = change.applied(to: record.flags)
            if !numbers.isEmpty || change.mode == .replace && changesKeywords {
                if let known = sets[record.keywords] {
                    after.keywords = known
                } else {
                    after.keywords = Self.change(record.keywords, change.mode, numbers, in: &table)
                    sets[record.keywords] = after.keywords
                }
            }
            // Nothing new: neither a MODSEQ nor a record (RFC 7162 section 3.1.3 speaks of changes only).
            guard after.flags != record.flags || after.keywords != record.keywords else { return }
            after.modSeq = modSeq
            if let view {
                if note != nil { differences.add(record, after, table) }
                seen.append(after)
                let hasChanged =
                    after.flags.intersection(view.key.flags) != record.flags.intersection(view.key.flags)
                    || hasOwnKeywords && after.keywords != record.keywords
                if hasChanged {
                    let names =
                        hasOwnKeywords ? table.numbers(in: after.keywords).map { table.keywords[Int($0)] } : []
                    own.append(
                        PrivateFlagsChanged.Row(
                            uid: after.uid, flags: after.flags.intersection(view.key.flags), keywords: names))
                }
                guard let base = self.snapshot?.record(of: record.uid) else { return }
                after.flags = after.flags.subtracting(view.key.flags)
                    .union(base.flags.intersection(view.key.flags))
                if hasOwnKeywords { after.keywords = base.keywords }
                guard after.flags != base.flags || after.keywords != base.keywords else { return }
                self.counters.change(from: base.flags, to: after.flags)
                changed.append(after)
                rows.append(
                    FlagsChanged.Row(
                        uid: after.uid, flags: after.flags,
                        keywords: self.keywordNumbers(after.keywords, table, isOwn: hasOwnKeywords)))
                return
            }
            self.counters.change(from: record.flags, to: after.flags)
            if note != nil { differences.add(record, after, table) }
            changed.append(after)
            rows.append(
                FlagsChanged.Row(
                    uid: after.uid, flags: after.flags, keywords: table.numbers(in: after.keywords)))
        }
        guard !changed.isEmpty || !own.isEmpty else { return Queued(value: result, ticket: nil) }
        self.highestModSeq = modSeq
        if !hasOwnKeywords { self.keywords = table }
        if !changed.isEmpty { self.snapshot?.update(changed) }
        self.refreshSnapshotHead()
        result.modSeq = modSeq
        let events = differences.groups.sorted { $0.key.lexicographicallyPrecedes($1.key) }.compactMap { names, uids in
            self.core.volume.noted(note, of: self.key.account, uids, changed: names, isAwaited: false)
        }
        var ticket: UInt64?
        if !changed.isEmpty {
            let record = StoreRecord.flagged(
                FlagsChanged(
                    key: self.key, modSeq: modSeq, origin: .store, newKeywords: hasOwnKeywords ? NewKeywords() : new,
                    rows: rows))
            ticket = try self.queue(
                PendingRecord(record: record, isAwaited: false), followedBy: own.isEmpty ? events : [])
            notifiers = self.listeners
        }
        if let view {
            if let snapshot = self.snapshot { view.follow(snapshot) }
            view.update(seen, table)
            if !own.isEmpty {
                let change = PrivateFlagsChanged(key: self.key, reader: view.key.reader, modSeq: modSeq, rows: own)
                ticket = try self.queue(
                    PendingRecord(record: .privateFlagged(change), isAwaited: false), followedBy: events)
                if changed.isEmpty { notifiers = self.listeners(of: view) }
            }
        }
        let all = view == nil ? changed : seen
        self.note(.flagged(self.tracePlace(UIDSet(all.map(\.uid))), change: change.traceText))
        return Queued(value: result, ticket: ticket)
    }

    /// The numbers in a set of the mailbox's own table; `table` is that of now, unless it is a reader's.
    private func keywordNumbers(_ set: KeywordTable.SetID, _ table: KeywordTable, isOwn: Bool) -> [UInt16] {
        isOwn ? self.keywords.numbers(in: set) : table.numbers(in: set)
    }

    private static func change(
        _ set: KeywordTable.SetID, _ mode: FlagChange.Mode, _ numbers: [UInt16], in table: inout KeywordTable
    ) -> KeywordTable.SetID {
        switch mode {
        case .replace: return table.set(of: numbers)
        case .add: return table.set(of: table.numbers(in: set) + numbers)
        case .remove: return table.set(of: table.numbers(in: set).filter { !numbers.contains($0) })
        }
    }

    /// Calls `visit` with the visible messages of a set, ascending; those about to leave are not among them.
    ///
    /// - Parameter shown: the mailbox as somebody sees it, now.
    func forEachVisible(_ uids: UIDSet, in shown: MailboxSnapshot?, _ visit: (MessageRecord) -> Void) {
        guard let snapshot = shown else { return }
        for range in uids.ranges {
            guard let first = UID(rawValue: range.lowerBound) else { continue }
            snapshot.forEach(from: snapshot.firstIndex(atOrAfter: first)) { _, record in
                guard record.uid.rawValue <= range.upperBound else { return false }
                if self.leaving.isEmpty || !self.leaving.contains(record.uid) { visit(record) }
                return true
            }
        }
    }

    func forEachVisible(_ uids: UIDSet, _ visit: (MessageRecord) -> Void) {
        self.forEachVisible(uids, in: self.snapshot, visit)
    }

    /// Which messages a removal takes.
    enum Removal { case marked, any }

    func remove(_ uids: UIDSet?, _ removal: Removal) throws(StoreError) -> Queued<UIDSet> {
        self.lock.lock()
        var notifiers: [SessionNotifier] = []
        defer {
            self.lock.unlock()
            for notifier in notifiers { notifier.notify() }
        }
        try self.checkUsable()
        if removal == .marked, self.counters.deleted == 0 { return Queued(value: [], ticket: nil) }
        var removed = UIDSet()
        let all = uids ?? UIDSet(UID.first...UID(nonZero: .max))
        self.forEachVisible(all) { record in
            if removal == .any || record.flags.contains(.deleted) { removed.insert(record.uid) }
        }
        guard !removed.isEmpty else { return Queued(value: [], ticket: nil) }
        let modSeq = self.nextModSeq()
        self.removeVisible(removed)
        self.settleQuota()
        self.refreshSnapshotHead()
        let ticket = try self.queue(
            PendingRecord(record: .vanished(self.key, modSeq, removed), isAwaited: false))
        self.note(.expunged(self.tracePlace(removed)))
        notifiers = self.listeners
        return Queued(value: removed, ticket: ticket)
    }

    /// The messages recent to a session that has been given those below `given` already.
    func takeRecent(from given: inout UInt32, _ access: MailboxAccess) -> UIDSet {
        self.lock.lock()
        defer { self.lock.unlock() }
        guard let snapshot = self.snapshot else { return [] }
        let start = max(self.firstRecent, given)
        let end = self.visibleUIDNext.rawValue
        guard start < end, let first = UID(rawValue: start) else { return [] }
        var uids = UIDSet()
        snapshot.forEach(from: snapshot.firstIndex(atOrAfter: first)) { _, record in
            uids.insert(record.uid)
            return true
        }
        given = end
        if access == .readWrite, end > self.firstRecent {
            self.firstRecent = end
            self.counters.recent = 0
            _ = try? self.queue(PendingRecord(record: .recent(self.key, firstRecent: end), isAwaited: false))
        }
        return uids
    }

    func markDeleted() {
        let notifiers = self.lock.withLock {
            self.isDeleted = true
            self.settleQuota()
            return self.listeners
        }
        for notifier in notifiers { notifier.notify() }
    }
}
