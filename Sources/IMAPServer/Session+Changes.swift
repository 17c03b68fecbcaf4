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
}

extension Session {
    /// Tells the client how the selected mailbox changed since it was last told, and moves its view on.
    ///
    /// Where EXPUNGE is forbidden, messages that are gone stay in the view with their numbers; the rest is
    /// told all the same.
    func tellChanges(_ expunges: ExpungeTelling) async throws(ConnectionError) {
        guard var selected = self.selected else { return }
        if selected.mailbox.isDeleted {
            guard case .allowed = expunges else { return }
            return try await self.tellDeletion()
        }
        let now = selected.mailbox.snapshot()
        let changes = MailboxChanges(from: selected.view, to: now)
        guard !changes.isEmpty || now.keywords.keywords.count > selected.toldKeywords else {
            // Shares the store's chunks again, and its counters.
            selected.view = now
            self.selected = selected
            return
        }
        let before = selected.view
        let tellsExpunges: Bool
        switch expunges {
        case .allowed: tellsExpunges = true
        case .forbidden: tellsExpunges = changes.expunged.isEmpty
        }
        let updated = changes.updated.map { now[$0] }
        if tellsExpunges {
            // From the end, so that no number depends on an earlier one.
            for (index, _) in changes.expunged.reversed() {
                self.write { $0.expunge(SequenceNumber(index: index)) }
                try await self.connection.flushIfLarge()
            }
            selected.view = now
        } else {
            selected.view.keywords = now.keywords
            selected.view.uidNext = now.uidNext
            selected.view.highestModSeq = now.highestModSeq
            selected.view.update(updated)
            var arrived: [MessageRecord] = []
            now.forEach(from: now.count - changes.appended) { _, record in
                arrived.append(record)
                return true
            }
            selected.view.append(contentsOf: arrived)
        }
        if changes.appended > 0 { selected.takeRecent() }
        self.selected = selected
        self.tellCounts(changes.appended > 0)
        self.tellKeywords()
        try await self.tellFlags(updated, before: before)
    }

    private func tellCounts(_ hasGrown: Bool) {
        guard hasGrown, let selected = self.selected else { return }
        let recent = selected.recentCount
        self.write {
            $0.exists(selected.view.count)
            $0.recent(recent)
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
                out.untagged(
                    .ok,
                    .permanentFlags(
                        .all, keywords, canCreate: keywords.count < KeywordTable.maximumKeywords),
                    "Flags permitted")
            }
        }
    }

    private func tellFlags(
        _ records: [MessageRecord], before: MailboxSnapshot
    ) async throws(ConnectionError) {
        guard !records.isEmpty, let selected = self.selected else { return }
        for record in records {
            guard let index = selected.view.index(of: record.uid) else { continue }
            if !self.knowsCondStore, let old = before.record(of: record.uid), old.flags == record.flags,
                old.keywords == record.keywords
            {
                continue
            }
            self.writeFlags(of: record, at: index, selected)
            try await self.connection.flushIfLarge()
        }
    }

    /// `* n FETCH (UID u FLAGS (...) MODSEQ (m))`. The UID goes along always: it is allowed everywhere, and
    /// the answers to UID commands need it.
    func writeFlags(of record: MessageRecord, at index: Int, _ selected: SelectedMailbox) {
        let knowsCondStore = self.knowsCondStore
        self.write { out in
            var response = FetchResponse(SequenceNumber(index: index), into: &out.bytes)
            response.uid(record.uid, into: &out.bytes)
            if knowsCondStore { response.modSeq(record.modSeq, into: &out.bytes) }
            response.flags(
                record.flags, isRecent: selected.isRecent(record.uid), keywords: selected.keywords(record),
                into: &out.bytes)
            response.end(into: &out.bytes)
        }
    }

    /// The mailbox was deleted: to the client all its messages are gone. The session goes on.
    private func tellDeletion() async throws(ConnectionError) {
        guard var selected = self.selected, !selected.view.isEmpty else { return }
        for index in stride(from: selected.view.count - 1, through: 0, by: -1) {
            self.write { $0.expunge(SequenceNumber(index: index)) }
            try await self.connection.flushIfLarge()
        }
        selected.view = MailboxSnapshot(
            uidValidity: selected.view.uidValidity, uidNext: selected.view.uidNext,
            highestModSeq: selected.view.highestModSeq)
        selected.recent = []
        selected.toldKeywords = 0
        self.selected = selected
    }

    /// From now on MODSEQ goes along with flags; once per session the client is told where the selected
    /// mailbox stands.
    func enableCondStore() {
        guard !self.knowsCondStore else { return }
        self.knowsCondStore = true
        guard let selected = self.selected else { return }
        self.write { $0.untagged(.ok, .highestModSeq(selected.view.highestModSeq), "Highest mod-sequence") }
    }
}
