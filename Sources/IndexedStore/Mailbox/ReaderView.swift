internal import MailCore
internal import MailStore
internal import Threads

/// A mailbox as one reader sees it who has flags of his own there, shared by his sessions.
///
/// It holds chunks of the mailbox's messages with the reader's flags in the place of the owner's; chunks in which
/// nothing differs are the mailbox's own. Kept while the reader has the mailbox open, and made again from the reader's
/// rows in the index the next time, so that it costs memory for those only who look.
final class ReaderView: @unchecked Sendable {
    // Proof of Sendable: touched only with the mailbox's `lock` held.

    struct Key: Hashable, Sendable {
        /// The name of the reader's account.
        var reader: String
        var flags: MessageFlags
        var hasKeywords: Bool
    }

    let key: Key
    /// Sessions that have it open.
    var users = 0
    var sessions: [ObjectIdentifier: SessionNotifier] = [:]

    /// `nil` while the reader's rows are being read.
    private(set) var shown: MailboxSnapshot?
    /// The messages without \Seen in `shown`.
    private(set) var unseen = 0
    /// What `shown` was made of.
    private var base: MailboxSnapshot?
    /// The reader's own, where keywords are private.
    private(set) var keywords = KeywordTable()
    /// Of messages that are not in `shown` yet.
    private var arriving: [UID: PrivateFlagRow] = [:]

    init(_ key: Key) { self.key = key }

    /// Takes in the reader's rows as they were when all records about the mailbox were applied that were queued before
    /// the view was entered.
    func install(_ rows: [(uid: UID, row: PrivateFlagRow)], _ base: MailboxSnapshot) {
        var own = Dictionary(rows.map { ($0.uid, $0.row) }, uniquingKeysWith: { _, last in last })
        for (uid, row) in self.arriving { own[uid] = row }
        self.arriving = own
        self.shown = MailboxSnapshot(uidValidity: base.uidValidity)
        self.base = MailboxSnapshot(uidValidity: base.uidValidity)
        self.follow(base)
    }

    /// What the reader has of a message that is about to come, or to be shown.
    func expect(_ uid: UID, _ row: PrivateFlagRow) { self.arriving[uid] = row }

    /// Brings the view up to the mailbox's newest state. Costs a comparison for each chunk, and a copy of those that
    /// changed.
    func follow(_ newest: MailboxSnapshot) {
        guard let shown = self.shown, let base = self.base else { return }
        let isSame =
            newest.chunks.count == base.chunks.count && zip(newest.chunks, base.chunks).allSatisfy { $0 === $1 }
        var chunks = shown.chunks
        if !isSame {
            chunks = []
            chunks.reserveCapacity(newest.chunks.count)
            var old = 0
            for chunk in newest.chunks {
                // Both are in the order of UIDs, and a chunk that both have stands where its first UID says.
                while old < base.chunks.count, base.chunks[old].records[0].uid < chunk.records[0].uid {
                    self.unseen -= Self.unseen(shown.chunks[old])
                    old += 1
                }
                if old < base.chunks.count, base.chunks[old] === chunk {
                    chunks.append(shown.chunks[old])
                    old += 1
                } else {
                    let made = self.overlaid(chunk, shown)
                    self.unseen += Self.unseen(made)
                    chunks.append(made)
                }
            }
            while old < base.chunks.count {
                self.unseen -= Self.unseen(shown.chunks[old])
                old += 1
            }
        }
        var result = newest.with(chunks)
        if self.key.hasKeywords { result.keywords = self.keywords }
        self.shown = result
        self.base = newest
        // What is shown now, or never will be.
        if !self.arriving.isEmpty { self.arriving = self.arriving.filter { $0.key >= newest.uidNext } }
    }

    private static func unseen(_ chunk: MailboxSnapshot.Chunk) -> Int {
        chunk.records.count { !$0.flags.contains(.seen) }
    }

    private func overlaid(_ chunk: MailboxSnapshot.Chunk, _ shown: MailboxSnapshot) -> MailboxSnapshot.Chunk {
        var isSame = true
        var records = chunk.records
        for index in records.indices {
            let record = records[index]
            var own = record
            own.flags.subtract(self.key.flags)
            if self.key.hasKeywords { own.keywords = .empty }
            if let row = self.arriving[record.uid] {
                own.flags.formUnion(row.flags.intersection(self.key.flags))
                if self.key.hasKeywords {
                    own.keywords = self.keywords.set(of: row.keywords.compactMap { self.keywords.add($0) })
                }
                own.modSeq = max(own.modSeq, row.modSeq)
            } else if let known = shown.record(of: record.uid) {
                own.flags.formUnion(known.flags.intersection(self.key.flags))
                if self.key.hasKeywords { own.keywords = known.keywords }
                own.modSeq = max(own.modSeq, known.modSeq)
            }
            if own != record {
                records[index] = own
                isSame = false
            }
        }
        return isSame ? chunk : MailboxSnapshot.Chunk(records)
    }

    /// Shows records that the reader has changed, ascending by UID; the mailbox's own have been followed.
    func update(_ changed: [MessageRecord], _ keywords: KeywordTable) {
        for record in changed {
            guard let old = self.shown?.record(of: record.uid) else { continue }
            switch (old.flags.contains(.seen), record.flags.contains(.seen)) {
            case (false, true): self.unseen -= 1
            case (true, false): self.unseen += 1
            case (true, true), (false, false): break
            }
        }
        if self.key.hasKeywords { self.keywords = keywords }
        self.shown?.update(changed)
        self.shown?.keywords = keywords
    }

    /// What the reader has of his own of a message that is shown.
    func row(of uid: UID) -> PrivateFlagRow? { self.shown?.record(of: uid).map { self.row($0) } }

    func row(_ record: MessageRecord) -> PrivateFlagRow {
        let flags = record.flags.intersection(self.key.flags)
        guard self.key.hasKeywords else { return PrivateFlagRow(modSeq: record.modSeq, flags: flags, keywords: []) }
        return PrivateFlagRow(
            modSeq: record.modSeq, flags: flags, keywords: self.names(record.keywords, in: self.keywords))
    }

    private func names(_ set: KeywordTable.SetID, in table: KeywordTable) -> [Keyword] {
        let known = table.keywords
        return table.numbers(in: set).compactMap { Int($0) < known.count ? known[Int($0)] : nil }
    }
}

/// Flags that one reader alone gets.
struct ReaderFlags: Sendable {
    let key: ReaderView.Key

    /// What of a message's flags is the reader's own, as a row.
    func own(_ flags: MessageFlags, _ keywords: [Keyword], _ modSeq: ModSeq) -> PrivateFlagRow? {
        let flags = flags.intersection(self.key.flags)
        let keywords = self.key.hasKeywords ? keywords : []
        return flags.isEmpty && keywords.isEmpty
            ? nil : PrivateFlagRow(modSeq: modSeq, flags: flags, keywords: keywords)
    }

    /// What is left for all.
    func common(_ flags: MessageFlags) -> MessageFlags { flags.subtracting(self.key.flags) }
    func common(_ keywords: [Keyword]) -> [Keyword] { self.key.hasKeywords ? [] : keywords }
}

extension PrivateFlags {
    /// The reader's account may be in another volume: its name is all that counts.
    var readerFlags: ReaderFlags {
        ReaderFlags(
            key: ReaderView.Key(
                reader: self.reader.identity.name, flags: self.flags, hasKeywords: self.includesKeywords))
    }
}

/// All with the mailbox's `lock` held, unless said otherwise.
extension MailboxState {
    /// Enters a session into the reader's view, and reads the reader's rows if he had the mailbox not open. With
    /// `filesLock` held and the messages loaded, on a storage thread; `lock` free.
    func enterView(_ own: ReaderFlags) throws(StoreError) -> ReaderView {
        let (view, ticket) = self.lock.withLock { () -> (ReaderView, UInt64?) in
            if let known = self.readers[own.key] {
                known.users += 1
                return (known, nil)
            }
            let view = ReaderView(own.key)
            view.users = 1
            // Now, so that what arrives meanwhile is not missed.
            self.readers[own.key] = view
            return (view, self.lastTicket)
        }
        guard let ticket else { return view }
        do throws(StoreError) {
            try self.core.volume.waitApplied(ticket)
            let rows = try self.core.volume.schema.privateFlags(self.key, reader: own.key.reader)
            self.lock.withLock {
                view.install(rows, self.snapshot ?? MailboxSnapshot(uidValidity: self.uidValidity))
            }
            return view
        } catch {
            self.lock.withLock { self.leaveView(view) }
            throw error
        }
    }

    func leaveView(_ view: ReaderView) {
        view.users -= 1
        if view.users == 0, self.readers[view.key] === view { self.readers[view.key] = nil }
    }

    /// The messages as a reader sees them, now.
    func snapshot(for view: ReaderView?) -> MailboxSnapshot? {
        guard let view else { return self.snapshot }
        if let snapshot = self.snapshot { view.follow(snapshot) }
        return view.shown
    }

    /// Tells those who have the mailbox open what a reader has of a message that is coming.
    func expect(_ uid: UID, of reader: String, _ row: PrivateFlagRow) {
        for view in self.readers.values where view.key.reader == reader { view.expect(uid, row) }
    }

    /// Who hears of flags that a reader alone sees. To be told without the lock.
    func listeners(of view: ReaderView) -> [SessionNotifier] {
        var listeners = Array(view.sessions.values)
        let feed = self.core.feed
        if feed.isWatched {
            let name = self.name
            let reader = view.key.reader
            listeners.append(SessionNotifier { feed.touch(name, of: reader) })
        }
        return listeners
    }

    /// The counters as a reader sees them. `lock` free.
    func status(for own: ReaderFlags) async throws(StoreError) -> MailboxStatus {
        var status = self.status
        guard own.key.flags.contains(.seen) else { return status }
        let (known, ticket) = self.lock.withLock { () -> (Int?, UInt64) in
            guard let view = self.readers[own.key], self.snapshot(for: view) != nil else {
                return (nil, self.lastTicket)
            }
            return (view.unseen, 0)
        }
        if let known {
            status.unseen = known
            return status
        }
        try await self.core.volume.applied(ticket)
        let seen = try self.core.volume.schema.seenCount(self.key, reader: own.key.reader)
        // What came meanwhile may be among the one and not yet the other.
        status.unseen = max(0, status.messages - seen)
        return status
    }
}
