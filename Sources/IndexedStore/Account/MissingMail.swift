internal import MailCore
public import MailStore

extension KnownMail {
    /// What the index knows of an account. Mailboxes that settings make count when they have messages.
    init(_ heads: [MailboxHead], madeBySettings defaults: [IndexedStore.MailboxDefault]) {
        self = []
        for head in heads {
            if head.name.isInbox {
                if head.counters.messages > 0 { self.insert(.inbox) }
            } else if head.counters.messages > 0
                || !defaults.contains(where: { $0.name == head.name && $0.creation != .no })
            {
                self.insert(.mailboxes)
            }
        }
    }
}

extension BodyFormat {
    /// Throws `.temporary` when the account's mail is not where the index knows it to be.
    func refuseMissing(_ known: KnownMail, of identity: AccountIdentity) throws(StoreError) {
        guard let place = try self.missingMail(known, of: identity) else { return }
        throw StoreError(
            .temporary,
            "nothing of the mail that the index knows is in \(place): is its file system mounted? Nothing is changed. If "
                + "somebody removed the mail on purpose: `martlet account begin-anew`")
    }

    /// The directory that lacks it; `nil` when there is mail, or none is known.
    func missingMail(_ known: KnownMail, of identity: AccountIdentity) throws(StoreError) -> String? {
        if self.home == .log || known.isEmpty { return nil }
        return try identity.asOwner { () throws(StoreError) in try self.missingPlace(of: identity, known) }
    }
}

extension IndexedStore {
    public func beginAnew(_ identity: AccountIdentity) async throws(StoreError) -> Bool {
        if let failure = self.volume.committer.failure { throw failure }
        let volume = self.volume
        let gate = volume.accounts.gate(identity.name)
        await gate.enter()
        let account: StoreAccount
        do throws(StoreError) {
            defer { gate.leave() }
            guard let begun = try await self.makeAnew(identity) else { return false }
            account = begun
        } catch {
            throw error
        }
        // What the index has is gone with this, and not at the next look of somebody.
        for listing in try await account.mailboxes() where listing.isSelectable { try await account.resync(listing.name) }
        volume.configuration.log(
            .warning, "account \(identity.name) begins anew: nothing of its mail was in \(account.identity.mailPath)")
        return true
    }

    /// With the gate held. `nil`: its mail is there.
    private func makeAnew(_ identity: AccountIdentity) async throws(StoreError) -> StoreAccount? {
        let volume = self.volume
        let open = volume.accounts.find(identity.name)
        let (account, ticket) = try await self.threads.run { () throws(StoreError) -> (StoreAccount?, UInt64?) in
            try volume.waitApplied(volume.committer.lastTicket)
            guard let id = try volume.schema.accountID(identity.name) else {
                throw StoreError(.notFound, "account \(identity.name)")
            }
            var identity = open?.identity ?? identity
            if let row = try volume.schema.accountRow(id) { identity.driver = row.identity.driver }
            let format = try volume.configuration.format(of: identity)
            let heads = try volume.schema.mailboxes(of: id, restarts: volume.restarts).map(\.head)
            let known = KnownMail(heads, madeBySettings: volume.configuration.mailboxDefaults)
            // An open account may know more of its files than the index: a mailbox that was emptied, and then removed.
            let isRefused = try open?.missesMail ?? false
            let isMissing = try format.missingMail(known, of: identity) != nil
            guard isRefused || isMissing else { return (nil, nil) }
            volume.lateRestoring.giveUp(id, volume)
            guard let open else { return try AccountOpening(volume, identity, .beginAnew).run() }
            open.core.files.expect([])
            _ = try open.core.asOwner { () throws(StoreError) in try format.openAccount(identity) }
            return (open, nil)
        }
        if let ticket { try await volume.committer.flushed(ticket) }
        if open == nil, let account { volume.accounts.insert(account, keeping: volume.configuration.maximumIdleAccounts) }
        return account
    }
}

extension StoreAccount {
    /// Whether its files are away. That they cannot be looked at now says nothing: then it throws.
    fileprivate var missesMail: Bool {
        get throws(StoreError) {
            try self.core.asOwner { () throws(StoreError) in try self.core.files.missingPlace() != nil }
        }
    }
}
