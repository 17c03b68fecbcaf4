internal import LMDB
public import MailCore
public import MailStore
internal import Synchronization

/// The store engine: UIDs, flags, MODSEQs, caches and the log of one volume; message bodies lie where a
/// `BodyFormat` keeps them.
///
/// Safe to use from any thread. Open it once per process and volume: the volume's directory is locked.
public final class IndexedStore: MailStore {
    public let threads: StorageThreads
    /// What opening found and did.
    public let openReport: OpenReport
    public let accessFeed: AccountFeed? = AccountFeed()
    let volume: Volume
    private let isClosed = Mutex(false)

    private init(_ volume: Volume, _ report: OpenReport) {
        self.volume = volume
        self.threads = volume.threads
        self.openReport = report
    }

    deinit {
        // A store that is dropped without `close` still ends its threads in order.
        if !self.isClosed.withLock({ $0 }) { self.volume.close() }
    }

    /// Opens a volume, repairing what a crash left: blocks for as long as that takes.
    ///
    /// Throws `.inUse` when another process has it, `.damaged` with what to do when the index cannot be read.
    public static func open(_ configuration: Configuration) throws(StoreError) -> IndexedStore {
        let recovered = try Recovery.open(configuration)
        let threads = StorageThreads(count: configuration.threadCount)
        let volume = try Volume(configuration, threads: threads, recovered: recovered)
        volume.accounts.setNextID(try volume.schema.highestAccountID() &+ 1)
        try volume.start(recovered.files, unlogged: recovered.unlogged)
        // What came of accounts on their way here when the process ended; they are still where they were.
        for (id, row) in try volume.schema.accountsInTransit() where row.identity.isArriving {
            do throws(StoreError) {
                try volume.commitAndApply([.accountLeft(account: id)])
            } catch {
                // The next start tries again; it costs space only.
                configuration.log(.warning, "account \(row.identity.shownName): remains of a move stay: \(error)")
            }
        }
        return IndexedStore(volume, recovered.report)
    }

    public func close() async {
        let isFirst = self.isClosed.withLock { closed in
            defer { closed = true }
            return !closed
        }
        guard isFirst else { return }
        let volume = self.volume
        do throws(StoreError) {
            try await self.threads.run { () throws(StoreError) in volume.close() }
        } catch {
            volume.close()
        }
        self.threads.stop()
    }

    public func makeSpool() -> MessageSpool {
        MessageSpool(directory: self.volume.configuration.directory, threads: self.threads)
    }

    public func accountNames() async throws(StoreError) -> [String] {
        let volume = self.volume
        return try await self.threads.run { () throws(StoreError) in
            try volume.waitApplied(volume.committer.lastTicket)
            return try volume.schema.accountNames()
        }
    }

    public func hasAccount(_ name: String) async throws(StoreError) -> Bool {
        let volume = self.volume
        if volume.accounts.hasRemains(name) { return false }
        if volume.accounts.find(name) != nil { return true }
        return try await self.threads.run { () throws(StoreError) in
            try volume.waitApplied(volume.committer.lastTicket)
            return try volume.schema.accountID(name) != nil
        }
    }

    /// Waits until all changes made so far show in the files, as they must when another program is to have them; throws
    /// `.temporary` when that takes longer than `longestFileWait`.
    package func finishFileWork() async throws(StoreError) {
        let volume = self.volume
        try await self.threads.run { () throws(StoreError) in
            try volume.waitApplied(volume.committer.lastTicket)
            try volume.fileWork.drain(.everything)
            volume.applier.drain()
        }
    }

    /// Whether segments that nothing needs are kept for those who copy them (`segmentRetention`).
    public enum Retention: Sendable { case ends, holds }

    /// Writes a checkpoint, copies what is left in sparse segments and gives them back, without regard to budgets.
    public func keepLogShort(_ retention: Retention = .ends) async throws(StoreError) {
        let volume = self.volume
        try await self.threads.run { () throws(StoreError) in
            try volume.waitApplied(volume.committer.lastTicket)
            volume.keeper.runNow()
            try volume.waitApplied(volume.committer.lastTicket)
            volume.applier.recycleNow(retention)
        }
    }

    /// Compares a mailbox with its files and mends the index.
    public func resync(_ name: MailboxName, of account: any MailAccount) async throws(StoreError) {
        guard let account = account as? StoreAccount, account.volume === self.volume else {
            throw StoreError(.cannot, "account of another store")
        }
        try await account.resync(name)
    }

    // MARK: Accounts

    public func account(_ identity: AccountIdentity) async throws(StoreError) -> any MailAccount {
        if let known = self.volume.accounts.usable(identity.name) { return known }
        if let failure = self.volume.committer.failure { throw failure }
        guard !identity.name.isEmpty, identity.name.utf8.count <= IndexSchema.maximumAccountName else {
            throw StoreError(.cannot, "account name")
        }
        let gate = self.volume.accounts.gate(identity.name)
        await gate.enter()
        defer { gate.leave() }
        if let known = self.volume.accounts.usable(identity.name) { return known }
        if self.volume.accounts.hasLeft(identity.name) { throw StoreError(.temporary, "account moves") }
        let volume = self.volume
        let (account, ticket) = try await self.threads.run {
            () throws(StoreError) -> (StoreAccount, UInt64?) in
            try AccountOpening(volume, identity).run()
        }
        if let ticket { try await volume.committer.flushed(ticket) }
        volume.accounts.insert(account, keeping: volume.configuration.maximumIdleAccounts)
        return account
    }

    public func move(_ identity: AccountIdentity, toFormat driver: String) async throws(StoreError) -> Int {
        let gate = self.volume.moves
        await gate.enter()
        defer { gate.leave() }
        // As the move before has left it.
        guard let known = try await self.account(identity) as? StoreAccount else {
            throw StoreError(.cannot, "account of another store")
        }
        var target = known.identity
        target.driver = driver
        let format = try self.volume.configuration.format(of: target)
        return try await self.move(known, target, format)
    }

    private func move(
        _ known: StoreAccount, _ target: AccountIdentity, _ format: any BodyFormat
    ) async throws(StoreError) -> Int {
        let driver = target.driver
        let opening = self.volume.accounts.gate(target.name)
        switch (known.core.home, format.home) {
        case (.files, .files) where known.identity.driver != driver:
            throw StoreError(.cannot, "from \(known.identity.driver) to \(driver)")
        case (.log, .log): return 0
        case (.files, .log):
            return try await known.moveIntoLog(target, opening: opening)
        case (.log, .files):
            let made = target
            let files = try await self.threads.run { () throws(StoreError) in
                try made.asOwner { () throws(StoreError) in try format.openAccount(made) }
            }
            try await known.makeFiles(files, made, opening: opening)
        case (.files, .files): break
        }
        // Also what an earlier move, cut short, has left.
        guard let account = try await self.account(target) as? StoreAccount else { return 0 }
        return try await account.moveIntoFiles()
    }

    // MARK: Deposits

    public func deposit(_ deposits: [Deposit]) async -> [Result<StoredMessage, StoreError>] {
        await self.deposit(deposits, .each).deposits
    }

    public func depositAll(_ deposits: [Deposit]) async throws(StoreError) -> [StoredMessage] {
        var stored: [StoredMessage] = []
        for result in await self.deposit(deposits, .allOrNone).deposits { stored.append(try result.get()) }
        return stored
    }

    public func replace(
        _ uid: UID, in mailbox: any Mailbox, by deposit: Deposit
    ) async throws(StoreError) -> StoredMessage {
        guard let mailbox = mailbox as? OpenMailbox, mailbox.volume === self.volume else {
            throw StoreError(.cannot, "mailbox of another store")
        }
        try mailbox.checkWritable()
        let replaced = Depositing.Replaced(state: mailbox.state, uid: uid)
        guard replaced.record != nil else { throw StoreError(.expunged, "nothing to replace") }
        let outcome = await self.deposit([deposit], .allOrNone, replaced)
        guard let result = outcome.deposits.first else { throw StoreError(.temporary) }
        let stored = try result.get()
        // Both are there when the log does not take the removal, and the client has to know.
        if let removal = outcome.removal { try await self.volume.committer.flushed(removal) }
        return stored
    }

    func deposit(
        _ deposits: [Deposit], _ mode: Depositing.Mode, _ replaced: Depositing.Replaced? = nil,
        parcels: [Depositing.PendingParcel] = []
    ) async -> Depositing.Outcome {
        func failed(_ failure: StoreError) -> Depositing.Outcome {
            Depositing.Outcome(
                deposits: deposits.map { _ in .failure(failure) }, effects: parcels.map { _ in .failure(failure) })
        }
        if let failure = self.volume.committer.refusalOfAdditions { return failed(failure) }
        var results: [Result<StoredMessage, StoreError>?] = Array(repeating: nil, count: deposits.count)
        var items: [Depositing.Item] = []
        var octets = 0
        for (index, deposit) in deposits.enumerated() {
            do throws(StoreError) {
                var deposit = deposit
                let place = try await deposit.account.destination(of: deposit.mailbox, deposit.missingMailbox)
                deposit.account = place.account
                deposit.mailbox = place.name
                deposit.flags = place.rights.permitted(deposit.flags)
                deposit.keywords = place.rights.permitted(deposit.keywords)
                guard let account = deposit.account as? StoreAccount, account.volume === self.volume else {
                    throw StoreError(.cannot, "account of another store")
                }
                try await account.countForQuota()
                let state = try await account.state(of: deposit.mailbox, deposit.missingMailbox)
                if !items.contains(where: { $0.deposit.message === deposit.message }) {
                    octets += deposit.message.octets.count
                }
                let reader = (place.privateFlags ?? deposit.privateFlags)?.readerFlags
                items.append(Depositing.Item(deposit: deposit, reader: reader, state: state, index: index))
            } catch {
                if mode == .allOrNone { return failed(error) }
                results[index] = .failure(error)
            }
        }
        for mail in parcels.flatMap(\.outgoing).map(\.mail)
        where !items.contains(where: { $0.deposit.message === mail.message }) { octets += mail.message.octets.count }
        guard !items.isEmpty || parcels.contains(where: \.hasEffects) else {
            return Depositing.Outcome(
                deposits: results.map { $0 ?? .failure(StoreError(.temporary)) },
                effects: parcels.map { $0.failure.map { .failure($0) } ?? .success(()) })
        }
        let volume = self.volume
        await volume.budget.take(octets)
        defer { volume.budget.giveBack(octets) }
        let prepared = items
        let known = results
        return await volume.outcome { continuation in
            Depositing(prepared, results: known, parcels: parcels, mode, replaced, volume, continuation)
        }
    }
}
