import IMAPCore
import MailCore
import MailStore
import ServerCore

extension Session {
    /// Tells a client that selects a mailbox what happened since it last did (RFC 7162 section 3.2.5): first what is gone.
    func tellVanished(_ resync: QuickResync, _ view: MailboxSnapshot) async throws(StoreError) {
        try await self.tellVanished(resync.known(view), since: resync.modSeq, match: resync.match)
    }

    /// Then which flags changed.
    func tellFlags(_ resync: QuickResync, _ selected: SelectedMailbox) async throws(ConnectionError) {
        let view = selected.view
        for range in resync.known(view).ranges {
            guard let first = UID(rawValue: range.lowerBound) else { continue }
            var index = view.firstIndex(atOrAfter: first)
            while index < view.count {
                let record = view[index]
                guard record.uid.rawValue <= range.upperBound else { break }
                if record.modSeq > resync.modSeq {
                    self.writeFlags(of: record, at: index, selected)
                    try await self.connection.flushIfLarge()
                }
                index += 1
            }
        }
    }

    /// UID FETCH with VANISHED: what is gone is told before anything else (RFC 7162 section 3.2.6).
    func tellVanished(_ command: FetchCommand) async throws(StoreError) {
        guard let view = self.selected?.view, let modSeq = command.changedSince else { return }
        try await self.tellVanished(command.messages.uids(below: view.uidNext), since: modSeq, match: nil)
    }

    /// VANISHED (EARLIER) for those of `uids` that were removed after `modSeq` and that the client's view does not have:
    /// all that it does not have, when the store does not remember.
    private func tellVanished(
        _ uids: UIDSet, since modSeq: ModSeq, match: QuickResync.Match?
    ) async throws(StoreError) {
        guard let selected = self.selected else { return }
        var uids = uids
        if let match, let last = selected.view.lastMatch(match) {
            // Up to there the client has what the mailbox has.
            uids = uids.subtracting(UIDSet(UID.first...last))
        }
        guard modSeq < selected.view.highestModSeq, !uids.isEmpty else { return }
        var gone = try await selected.mailbox.vanished(uids, since: modSeq) ?? uids
        if !gone.isEmpty { gone = gone.subtracting(selected.uids([0..<selected.view.count])) }
        self.write { $0.vanishedEarlier(gone) }
    }

    /// Tells what changed, then `tag OK` after a command that removed `count` messages: with the MODSEQ that the client
    /// may count on from now (RFC 7162 section 3.2.7).
    func finishRemoval(
        _ tag: Tag, _ count: Int, _ text: StaticString, _ reached: LimitReached? = nil
    ) async throws(ConnectionError) {
        self.notifications?.tellsRemoval = true
        defer { self.notifications?.tellsRemoval = false }
        try await self.tellChanges(.allowed)
        var code: ResponseCode?
        if self.knowsQuickResync, count > 0, let selected = self.selected {
            // Not above what NOTIFY keeps from the client.
            code = .highestModSeq(selected.toldModSeq)
        }
        code = self.code(code, reached)
        self.write { $0.tagged(tag, .ok, code, text) }
    }
}

extension QuickResync {
    /// The UIDs that the client says it knows.
    fileprivate func known(_ view: MailboxSnapshot) -> UIDSet {
        if let set = self.knownUIDs { return set.uids(below: view.uidNext) }
        guard let last = UID(rawValue: view.uidNext.rawValue - 1) else { return [] }
        return UIDSet(UID.first...last)
    }
}

extension SequenceSet {
    /// The UIDs of a set that are below `next`; `*` is the highest of them, whether or not it is still there.
    fileprivate func uids(below next: UID) -> UIDSet {
        var uids = UIDSet()
        for range in self.resolved(largest: next.rawValue - 1) {
            guard let first = UID(rawValue: range.lowerBound), first < next,
                let last = UID(rawValue: min(range.upperBound, next.rawValue - 1))
            else { continue }
            uids.insert(first...last)
        }
        return uids
    }
}

extension MailboxSnapshot {
    /// The highest UID that stands here under the sequence number that the client has for it.
    fileprivate func lastMatch(_ match: QuickResync.Match) -> UID? {
        var found: UID?
        var uids = match.uids.elements[...]
        var uid = uids.first?.first ?? 0
        for element in match.sequenceNumbers.elements {
            var number = element.first
            while number <= element.last {
                guard Int(number) <= self.count, let range = uids.first else { return found }
                if self[Int(number) - 1].uid.rawValue == uid { found = self[Int(number) - 1].uid }
                number += 1
                if uid < range.last {
                    uid += 1
                } else {
                    uids = uids.dropFirst()
                    uid = uids.first?.first ?? 0
                }
            }
        }
        return found
    }
}
