internal import LMDB
internal import MailCore
internal import MailStore
internal import Synchronization
internal import Threads

/// A mailbox that takes messages of a backup.
final class MailboxRestoring: MailboxRestoration {
    let isSame: Bool
    private let state: MailboxState
    /// UIDNEXT afterwards, at least.
    private let uidNext: UInt32
    private let uids: UIDSet
    /// Of the GUIDs of its messages.
    private let hashes: Set<Int>
    private let isEnded = Mutex(false)

    /// UIDs that the mailbox may have given after the backup: they must not come again for other messages.
    static let lostUIDs: UInt32 = 10_000

    /// On a storage thread, with all records of the mailbox applied.
    init(_ state: MailboxState, isSame: Bool, uidNext: UInt32) throws(StoreError) {
        self.state = state
        self.isSame = isSame
        self.uidNext = uidNext
        let schema = state.core.volume.schema
        let volume = state.core.volume
        let key = state.key
        var uids = UIDSet()
        var hashes = Set<Int>()
        try schema.read { (transaction) throws(LMDBError) in
            try schema.forEachMessage(key, transaction) { uid, value in
                uids.insert(uid)
                var reader = ByteReader(value)
                if let row = reader.readRow(uid) { hashes.insert(volume.guid(of: row).hashValue) }
            }
        }
        self.uids = uids
        self.hashes = hashes
    }

    deinit {
        // Forgotten without an end: nobody may be shut out for good.
        if !self.isEnded.withLock({ $0 }) { self.state.lock.withLock { self.state.isRestoring = false } }
    }

    func has(_ uid: UID?, guid: String) -> Bool {
        if self.isSame, let uid, self.uids.contains(uid) { return true }
        return !guid.isEmpty && self.hashes.contains(guid.hashValue)
    }

    func end(_ outcome: RestorationOutcome) async throws(StoreError) {
        let isFirst = self.isEnded.withLock { ended in
            defer { ended = true }
            return !ended
        }
        guard isFirst else { return }
        let state = self.state
        let next = outcome == .whole ? self.uidNext : 0
        let ticket = try state.lock.withLock { () throws(StoreError) -> UInt64? in
            state.isRestoring = false
            guard !state.isDeleted, next > state.uidNext, next < .max - 65_536 else { return nil }
            state.uidNext = next
            state.refreshSnapshotHead()
            let raised = MessagesFound(
                key: state.key, newKeywords: NewKeywords(), uidNext: UID(nonZero: next), messages: [])
            return try state.queue(PendingRecord(record: .found(raised), isAwaited: false))
        }
        guard let ticket else { return }
        try await state.core.volume.committer.flushed(ticket)
        guard state.core.home == .files else { return }
        try await state.core.volume.threads.run { () throws(StoreError) in
            let header = state.header
            try state.withFiles { (files) throws(StoreError) in try files.record([], header: header) }
        }
    }
}

extension StoreAccount {
    /// The mailbox that messages of an archived one go into: as that one was where it is not there or has never been
    /// used, else the one that is there.
    func restoring(
        _ mailbox: ArchivedMailbox, _ identity: RestoredIdentity
    ) async throws(StoreError) -> MailboxRestoring {
        if let failure = self.volume.committer.failure { throw failure }
        let name = self.canonicalName(mailbox.name)
        await self.gate.enter()
        defer { self.gate.leave() }
        try self.core.checkInUse()
        let (state, ticket) = try await self.volume.threads.run {
            () throws(StoreError) -> (MailboxState, UInt64?) in
            try self.refreshDirectory()
            if case .found? = self.entry(name) { _ = try self.index(name) }
            guard case .indexed(let state)? = self.entry(name) else {
                let made =
                    identity == .kept
                    ? try self.makeMailbox(name, as: mailbox) : (nil, try self.makeMailbox(name, nil))
                guard case .indexed(let state)? = self.entry(name) else {
                    throw StoreError(.notFound, "mailbox \(name)")
                }
                return (state, made.1)
            }
            let isUnused = state.lock.withLock { state.uidNext == 1 && state.pending.isEmpty && !state.isRestoring }
            guard identity == .kept, isUnused, state.uidValidity != mailbox.uidValidity || state.guid != mailbox.guid
            else { return (state, nil) }
            do throws(StoreError) {
                let made = try self.makeMailbox(name, as: mailbox, insteadOf: state)
                return (made.0 ?? state, made.1)
            } catch {
                // Files of another UIDVALIDITY, of messages that are gone: it stays as it is.
                guard error.code == .alreadyExists else { throw error }
                return (state, nil)
            }
        }
        if let ticket {
            try await self.volume.committer.flushed(ticket)
            self.feed.post(.created(name))
        }
        try state.lock.withLock { () throws(StoreError) in
            guard !state.isRestoring else { throw StoreError(.inUse, "mailbox \(name) is being restored") }
            state.isRestoring = true
        }
        do throws(StoreError) {
            return try await self.volume.threads.run { () throws(StoreError) -> MailboxRestoring in
                try self.volume.waitApplied(state.lock.withLock { state.lastTicket })
                let isSame =
                    identity == .kept && state.uidValidity == mailbox.uidValidity && state.guid == mailbox.guid
                let next = isSame ? mailbox.uidNext.rawValue &+ MailboxRestoring.lostUIDs : 0
                // As it was, and nothing has come since: then UIDNEXT stays the one that clients know.
                let isBehind = state.lock.withLock { state.uidNext < mailbox.uidNext.rawValue }
                return try MailboxRestoring(state, isSame: isSame, uidNext: isBehind ? next : 0)
            }
        } catch {
            state.lock.withLock { state.isRestoring = false }
            throw error
        }
    }

    /// Makes files and record of a mailbox as it was; the files of a former one of that name, never used, become its
    /// own.
    private func makeMailbox(
        _ name: MailboxName, as archived: ArchivedMailbox, insteadOf former: MailboxState? = nil
    ) throws(StoreError) -> (MailboxState?, UInt64) {
        let crashPoint = self.volume.configuration.crashPoint
        let isTaken = self.directory.withLock { directory in
            directory.entries.values.contains { entry in
                guard case .indexed(let state) = entry, state !== former else { return false }
                return state.guid == archived.guid
            }
        }
        let header = MailboxHeader(
            uidValidity: archived.uidValidity, uidNext: .first, guid: isTaken ? MailboxGUID.make() : archived.guid)
        crashPoint(.aroundMailboxFiles)
        let files = try self.changeList { () throws(StoreError) in try self.core.files.createMailbox(name, header) }
        crashPoint(.aroundMailboxFiles)
        if let former {
            // Its sessions hear that it is gone and another one there.
            _ = try self.forget(former)
            self.directory.withLock { $0.entries[name] = nil }
        }
        // A backup may say anything, but numbers must be left for what comes.
        let known = archived.highestModSeq.rawValue
        let lowest = known < 1 << 62 ? known + MailboxHead.lostModSeqs : 0
        let created = MailboxCreated(
            key: self.takeMailboxKey(), name: name, header: header,
            highestModSeq: max(Self.firstModSeq(self.volume.now), ModSeq(rawValue: lowest)), specialUse: nil)
        let made = try self.insert(created, files)
        return (made.state, made.ticket)
    }
}
