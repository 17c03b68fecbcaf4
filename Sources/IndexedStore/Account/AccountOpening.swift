internal import MailCore
internal import MailStore
internal import Synchronization
internal import Threads

/// Reads an account from the index, or makes it at first sight. On a storage thread.
struct AccountOpening {
    private let volume: Volume
    private let identity: AccountIdentity
    private let missing: MissingMail

    /// What to do when nothing is there of the mail that the index knows.
    enum MissingMail {
        /// Its file system is not mounted, most likely: nothing is made, nothing forgotten.
        case refuse
        /// Somebody has removed it, and the account begins anew.
        case beginAnew
    }

    init(_ volume: Volume, _ identity: AccountIdentity, _ missing: MissingMail = .refuse) {
        self.volume = volume
        self.identity = identity
        self.missing = missing
    }

    /// The account, and the ticket of a record to wait for.
    func run() throws(StoreError) -> (StoreAccount, UInt64?) {
        // It may have been in memory a moment ago, with records that are not applied yet.
        try self.volume.waitApplied(self.volume.committer.lastTicket)
        var ticket: UInt64?
        let id: UInt32
        var isNew = false
        var nextMailbox: UInt32 = 1
        var identity = self.identity
        // Rows do not say it: it is what they are in.
        identity.volume = ""
        var lastUIDValidity: UInt32 = 0
        var quotaLimits: QuotaLimits?
        var isChanged = false
        if let known = try self.volume.schema.accountID(identity.name) {
            id = known
            if self.missing == .refuse, let cause = self.volume.lateRestoring.refusal(of: known) { throw cause }
            let row = try self.volume.schema.accountRow(id)
            nextMailbox = row?.nextMailbox ?? 1
            quotaLimits = row?.quotaLimits
            lastUIDValidity = row?.lastUIDValidity ?? 0
            if let row {
                // The setting is for new accounts: this one's messages are where they are.
                identity.driver = row.identity.driver
            }
            isChanged = row?.identity != identity
        } else {
            guard let new = self.volume.accounts.takeID() else { throw StoreError(.limit, "accounts") }
            id = new
            isNew = true
            // Before its record: nothing is to be there when there is no such format.
            _ = try self.volume.configuration.format(of: identity)
            ticket = try self.queue(id, identity)
        }
        identity.volume = self.volume.configuration.volumeName
        let format = try self.volume.configuration.format(of: identity)
        let mailboxes = try self.volume.schema.mailboxes(of: id, restarts: self.volume.restarts)
        let known = KnownMail(mailboxes.map(\.head), madeBySettings: self.volume.configuration.mailboxDefaults)
        if self.missing == .refuse { try format.refuseMissing(known, of: identity) }
        let files =
            format.home == .log
            ? try format.openAccount(identity)
            : try identity.asOwner { () throws(StoreError) in try format.openAccount(identity) }
        if self.missing == .refuse { files.expect(known) }
        if isChanged { ticket = try self.queue(id, identity) }
        var directory = StoreAccount.Directory()
        directory.nextMailbox = nextMailbox
        if format.home == .log { directory.subscriptions = try self.volume.schema.subscriptions(of: id) }
        for mailbox in mailboxes { lastUIDValidity = max(lastUIDValidity, mailbox.head.uidValidity.rawValue) }
        let core = AccountCore(
            id: id, identity: identity, files: files, home: format.home, lastUIDValidity: lastUIDValidity,
            volume: self.volume, quotaLimits: quotaLimits)
        let missing = try self.enter(mailboxes, core, &directory)
        let account = StoreAccount(core: core, directory: directory)
        try account.refreshDirectory()
        for key in missing {
            let record = PendingRecord(record: .mailboxDeleted(key.key, name: key.name), isAwaited: false)
            ticket = self.volume.committer.enqueue(record) ?? ticket
        }
        if isNew {
            try self.indexSpecialUses(account)
        } else if let changed = try account.compareAttributes() {
            ticket = changed
        }
        account.estimateQuota(hasIndex: nextMailbox > 1)
        if let made = try self.makeDefaults(account) { ticket = made }
        return (account, ticket)
    }

    private func queue(_ id: UInt32, _ identity: AccountIdentity) throws(StoreError) -> UInt64 {
        let record = StoreRecord.account(AccountSet(id: id, identity: identity))
        guard let ticket = self.volume.committer.enqueue(PendingRecord(record: record, isAwaited: false))
        else {
            throw StoreError(.temporary, "volume closed")
        }
        return ticket
    }

    /// Enters the indexed mailboxes into the directory; answers those whose files are gone.
    private func enter(
        _ mailboxes: [(key: MailboxKey, head: MailboxHead, keywords: [Keyword])], _ core: AccountCore,
        _ directory: inout StoreAccount.Directory
    ) throws(StoreError) -> [(key: MailboxKey, name: MailboxName)] {
        var missing: [(key: MailboxKey, name: MailboxName)] = []
        for (key, head, keywords) in mailboxes {
            directory.nextMailbox = max(directory.nextMailbox, key.mailbox &+ 1)
            do throws(StoreError) {
                let files = try core.asOwner { () throws(StoreError) in try core.files.mailbox(head.name) }
                let state = MailboxState(core: core, key: key, head: head, keywords: keywords, files: files)
                state.lock.withLock { state.settleQuota() }
                try self.volume.takeUpTasks(of: state)
                directory.entries[head.name] = .indexed(state)
            } catch {
                guard error.code == .notFound else { throw error }
                missing.append((key, head.name))
            }
        }
        return missing
    }

    /// Where files say what mailboxes are for, these are indexed at once, since lists show it.
    private func indexSpecialUses(_ account: StoreAccount) throws(StoreError) {
        let core = account.core
        let attributes = try core.asOwner { () throws(StoreError) in try core.files.attributes() }
        guard attributes.contains(where: { $0.entry == .specialUse && !$0.isServers }) else { return }
        let names = account.directory.withLock { Array($0.entries.keys) }
        for name in names.sorted() {
            guard case .found? = account.entry(name) else { continue }
            _ = try account.index(name)
        }
    }

    /// Makes the mailboxes that settings want to be there.
    private func makeDefaults(_ account: StoreAccount) throws(StoreError) -> UInt64? {
        var ticket: UInt64?
        guard !self.identity.isOfNamespace else { return nil }
        if account.entry(.inbox) == nil { ticket = try account.makeMailbox(.inbox, nil) }
        for wanted in self.volume.configuration.mailboxDefaults {
            guard wanted.creation != .no, account.entry(wanted.name) == nil else { continue }
            ticket = try account.makeMailbox(wanted.name, wanted.specialUse)
            guard wanted.creation == .subscribe else { continue }
            ticket = try account.subscribeDefault(wanted.name) ?? ticket
        }
        return ticket
    }
}
