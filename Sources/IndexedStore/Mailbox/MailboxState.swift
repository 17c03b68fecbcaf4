internal import DequeModule
internal import MailCore
internal import MailStore
internal import Threads

/// One mailbox in memory, shared by all its sessions and by deliveries.
///
/// The counters are always here. The messages are here only while somebody has the mailbox open, so that a
/// delivery into a closed mailbox costs nothing in proportion to its size.
///
/// UIDs and MODSEQs are assigned under `lock`, in the same section that queues the record, so that records of a
/// mailbox reach the log in their order. New messages become visible after their flush and after their files are
/// in place, in the order of their UIDs; until then they wait in `pending`, and the visible HIGHESTMODSEQ stays
/// below theirs.
final class MailboxState: @unchecked Sendable, CustomStringConvertible {
    // Proof of Sendable: the variables from `knownFingerprint` to `isVerifying` are touched only with `filesLock`
    // held, the other ones only with `lock` held; `files` is written with both and read with either.
    // The order of locks, outer to inner: `filesLock`, the `lock`s of mailboxes by ascending key, a thread's queue.
    let core: AccountCore
    let key: MailboxKey
    let guid: String
    let uidValidity: UIDValidity
    /// The device that holds its files, to sync each file system once.
    let fileSystem: UInt64
    let lock = Lock()
    let memo = MailboxMemo()
    /// Serializes what the files of the mailbox see, scans included. Held before `lock`, never inside it.
    let filesLock = Lock()

    var files: any MailboxFiles
    /// The files' fingerprint when they last agreed with the index; `nil`: not known.
    var knownFingerprint: UInt64?
    /// Whether a change at the time of the last scan may have left the fingerprint as it was.
    var isUnsettled = false
    /// Whether a change by another program may hide behind one of ours (see `changeFiles`).
    var isSuspect = false
    /// When the files were last scanned and how long that took, in monotonic nanoseconds.
    var lastScan: (end: UInt64, duration: UInt64) = (0, 0)
    var isVerifying = false
    /// Places of messages whose files we have changed lately, while somebody watches. Two generations.
    var ownChanges: (recent: Set<[UInt8]>, older: Set<[UInt8]>, since: UInt64) = ([], [], 0)

    var name: MailboxName
    var specialUse: SpecialUseChoice
    /// The next UID to assign.
    var uidNext: UInt32
    /// The last MODSEQ assigned.
    var highestModSeq: ModSeq
    var firstRecent: UInt32
    /// Of visible messages.
    var counters: MailboxCounters
    var keywords: KeywordTable
    var snapshot: MailboxSnapshot?
    /// Messages that became visible while the others were being read from the index.
    var arrivedWhileLoading: [MessageRecord]?
    var pending: Deque<PendingEntry> = []
    /// Why the log did not take what other programs did to the files, until the one who looked at them knows.
    var refusedChange: StoreError?
    /// Messages about to be moved away; no other change touches them.
    var leaving = UIDSet()
    /// Octets of messages from the log whose files have no names yet.
    var placing: [UID: MessageOctets] = [:]
    /// Sessions and others that need the messages in memory.
    var users = 0
    var sessions: [ObjectIdentifier: SessionNotifier] = [:]
    /// Those who have it open and have flags of their own.
    var readers: [ReaderView.Key: ReaderView] = [:]
    var isDeleted = false
    /// Whether its deletion has begun; no copies are made of its messages any more.
    var isDeleting = false
    /// What `Mailbox.pop3Orders` says; `nil` until somebody asks. Old messages keep theirs, and only those that another
    /// server had can have one.
    var pop3Orders: [UID: UInt32]?
    /// What the account's ledger knows of `counters`.
    var charged = QuotaUsage.zero
    /// The generation of quota rules for which `countsForQuota` holds.
    var quotaGeneration: UInt64 = 0
    var countsForQuota = true
    /// Whether only messages of a backup may come.
    var isRestoring = false
    /// Whether it is there all the same, for another object: its account has moved.
    var isRetired = false
    /// The newest record about this mailbox, and the newest that added visible messages.
    var lastTicket: UInt64 = 0
    var lastVisibleTicket: UInt64 = 0
    /// The newest record that took a message's octets to another place.
    var lastRelocation: UInt64 = 0

    /// A change that is queued and not yet visible.
    final class PendingEntry: @unchecked Sendable {
        // Touched only with the mailbox's `lock` held.
        let modSeq: ModSeq
        let records: [MessageRecord]
        let locations: [BodyLocation]
        let vanished: UIDSet
        /// What it has reserved of the account's quota.
        let reserved: QuotaUsage
        var ticket: UInt64 = 0
        var isReady = false
        var isDropped = false
        /// It is visible, or dropped.
        var isSettled = false
        /// Nobody knows when it will be ready.
        var isHeldUp = false
        /// Who waits until it is settled.
        var whenSettled: (@Sendable () -> Void)?

        init(
            modSeq: ModSeq, records: [MessageRecord], locations: [BodyLocation], vanished: UIDSet = [],
            reserved: QuotaUsage = .zero
        ) {
            self.modSeq = modSeq
            self.records = records
            self.locations = locations
            self.vanished = vanished
            self.reserved = reserved
        }
    }

    init(
        core: AccountCore, key: MailboxKey, head: MailboxHead, keywords: [Keyword], files: any MailboxFiles
    ) {
        self.core = core
        self.key = key
        self.guid = head.guid
        self.uidValidity = head.uidValidity
        self.files = files
        self.fileSystem = files.fileSystem ?? core.fileSystem
        self.name = head.name
        self.specialUse = head.specialUse
        self.uidNext = head.uidNext
        self.highestModSeq = head.highestModSeq
        self.firstRecent = head.firstRecent
        self.counters = head.counters
        self.keywords = KeywordTable()
        for keyword in keywords { _ = self.keywords.add(keyword) }
    }

    /// For log lines.
    var description: String { "\(self.core.identity.name)/\(self.lock.withLock { self.name })" }

    // MARK: What is visible

    var visibleModSeq: ModSeq {
        self.pending.first.map { ModSeq(rawValue: $0.modSeq.rawValue - 1) } ?? self.highestModSeq
    }

    var visibleUIDNext: UID {
        for entry in self.pending {
            if let first = entry.records.first { return first.uid }
        }
        return UID(rawValue: self.uidNext) ?? .first
    }

    var status: MailboxStatus {
        self.lock.withLock {
            MailboxStatus(
                messages: self.counters.messages, unseen: self.counters.unseen,
                deleted: self.counters.deleted,
                recent: self.counters.recent, size: self.counters.size, uidNext: self.visibleUIDNext,
                uidValidity: self.uidValidity, highestModSeq: self.visibleModSeq, guid: self.guid)
        }
    }

    /// What the format's list of UIDs has in its first line.
    var header: MailboxHeader {
        self.lock.withLock {
            MailboxHeader(
                uidValidity: self.uidValidity, uidNext: UID(rawValue: self.uidNext) ?? .first, guid: self.guid
            )
        }
    }

    func fileFlags(_ flags: MessageFlags, _ numbers: [UInt16]) -> FileFlags {
        if numbers.isEmpty { return FileFlags(flags) }
        return self.lock.withLock { self.fileFlagsLocked(flags, numbers) }
    }

    func fileFlagsLocked(_ flags: MessageFlags, _ numbers: [UInt16]) -> FileFlags {
        let known = self.keywords.keywords
        return FileFlags(flags, numbers.compactMap { Int($0) < known.count ? known[Int($0)] : nil })
    }

    // MARK: Assigning, with the lock held

    func nextModSeq() -> ModSeq {
        self.highestModSeq = ModSeq(rawValue: self.highestModSeq.rawValue + 1)
        return self.highestModSeq
    }

    /// Fails when the last UIDs are near, so that UIDNEXT always has a value.
    func checkRoom(for count: Int) throws(StoreError) {
        guard Int(self.uidNext) + count < Int(UInt32.max) - 1 else {
            throw StoreError(.limit, "\(self.name): no UIDs left")
        }
    }

    /// Whether UIDs are left above one from elsewhere: for so many messages at hand, and some later ones.
    static func leavesRoom(_ uid: UID, for following: Int) -> Bool {
        Int(uid.rawValue) + following < Int(UInt32.max) - 65_536
    }

    /// The UID that a message had before, or the next where that was given already.
    func takeUID(restored: UID?) -> UID {
        guard let restored, restored.rawValue >= self.uidNext, Self.leavesRoom(restored, for: 0) else {
            return self.nextUID()
        }
        self.uidNext = restored.rawValue + 1
        return restored
    }

    func nextUID() -> UID {
        let uid = UID(nonZero: self.uidNext)
        self.uidNext += 1
        return uid
    }

    /// Numbers of keywords in `table`, the new ones added to it. Throws when it is full.
    static func numbers(
        of keywords: [Keyword], in table: inout KeywordTable
    ) throws(StoreError) -> (numbers: [UInt16], new: NewKeywords) {
        if keywords.isEmpty { return ([], NewKeywords()) }
        let first = table.keywords.count
        var numbers: [UInt16] = []
        for keyword in keywords {
            guard let number = table.add(keyword) else { throw StoreError(.limit, "too many keywords") }
            if !numbers.contains(number) { numbers.append(number) }
        }
        numbers.sort()
        let new = NewKeywords(
            first: UInt16(truncatingIfNeeded: first), names: Array(table.keywords[first...]))
        return (numbers, new.isEmpty ? NewKeywords() : new)
    }

    // MARK: Becoming visible

    /// Has `body` called once an entry is visible, on the thread that makes it so.
    ///
    /// UIDs become visible in their order: a message whose file is in place may wait for one before it, and until then who
    /// is told of it would not find it. `false`, and no call, when it is visible already, or when something before it is
    /// held up.
    func whenSettled(_ entry: PendingEntry, _ body: @escaping @Sendable () -> Void) -> Bool {
        self.lock.withLock {
            guard !entry.isSettled, !self.pending.prefix(while: { $0 !== entry }).contains(where: \.isHeldUp) else {
                return false
            }
            entry.whenSettled = body
            return true
        }
    }

    /// Lets nobody wait any longer for what comes behind an entry: nobody knows when that will be ready.
    func holdUp(_ entry: PendingEntry) {
        let waiting = self.lock.withLock {
            entry.isHeldUp = true
            return self.pending.drop(while: { $0 !== entry }).dropFirst().compactMap { other in
                defer { other.whenSettled = nil }
                return other.whenSettled
            }
        }
        for body in waiting { body() }
    }

    /// Makes an entry visible as soon as those before it are; tells the sessions.
    func publish(_ entry: PendingEntry) { self.settle(entry, isDropped: false) }

    /// Takes back an entry that could not be stored; its UIDs stay unused.
    func drop(_ entry: PendingEntry) { self.settle(entry, isDropped: true) }

    private func settle(_ entry: PendingEntry, isDropped: Bool) {
        self.lock.lock()
        entry.isReady = true
        entry.isDropped = isDropped
        let (notifiers, change) = self.releaseReady()
        self.core.quota.apply(change)
        self.lock.unlock()
        for notifier in notifiers { notifier.notify() }
    }

    /// Two mailboxes that one change concerns, in one step for everybody.
    static func publish(
        _ entry: PendingEntry, _ state: MailboxState, and other: PendingEntry, _ otherState: MailboxState
    ) {
        let states = state.key < otherState.key ? [state, otherState] : [otherState, state]
        for state in states { state.lock.lock() }
        entry.isReady = true
        other.isReady = true
        let (notifiers, change) = state.releaseReady()
        let (others, otherChange) = otherState.releaseReady()
        // In one step, so that a MOVE counts once at every moment.
        QuotaLedger.apply(change, state.core.quota, otherChange, otherState.core.quota)
        for state in states { state.lock.unlock() }
        for notifier in notifiers + others { notifier.notify() }
    }

    /// Shows what has come and removes a message, perhaps of another mailbox, in one step for everybody. The ticket of the
    /// removal; `nil` when nothing was left to remove.
    static func publish(
        _ entry: PendingEntry, _ state: MailboxState, removing uid: UID, of source: MailboxState
    ) throws(StoreError) -> UInt64? {
        let states = state === source ? [state] : [state, source].sorted { $0.key < $1.key }
        for state in states { state.lock.lock() }
        entry.isReady = true
        let (waiting, change) = state.releaseReady()
        var notifiers = waiting
        var removal = QuotaLedger.Change()
        defer {
            // In one step, so that within a quota it counts once at every moment.
            QuotaLedger.apply(change, state.core.quota, removal, source.core.quota)
            for state in states { state.lock.unlock() }
            for notifier in notifiers { notifier.notify() }
        }
        // Another session may have removed it, or be about to move it.
        // One whose account moves takes the change along: the move waits for the message that has just come.
        let isThere = !source.isDeleted || (source.isRetired && state.core === source.core)
        guard isThere, source.snapshot?.record(of: uid) != nil, !source.leaving.contains(uid) else {
            return nil
        }
        let modSeq = source.nextModSeq()
        source.removeVisible([uid])
        source.refreshSnapshotHead()
        removal = source.quotaChange()
        notifiers += source.listeners
        return try source.queue(PendingRecord(record: .vanished(source.key, modSeq, [uid]), isAwaited: false))
    }

    private func releaseReady() -> ([SessionNotifier], QuotaLedger.Change) {
        var hasChanged = false
        var hasDropped = false
        var waiting: [SessionNotifier] = []
        var reserved = QuotaUsage.zero
        while let entry = self.pending.first, entry.isReady {
            self.pending.removeFirst()
            hasChanged = true
            entry.isSettled = true
            if let body = entry.whenSettled { waiting.append(SessionNotifier(body)) }
            entry.whenSettled = nil
            reserved = reserved + entry.reserved
            if entry.isDropped {
                hasDropped = true
                self.leaving =
                    entry.vanished.isEmpty
                    ? self.leaving : UIDSet(self.leaving.filter { !entry.vanished.contains($0) })
                continue
            }
            self.lastVisibleTicket = max(self.lastVisibleTicket, entry.ticket)
            for record in entry.records {
                self.counters.add(
                    uid: record.uid, flags: record.flags, size: record.size, firstRecent: self.firstRecent)
            }
            if self.snapshot != nil {
                if entry.records.count == 1 {
                    self.snapshot?.append(entry.records[0])
                } else {
                    self.snapshot?.append(contentsOf: entry.records)
                }
            } else {
                self.arrivedWhileLoading?.append(contentsOf: entry.records)
            }
            if !entry.vanished.isEmpty {
                self.removeVisible(entry.vanished)
                self.leaving = UIDSet(self.leaving.filter { !entry.vanished.contains($0) })
            }
        }
        guard hasChanged else { return ([], QuotaLedger.Change()) }
        if hasDropped, self.pending.isEmpty { self.keepUnusedNumbers() }
        self.refreshSnapshotHead()
        return (self.listeners + waiting, self.quotaChange(ending: reserved))
    }

    /// Who hears of a change: the sessions, and those who watch the account. With the lock held, to be told without.
    var listeners: [SessionNotifier] {
        var listeners = Array(self.sessions.values)
        let feed = self.core.feed
        if feed.isWatched {
            let name = self.name
            listeners.append(SessionNotifier { feed.touch(name) })
        }
        return listeners
    }

    /// Has the log told of UIDs and MODSEQs that were given to messages which could not be stored: clients see them in
    /// UIDNEXT and HIGHESTMODSEQ from now on, which must not go back at the next start.
    private func keepUnusedNumbers() {
        guard !self.isDeleted, let next = UID(rawValue: self.uidNext) else { return }
        let none = NewKeywords()
        let records: [StoreRecord] = [
            .found(MessagesFound(key: self.key, newKeywords: none, uidNext: next, messages: [])),
            .flagged(
                FlagsChanged(key: self.key, modSeq: self.highestModSeq, origin: .file, newKeywords: none, rows: [])),
        ]
        // A volume that takes nothing more leaves a gap at its next start anyway.
        for record in records { _ = try? self.queue(PendingRecord(record: record, isAwaited: false)) }
    }

    /// Removes messages from the snapshot and the counters. The snapshot is loaded.
    func removeVisible(_ uids: UIDSet) {
        for uid in uids {
            guard let record = self.snapshot?.record(of: uid) else { continue }
            self.counters.remove(
                uid: record.uid, flags: record.flags, size: record.size, firstRecent: self.firstRecent)
        }
        self.snapshot?.remove(uids)
    }

    /// Brings UIDNEXT, HIGHESTMODSEQ and keywords of the snapshot up to date.
    func refreshSnapshotHead() {
        guard self.snapshot != nil else { return }
        self.snapshot?.uidNext = self.visibleUIDNext
        self.snapshot?.highestModSeq = self.visibleModSeq
        self.snapshot?.keywords = self.keywords
    }
}
