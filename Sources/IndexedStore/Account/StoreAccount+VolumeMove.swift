internal import MailCore
internal import MailStore
internal import Synchronization

/// Moving an account into another volume, while it is in use.
///
/// Until the end it is in the old volume and nowhere else: a process that ends in between leaves rows in the new one that
/// the next start removes. At the end a record in the new volume names the account, and then one in the old volume
/// removes it there; after an end between these two, the number of moves says which one counts.
extension StoreAccount {
    /// Passes while others change the account, and messages that the last one may bring on top.
    private static let onlinePasses = 4
    private static let shortPass = 200

    /// - Parameter opening: those who open the account wait here.
    func move(to target: Volume, opening: AsyncGate) async throws(StoreError) -> Int {
        let source = self.volume
        if let failure = source.committer.failure ?? target.committer.failure { throw failure }
        try self.core.checkInUse()
        try await self.awaitSoundFiles()
        guard let id = target.accounts.takeID() else { throw StoreError(.limit, "accounts") }
        let transfer = AccountTransfer(from: source, self.core.id, to: target, as: id)
        do throws(StoreError) {
            try await self.announce(transfer, in: target)
            // Rows alone come so fast that nobody need be let in between.
            if self.core.home == .log {
                for _ in 0..<Self.onlinePasses {
                    let before = transfer.messages
                    try await source.threads.run { () throws(StoreError) in
                        try source.waitApplied(source.committer.lastTicket)
                        try transfer.run(.online)
                    }
                    if transfer.messages - before < Self.shortPass { break }
                }
            } else {
                // Lists that others wrote into the files.
                _ = try await self.accessLists()
            }
            await opening.enter()
            defer { opening.leave() }
            await self.gate.enter()
            defer { self.gate.leave() }
            try await self.finish(transfer, in: target)
        } catch {
            // The target may have the account, and then alone: nothing may be removed there.
            guard !transfer.isUndecided else { throw error }
            do throws(StoreError) {
                try await target.threads.run { () throws(StoreError) in
                    _ = try target.commitAndApply([.accountLeft(account: id)])
                }
            } catch {
                target.configuration.log(
                    .warning, "account \(self.identity.name): remains of a move stay until the next start: \(error)")
            }
            throw error
        }
        return transfer.messages
    }

    /// Removes the account from the volume that it has left. What cannot be removed now is at the next start, by the number of
    /// moves, and counts for nothing until then.
    private func leave(_ source: Volume) {
        do throws(StoreError) {
            try source.commitAndApply([.accountLeft(account: self.core.id)])
        } catch {
            source.accounts.noteRemains(self.identity.name)
            source.configuration.log(
                .warning,
                "account \(self.identity.name): has moved, remains of it stay in the volume "
                    + "\(source.configuration.volumeName) until the next start: \(error)")
        }
    }

    private func announce(_ transfer: AccountTransfer, in target: Volume) async throws(StoreError) {
        let source = self.volume
        try await source.applied(source.committer.lastTicket)
        let row = try self.row(arriving: true)
        try await target.threads.run { () throws(StoreError) in
            _ = try target.commitAndApply([.accountArrived(AccountArrived(id: transfer.id, row: row))])
        }
    }

    private func row(arriving: Bool) throws(StoreError) -> AccountRow {
        guard var row = try self.volume.schema.accountRow(self.core.id) else {
            throw StoreError(.temporary, "account \(self.identity.name) is not in the index")
        }
        row.moves += 1
        row.nextMailbox = max(row.nextMailbox, self.directory.withLock { $0.nextMailbox })
        if arriving { row.identity = row.identity.arriving }
        return row
    }

    /// With both gates held: nobody opens the account, or changes its mailboxes.
    private func finish(_ transfer: AccountTransfer, in target: Volume) async throws(StoreError) {
        let source = self.volume
        if self.core.home == .files {
            try await source.threads.run { () throws(StoreError) in try self.refreshDirectory() }
            for name in self.directory.withLock({ Array($0.entries.keys) }) { _ = try await self.stateInGate(name) }
        }
        // Before this object is no longer of use: who asks this volume, and not the set of them, does not wait for
        // `opening`, and another object would take mail into an account that has left.
        source.accounts.noteLeft(self.identity.name)
        var hasLeft = false
        defer { if !hasLeft, !transfer.isUndecided { source.accounts.noteStays(self.identity.name) } }
        self.core.hasLeft.store(true, ordering: .releasing)
        let states = self.retire()
        // Whatever comes of it: who opens the account gets another object.
        defer { source.accounts.remove(self) }
        try await Self.settled(states)
        let moved = try await source.threads.run { () throws(StoreError) -> [AccountTransfer.MovedList] in
            try source.waitApplied(source.committer.lastTicket)
            // A later start must find nothing to do to files that are another volume's by then.
            try self.drainFiles()
            try source.waitApplied(source.committer.lastTicket)
            try transfer.run(.last)
            return try transfer.accessLists()
        }
        let row = try self.row(arriving: false)
        try await source.threads.run { () throws(StoreError) in
            switch target.commit([.accountArrived(AccountArrived(id: transfer.id, row: row))]) {
            case .refused(let failure): throw failure
            case .undecided(let failure):
                // The next start finds out in which volume it is; until then nobody may change it in either.
                transfer.isUndecided = true
                throw failure
            case .durable(_, let ticket):
                // From here on it is in the target, whatever happens.
                self.leave(source)
                do throws(StoreError) {
                    try target.waitApplied(ticket)
                } catch {
                    target.configuration.log(
                        .warning, "account \(self.identity.name): has come, but is not in the index yet: \(error)")
                }
            }
        }
        hasLeft = true
        target.accounts.noteStays(self.identity.name)
        for list in moved {
            source.accessLists.set(list.source, nil)
            target.accessLists.set(list.target, list.text)
        }
        source.configuration.log(
            .notice,
            "account \(self.identity.name) is in the volume \(target.configuration.volumeName) now: "
                + "\(transfer.messages) messages")
    }
}
