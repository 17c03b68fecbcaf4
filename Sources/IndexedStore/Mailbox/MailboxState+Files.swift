internal import LMDB
internal import MailCore
internal import MailStore
internal import Threads

extension MailboxState {
    /// Runs a change of the mailbox's files by ourselves, alone and under their owner's ids. When the files agreed
    /// with the index before, they still do afterwards: the fingerprint is taken again, so that our own changes
    /// cause no scan.
    ///
    /// A change by another program between the two fingerprints is taken for ours at first. Watched mailboxes see
    /// it by its name (`hasForeign`); others when `verifySoon` scans behind the next look at them.
    ///
    /// - Parameter locations: the messages whose files will be changed.
    func changeFiles<R>(
        of locations: some Sequence<BodyLocation>, _ body: (any MailboxFiles) throws(StoreError) -> R
    ) throws(StoreError) -> R {
        self.noteOwn(locations)
        self.filesLock.lock()
        defer { self.filesLock.unlock() }
        return try self.core.asOwner { () throws(StoreError) -> R in
            let agreed = self.knownFingerprint != nil && self.files.fingerprint() == self.knownFingerprint
            defer {
                if agreed {
                    self.knownFingerprint = self.files.fingerprint()
                    self.isSuspect = true
                }
            }
            return try body(self.files)
        }
    }

    private func noteOwn(_ locations: some Sequence<BodyLocation>) {
        self.lock.withLock {
            guard !self.sessions.isEmpty else { return }
            let now = SteadyClock.nanoseconds()
            if now &- self.ownChanges.since > 5_000_000_000 {
                self.ownChanges = ([], self.ownChanges.recent, now)
            }
            for location in locations { self.ownChanges.recent.insert(location.bytes) }
        }
    }

    /// Whether any of these names, seen to change in a watched directory, is not one that we have changed lately.
    /// Names begin with a message's location, followed by nothing or by `:`.
    func hasForeign(_ names: [[UInt8]]) -> Bool {
        self.lock.withLock {
            names.contains { name in
                let base = Array(name.prefix { $0 != UInt8(ascii: ":") })
                return !self.ownChanges.recent.contains(base) && !self.ownChanges.older.contains(base)
            }
        }
    }

    /// Scans behind the caller's back when a foreign change may hide behind one of ours; seldom, and the seldomer
    /// the longer a scan takes. With `filesLock` held.
    func verifySoon() {
        let pause = max(5_000_000_000, self.lastScan.duration &* 50)
        guard self.isSuspect, !self.isVerifying, SteadyClock.nanoseconds() &- self.lastScan.end > pause else { return }
        self.isVerifying = self.core.volume.threads.submit { [self] in
            do throws(StoreError) {
                try self.takeInExternalChanges(.always)
            } catch {
                self.core.volume.configuration.log(
                    .warning, "\(self.description): files cannot be compared: \(error)")
            }
            self.filesLock.withLock { self.isVerifying = false }
        }
    }

    /// Runs `body` on the files without changing them and without keeping others out.
    func withFiles<R>(_ body: (any MailboxFiles) throws(StoreError) -> R) throws(StoreError) -> R {
        let files = self.lock.withLock { self.files }
        return try self.core.asOwner { () throws(StoreError) -> R in try body(files) }
    }

    func flushFiles() throws(StoreError) {
        guard self.core.home == .files else { return }
        try self.withFiles { (files) throws(StoreError) in try files.flush() }
    }

    /// Reads the messages into memory. Call with `filesLock` held and `users` raised, on a storage thread.
    ///
    /// Changes of messages need them in memory, so while they are not, only new ones can come: other sessions wait
    /// for `filesLock` to load, and scans hold it. What becomes visible from now on is kept in
    /// `arrivedWhileLoading`; what was visible before is in the index as soon as all records up to `lastTicket` are
    /// applied. The index may hold more: messages flushed and applied but still waiting in `pending` for their
    /// file. They are left out, and their entry adds them later.
    func load() throws(StoreError) {
        self.lock.lock()
        let isLoaded = self.snapshot != nil
        if !isLoaded { self.arrivedWhileLoading = [] }
        let ticket = self.lastTicket
        self.lock.unlock()
        if isLoaded { return }
        do throws(StoreError) {
            try self.core.volume.waitApplied(ticket)
            let rows = try self.readRecords()
            self.install(rows)
        } catch {
            self.lock.withLock { self.arrivedWhileLoading = nil }
            throw error
        }
    }

    private struct LoadedRecords {
        var records: [MessageRecord] = []
        /// Distinct sets of keyword numbers; the first is the empty one. A record's `keywords` is an index here.
        var sets: [[UInt16]] = [[]]
    }

    private func readRecords() throws(StoreError) -> LoadedRecords {
        let schema = self.core.volume.schema
        let key = self.key
        return try schema.read { (transaction) throws(LMDBError) in
            var loaded = LoadedRecords()
            var known: [[UInt16]: UInt32] = [[]: 0]
            try schema.forEachMessage(key, transaction) { uid, value in
                var reader = ByteReader(value)
                guard let modSeq = reader.readLittleEndian(UInt64.self),
                    let internalDate = reader.readLittleEndian(Int64.self),
                    reader.readLittleEndian(Int64.self) != nil,
                    let size = reader.readLittleEndian(UInt32.self),
                    let flags = reader.readLittleEndian(UInt8.self),
                    reader.readLittleEndian(UInt8.self) != nil,
                    let keywords = reader.readKeywordNumbers()
                else { return }
                var set: UInt32 = 0
                if !keywords.isEmpty {
                    if let number = known[keywords] {
                        set = number
                    } else {
                        set = UInt32(loaded.sets.count)
                        loaded.sets.append(keywords)
                        known[keywords] = set
                    }
                }
                loaded.records.append(
                    MessageRecord(
                        uid: uid, flags: MessageFlags(rawValue: flags), keywords: .init(rawValue: set),
                        modSeq: ModSeq(rawValue: modSeq), internalDate: internalDate, size: size))
            }
            return loaded
        }
    }

    private func install(_ loaded: LoadedRecords) {
        self.lock.lock()
        defer { self.lock.unlock() }
        let ids = loaded.sets.map { self.keywords.set(of: $0) }
        var records = loaded.records
        for index in records.indices {
            let set = Int(records[index].keywords.rawValue)
            if set != 0 { records[index].keywords = ids[set] }
        }
        // Above this UID messages are not visible yet, or have just become so and are in `arrivedWhileLoading`.
        let end = self.visibleUIDNext
        while let last = records.last, last.uid >= end { records.removeLast() }
        let lastUID = records.last?.uid.rawValue ?? 0
        for record in self.arrivedWhileLoading ?? [] where record.uid.rawValue > lastUID {
            records.append(record)
        }
        var snapshot = MailboxSnapshot(uidValidity: self.uidValidity)
        snapshot.append(contentsOf: records)
        self.snapshot = snapshot
        self.arrivedWhileLoading = nil
        self.refreshSnapshotHead()
    }

    /// Keeps the messages in memory until `release`.
    func retainMessages() { self.lock.withLock { self.users += 1 } }

    /// Ends one `retainMessages`. The messages stay in memory for who comes back, as long as there is room.
    func release() {
        let idle = self.lock.withLock { () -> Int? in
            self.users -= 1
            guard self.users == 0, let snapshot = self.snapshot else { return nil }
            return snapshot.count
        }
        if let idle { self.core.volume.idleMailboxes.add(self, messages: idle) }
    }

    /// Forgets the messages unless somebody uses them.
    func forgetMessages() {
        self.lock.withLock {
            guard self.users == 0, self.arrivedWhileLoading == nil else { return }
            self.snapshot = nil
            self.memo.removeAll()
        }
    }
}
