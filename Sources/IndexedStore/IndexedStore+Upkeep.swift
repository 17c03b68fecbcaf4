public import MailStore

extension IndexedStore: StoreUpkeep {
    public func identities() async throws(StoreError) -> [AccountIdentity] {
        let volume = self.volume
        return try await self.threads.run { () throws(StoreError) -> [AccountIdentity] in
            try volume.waitApplied(volume.committer.lastTicket)
            return try volume.schema.accountIdentities()
        }
    }

    public func archive(_ account: any MailAccount) async throws(StoreError) -> any AccountArchive {
        let account = try self.account(own: account)
        // What other programs did to the files belongs to the moment.
        for listing in try await account.mailboxes() where listing.isSelectable {
            do throws(StoreError) {
                _ = try await account.status(of: listing.name)
            } catch {
                guard error.code == .notFound else { throw error }
            }
        }
        return try await self.threads.run { () throws(StoreError) in try AccountSnapshot.take(account) }
    }

    public func restore(
        _ mailbox: ArchivedMailbox, in account: any MailAccount, _ identity: RestoredIdentity
    ) async throws(StoreError) -> any MailboxRestoration {
        try await self.account(own: account).restoring(mailbox, identity)
    }

    func account(own account: any MailAccount) throws(StoreError) -> StoreAccount {
        guard let account = account as? StoreAccount, account.volume === self.volume else {
            throw StoreError(.cannot, "account of another store")
        }
        return account
    }
}
