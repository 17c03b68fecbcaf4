internal import MailCore
internal import MailStore
internal import Threads

/// What of flags that readers have of their own goes along with COPY and MOVE.
///
/// The copier's own go with both. A MOVE within an account takes along what the others have, too, so that nobody finds a
/// message unread again because somebody filed it.
extension Copying {
    /// On a storage thread, with the messages in the index.
    func readReaders(_ wanted: [UID]) throws(StoreError) {
        guard self.kind == .move, self.source.core === self.target.core else { return }
        try self.volume.waitApplied(self.source.lock.withLock { self.source.lastTicket })
        self.readers = try self.volume.schema.privateFlags(self.source.key, of: wanted)
    }

    /// With both mailboxes locked: what a copy has for all, and what its copier alone.
    ///
    /// - Parameter shown: the source as the copier sees it.
    func flags(
        of record: MessageRecord, _ shown: MailboxSnapshot?, _ modSeq: ModSeq
    ) -> (flags: MessageFlags, keywords: [Keyword], own: PrivateFlagRow?) {
        let seen = self.own.source == nil ? record : shown?.record(of: record.uid) ?? record
        let flags = self.rights.permitted(seen.flags).subtracting(self.cleared)
        let names = self.rights.permitted(
            Self.names(seen.keywords, in: self.own.source == nil ? self.source.keywords : shown?.keywords))
        guard let reader = self.own.target else { return (flags, names, nil) }
        var common = reader.common(flags)
        var commonNames = reader.common(names)
        if self.source.core === self.target.core {
            // The owner's stay the owner's.
            common.formUnion(record.flags.intersection(reader.key.flags))
            if reader.key.hasKeywords { commonNames = Self.names(record.keywords, in: self.source.keywords) }
        }
        return (common, commonNames, reader.own(flags, names, modSeq))
    }

    private static func names(_ set: KeywordTable.SetID, in table: KeywordTable?) -> [Keyword] {
        guard let table else { return [] }
        let known = table.keywords
        return table.numbers(in: set).compactMap { Int($0) < known.count ? known[Int($0)] : nil }
    }

    /// With both mailboxes locked: what the others have of a message. Those who have the source open may have changed it
    /// since it was read.
    func othersRows(of uid: UID, _ modSeq: ModSeq) -> [String: PrivateFlagRow] {
        guard self.kind == .move, self.source.core === self.target.core else { return [:] }
        var rows: [String: PrivateFlagRow] = [:]
        for (reader, known) in self.readers { rows[reader] = known[uid] }
        for view in self.source.readers.values {
            _ = self.source.snapshot(for: view)
            if let row = view.row(of: uid) { rows[view.key.reader] = row }
        }
        if let copier = self.own.target?.key.reader { rows[copier] = nil }
        return rows.filter { !$0.value.flags.isEmpty || !$0.value.keywords.isEmpty }.mapValues {
            PrivateFlagRow(modSeq: modSeq, flags: $0.flags, keywords: $0.keywords)
        }
    }

    /// With both mailboxes locked.
    func privateRecord(_ reader: String, _ rows: [UID: PrivateFlagRow], _ modSeq: ModSeq) -> PendingRecord {
        for (uid, row) in rows { self.target.expect(uid, of: reader, row) }
        let rows = rows.sorted { $0.key < $1.key }.map { uid, row in
            PrivateFlagsChanged.Row(uid: uid, flags: row.flags, keywords: row.keywords)
        }
        let change = PrivateFlagsChanged(key: self.target.key, reader: reader, modSeq: modSeq, rows: rows)
        return PendingRecord(record: .privateFlagged(change), isAwaited: true)
    }
}
