internal import MailCore
internal import MailStore

/// Reads an account from the index, or makes it at first sight. On a storage thread.
struct AccountOpening {
    private let volume: Volume
    private let identity: AccountIdentity

    init(_ volume: Volume, _ identity: AccountIdentity) {
        self.volume = volume
        self.identity = identity
    }

    /// The account, and the ticket of a record to wait for.
    func run() throws(StoreError) -> (StoreAccount, UInt64?) {
        // It may have been in memory a moment ago, with records that are not applied yet.
        try self.volume.waitApplied(self.volume.committer.lastTicket)
        var ticket: UInt64?
        let id: UInt32
        var nextMailbox: UInt32 = 1
        let identity = self.identity
        if let known = try self.volume.schema.accountID(identity.name) {
            id = known
            let row = try self.volume.schema.accountRow(id)
            nextMailbox = row?.nextMailbox ?? 1
            if row?.identity != identity { ticket = try self.queue(id) }
        } else {
            guard let new = self.volume.accounts.takeID() else { throw StoreError(.limit, "accounts") }
            id = new
            ticket = try self.queue(id)
        }
        let format = self.volume.configuration.bodyFormat
        let files = try identity.asOwner { () throws(StoreError) in try format.openAccount(identity) }
        let core = AccountCore(id: id, identity: identity, files: files, volume: self.volume)
        var directory = StoreAccount.Directory()
        directory.nextMailbox = nextMailbox
        let missing = try self.readMailboxes(core, &directory)
        let account = StoreAccount(core: core, directory: directory)
        for key in missing {
            let record = PendingRecord(record: .mailboxDeleted(key.key, name: key.name), isAwaited: false)
            ticket = self.volume.committer.enqueue(record) ?? ticket
        }
        try account.refreshDirectory()
        if let made = try self.makeDefaults(account) { ticket = made }
        return (account, ticket)
    }

    private func queue(_ id: UInt32) throws(StoreError) -> UInt64 {
        let record = StoreRecord.account(AccountSet(id: id, identity: self.identity))
        guard let ticket = self.volume.committer.enqueue(PendingRecord(record: record, isAwaited: false))
        else {
            throw StoreError(.temporary, "volume closed")
        }
        return ticket
    }

    /// Enters the indexed mailboxes into the directory; answers those whose files are gone.
    private func readMailboxes(
        _ core: AccountCore, _ directory: inout StoreAccount.Directory
    ) throws(StoreError) -> [(key: MailboxKey, name: MailboxName)] {
        var missing: [(key: MailboxKey, name: MailboxName)] = []
        for (key, head, keywords) in try self.volume.schema.mailboxes(
            of: core.id, restarts: self.volume.restarts)
        {
            directory.nextMailbox = max(directory.nextMailbox, key.mailbox &+ 1)
            do throws(StoreError) {
                let files = try core.asOwner { () throws(StoreError) in try core.files.mailbox(head.name) }
                directory.entries[head.name] = .indexed(
                    MailboxState(core: core, key: key, head: head, keywords: keywords, files: files))
            } catch {
                guard error.code == .notFound else { throw error }
                missing.append((key, head.name))
            }
        }
        return missing
    }

    /// Makes the mailboxes that settings want to be there.
    private func makeDefaults(_ account: StoreAccount) throws(StoreError) -> UInt64? {
        var ticket: UInt64?
        if account.entry(.inbox) == nil { ticket = try account.makeMailbox(.inbox, nil) }
        for wanted in self.volume.configuration.mailboxDefaults {
            guard wanted.creation != .no, account.entry(wanted.name) == nil else { continue }
            ticket = try account.makeMailbox(wanted.name, wanted.specialUse)
            guard wanted.creation == .subscribe else { continue }
            try account.core.asOwner { () throws(StoreError) in
                try account.core.files.setSubscribed(wanted.name, true)
            }
        }
        return ticket
    }
}
