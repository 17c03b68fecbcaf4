import Delivery
import IMAPCore
import MailCore
import MailStore
import ServerCore

extension FlagChange {
    init(_ command: StoreCommand) {
        let mode: Mode =
            switch command.action {
            case .replace: .replace
            case .add: .add
            case .remove: .remove
            }
        self.init(mode, command.flags.system, command.flags.keywords)
    }

    /// Whether `new` is what this change makes of `old`; keyword numbers are those of `table`.
    func explains(_ old: MessageRecord, _ new: MessageRecord, _ table: KeywordTable) -> Bool {
        let changed = Set(self.keywords.compactMap { table.number(of: $0) })
        let before = Set(table.numbers(in: old.keywords))
        let after = Set(table.numbers(in: new.keywords))
        switch self.mode {
        case .add: return new.flags == old.flags.union(self.flags) && after == before.union(changed)
        case .remove:
            return new.flags == old.flags.subtracting(self.flags) && after == before.subtracting(changed)
        case .replace: return new.flags == self.flags && after == changed
        }
    }
}

extension Session {
    /// STORE (RFC 9051 section 6.4.6) with UNCHANGEDSINCE (RFC 7162 section 3.1.3).
    func store(_ tag: Tag, _ command: StoreCommand) async throws(ConnectionError) {
        let expunges = ExpungeTelling(command.numbering)
        guard let (selected, meant) = self.resolve(tag, command.messages, command.numbering) else { return }
        var indices = meant
        guard !selected.isReadOnly else { return try await self.refuseReadOnly(tag, expunges) }
        if command.unchangedSince != nil { self.enableCondStore() }
        let reached = self.limit(&indices, in: selected.view)
        let uids = selected.uids(indices)
        let change = FlagChange(command)
        let mailbox = selected.mailbox
        let note = self.eventNote(.flag, mailbox.name)
        let result: FlagChangeResult
        do throws(StoreError) {
            result = try await EventNote.noting(note) { () async throws(StoreError) in
                try await mailbox.store(change, uids, unchangedSince: command.unchangedSince)
            }
        } catch {
            return try await self.refuse(tag, error, expunges)
        }
        self.postFlags(note, mailbox.name)
        let missing = try await self.answerStore(command, change, uids, result, reached)
        if !result.modified.isEmpty {
            let numbers = selected.numbers(result.modified, command.numbering)
            return try await self.finish(
                tag, self.code(.modified(numbers), reached), "Conditional store failed for some", expunges)
        }
        if missing, command.numbering == .sequenceNumber {
            return try await self.refuse(
                tag, self.code(.expungeIssued, reached), "Some messages have been expunged", expunges)
        }
        try await self.finish(tag, self.code(nil, reached), "Store completed", expunges)
    }

    /// Tells the new flags of messages, and makes the session's view know them, so that they are not told
    /// twice. Answers whether some messages were gone.
    private func answerStore(
        _ command: StoreCommand, _ change: FlagChange, _ uids: UIDSet, _ result: FlagChangeResult,
        _ reached: LimitReached?
    ) async throws(ConnectionError) -> Bool {
        guard let selected = self.selected else { return false }
        let now = selected.mailbox.snapshot()
        var told: [MessageRecord] = []
        var silent: [MessageRecord] = []
        var isMissing = false
        var looked = 0
        for uid in uids where !result.modified.contains(uid) {
            looked += 1
            // Others on this loop get their turn.
            if looked % 4096 == 0 { await Task.yield() }
            guard let new = now.record(of: uid), let old = selected.view.record(of: uid) else {
                isMissing = true
                continue
            }
            if change.flags.contains(.deleted), change.mode != .remove, !old.flags.contains(.deleted) {
                self.statistics.deleted += 1
            }
            if !command.isSilent {
                told.append(new)
            } else if change.explains(old, new, now.keywords) {
                silent.append(new)
            }
            // Else somebody changed it too: left in the view as it was, it is told with all changes.
        }
        var adopted = selected
        adopted.adopt(told, keywords: now.keywords)
        adopted.adopt(silent, keywords: now.keywords)
        self.selected = adopted
        self.tellKeywords()
        // From the highest UID down, where not all were changed (RFC 9738 section 3.1).
        if reached != nil {
            told.reverse()
            silent.reverse()
        }
        for (position, record) in told.enumerated() {
            if position % 4096 == 4095 { await Task.yield() }
            guard let index = adopted.view.index(of: record.uid) else { continue }
            self.writeFlags(of: record, at: index, adopted)
            try await self.connection.flushIfLarge()
        }
        // Even a silent STORE tells the new MODSEQ, with UNCHANGEDSINCE also that of messages that had the flags
        // already (RFC 7162 section 3.1.3). It is new as well where another session made the same change first:
        // the view has it from now on, so that nothing else would tell it.
        guard self.knowsCondStore else { return isMissing }
        for record in silent {
            let isNew = selected.view.record(of: record.uid)?.modSeq != record.modSeq
            guard isNew || command.unchangedSince != nil else { continue }
            guard let index = adopted.view.index(of: record.uid) else { continue }
            self.write { out in
                var response = adopted.beginFetch(record, at: index, into: &out.bytes)
                if !adopted.tellsUIDsOnly { response.uid(record.uid, into: &out.bytes) }
                response.modSeq(record.modSeq, into: &out.bytes)
                response.end(into: &out.bytes)
            }
            try await self.connection.flushIfLarge()
        }
        return isMissing
    }
}
