internal import MailCore
internal import MailStore
internal import Synchronization
internal import Threads

/// One user's mailboxes in an indexed store.
final class StoreAccount: MailAccount {
    /// A mailbox that the account has.
    enum Entry {
        case indexed(MailboxState)
        /// Seen among the files; indexed at its first use.
        case found

        /// Whether this is the only reference to its mailbox.
        fileprivate mutating func isHeldAlone() -> Bool {
            guard case .indexed(var state) = self else { return true }
            self = .found
            defer { self = .indexed(state) }
            return isKnownUniquelyReferenced(&state)
        }
    }

    struct Directory {
        var entries: [MailboxName: Entry] = [:]
        /// The files' fingerprint when `entries` last agreed with them; `nil`: not known.
        var fingerprint: UInt64?
        /// Whether a change when they were listed may have left the fingerprint as it was.
        var isUnsettled = false
        var nextMailbox: UInt32 = 1
        /// The highest MODSEQ of mailboxes that are gone. What is found again, as after a deletion that the files refused,
        /// goes on above it, whatever the clock says.
        var highestGone = ModSeq.zero
        /// Names that files of mailboxes have which belong to others: of renames that are still to be taken back.
        var misplaced: [MailboxName: MailboxName] = [:]
        /// Of an account without files; others have theirs in one.
        var subscriptions = Set<MailboxName>()
    }

    let core: AccountCore
    let directory: Mutex<Directory>
    /// What the files' access control lists said when last looked at.
    let accessListCache = Mutex<[MailboxName: SeenAccessList]>([:])
    /// Metadata that the file beside the Maildir lacks; changed with the gate held, or by whoever writes the log.
    let unwritten = Mutex<[MailboxKey: UnwrittenMetadata]>([:])
    /// Whether somebody sees to it.
    let writesLater = Atomic<Bool>(false)
    /// Changes of the set of mailboxes, one at a time.
    let gate = AsyncGate()
    /// With which accounts it shares a quota.
    let quotaCircle = Mutex(QuotaCircle())

    init(core: AccountCore, directory: consuming Directory) {
        self.core = core
        self.directory = Mutex(directory)
        if core.home == .files { core.feed.whenWatched { [weak self] in self?.refreshDirectorySoon() } }
    }

    var identity: AccountIdentity { self.core.identity }
    var isRetired: Bool { self.core.isRetired }
    var namespaces: [Namespace] { self.core.volume.configuration.namespaces }
    var volume: Volume { self.core.volume }
    var feed: AccountFeed { self.core.feed }

    /// Whether nobody else has one of its mailboxes in hand: a session, a delivery, work on files that is still to be done.
    var hasMailboxesAlone: Bool {
        self.directory.withLock { directory in
            var position = directory.entries.values.startIndex
            while position != directory.entries.values.endIndex {
                guard directory.entries.values[position].isHeldAlone() else { return false }
                directory.entries.values.formIndex(after: &position)
            }
            return true
        }
    }

    // MARK: Finding mailboxes

    func entry(_ name: MailboxName) -> Entry? { self.directory.withLock { $0.entries[name] } }

    /// The mailbox of that name, indexed if it was not. `.notFound`, also for a name with children only.
    func state(of name: MailboxName) async throws(StoreError) -> MailboxState {
        let name = self.canonicalName(name)
        if case .indexed(let state)? = self.entry(name) { return state }
        await self.gate.enter()
        defer { self.gate.leave() }
        return try await self.stateInGate(name)
    }

    func stateInGate(_ name: MailboxName) async throws(StoreError) -> MailboxState {
        try await self.volume.threads.run { () throws(StoreError) -> MailboxState in
            if self.entry(name) == nil {
                // What is missing here may be there for the object that has the account now.
                try self.core.checkInUse()
                try self.refreshDirectory()
            }
            switch self.entry(name) {
            case .indexed(let state): return state
            case .found:
                try self.core.checkInUse()
                return try self.index(name)
            case nil:
                throw StoreError(.notFound, "mailbox \(name)")
            }
        }
    }

    /// Whether there are mailboxes below a name.
    func hasChildren(_ name: MailboxName) -> Bool {
        self.directory.withLock { directory in
            directory.entries.keys.contains { $0.isDescendant(of: name) }
        }
    }

    /// The mailbox of that name, made when it is missing and may be.
    func state(
        of name: MailboxName, _ missing: Deposit.MissingMailbox
    ) async throws(StoreError) -> MailboxState {
        if case .indexed(let state)? = self.entry(name) { return state }
        // Scripts and addresses call mailboxes by names in any normal form.
        let name = self.canonicalName(try await self.resolve(name))
        do throws(StoreError) {
            return try await self.state(of: name)
        } catch {
            guard missing == .create || name.isInbox, error.code == .notFound else { throw error }
            do throws(StoreError) {
                try await self.create(name, specialUse: nil)
            } catch {
                // Another delivery may have been faster.
                guard error.code == .alreadyExists else { throw error }
            }
            return try await self.state(of: name)
        }
    }

    // MARK: The list

    func mailboxes() async throws(StoreError) -> [MailboxListing] {
        let subscribed = Set(try await self.subscriptions())
        try await self.lookAtList()
        return self.listing(subscribed)
    }

    func hasMailbox(_ name: MailboxName) async throws(StoreError) -> Bool {
        try await self.lookAtList()
        return self.entry(self.canonicalName(name)) != nil
    }

    /// Takes in which mailboxes other programs made and removed.
    private func lookAtList() async throws(StoreError) {
        if self.core.home == .log { return }
        let isCurrent = try await self.volume.threads.run { () throws(StoreError) -> Bool in
            try self.core.asOwner { () throws(StoreError) in
                self.isCurrent(self.core.files.mailboxListFingerprint())
            }
        }
        if isCurrent { return }
        await self.gate.enter()
        defer { self.gate.leave() }
        try await self.volume.threads.run { () throws(StoreError) in try self.refreshDirectory() }
    }

    /// Whether `entries` agree with files that have this fingerprint. They are listed once more when the time is over in
    /// which nobody can tell. Under the owner's ids.
    func isCurrent(_ fingerprint: UInt64) -> Bool {
        let (isSame, isUnsettled) = self.directory.withLock { ($0.fingerprint == fingerprint, $0.isUnsettled) }
        return isSame && (!isUnsettled || !self.core.files.isMailboxListSettled)
    }

    private func listing(_ subscribed: Set<MailboxName>) -> [MailboxListing] {
        let entries = self.directory.withLock { $0.entries }
        let defaults = self.volume.configuration.mailboxDefaults
        var parents = Set<MailboxName>()
        for name in entries.keys {
            var parent = name.parent
            while let above = parent, parents.insert(above).inserted { parent = above.parent }
        }
        var listing: [MailboxListing] = []
        for name in Set(entries.keys).union(parents) {
            var specialUse = defaults.first { $0.name == name }?.specialUse
            if case .indexed(let state)? = entries[name] {
                specialUse = state.lock.withLock { state.specialUse }.resolved(specialUse)
            }
            let isSelectable = entries[name] != nil
            listing.append(
                MailboxListing(
                    name: name, isSelectable: isSelectable, hasChildren: parents.contains(name),
                    isSubscribed: subscribed.contains(name), specialUse: isSelectable ? specialUse : nil))
        }
        return listing.sorted { $0.name < $1.name }
    }

    func resolve(_ name: MailboxName) async throws(StoreError) -> MailboxName {
        // Most names are in ASCII or there, and then the files need no look.
        if name.text.utf8.allSatisfy({ $0 < 0x80 }) || self.entry(name) != nil { return name }
        let names = try await self.mailboxes().map(\.name)
        return name.resolved(among: Set(names).contains, candidates: { names })
    }

    func subscriptions() async throws(StoreError) -> [MailboxName] {
        if self.core.home == .log { return self.directory.withLock { $0.subscriptions }.sorted() }
        return try await self.volume.threads.run { () throws(StoreError) -> [MailboxName] in
            try self.core.asOwner { () throws(StoreError) in try self.core.files.subscriptions() }.sorted()
        }
    }

    func subscribe(_ name: MailboxName) async throws(StoreError) { try await self.setSubscribed(name, true) }

    func unsubscribe(_ name: MailboxName) async throws(StoreError) {
        try await self.setSubscribed(name, false)
    }

    private func setSubscribed(_ name: MailboxName, _ isSubscribed: Bool) async throws(StoreError) {
        let name = self.canonicalName(name)
        if let failure = self.volume.committer.failure { throw failure }
        await self.gate.enter()
        defer { self.gate.leave() }
        try self.core.checkInUse()
        let known = try await self.subscriptions()
        guard known.contains(name) != isSubscribed else { return }
        // The log first: after a crash the file is written again from it.
        let sequence = try await self.volume.commit(
            .subscription(account: self.core.id, name, isSubscribed: isSubscribed),
            hasFileWork: self.core.home == .files)
        guard self.core.home == .files else {
            self.noteSubscribed(name, isSubscribed)
            self.feed.post(isSubscribed ? .subscribed(name) : .unsubscribed(name))
            return
        }
        defer { self.volume.fileWork.done(sequence, self.anyState()) }
        do throws(StoreError) {
            try await self.writeSubscribed(name, isSubscribed)
        } catch {
            // Who asked for it is told that it failed, so it must not come with the next start.
            await self.volume.takeBack(.subscription(account: self.core.id, name, isSubscribed: !isSubscribed))
            try? await self.writeSubscribed(name, !isSubscribed)
            throw error
        }
        self.feed.post(isSubscribed ? .subscribed(name) : .unsubscribed(name))
    }

    private func writeSubscribed(_ name: MailboxName, _ isSubscribed: Bool) async throws(StoreError) {
        try await self.volume.threads.run { () throws(StoreError) in
            try self.core.asOwner { () throws(StoreError) in
                try self.core.files.setSubscribed(name, isSubscribed)
            }
        }
    }

    private func noteSubscribed(_ name: MailboxName, _ isSubscribed: Bool) {
        self.directory.withLock { directory in
            if isSubscribed {
                directory.subscriptions.insert(name)
            } else {
                directory.subscriptions.remove(name)
            }
        }
    }

    /// Subscribes to a mailbox that was made because settings want it. The ticket of the record, if there is one.
    func subscribeDefault(_ name: MailboxName) throws(StoreError) -> UInt64? {
        guard self.core.home == .log else {
            try self.core.asOwner { () throws(StoreError) in try self.core.files.setSubscribed(name, true) }
            return nil
        }
        let record = StoreRecord.subscription(account: self.core.id, name, isSubscribed: true)
        let ticket = self.volume.committer.enqueue(PendingRecord(record: record, isAwaited: false))
        self.noteSubscribed(name, true)
        return ticket
    }

    /// A mailbox that stands for the account's file system.
    func anyState() -> [MailboxState] {
        self.directory.withLock { directory in
            for entry in directory.entries.values {
                if case .indexed(let state) = entry { return [state] }
            }
            return []
        }
    }

    // MARK: Use

    func status(of name: MailboxName) async throws(StoreError) -> MailboxStatus {
        try await self.status(of: name, as: nil)
    }

    func status(of name: MailboxName, as own: PrivateFlags?) async throws(StoreError) -> MailboxStatus {
        let state = try await self.state(of: name)
        if self.core.home == .files {
            try await self.volume.threads.run { () throws(StoreError) in
                try state.takeInExternalChanges(.ifChanged)
            }
        }
        try state.lock.withLock { () throws(StoreError) in
            if state.isDeleted { throw state.goneError }
        }
        if let own { return try await state.status(for: own.readerFlags) }
        return state.status
    }

    func open(
        _ name: MailboxName, _ access: MailboxAccess, onChange: @escaping @Sendable () -> Void
    ) async throws(StoreError) -> any Mailbox {
        try await self.open(name, access, as: nil, onChange: onChange)
    }

    func open(
        _ name: MailboxName, _ access: MailboxAccess, as own: PrivateFlags?, onChange: @escaping @Sendable () -> Void
    ) async throws(StoreError) -> any Mailbox {
        if let failure = self.volume.committer.failure { throw failure }
        let state = try await self.state(of: name)
        return try await OpenMailbox.open(
            state, account: self, access, own?.readerFlags, onChange)
    }

    func resync(_ name: MailboxName) async throws(StoreError) {
        let state = try await self.state(of: name)
        try await self.volume.threads.run { () throws(StoreError) in try state.takeInExternalChanges(.always)
        }
    }
}

extension AccountFiles {
    /// Adds or removes one subscription. Idempotent.
    func setSubscribed(_ name: MailboxName, _ isSubscribed: Bool) throws(StoreError) {
        var names = try self.subscriptions()
        if isSubscribed {
            guard !names.contains(name) else { return }
            names.append(name)
        } else {
            guard names.contains(name) else { return }
            names.removeAll { $0 == name }
        }
        try self.setSubscriptions(names)
    }
}
