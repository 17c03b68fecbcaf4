internal import DequeModule
internal import LMDB
internal import MIMECore
internal import MailCore
internal import MailStore
internal import Threads

/// Changes that other programs make to a mailbox's files: new mail, renamed flags, removed messages.
extension MailboxState {
    enum Depth { case ifChanged, always }

    /// Takes in what other programs did to the files, and waits until it is visible. On a storage thread.
    func takeInExternalChanges(_ depth: Depth) throws(StoreError) {
        self.filesLock.lock()
        defer { self.filesLock.unlock() }
        try self.takeInExternalChangesLocked(depth)
    }

    /// The same with `filesLock` held, which keeps our own changes of files out from the fingerprint to the end.
    func takeInExternalChangesLocked(_ depth: Depth) throws(StoreError) {
        // Files of an account that moves are taken in by the object that has it afterwards.
        guard self.core.home == .files, !self.core.isRetired else { return }
        // Read before the scan: what happens during the scan makes it differ and is seen next time.
        let (fingerprint, isSettled) = try self.core.asOwner {
            let fingerprint = self.files.fingerprint()
            let isSame = depth == .ifChanged && fingerprint == self.knownFingerprint && !self.isUnsettled
            return (fingerprint, isSame || self.files.isSettled)
        }
        // Scanned once more when the time is over in which nobody can tell.
        if depth == .ifChanged, fingerprint == self.knownFingerprint, !self.isUnsettled || !isSettled {
            self.verifySoon()
            return
        }
        if let failure = self.core.volume.committer.failure { throw failure }
        // While messages are in memory, flags are compared with them; nobody may drop them in between.
        self.retainMessages()
        defer { self.release() }
        let ticket = self.lock.withLock { self.lastTicket }
        try self.core.volume.waitApplied(ticket)
        let raised = try self.passForeignModSeqs()
        let begin = SteadyClock.nanoseconds()
        guard let (scan, rows) = try self.scanFiles() else { return }
        let merged = try self.merge(scan, .later, rows)
        self.knownFingerprint = fingerprint
        self.isUnsettled = !isSettled
        self.isSuspect = false
        let end = SteadyClock.nanoseconds()
        self.lastScan = (end, end &- begin)
        guard let last = merged ?? raised else { return }
        // Flags and removals are seen already, and are written when there is space; new mail is not, and is refused.
        try self.core.volume.committer.waitTried(last)
        let failure = self.lock.withLock {
            defer { self.refusedChange = nil }
            return self.refusedChange
        }
        if let failure {
            // The next look has to see the same differences again.
            self.knownFingerprint = nil
            throw failure
        }
    }

    /// Goes above every MODSEQ that another server can have told clients while it had the mailbox, so that a client
    /// that knows one of those is told of all that changes from now on.
    ///
    /// - Returns: the ticket of the record; `nil` when there is no need.
    private func passForeignModSeqs() throws(StoreError) -> UInt64? {
        guard let used = try self.core.asOwner({ () throws(StoreError) in self.files.lastForeignUse() }) else {
            return nil
        }
        // A clock that is ahead must not use up the numbers.
        let latest = min(used, self.core.volume.now + 86_400)
        let passed = StoreAccount.firstModSeq(latest + 1)
        self.lock.lock()
        defer { self.lock.unlock() }
        guard passed > self.highestModSeq else { return nil }
        self.highestModSeq = passed
        self.refreshSnapshotHead()
        return try self.queue(
            PendingRecord(
                record: .flagged(
                    FlagsChanged(key: self.key, modSeq: passed, origin: .file, newKeywords: NewKeywords(), rows: [])),
                isAwaited: false))
    }

    enum Sight {
        /// The mailbox is new to the index: UIDs are taken as the files have them.
        case firstSight
        case later
    }

    /// What a comparison of files and index found.
    struct Differences {
        var new: [FoundMessage] = []
        var flags: [(row: NewMessage, file: FileFlags)] = []
        var gone: [NewMessage] = []
        /// Messages that the format's list of UIDs does not have.
        var unlisted: [UIDListRow] = []
    }

    /// Compares a scan with the rows of the index and queues records for the differences. With `filesLock` held,
    /// all records up to before the scan applied, and `users` raised.
    ///
    /// - Returns: the ticket to wait for; `nil` when nothing differs.
    func merge(
        _ scan: MailboxScan, _ sight: Sight, _ rows: MessageRows
    ) throws(StoreError) -> UInt64? {
        var differences = self.compare(scan, rows)
        if !differences.unlisted.isEmpty { self.core.volume.fileWork.add(rows: differences.unlisted, self) }
        if differences.gone.isEmpty, differences.flags.isEmpty, differences.new.isEmpty { return nil }
        // The index may get to know of these only when there is space again; who opens the mailbox until then has to
        // find them in memory.
        if sight == .later, !differences.gone.isEmpty || !differences.flags.isEmpty { try self.load() }
        let prepared = try self.prepare(&differences)
        if sight == .later, !differences.gone.isEmpty || !differences.new.isEmpty {
            self.core.distrustSizeFile()
            self.core.volume.fileWork.updateSizeFile([self])
        }

        self.lock.lock()
        var notifiers: [SessionNotifier] = []
        defer {
            self.lock.unlock()
            for notifier in notifiers { notifier.notify() }
        }
        var ticket: UInt64?
        if let queued = try self.takeGone(differences.gone) { ticket = queued }
        if let queued = try self.takeFlags(differences.flags, scan.keywords) { ticket = queued }
        if ticket != nil {
            self.refreshSnapshotHead()
            notifiers = self.listeners
        }
        if let queued = try self.takeNew(prepared, sight) { ticket = queued }
        return ticket
    }

    func compare(_ scan: MailboxScan, _ indexed: MessageRows) -> Differences {
        let (rows, tasks) = (indexed.rows, indexed.tasks)
        var differences = Differences()
        var known: [BodyLocation: Int] = [:]
        known.reserveCapacity(rows.count)
        for (index, row) in rows.enumerated() { known[row.location] = index }
        var leaving = indexed.leaving
        for entry in self.lock.withLock({ Array(self.pending) }) { leaving.formUnion(entry.locations) }
        // Another UIDVALIDITY means that the list of UIDs was lost or made by others: ours are written again.
        let isListForeign = scan.header.map { $0.uidValidity != self.uidValidity } ?? true
        let table = self.lock.withLock { self.keywords }
        var seen = [Bool](repeating: false, count: rows.count)
        for found in scan.messages {
            guard let index = known[found.location] else {
                if !leaving.contains(found.location) { differences.new.append(found) }
                continue
            }
            let row = rows[index]
            seen[index] = true
            if isListForeign || found.uid != row.uid {
                differences.unlisted.append(UIDListRow(row.uid, row.location, guid: row.guid))
            }
            // While a rename is still to be done, the file shows the past.
            guard tasks[row.uid] == nil else { continue }
            if found.flags.flags != row.flags
                || !Self.agree(row.keywords, found.flags.keywords, scan.keywords, table)
            {
                differences.flags.append((row, found.flags))
            }
        }
        for (index, row) in rows.enumerated() where !seen[index] && !row.location.isInLog {
            differences.gone.append(row)
        }
        return differences
    }

    /// Whether a file shows a message's keywords, as far as files can: those that the format has no letter for are
    /// in the index only.
    static func agree(
        _ numbers: [UInt16], _ shown: [Keyword], _ showable: [Keyword], _ table: KeywordTable
    ) -> Bool {
        if numbers.isEmpty { return shown.isEmpty }
        let names = numbers.compactMap { Int($0) < table.keywords.count ? table.keywords[Int($0)] : nil }
        return Set(names.filter { showable.contains($0) }) == Set(shown)
    }

    // MARK: New messages

    private struct PreparedMessage {
        var found: FoundMessage
        var size: UInt32
        var derived: DerivedRows
    }

    /// Sizes and caches of new messages. Few are read at once; of many only those whose size no name tells, so
    /// that the first sight of a large mailbox does not read all of its mail.
    private func prepare(_ differences: inout Differences) throws(StoreError) -> [PreparedMessage] {
        var prepared: [PreparedMessage] = []
        prepared.reserveCapacity(differences.new.count)
        let readsAll = differences.new.count <= 64
        for found in differences.new {
            if !readsAll, let size = found.size {
                prepared.append(PreparedMessage(found: found, size: size, derived: .none))
                continue
            }
            do throws(StoreError) {
                let octets = try self.core.asOwner { () throws(StoreError) in
                    try self.files.read(found.location, flags: found.flags)
                }
                prepared.append(
                    PreparedMessage(
                        found: found, size: UInt32(clamping: octets.count),
                        derived: readsAll ? CacheBuilder.build(octets) : .none))
            } catch {
                // Gone again already; anything else shows when somebody reads it.
                guard error.code != .expunged else { continue }
                prepared.append(PreparedMessage(found: found, size: found.size ?? 0, derived: .none))
            }
        }
        return prepared
    }

    private static let foundPerRecord = 2048

    private func takeNew(_ prepared: [PreparedMessage], _ sight: Sight) throws(StoreError) -> UInt64? {
        guard !prepared.isEmpty else { return nil }
        try self.checkRoom(for: prepared.count)
        let now = self.core.volume.now
        let modSeq = self.nextModSeq()
        var ticket: UInt64?
        var rows: [UIDListRow] = []
        var start = 0
        while start < prepared.count {
            let end = min(start + Self.foundPerRecord, prepared.count)
            var messages: [NewMessage] = []
            var derived: [(UID, DerivedRows)] = []
            let first = self.keywords.keywords.count
            for (index, item) in prepared[start..<end].enumerated() {
                let found = item.found
                // Keywords above the limit stay in the file's name only.
                let numbers = (try? Self.numbers(of: found.flags.keywords, in: &self.keywords).numbers) ?? []
                let uid = self.takeUID(found.uid, sight, before: prepared.count - start - index - 1)
                if found.pop3Order != nil { self.pop3Orders = nil }
                if found.uid != uid { rows.append(UIDListRow(uid, found.location, guid: found.guid)) }
                messages.append(
                    NewMessage(
                        uid: uid, modSeq: modSeq, flags: found.flags.flags, keywords: numbers,
                        internalDate: found.internalDate, saveDate: now, size: item.size,
                        location: found.location,
                        guid: found.guid, pop3UIDL: found.pop3UIDL, pop3Order: found.pop3Order))
                if !item.derived.isEmpty { derived.append((uid, item.derived)) }
            }
            let new = NewKeywords(
                first: UInt16(truncatingIfNeeded: first), names: Array(self.keywords.keywords[first...]))
            ticket = try self.queueFound(messages, derived, new.isEmpty ? NewKeywords() : new, modSeq)
            start = end
        }
        if !rows.isEmpty { self.core.volume.fileWork.add(rows: rows, self) }
        return ticket
    }

    /// - Parameter following: how many messages need a UID after this one; a listed UID that leaves none for them is as
    ///   none.
    private func takeUID(_ listed: UID?, _ sight: Sight, before following: Int) -> UID {
        switch sight {
        case .firstSight:
            // UIDNEXT is above all listed UIDs, and the scan gives those in ascending order.
            if let listed, listed.rawValue < self.uidNext { return listed }
        case .later:
            // Given by another server while this one was away. Lower ones may have been told to clients as gone.
            if let listed, listed.rawValue >= self.uidNext, Self.leavesRoom(listed, for: following) {
                self.uidNext = listed.rawValue + 1
                return listed
            }
        }
        return self.nextUID()
    }

    private func queueFound(
        _ messages: [NewMessage], _ derived: [(UID, DerivedRows)], _ new: NewKeywords, _ modSeq: ModSeq
    ) throws(StoreError) -> UInt64 {
        let records = messages.map { message in
            MessageRecord(
                uid: message.uid, flags: message.flags, keywords: self.keywords.set(of: message.keywords),
                modSeq: modSeq, internalDate: message.internalDate, size: message.size)
        }
        let entry = PendingEntry(modSeq: modSeq, records: records, locations: messages.map(\.location))
        let key = self.key
        let record = StoreRecord.found(
            MessagesFound(
                key: key, newKeywords: new, uidNext: UID(nonZero: self.uidNext), messages: messages))
        let ticket = try self.queue(
            PendingRecord(
                record: record, isAwaited: true,
                completion: { [self] result in
                    switch result {
                    case .success:
                        self.publish(entry)
                        for (uid, rows) in derived { self.core.volume.applier.add(.derived(key, uid, rows)) }
                    case .failure(let failure):
                        // The files are still there: the next look finds them again.
                        self.lock.withLock { self.refusedChange = failure }
                        self.drop(entry)
                    }
                }))
        self.pending.append(entry)
        entry.ticket = ticket
        return ticket
    }

    // MARK: Removed and renamed messages, with the lock held

    private func takeGone(_ rows: [NewMessage]) throws(StoreError) -> UInt64? {
        var waiting = UIDSet()
        for entry in self.pending {
            for record in entry.records { waiting.insert(record.uid) }
        }
        var gone = UIDSet()
        let missing = self.core.volume.missingFiles.uids(self.key)
        for row in rows
        where !waiting.contains(row.uid) && !self.leaving.contains(row.uid) && !missing.contains(row.uid) {
            if let snapshot = self.snapshot {
                guard snapshot.index(of: row.uid) != nil else { continue }
            } else {
                self.counters.remove(
                    uid: row.uid, flags: row.flags, size: row.size, firstRecent: self.firstRecent)
            }
            gone.insert(row.uid)
        }
        guard !gone.isEmpty else { return nil }
        let modSeq = self.nextModSeq()
        if self.snapshot != nil { self.removeVisible(gone) }
        self.settleQuota()
        return try self.queue(PendingRecord(record: .vanished(self.key, modSeq, gone), isAwaited: false))
    }

    private func takeFlags(
        _ changes: [(row: NewMessage, file: FileFlags)], _ showable: [Keyword]
    ) throws(StoreError) -> UInt64? {
        guard !changes.isEmpty else { return nil }
        let modSeq = ModSeq(rawValue: self.highestModSeq.rawValue + 1)
        // Taken over with the record that names what is new in it.
        var table = self.keywords
        let first = table.keywords.count
        var changed: [MessageRecord] = []
        var rows: [FlagsChanged.Row] = []
        for (row, file) in changes where !self.leaving.contains(row.uid) {
            let hidden = row.keywords.filter { number in
                Int(number) < table.keywords.count && !showable.contains(table.keywords[Int(number)])
            }
            let shown = (try? Self.numbers(of: file.keywords, in: &table).numbers) ?? []
            let set = table.set(of: hidden + shown)
            let after = table.numbers(in: set)
            if let snapshot = self.snapshot {
                guard var record = snapshot.record(of: row.uid) else { continue }
                // A session changed it since: the index is right, and the file follows.
                guard record.flags == row.flags, table.numbers(in: record.keywords) == row.keywords
                else { continue }
                record.flags = file.flags
                record.keywords = set
                record.modSeq = modSeq
                changed.append(record)
            }
            self.counters.change(from: row.flags, to: file.flags)
            rows.append(FlagsChanged.Row(uid: row.uid, flags: file.flags, keywords: after))
        }
        guard !rows.isEmpty else { return nil }
        self.highestModSeq = modSeq
        self.keywords = table
        self.snapshot?.update(changed.sorted { $0.uid < $1.uid })
        let names = Array(table.keywords[first...])
        let new =
            names.isEmpty
            ? NewKeywords() : NewKeywords(first: UInt16(truncatingIfNeeded: first), names: names)
        return try self.queue(
            PendingRecord(
                record: .flagged(
                    FlagsChanged(key: self.key, modSeq: modSeq, origin: .file, newKeywords: new, rows: rows)),
                isAwaited: false))
    }
}
