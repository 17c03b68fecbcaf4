internal import LMDB
internal import MailCore
public import MailStore

/// What happened to mail.
extension IndexedStore {
    /// Rows looked at in one read of the index.
    private static let slice = 20_000
    /// Events of one answer; a query that finds more fails.
    private static let maximumEvents = 500_000

    public func note(_ delivery: TracedDelivery) async {
        // For want of a note nothing is refused.
        guard let account = try? await self.storeAccount(behind: delivery.account) else { return }
        self.volume.note(
            .delivered(delivery.delivery, []), of: account.core.id, by: delivery.delivery.actor)
    }

    public func trace(_ query: TraceQuery) async throws(StoreError) -> [TraceEvent] {
        let volume = self.volume
        let names = try await self.threads.run { () throws(StoreError) -> [UInt32: String] in
            try volume.waitApplied(volume.committer.lastTicket)
            var names = Dictionary(try volume.schema.accountNumbers().map { ($1, $0) }) { first, _ in first }
            // What happened here to accounts that have left.
            for (id, row) in try volume.schema.accountsInTransit() where !row.identity.isArriving {
                names[id] = row.identity.shownName
            }
            return names
        }
        let reading = TraceReading(
            names: names,
            accounts: query.users.map { users in
                let users = Set(users)
                return Set(names.compactMap { users.contains($1) ? $0 : nil })
            }, query: query)
        var events: [TraceEvent] = []
        var last: UInt64? = 0
        while let position = last {
            let slice = try await self.threads.run { () throws(StoreError) in
                try volume.schema.read { (transaction) throws(LMDBError) in
                    try reading.events(volume.schema, after: position, count: Self.slice, transaction)
                }
            }
            events += slice.events
            last = slice.last
            guard events.count <= Self.maximumEvents else {
                throw StoreError(.limit, "more than \(Self.maximumEvents) events")
            }
        }
        return events
    }
}

/// Turns rows of the trace into events.
private struct TraceReading: Sendable {
    /// Of accounts, by their numbers.
    let names: [UInt32: String]
    /// `nil`: all.
    let accounts: Set<UInt32>?
    let query: TraceQuery

    /// - Returns: `last` is where the next slice begins; `nil` at the end.
    func events(
        _ schema: IndexSchema, after position: UInt64, count: Int, _ transaction: borrowing ReadTransaction
    ) throws(LMDBError) -> (events: [TraceEvent], last: UInt64?) {
        var guids: [MailboxKey: String] = [:]
        var events: [TraceEvent] = []
        var start: [UInt8] = []
        start.appendBigEndian(position + 1)
        let cursor = try transaction.cursor(schema.trace)
        var entry = try cursor.seek(start)
        var looked = 0
        var last = position
        while let row = entry {
            guard row.key.count == 8 else { break }
            last = UInt64(bigEndian: row.key.loadUnaligned(as: UInt64.self))
            looked += 1
            if self.isWanted(row.value), let record = TraceRecord(row.value) {
                events.append(try self.event(record, schema, &guids, transaction))
            }
            if looked >= count { return (events, last) }
            entry = try cursor.next()
        }
        return (events, nil)
    }

    private func isWanted(_ octets: UnsafeRawBufferPointer) -> Bool {
        if let accounts, !TraceRecord.isAbout(accounts, octets) { return false }
        return self.query.containing.isEmpty || TraceSearch.find(self.query.containing, in: octets)
    }

    private func event(
        _ record: TraceRecord, _ schema: IndexSchema, _ guids: inout [MailboxKey: String],
        _ transaction: borrowing ReadTransaction
    ) throws(LMDBError) -> TraceEvent {
        var places: [TraceEvent.Place] = []
        for place in record.what.places {
            var guid = guids[place.key]
            if guid == nil {
                guid =
                    try schema.head(place.key, transaction)?.guid
                    ?? "gone-\(place.key.account)-\(place.key.mailbox)"
                guids[place.key] = guid
            }
            places.append(
                TraceEvent.Place(
                    user: self.names[place.key.account] ?? "", mailboxID: guid ?? "", mailbox: place.name.text,
                    uids: place.uids))
        }
        let what: TraceEvent.What =
            switch record.what {
            case .delivered(let trace, _): .delivered(trace, places)
            case .appended(_, let messageID): .appended(places[0], messageID: messageID)
            case .copied: .copied(places[0], to: places[1])
            case .moved: .moved(places[0], to: places[1])
            case .flagged(_, let change): .flagged(places[0], change: change)
            case .expunged: .expunged(places[0])
            }
        return TraceEvent(
            time: record.time, user: self.names[record.account] ?? "", actor: record.actor, what: what)
    }
}

/// A search for octets among octets.
private enum TraceSearch {
    static func find(_ wanted: [UInt8], in octets: UnsafeRawBufferPointer) -> Bool {
        guard let first = wanted.first, octets.count >= wanted.count else { return wanted.isEmpty }
        var position = 0
        let end = octets.count - wanted.count
        while position <= end {
            if octets[position] == first {
                var length = 1
                while length < wanted.count, octets[position + length] == wanted[length] { length += 1 }
                if length == wanted.count { return true }
            }
            position += 1
        }
        return false
    }
}
