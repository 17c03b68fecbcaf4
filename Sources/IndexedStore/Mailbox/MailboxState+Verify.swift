internal import LMDB
internal import MIMECore
internal import MailCore
internal import MailStore
internal import Threads

/// Comparing a mailbox with its files, its sizes and its caches. On a storage thread.
extension MailboxState {
    /// Octets read in one part.
    private static let verifiedOctets = 4 << 20
    private static let verifiedMessages = 256

    /// - Parameter first: the UID to begin with; `nil` begins with the mailbox as a whole.
    func verify(from first: UInt32?, _ mode: VerifyMode) throws(StoreError) -> VerifiedSlice {
        var slice = VerifiedSlice()
        guard let first else {
            try self.verifyFiles(mode, &slice)
            try self.verifyCounters(mode, &slice)
            slice.next = 1
            return slice
        }
        let (ticket, relocation) = self.lock.withLock { (self.lastTicket, self.lastRelocation) }
        try self.core.volume.waitApplied(ticket)
        let rows = try self.rows(from: first)
        for row in rows.rows {
            try self.verify(row, seen: relocation, mode, &slice)
            slice.next = row.uid.rawValue < .max ? row.uid.rawValue + 1 : nil
            if slice.octets >= Self.verifiedOctets { return slice }
        }
        if rows.isLast { slice.next = nil }
        return slice
    }

    private func rows(from first: UInt32) throws(StoreError) -> (rows: [NewMessage], isLast: Bool) {
        let schema = self.core.volume.schema
        let key = self.key
        guard let first = UID(rawValue: max(1, first)) else { return ([], true) }
        return try schema.read { (transaction) throws(LMDBError) in
            var rows: [NewMessage] = []
            let prefix = IndexSchema.key(key)
            let cursor = try transaction.cursor(schema.messages)
            var entry = try cursor.seek(IndexSchema.key(key, first))
            while let found = entry, found.key.starts(with: prefix) {
                guard rows.count < Self.verifiedMessages else { return (rows, false) }
                if let uid = UID(rawValue: IndexSchema.lastNumber(of: found.key)) {
                    var reader = ByteReader(found.value)
                    if let row = reader.readRow(uid) { rows.append(row) }
                }
                entry = try cursor.next()
            }
            return (rows, true)
        }
    }

    // MARK: The mailbox

    private func verifyFiles(_ mode: VerifyMode, _ slice: inout VerifiedSlice) throws(StoreError) {
        guard self.core.home == .files else { return }
        self.filesLock.lock()
        defer { self.filesLock.unlock() }
        // What other programs did in the ordinary way is no finding.
        try self.takeInExternalChangesLocked(.ifChanged)
        let before = try self.core.asOwner { self.files.fingerprint() }
        self.retainMessages()
        defer { self.release() }
        let ticket = self.lock.withLock { self.lastTicket }
        try self.core.volume.waitApplied(ticket)
        guard let rows = try self.readRows() else { return }
        let scan = try self.core.asOwner { () throws(StoreError) in try self.files.scan() }
        // A file that came just now is one for the next look.
        let isStill = try self.core.asOwner { self.files.fingerprint() } == before
        let differences = self.compare(scan, rows)
        let isRepaired = mode == .repair
        let list = self.pendingListRows()
        for row in differences.unlisted where !list.contains(row.uid) {
            slice.findings.append(
                StoreFinding(.uidList, row.uid, "the list of UIDs lacks it or has another", isRepaired: isRepaired))
        }
        for row in differences.gone {
            slice.findings.append(
                StoreFinding(.missingFile, row.uid, "no file \(Self.text(row.location))", isRepaired: isRepaired))
        }
        for change in differences.flags {
            slice.findings.append(
                StoreFinding(.flags, change.row.uid, "the file has other flags or keywords", isRepaired: isRepaired))
        }
        if isStill {
            for found in differences.new {
                slice.findings.append(
                    StoreFinding(.unknownFile, nil, "file \(Self.text(found.location))", isRepaired: isRepaired))
            }
        }
        guard isRepaired else { return }
        if let ticket = try self.merge(scan, .later, rows) {
            try self.core.volume.committer.waitFlushed(ticket)
        }
    }

    private static func text(_ location: BodyLocation) -> String { String(decoding: location.bytes, as: UTF8.self) }

    /// UIDs whose rows in the format's list are still to be written.
    private func pendingListRows() -> Set<UID> { self.core.volume.fileWork.pendingRows(self.key) }

    private func verifyCounters(_ mode: VerifyMode, _ slice: inout VerifiedSlice) throws(StoreError) {
        let schema = self.core.volume.schema
        let key = self.key
        let restarts = self.core.volume.restarts
        let isWrong = try schema.read { (transaction) throws(LMDBError) -> Bool in
            guard let value = try transaction.get(schema.mailboxes, IndexSchema.key(key)),
                let head = MailboxHead(value, restarts: restarts)
            else { return false }
            var counters = MailboxCounters()
            try schema.forEachMessage(key, transaction) { uid, value in
                var reader = ByteReader(value)
                guard let row = reader.readRow(uid) else { return }
                counters.add(uid: uid, flags: row.flags, size: row.size, firstRecent: head.firstRecent)
            }
            return counters != head.counters
        }
        guard isWrong else { return }
        if mode == .repair { self.core.volume.applier.add(.recount(self.key)) }
        slice.findings.append(
            StoreFinding(.counters, nil, "the counters are not those of the messages", isRepaired: mode == .repair))
    }

    // MARK: One message

    /// - Parameter relocation: the last one before the row was read.
    private func verify(
        _ row: NewMessage, seen relocation: UInt64, _ mode: VerifyMode, _ slice: inout VerifiedSlice
    ) throws(StoreError) {
        slice.messages += 1
        let octets: MessageOctets
        switch self.readOctets(row) {
        case .success(let read): octets = read
        case .failure(let error):
            slice.octets += Int(row.size)
            // Removed by a client or another program meanwhile.
            guard try self.core.volume.schema.rows(self.key, CollectionOfOne(row.uid)).first?.location == row.location,
                !self.isLeaving(row.uid)
            else { return }
            if error.code == .expunged, self.core.home == .files { return }
            slice.findings.append(StoreFinding(.body, row.uid, error.detail))
            return
        }
        slice.octets += octets.count
        if octets.count != Int(row.size) {
            var isRepaired = false
            if mode == .repair { isRepaired = try self.correctSize(row, seen: relocation, UInt32(clamping: octets.count)) }
            slice.findings.append(
                StoreFinding(
                    .size, row.uid, "\(octets.count) octets, where the index says \(row.size)", isRepaired: isRepaired))
            return self.renewCache(row, octets)
        }
        let schema = self.core.volume.schema
        let key = self.key
        let cached = try schema.read { (transaction) throws(LMDBError) -> [UInt8]? in
            guard let value = try transaction.get(schema.caches, IndexSchema.key(key, row.uid)),
                let view = MessageCache.View(value)
            else { return nil }
            return view.envelope.map { Array($0) }
        }
        guard let cached else { return }
        let built = CacheBuilder.build(octets)
        let isSame = built.cache.withUnsafeBytes { bytes in
            MessageCache.View(bytes)?.envelope.map { $0.elementsEqual(cached) } ?? true
        }
        guard !isSame else { return }
        let isRepaired = mode == .repair
        if isRepaired { self.core.volume.applier.add(.derived(self.key, row.uid, built)) }
        slice.findings.append(
            StoreFinding(.cache, row.uid, "the cached envelope is not the message's", isRepaired: isRepaired))
    }

    private func isLeaving(_ uid: UID) -> Bool {
        self.lock.withLock {
            self.leaving.contains(uid) || self.pending.contains { $0.vanished.contains(uid) }
                || (self.snapshot.map { $0.index(of: uid) == nil } ?? false)
        }
    }

    private func renewCache(_ row: NewMessage, _ octets: MessageOctets) {
        self.core.volume.applier.add(.derived(self.key, row.uid, CacheBuilder.build(octets)))
    }

    /// Another program has changed a file's octets: the row says so from now on, with a new MODSEQ.
    ///
    /// - Returns: `false` when the message is gone, or may be elsewhere by now: what the row says of that must not come
    ///   back. The next look finds it again.
    func correctSize(_ row: NewMessage, seen relocation: UInt64, _ size: UInt32) throws(StoreError) -> Bool {
        self.retainMessages()
        defer { self.release() }
        self.filesLock.lock()
        defer { self.filesLock.unlock() }
        try self.load()
        var notifiers: [SessionNotifier] = []
        let ticket = try self.lock.withLock { () throws(StoreError) -> UInt64? in
            guard !self.isDeleted, self.lastRelocation == relocation, !self.leaving.contains(row.uid),
                let known = self.snapshot?.record(of: row.uid)
            else {
                return nil
            }
            var record = known
            record.size = size
            record.modSeq = self.nextModSeq()
            self.counters.remove(uid: known.uid, flags: known.flags, size: known.size, firstRecent: self.firstRecent)
            self.counters.add(uid: record.uid, flags: record.flags, size: size, firstRecent: self.firstRecent)
            self.snapshot?.update([record])
            self.refreshSnapshotHead()
            self.settleQuota()
            notifiers = self.listeners
            var message = row
            message.size = size
            message.modSeq = record.modSeq
            message.flags = known.flags
            message.keywords = self.keywords.numbers(in: known.keywords)
            let found = MessagesFound(
                key: self.key, newKeywords: NewKeywords(), uidNext: UID(nonZero: self.uidNext), messages: [message])
            return try self.queue(PendingRecord(record: .found(found), isAwaited: false))
        }
        for notifier in notifiers { notifier.notify() }
        guard let ticket else { return false }
        try self.core.volume.committer.waitFlushed(ticket)
        return true
    }
}
