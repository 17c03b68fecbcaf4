internal import MailCore
internal import MailStore
internal import Synchronization
internal import Threads

/// The quota of an account, which it may have in common with others of its user (`StoreAccount+SharedQuota`).
extension StoreAccount {
    func quota() async throws(StoreError) -> QuotaStatus {
        try await self.indexAll()
        for other in self.quotaSharers { try await other.indexAll() }
        return self.core.quota.status
    }

    var quotaNow: QuotaStatus { self.core.quota.status }
    func countsForQuota(_ name: MailboxName) -> Bool { self.core.quota.counts(self.canonicalName(name)) }
    var ownQuotaLimits: QuotaLimits? { self.core.quota.ownLimits }

    func apply(_ rules: QuotaRules) {
        guard self.core.quota.apply(rules) else { return }
        for state in self.indexedStates { state.lock.withLock { state.settleQuota() } }
    }

    func setQuotaLimits(_ limits: QuotaLimits?) async throws(StoreError) {
        if let failure = self.volume.committer.failure { throw failure }
        await self.gate.enter()
        defer { self.gate.leave() }
        try self.core.checkInUse()
        _ = try await self.volume.commit(.quotaLimits(account: self.core.id, limits))
        self.core.quota.set(limits)
        self.volume.fileWork.updateSizeFile(self.anyState())
    }

    func checkQuota(
        octets: UInt64, in mailbox: MailboxName, _ strictness: QuotaStrictness
    ) async throws(StoreError) {
        try await self.countForQuota()
        try self.core.quota.admit(
            QuotaUsage(storage: Int64(clamping: octets), messages: 1), largest: octets,
            into: self.canonicalName(mailbox), strictness, reserving: false)
    }

    func recalculateQuota() async throws(StoreError) -> QuotaStatus {
        var failure: StoreError?
        for account in [self] + self.joinedAccounts {
            // One whose disk is away does not keep the others from being counted.
            do throws(StoreError) { try await account.recalculate() } catch { failure = failure ?? error }
        }
        if let failure { throw failure }
        return self.core.quota.status
    }

    private func recalculate() async throws(StoreError) {
        try await self.indexAll()
        for state in self.indexedStates {
            try await self.volume.threads.run { () throws(StoreError) in
                try state.takeInExternalChanges(.ifChanged)
                try state.recount()
            }
        }
        self.core.distrustSizeFile()
        self.volume.fileWork.updateSizeFile(self.anyState())
    }

    func deletedStorage(of name: MailboxName) async throws(StoreError) -> UInt64 {
        let state = try await self.state(of: name)
        guard state.lock.withLock({ state.counters.deleted }) > 0 else { return 0 }
        return try await self.volume.threads.run { () throws(StoreError) -> UInt64 in
            state.retainMessages()
            defer { state.release() }
            try state.filesLock.withLock { () throws(StoreError) in try state.load() }
            return state.lock.withLock {
                var octets: UInt64 = 0
                state.snapshot?.forEach { _, record in
                    if record.flags.contains(.deleted) { octets &+= UInt64(record.size) }
                    return true
                }
                return octets
            }
        }
    }

    var indexedStates: [MailboxState] {
        self.directory.withLock { directory in
            directory.entries.values.compactMap { entry in
                switch entry {
                case .indexed(let state): state
                case .found: nil
                }
            }
        }
    }

    // MARK: Mailboxes that are not in the index

    /// At the opening: what mailboxes hold that are among the files and not yet in the index.
    ///
    /// - Parameter hasIndex: whether the account is an old one, so that its own counters are better than a file.
    func estimateQuota(hasIndex: Bool) {
        guard self.core.quota.lacksMailboxes, !hasIndex,
            let total = try? self.core.asOwner({ self.core.files.sizeOnFile() })
        else { return }
        self.core.quota.estimate(total)
    }

    /// Before the quota is asked whether a message fits: without limits nothing need be counted; with an estimate
    /// the counting is left to those who want exact numbers.
    func countForQuota() async throws(StoreError) {
        try await self.countOwnForQuota()
        for other in self.quotaSharers where other.core.quota.lacksMailboxes {
            // A mailbox there that cannot be counted is not to cost each message here a try.
            let (gaps, name) = (self.volume.quotaGaps, other.identity.name)
            guard gaps.isDue(name, self.volume.now) else { continue }
            try await other.countOwnForQuota()
            if other.core.quota.lacksMailboxes { _ = gaps.note(name, self.volume.now) } else { gaps.close(name) }
        }
    }

    private func countOwnForQuota() async throws(StoreError) {
        guard self.core.quota.lacksMailboxes, self.core.quota.hasLimits, !self.core.quota.hasEstimate else {
            return
        }
        try await self.indexAll()
    }

    /// Brings all mailboxes among the files into the index.
    private func indexAll() async throws(StoreError) {
        guard self.core.quota.lacksMailboxes else { return }
        let found = self.core.quota.foundSoFar
        let names = self.directory.withLock { directory in
            directory.entries.compactMap { entry -> MailboxName? in
                if case .found = entry.value { return entry.key }
                return nil
            }
        }
        var isComplete = true
        for name in names.sorted() {
            do throws(StoreError) {
                _ = try await self.state(of: name)
            } catch {
                switch error.code {
                case .notFound, .cannot, .expunged: continue
                case .alreadyExists, .noPermission, .overQuota, .tooBig, .limit, .inUse, .diskFull, .temporary,
                    .damaged:
                    // The others count; this one is tried again at the next question.
                    isComplete = false
                    self.volume.configuration.log(
                        .warning, "\(self.identity.name): mailbox \(name) cannot be counted: \(error)")
                }
            }
        }
        if isComplete { self.core.quota.isComplete(upTo: found) }
    }
}

extension MailboxState {
    /// Compares the counters with the rows of the index and mends them. On a storage thread.
    func recount() throws(StoreError) {
        self.retainMessages()
        defer { self.release() }
        self.filesLock.lock()
        defer { self.filesLock.unlock() }
        try self.load()
        self.lock.withLock {
            guard let snapshot = self.snapshot else { return }
            var counted = MailboxCounters()
            snapshot.forEach { _, record in
                counted.add(
                    uid: record.uid, flags: record.flags, size: record.size, firstRecent: self.firstRecent)
                return true
            }
            if counted != self.counters {
                self.core.volume.configuration.log(
                    .error,
                    "\(self.core.identity.name)/\(self.name): counters were wrong: \(self.counters.messages) messages, "
                        + "\(self.counters.size) octets; there are \(counted.messages), \(counted.size)")
                self.counters = counted
            }
            // The index keeps counters of its own, made from the same rows.
            self.core.volume.applier.add(.recount(self.key))
            self.settleQuota()
        }
    }
}
