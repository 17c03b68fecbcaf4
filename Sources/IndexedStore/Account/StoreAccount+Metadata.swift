internal import MailCore
internal import MailStore
internal import Synchronization
internal import Threads
internal import VolumeLog

/// Metadata of mailboxes and of the server (RFC 5464). The log has it first, then the index and, for a Maildir, a
/// file beside it, so that it is there again when the index is lost.
extension StoreAccount {
    func metadata(of owner: MetadataOwner) async throws(StoreError) -> [Metadata] {
        let state = try await self.holder(of: owner)
        try await self.volume.applied(state.lock.withLock { state.lastTicket })
        var found = try self.volume.schema.metadata(self.key(of: owner, state)).filter { !$0.entry.isInternal }
        if case .mailbox(let name) = owner, let use = self.specialUse(of: name, state) {
            found.append(Metadata(.specialUse, Array(use.rawValue.utf8)))
            found.sort { $0.entry < $1.entry }
        }
        return found
    }

    func setMetadata(_ changes: [MetadataChange], of owner: MetadataOwner) async throws(StoreError) {
        if let failure = self.volume.committer.failure { throw failure }
        guard !changes.isEmpty else { return }
        for change in changes {
            // No detail: it is no fault of the server.
            guard !change.entry.isInternal else { throw StoreError(.noPermission) }
            guard change.value?.count ?? 0 <= MetadataLimits.maximumValue else { throw StoreError(.tooBig, "metadata") }
            guard case .mailbox = owner, change.entry == .specialUse, let value = change.value, !value.isEmpty else {
                continue
            }
            guard SpecialUse(metadata: value) != nil else { throw StoreError(.cannot, "special use") }
        }
        let state = try await self.holder(of: owner)
        await self.gate.enter()
        defer { self.gate.leave() }
        try await self.change(changes, of: owner, state)
    }

    func secret(
        _ entry: MetadataEntry, of owner: MetadataOwner, orElse value: [UInt8]?
    ) async throws(StoreError) -> [UInt8]? {
        let state = try await self.holder(of: owner)
        await self.gate.enter()
        defer { self.gate.leave() }
        try self.core.checkInUse()
        try await self.volume.applied(state.lock.withLock { state.lastTicket })
        let known = try self.volume.schema.metadata(self.key(of: owner, state)).first { $0.entry == entry }
        if let known { return known.value }
        guard let value else { return nil }
        try await self.change([MetadataChange(entry, value)], of: owner, state)
        return value
    }

    func setSecret(_ entry: MetadataEntry, _ value: [UInt8]?, of owner: MetadataOwner) async throws(StoreError) {
        let state = try await self.holder(of: owner)
        await self.gate.enter()
        defer { self.gate.leave() }
        try await self.change([MetadataChange(entry, value)], of: owner, state)
    }

    /// Makes changes, with the account's gate held.
    private func change(
        _ changes: [MetadataChange], of owner: MetadataOwner, _ state: MailboxState
    ) async throws(StoreError) {
        if let failure = self.volume.committer.failure { throw failure }
        try self.core.checkInUse()
        try await self.volume.applied(state.lock.withLock { state.lastTicket })
        let key = self.key(of: owner, state)
        let effective = try self.effective(changes, key)
        guard !effective.isEmpty else { return }
        // The log first: after a crash the file is written again from it.
        let sequence = try await self.commitMetadata(MetadataSet(key: key, changes: effective), state)
        for change in effective where change.entry == .specialUse && key.mailbox != 0 {
            state.lock.withLock { state.specialUse = SpecialUseChoice(change.value) }
        }
        let shown = effective.map(\.entry).filter { !$0.isInternal }
        if !shown.isEmpty { self.feed.post(.metadata(owner, shown)) }
        guard self.core.home == .files else { return }
        self.noteUnwritten(effective, key, state, sequence)
        do throws(StoreError) {
            try await self.volume.threads.run { () throws(StoreError) in try self.writeUnwritten() }
        } catch {
            // Durable all the same: the log has the record.
            self.writeLater(error, state)
        }
    }

    /// What is left of changes without those that change nothing; throws when there would be too many entries.
    private func effective(_ changes: [MetadataChange], _ key: MailboxKey) throws(StoreError) -> [MetadataChange] {
        var present: [MetadataEntry: [UInt8]] = [:]
        for known in try self.volume.schema.metadata(key) { present[known.entry] = known.value }
        // What clients do not see does not count for them.
        func count() -> Int { present.keys.count { !$0.isInternal } }
        let before = count()
        var wanted: [MetadataEntry: Int] = [:]
        var effective: [MetadataChange] = []
        for change in changes {
            if change.entry == .specialUse, key.mailbox != 0 {
                effective.append(change)
                continue
            }
            if present[change.entry] == change.value, wanted[change.entry] == nil { continue }
            present[change.entry] = change.value
            wanted[change.entry] = effective.count
            effective.append(change)
        }
        let after = count()
        guard after <= MetadataLimits.maximumEntries || after <= before else {
            throw StoreError(.limit, "metadata entries")
        }
        return effective
    }

    private func commitMetadata(_ set: MetadataSet, _ state: MailboxState) async throws(StoreError) -> LogSequence {
        let result: Result<LogSequence, StoreError> = await withCheckedContinuation { continuation in
            let failure = state.lock.withLock { () -> StoreError? in
                guard !state.isDeleted else { return state.goneError }
                var records = [
                    PendingRecord(
                        record: .metadata(set), isAwaited: true, hasFileWork: self.core.home == .files,
                        completion: { continuation.resume(returning: $0) })
                ]
                // A change of the mailbox for clients that come back, though no message has its MODSEQ (RFC 7162
                // section 3.2). Where the log refuses the change the MODSEQ is used up all the same.
                let modSeq = ModSeq(rawValue: state.highestModSeq.rawValue + 1)
                let isSeen = set.key.mailbox != 0 && set.changes.contains { !$0.entry.isInternal }
                if isSeen {
                    let raised = FlagsChanged(
                        key: set.key, modSeq: modSeq, origin: .file, newKeywords: NewKeywords(), rows: [])
                    records.append(PendingRecord(record: .flagged(raised), isAwaited: false, joinsPrevious: true))
                }
                do throws(StoreError) {
                    _ = try state.queue(records)
                } catch {
                    return error
                }
                if isSeen {
                    state.highestModSeq = modSeq
                    state.refreshSnapshotHead()
                }
                return nil
            }
            if let failure { continuation.resume(returning: .failure(failure)) }
        }
        return try result.get()
    }

    /// The mailbox under whose lock the metadata is changed: INBOX for the server's.
    private func holder(of owner: MetadataOwner) async throws(StoreError) -> MailboxState {
        switch owner {
        case .server: try await self.state(of: .inbox)
        case .mailbox(let name): try await self.state(of: name)
        }
    }

    private func key(of owner: MetadataOwner, _ state: MailboxState) -> MailboxKey {
        switch owner {
        case .server: MailboxKey(account: self.core.id, mailbox: 0)
        case .mailbox: state.key
        }
    }

    private func specialUse(of name: MailboxName, _ state: MailboxState) -> SpecialUse? {
        let wanted = self.volume.configuration.mailboxDefaults.first { $0.name == name }?.specialUse
        return state.lock.withLock { state.specialUse }.resolved(wanted)
    }

    // MARK: From the files

    /// The attributes of a mailbox seen for the first time.
    func storedAttributes(of guid: String) throws(StoreError) -> [StoredAttribute] {
        try self.core.asOwner { () throws(StoreError) in try self.core.files.attributes() }.filter { $0.guid == guid }
    }

    /// Queues what files say of a mailbox that has just been indexed; the ticket, if there is anything.
    func takeAttributes(_ attributes: [StoredAttribute], _ state: MailboxState) throws(StoreError) -> UInt64? {
        var ticket: UInt64?
        for isServer in [false, true] {
            let changes = attributes.compactMap { attribute -> MetadataChange? in
                guard attribute.isServers == isServer, let entry = attribute.entry, let value = attribute.value else {
                    return nil
                }
                return MetadataChange(entry, value)
            }
            guard !isServer || state.name.isInbox else { continue }
            let key = isServer ? MailboxKey(account: self.core.id, mailbox: 0) : state.key
            if let queued = try self.queue(changes, key, state) { ticket = queued }
        }
        return ticket
    }

    /// Queues what was found among the files.
    private func queue(
        _ changes: [MetadataChange], _ key: MailboxKey, _ state: MailboxState
    ) throws(StoreError) -> UInt64? {
        guard !changes.isEmpty else { return nil }
        return try state.lock.withLock { () throws(StoreError) in
            for change in changes where change.entry == .specialUse && key.mailbox != 0 {
                state.specialUse = SpecialUseChoice(change.value)
            }
            let record = StoreRecord.metadata(MetadataSet(key: key, changes: changes))
            return try state.queue(PendingRecord(record: record, isAwaited: false))
        }
    }

    /// Takes in what another server changed in the files while this one was away; the ticket to wait for. With all
    /// records applied: after a crash, files have them by then, so that a difference is not ours.
    func compareAttributes() throws(StoreError) -> UInt64? {
        guard self.core.home == .files else { return nil }
        let stored = try self.core.asOwner { () throws(StoreError) in try self.core.files.attributes() }
        let indexed = try self.volume.schema.metadata(of: self.core.id)
        if stored.isEmpty, indexed.isEmpty { return nil }
        var byGUID: [String: [StoredAttribute]] = [:]
        for attribute in stored { byGUID[attribute.guid, default: []].append(attribute) }
        let states = self.directory.withLock { directory in
            directory.entries.values.compactMap { entry -> MailboxState? in
                if case .indexed(let state) = entry { return state }
                return nil
            }
        }
        if stored.isEmpty {
            try self.writeAttributes(indexed, states)
            return nil
        }
        var ticket: UInt64?
        for state in states {
            let attributes = byGUID[state.guid] ?? []
            for isServer in state.name.isInbox ? [false, true] : [false] {
                let key = isServer ? MailboxKey(account: self.core.id, mailbox: 0) : state.key
                let changes = Self.differences(
                    attributes.filter { $0.isServers == isServer }, indexed[key.mailbox] ?? [:], state.specialUse)
                if let queued = try self.queue(changes, key, state) { ticket = queued }
            }
        }
        return ticket
    }

    /// What makes of the index's entries those of the files.
    private static func differences(
        _ attributes: [StoredAttribute], _ indexed: [MetadataEntry: [UInt8]], _ specialUse: SpecialUseChoice
    ) -> [MetadataChange] {
        var changes: [MetadataChange] = []
        var gone = Set(indexed.keys)
        for attribute in attributes {
            guard let entry = attribute.entry else { continue }
            gone.remove(entry)
            if entry == .specialUse, !attribute.isServers {
                // Where files have none, it was given before they could; it stays.
                if SpecialUseChoice(attribute.value) != specialUse {
                    changes.append(MetadataChange(entry, attribute.value))
                }
            } else if indexed[entry] != attribute.value {
                changes.append(MetadataChange(entry, attribute.value))
            }
        }
        return changes + gone.sorted().map { MetadataChange($0, nil) }
    }

    /// Writes the file anew from the index, as it was lost.
    private func writeAttributes(
        _ indexed: [UInt32: [MetadataEntry: [UInt8]]], _ states: [MailboxState]
    ) throws(StoreError) {
        var attributes: [StoredAttribute] = []
        for state in states {
            for isServer in state.name.isInbox ? [false, true] : [false] {
                let entries = indexed[isServer ? 0 : state.key.mailbox] ?? [:]
                let changes = entries.sorted { $0.key < $1.key }.map { MetadataChange($0.key, $0.value) }
                attributes += StoredAttribute.changes(changes, guid: state.guid, isServer: isServer)
            }
        }
        let lost = attributes
        try self.changeList { () throws(StoreError) in try self.core.files.changeAttributes(lost) }
    }
}
