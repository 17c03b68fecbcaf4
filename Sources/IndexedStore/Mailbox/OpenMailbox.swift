internal import LMDB
internal import MIMECore
internal import MailCore
internal import MailStore
internal import Threads
internal import VolumeLog
internal import Synchronization

/// A mailbox as one session has it open.
final class OpenMailbox: Mailbox {
    private struct Session {
        var isClosed = false
        /// Messages below this UID have been given as recent already, or are recent to nobody here.
        var recentGiven: UInt32 = 0
    }

    let state: MailboxState
    let account: StoreAccount
    let access: MailboxAccess
    /// Where the session's user has flags of his own.
    let view: ReaderView?
    private let notifier: SessionNotifier
    private let session = Mutex(Session())

    private init(
        _ state: MailboxState, account: StoreAccount, _ access: MailboxAccess, _ view: ReaderView?,
        _ notifier: SessionNotifier
    ) {
        self.view = view
        self.state = state
        self.account = account
        self.access = access
        self.notifier = notifier
    }

    deinit { self.close() }

    /// Opens a mailbox: takes in external changes, has its messages in memory, enters the session.
    static func open(
        _ state: MailboxState, account: StoreAccount, _ access: MailboxAccess, _ own: ReaderFlags? = nil,
        _ onChange: @escaping @Sendable () -> Void
    ) async throws(StoreError) -> OpenMailbox {
        state.retainMessages()
        let watcher = state.core.volume.watcher
        let view: ReaderView?
        do throws(StoreError) {
            view = try await state.core.volume.threads.run { () throws(StoreError) -> ReaderView? in
                state.filesLock.lock()
                defer { state.filesLock.unlock() }
                if let watcher, state.core.home == .files {
                    // Before the look at the files, so that nothing falls between the two.
                    try state.core.asOwner {
                        watcher.watch(state, state.files.watchedDirectories, homes: state.files.watchedHomes)
                    }
                }
                do throws(StoreError) {
                    try state.takeInExternalChangesLocked(.ifChanged)
                    try state.load()
                    guard let own else { return nil }
                    return try state.enterView(own)
                } catch {
                    if state.core.home == .files { watcher?.unwatch(state) }
                    throw error
                }
            }
        } catch {
            state.release()
            throw error.code == .expunged ? StoreError(.notFound, error.detail) : error
        }
        let notifier = SessionNotifier(onChange)
        let refusal = state.lock.withLock { () -> StoreError? in
            if !state.isDeleted {
                state.sessions[ObjectIdentifier(notifier)] = notifier
                view?.sessions[ObjectIdentifier(notifier)] = notifier
            } else if let view {
                state.leaveView(view)
            }
            return state.isDeleted ? state.goneError : nil
        }
        if let refusal {
            if state.core.home == .files { watcher?.unwatch(state) }
            state.release()
            throw refusal
        }
        return OpenMailbox(state, account: account, access, view, notifier)
    }

    var volume: Volume { self.state.core.volume }
    var name: MailboxName { self.state.lock.withLock { self.state.name } }
    var guid: String { self.state.guid }
    var isDeleted: Bool { self.state.lock.withLock { self.state.isDeleted && !self.state.isRetired } }
    var isRetired: Bool { self.state.core.isRetired }

    var memo: MailboxMemo? { self.state.memo }

    func snapshot() -> MailboxSnapshot {
        self.state.lock.withLock {
            self.state.snapshot(for: self.view) ?? MailboxSnapshot(uidValidity: self.state.uidValidity)
        }
    }

    func takeRecent() -> UIDSet {
        self.session.withLock { self.state.takeRecent(from: &$0.recentGiven, self.access) }
    }

    func close() {
        let isFirst = self.session.withLock { session in
            defer { session.isClosed = true }
            return !session.isClosed
        }
        guard isFirst else { return }
        self.state.lock.withLock {
            self.state.sessions[ObjectIdentifier(self.notifier)] = nil
            if let view = self.view {
                view.sessions[ObjectIdentifier(self.notifier)] = nil
                self.state.leaveView(view)
            }
        }
        self.notifier.silence()
        if self.state.core.home == .files { self.volume.watcher?.unwatch(self.state) }
        self.state.release()
    }

    // MARK: Changes

    func store(
        _ change: FlagChange, _ uids: UIDSet, unchangedSince: ModSeq?
    ) async throws(StoreError) -> FlagChangeResult {
        try self.checkWritable()
        let queued = try self.state.store(change, uids, unchangedSince: unchangedSince, as: self.view)
        try await self.settle(queued.ticket)
        return queued.value
    }

    func expunge(_ uids: UIDSet?) async throws(StoreError) -> UIDSet {
        try self.checkWritable()
        let queued = try self.state.remove(uids, .marked)
        try await self.settle(queued.ticket)
        return queued.value
    }

    func remove(_ uids: UIDSet) async throws(StoreError) -> UIDSet {
        try self.checkWritable()
        let queued = try self.state.remove(uids, .any)
        if let ticket = queued.ticket { try await self.volume.committer.flushed(ticket) }
        return queued.value
    }

    func vanished(_ uids: UIDSet, since modSeq: ModSeq) async throws(StoreError) -> UIDSet? {
        let ticket = self.state.lock.withLock { self.state.lastTicket }
        try await self.volume.applied(ticket)
        let schema = self.volume.schema
        let key = self.state.key
        return try await self.volume.threads.run { () throws(StoreError) -> UIDSet? in
            let vanished = try schema.vanished(key, since: modSeq)?.intersection(uids)
            try self.checkInUse()
            return vanished
        }
    }

    /// At the end of each look into the index: of an account that has moved to another volume nothing is there any more,
    /// which must not be taken for messages that are gone.
    func checkInUse() throws(StoreError) { try self.state.core.checkInUse() }

    func checkWritable() throws(StoreError) {
        guard self.access == .readWrite else { throw StoreError(.noPermission, "mailbox opened read-only") }
    }

    private func settle(_ ticket: UInt64?) async throws(StoreError) {
        guard let ticket, self.volume.configuration.fsync == .always else { return }
        try await self.volume.committer.flushed(ticket)
    }

    // MARK: Reading

    func octets(
        of records: [MessageRecord], limit: Int
    ) async throws(StoreError) -> [Result<MessageOctets, StoreError>] {
        guard !records.isEmpty else { return [] }
        try await self.awaitAppended()
        // Octets that are found are good, whatever becomes of the account.
        let atHand = try self.octetsAtHand(records, limit: limit)
        if !atHand.isEmpty { return atHand }
        let state = self.state
        return try await self.volume.threads.run {
            () throws(StoreError) -> [Result<MessageOctets, StoreError>] in
            var results: [Result<MessageOctets, StoreError>] = []
            var total = 0
            var count = 0
            for record in records {
                let (sum, overflow) = total.addingReportingOverflow(Int(record.size))
                if count > 0, overflow || sum > limit { break }
                total = sum
                count += 1
            }
            let rows = try state.core.volume.schema.rows(state.key, records[..<count].map(\.uid))
            var next = 0
            for record in records[..<count] {
                guard next < rows.count, rows[next].uid == record.uid else {
                    results.append(.failure(StoreError(.expunged)))
                    continue
                }
                let row = rows[next]
                next += 1
                results.append(state.readOctets(row))
            }
            try state.core.checkInUse()
            return results
        }
    }

    func pop3Orders() async throws(StoreError) -> [UID: UInt32] {
        let state = self.state
        if let known = state.lock.withLock({ state.pop3Orders }) { return known }
        try await self.awaitAppended()
        let volume = self.volume
        return try await volume.threads.run { () throws(StoreError) in
            // No message with an order comes in meanwhile.
            try state.filesLock.withLock { () throws(StoreError) in
                try volume.waitApplied(state.lock.withLock { state.lastTicket })
                let orders = try volume.schema.pop3Orders(of: state.key)
                try state.core.checkInUse()
                state.lock.withLock { state.pop3Orders = orders }
                return orders
            }
        }
    }

    func details(of uid: UID) async throws(StoreError) -> MessageDetails {
        try await self.awaitAppended()
        guard let row = try self.volume.schema.rows(self.state.key, CollectionOfOne(uid)).first else {
            try self.checkInUse()
            throw StoreError(.expunged)
        }
        return MessageDetails(
            saveDate: row.saveDate, guid: self.volume.guid(of: row), pop3UIDL: row.pop3UIDL, pop3Order: row.pop3Order)
    }

    func details(of records: [MessageRecord]) async throws(StoreError) -> [MessageDetails?] {
        try await self.awaitAppended()
        let volume = self.volume
        let schema = self.volume.schema
        let key = self.state.key
        let found = try schema.read { (transaction) throws(LMDBError) -> [MessageDetails?] in
            var found: [MessageDetails?] = []
            found.reserveCapacity(records.count)
            for record in records {
                guard
                    let value = try transaction.get(schema.messages, IndexSchema.key(key, record.uid))
                else {
                    found.append(nil)
                    continue
                }
                var reader = ByteReader(value)
                found.append(
                    reader.readRow(record.uid).map {
                        MessageDetails(
                            saveDate: $0.saveDate, guid: volume.guid(of: $0), pop3UIDL: $0.pop3UIDL,
                            pop3Order: $0.pop3Order)
                    })
            }
            return found
        }
        if found.contains(where: { $0 == nil }) { try self.checkInUse() }
        return found
    }

    /// Waits until all messages of the snapshot are in the index.
    func awaitAppended() async throws(StoreError) {
        let ticket = self.state.lock.withLock { self.state.lastVisibleTicket }
        try await self.volume.applied(ticket)
    }

    func caches(
        of records: some Sequence<MessageRecord> & Sendable,
        _ visit: (MessageRecord, MessageCache.View?) -> Bool
    ) async throws(StoreError) {
        try await self.awaitAppended()
        let records = Array(records)
        let schema = self.volume.schema
        let key = self.state.key
        var next = 0
        while next < records.count {
            let start = next
            // Visits up to the first message without a cache, which is then made with those that follow.
            let missing = try schema.read { (transaction) throws(LMDBError) -> Int? in
                var octets = 0
                defer { schema.environment.look(at: octets) }
                let cursor = try transaction.cursor(schema.caches)
                for index in start..<records.count {
                    let row = IndexSchema.key(key, records[index].uid)
                    guard let value = try index == start ? cursor.get(row) : cursor.getNext(row),
                        let view = MessageCache.View(value)
                    else { return index }
                    octets += value.count
                    guard visit(records[index], view) else { return nil }
                }
                return nil
            }
            guard let missing else { return }
            try self.checkInUse()
            let end = min(missing + Self.cachesAtOnce, records.count)
            let made = try await self.makeCaches(Array(records[missing..<end]))
            try self.checkInUse()
            for index in missing..<end {
                let cache = made[records[index].uid] ?? []
                let goesOn = cache.withUnsafeBytes { visit(records[index], MessageCache.View($0)) }
                guard goesOn else { return }
            }
            next = end
        }
    }

    private static let cachesAtOnce = 32

    /// Caches of messages: those of the index, and new ones for those that another program delivered.
    private func makeCaches(_ records: [MessageRecord]) async throws(StoreError) -> [UID: [UInt8]] {
        let state = self.state
        return try await self.volume.threads.run { () throws(StoreError) -> [UID: [UInt8]] in
            let schema = state.core.volume.schema
            var caches: [UID: [UInt8]] = try schema.read { (transaction) throws(LMDBError) in
                var caches: [UID: [UInt8]] = [:]
                for record in records {
                    guard
                        let value = try transaction.get(
                            schema.caches, IndexSchema.key(state.key, record.uid)),
                        MessageCache.View(value) != nil
                    else { continue }
                    caches[record.uid] = Array(value)
                }
                return caches
            }
            for row in try schema.rows(state.key, records.map(\.uid)) where caches[row.uid] == nil {
                guard case .success(let octets) = state.readOctets(row) else { continue }
                let derived = CacheBuilder.build(octets)
                caches[row.uid] = derived.cache
                state.core.volume.applier.add(.derived(state.key, row.uid, derived))
            }
            return caches
        }
    }
}

extension MailboxState {
    /// Reads a message's octets. On a storage thread.
    func readOctets(_ row: NewMessage) -> Result<MessageOctets, StoreError> {
        do throws(StoreError) {
            return .success(try self.octets(of: row))
        } catch {
            guard error.code == .expunged else { return .failure(error) }
            if let body = self.lock.withLock({ self.placing[row.uid] }) { return .success(body) }
            // Its octets may have been moved, or its file got its name, between the look into the index and the read.
            guard let now = try? self.core.volume.schema.rows(self.key, CollectionOfOne(row.uid)).first else {
                return .failure(error)
            }
            do throws(StoreError) { return .success(try self.octets(of: now)) } catch { return .failure(error) }
        }
    }

    private func octets(of row: NewMessage) throws(StoreError) -> MessageOctets {
        let large = self.core.volume.largeBodies
        if Int(row.size) > VolumeLog.largeBody, let known = large.find(self.key, row.uid) { return known }
        let octets: MessageOctets
        if let id = row.location.bodyID {
            octets = try self.core.volume.readBody(id)
        } else {
            let flags = self.fileFlags(row.flags, row.keywords)
            octets = try self.withFiles { (files) throws(StoreError) in try files.read(row.location, flags: flags) }
        }
        large.keep(octets, self.key, row.uid)
        return octets
    }
}
