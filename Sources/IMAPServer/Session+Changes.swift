import IMAPCore
import MailCore
import MailStore
import ServerCore

/// Whether a command's answer may carry EXPUNGE: not that of FETCH, STORE and SEARCH with sequence numbers
/// (RFC 9051 section 7.5.1).
enum ExpungeTelling {
    case allowed
    case forbidden

    init(_ numbering: MessageNumbering) {
        switch numbering {
        case .uid: self = .allowed
        case .sequenceNumber: self = .forbidden
        }
    }

    init(_ search: SearchCommand) {
        // A filter may have sequence numbers in it.
        self = search.key.hasSequenceNumbers || search.key.hasFilters ? .forbidden : ExpungeTelling(search.numbering)
    }
}

/// Why a client is told of changes.
enum TellingOccasion {
    /// The end of a command, of which a tagged response comes next.
    case command
    /// A change by itself, or the midst of a command.
    case event
}

/// What a client is still to be told of its selected mailbox.
private struct Untold {
    /// Places in the view before, ascending.
    var expunged: [Int] = []
    /// Messages that are gone, whether or not that may be told, with their places in the view before.
    var gone: [(index: Int, uid: UID)] = []
    /// The same messages.
    var vanished = UIDSet()
    /// Places in the view now whose flags changed.
    var updated: [Int] = []
    /// Messages at the end of the view that the client has not been told of.
    var appended = 0
    var hasGrown: Bool { self.appended > 0 }
    /// Whether FETCH responses tell of it, in which MODSEQs can be.
    var hasFetches: Bool { self.hasGrown || !self.updated.isEmpty }
}

extension Session {
    /// Tells the client how the selected mailbox changed since it was last told, and moves its view on.
    ///
    /// Where EXPUNGE is forbidden, messages that are gone stay in the view with their numbers; the rest is
    /// told all the same.
    @inline(never)
    func tellChanges(
        _ expunges: ExpungeTelling, _ occasion: TellingOccasion = .command
    ) async throws(ConnectionError) {
        // Two steps, because an asynchronous function keeps its variables on the heap for as long as it
        // waits, and tasks keep that memory afterwards: the first, which has all the state, does not wait
        // and is not inlined.
        self.tellOverQuota()
        var hasFetches = false
        if let untold = self.moveView(expunges) {
            hasFetches = untold.hasFetches
            try await self.tell(untold)
        }
        if !self.searchUpdates.list.isEmpty { try await self.tellSearchUpdates() }
        switch occasion {
        case .command: self.tellHeldBack()
        // By itself it is news to nobody.
        case .event: if hasFetches { self.tellHeldBack() }
        }
    }

    /// With changes held back, tells up to where the client has been told of all. Else it takes the highest MODSEQ of
    /// FETCH responses for that, which may be above theirs (RFC 7162 sections 3.2 and 6).
    private func tellHeldBack() {
        guard self.knowsQuickResync, let selected = self.selected else { return }
        let told = selected.toldModSeq
        let highest =
            self.holdsSelectedBack ? selected.mailbox.snapshot().highestModSeq : selected.view.highestModSeq
        guard told < highest else { return }
        self.write { $0.untagged(.ok, .highestModSeq(told), "Some changes are still to be told") }
    }

    private func tell(_ untold: Untold) async throws(ConnectionError) {
        self.tellRemoved(untold.gone)
        let tellsVanished = self.knowsQuickResync || self.usesUIDsOnly
        if tellsVanished {
            self.write { $0.vanished(untold.vanished) }
            try await self.connection.flushIfLarge()
        }
        // From the end, so that no number depends on an earlier one.
        for index in untold.expunged.reversed() where !tellsVanished {
            self.write { $0.expunge(SequenceNumber(index: index)) }
            try await self.connection.flushIfLarge()
        }
        if untold.hasGrown { self.tellCounts() }
        self.tellKeywords()
        for index in untold.updated {
            self.writeFlags(at: index)
            try await self.connection.flushIfLarge()
        }
        // Where searches want items, too, they are told together, once the results are known.
        if untold.hasGrown, !self.searchUpdates.wantItems, let count = self.selected?.view.count {
            try await self.tellNewMessages(count - untold.appended..<count, [])
        }
    }

    /// Moves the view to the mailbox as it is now; `nil` when there is nothing to tell.
    @inline(never)
    private func moveView(_ expunges: ExpungeTelling) -> Untold? {
        guard var selected = self.selected, !self.holdsSelectedBack else { return nil }
        // All it knows stays; the session is about to end.
        if selected.mailbox.isRetired { return nil }
        if selected.mailbox.isDeleted {
            guard case .allowed = expunges else { return nil }
            return self.emptyView()
        }
        let before = selected.view
        let now = selected.mailbox.snapshot()
        let changes = MailboxChanges(from: before, to: now)
        let owesFlags = self.tellsFlagChanges && !selected.untoldFlags.isEmpty
        guard !changes.isEmpty || owesFlags || now.keywords.keywords.count > selected.toldKeywords else {
            // Shares the store's chunks again, and its counters.
            self.selected?.view = now
            if selected.untoldFlags.isEmpty { self.selected?.toldModSeq = now.highestModSeq }
            return nil
        }
        var untold = Untold(gone: changes.expunged, appended: changes.appended)
        let tellsExpunges: Bool
        switch expunges {
        case .allowed: tellsExpunges = true
        case .forbidden: tellsExpunges = changes.expunged.isEmpty
        }
        if tellsExpunges {
            untold.expunged = changes.expunged.map(\.index)
            untold.vanished = UIDSet(changes.expunged.map(\.uid))
            selected.view = now
        } else {
            selected.stay(changes, now)
        }
        var updated = UIDSet()
        for index in changes.updated {
            let record = now[index]
            // A mere MODSEQ is told to those who know what that is.
            if !self.knowsCondStore, let old = before.record(of: record.uid), old.flags == record.flags,
                old.keywords == record.keywords
            {
                continue
            }
            updated.insert(record.uid)
        }
        updated = updated.union(selected.untoldFlags)
        if self.tellsFlagChanges {
            selected.untoldFlags = []
            untold.updated = updated.compactMap { selected.view.index(of: $0) }
        } else {
            selected.untoldFlags = updated.subtracting(untold.vanished)
        }
        if tellsExpunges, selected.untoldFlags.isEmpty { selected.toldModSeq = now.highestModSeq }
        if untold.hasGrown { selected.takeRecent() }
        self.selected = selected
        return untold
    }

    /// The mailbox was deleted: to the client all its messages are gone. The session goes on.
    private func emptyView() -> Untold? {
        guard var selected = self.selected, !selected.view.isEmpty else { return nil }
        let all = [0..<selected.view.count]
        var untold = Untold(expunged: Array(all[0]), vanished: selected.uids(all))
        if !self.searchUpdates.list.isEmpty {
            untold.gone = all[0].map { ($0, selected.view[$0].uid) }
        }
        selected.view = MailboxSnapshot(
            uidValidity: selected.view.uidValidity, uidNext: selected.view.uidNext,
            highestModSeq: selected.view.highestModSeq)
        selected.recent = []
        selected.toldKeywords = 0
        selected.untoldFlags = []
        selected.toldModSeq = selected.view.highestModSeq
        self.selected = selected
        return untold
    }

    private func tellCounts() {
        guard let selected = self.selected else { return }
        let recent = selected.tellsRecent ? selected.recentCount : nil
        self.write {
            $0.exists(selected.view.count)
            if let recent { $0.recent(recent) }
        }
    }

    /// FLAGS and PERMANENTFLAGS again, once a keyword is new: clients may only use what they were told.
    func tellKeywords() {
        guard var selected = self.selected else { return }
        let keywords = selected.view.keywords.keywords
        guard keywords.count > selected.toldKeywords else { return }
        selected.toldKeywords = keywords.count
        self.selected = selected
        self.writeFlags(selected)
    }

    func writeFlags(_ selected: SelectedMailbox) {
        let keywords = selected.view.keywords.keywords
        self.write { out in
            out.flags(.all, keywords: keywords)
            if selected.isReadOnly {
                out.untagged(.ok, .permanentFlags([], [], canCreate: false), "Read-only mailbox")
            } else {
                let rights = selected.mailbox.rights
                out.untagged(
                    .ok,
                    .permanentFlags(
                        rights.permitted(.all), rights.permitted(keywords),
                        canCreate: rights.contains(.write) && keywords.count < KeywordTable.maximumKeywords),
                    "Flags permitted")
            }
        }
    }

    private func writeFlags(at index: Int) {
        guard let selected = self.selected, index < selected.view.count else { return }
        self.writeFlags(of: selected.view[index], at: index, selected)
    }

    /// `* n FETCH (UID u FLAGS (...) MODSEQ (m))`. The UID goes along always: it is allowed everywhere, and
    /// the answers to UID commands need it.
    func writeFlags(of record: MessageRecord, at index: Int, _ selected: SelectedMailbox) {
        let knowsCondStore = self.knowsCondStore
        self.write { out in
            var response = selected.beginFetch(record, at: index, into: &out.bytes)
            if !selected.tellsUIDsOnly { response.uid(record.uid, into: &out.bytes) }
            if knowsCondStore { response.modSeq(record.modSeq, into: &out.bytes) }
            response.flags(
                record.flags, isRecent: selected.isRecent(record.uid), keywords: selected.keywords(record),
                into: &out.bytes)
            response.end(into: &out.bytes)
        }
    }

    /// From now on MODSEQ goes along with flags; once per session the client is told where the selected
    /// mailbox stands.
    func enableCondStore() {
        guard !self.knowsCondStore else { return }
        self.knowsCondStore = true
        guard let selected = self.selected else { return }
        self.write { $0.untagged(.ok, .highestModSeq(selected.toldModSeq), "Highest mod-sequence") }
    }
}
