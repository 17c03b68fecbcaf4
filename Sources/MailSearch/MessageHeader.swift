import MIMECore
import MailStore

/// The header of a message as SORT and THREAD look at it: what its cache keeps, or the message's octets.
enum MessageHeader {
    case cache(MessageCache.View)
    /// From the message's first octet on; what stands behind the header is not looked at.
    case octets(Octets)

    /// The bodies of the fields of that name, which is in lower case, in their order; `nil` when they are not cached.
    func bodies(_ name: StaticString) -> [Octets]? {
        switch self {
        case .cache(let view): return view.fieldBodies(name.withUTF8Buffer { Array($0) })
        case .octets(let octets):
            var bodies: [Octets] = []
            for field in HeaderScanner(octets) where octets[field.name].equals(lowercase: name) {
                bodies.append(octets[field.body])
            }
            return bodies
        }
    }

    /// Seconds since 1970; `nil` without a Date field that says one.
    var sentDate: Int64? {
        switch self {
        case .cache(let view): view.sentDate?.secondsSince1970
        case .octets:
            self.bodies("date")?.first.flatMap { MessageDate(parsing: $0) }?.secondsSince1970
        }
    }

    /// The body of the Subject field; `nil` when it is not cached, or there is none.
    var subject: Octets? {
        switch self {
        case .cache(let view): view.firstBody(.subject)
        case .octets: self.bodies("subject")?.first
        }
    }

    /// The base subject (RFC 5256 section 2.1); `nil` when it is not cached.
    var baseSubject: (subject: [UInt8], isReply: Bool)? {
        switch self {
        case .cache(let view): return view.baseSubject(converter: .system)
        case .octets:
            guard let bodies = self.bodies("subject") else { return nil }
            return bodies.first.map { BaseSubject.extract($0, converter: .system) } ?? ([], false)
        }
    }

    /// The message's own identifier; `nil` when it has none or one too long to cache.
    var messageID: [UInt8]? {
        switch self {
        case .cache(let view): view.messageID
        case .octets: self.bodies("message-id")?.first.flatMap(MessageIDs.first)
        }
    }

    /// The identifiers that say what the message answers, the oldest first. Of more than `maximum` the first and
    /// the last ones.
    func references(maximum: Int) -> [[UInt8]] {
        switch self {
        case .cache(let view): return view.references(maximum: maximum)
        case .octets:
            if let field = self.bodies("references")?.first {
                let ids = MessageIDs.all(in: field, maximum: maximum)
                if !ids.isEmpty { return ids }
            }
            return self.bodies("in-reply-to")?.first.flatMap(MessageIDs.first).map { [$0] } ?? []
        }
    }
}

extension MailboxSearch {
    private static let headerBatch = 256
    private static let keysBatch = 4096
    private static let octetsBatch = 16
    private static let octetsLimit = 4 << 20

    /// Takes each message with the keys of its header, where there are some and `take` says that they suffice; else with
    /// what `read` makes of the header itself, as `headers` does. In the order of `places`.
    func keys<Value: Sendable>(
        of places: [Int], goesOn: (Int) -> Bool, _ take: (MessageRecord, HeaderKeys.View) -> Bool,
        _ read: @escaping @Sendable (MessageHeader) -> Value?, _ takeHeader: (MessageRecord, Value?) -> Void
    ) async throws(StoreError) {
        var next = 0
        while next < places.count {
            guard goesOn(next) else {
                for place in places[next...] { takeHeader(self.view[place], nil) }
                return
            }
            let records = self.records(at: places[next..<min(places.count, next + Self.keysBatch)])
            var taken = 0
            try await self.mailbox.headerKeys(of: records) { position, keys in
                guard position == taken, let keys, take(records[position], keys) else { return false }
                taken += 1
                return true
            }
            next += taken
            if taken < records.count {
                // Where one lacks its keys, its neighbours mostly do.
                let stop = min(places.count, next + Self.headerBatch)
                try await self.headers(of: Array(places[next..<stop]), goesOn: { _ in true }, read, takeHeader)
                next = stop
            }
            await Task.yield()
        }
    }

    /// Calls `take` with what `read` makes of each message's header, in the order of `places`: from the caches, and
    /// on a storage thread from the messages for which `read` answers `nil` then. `take` gets `nil` for a message
    /// that is gone and, once `goesOn`, told how many are done, says no, for all others.
    ///
    /// Between the batches others on the event loop get their turn.
    func headers<Value: Sendable>(
        of places: [Int], goesOn: (Int) -> Bool, _ read: @escaping @Sendable (MessageHeader) -> Value?,
        _ take: (MessageRecord, Value?) -> Void
    ) async throws(StoreError) {
        var next = 0
        while next < places.count {
            let stop = min(places.count, next + Self.headerBatch)
            let records = places[next..<stop].map { self.view[$0] }
            var values = [Value?](repeating: nil, count: records.count)
            if goesOn(next) {
                var open: [Int] = []
                var position = 0
                try await self.mailbox.caches(of: records) { _, cache in
                    guard position < records.count else { return false }
                    values[position] = cache.flatMap { read(.cache($0)) }
                    if values[position] == nil { open.append(position) }
                    position += 1
                    return true
                }
                open.append(contentsOf: position..<records.count)
                try await self.openHeaders(open, records, read, &values)
            }
            for (record, value) in zip(records, values) { take(record, value) }
            next = stop
            await Task.yield()
        }
    }

    /// The same from the messages themselves, for those at `open`.
    private func openHeaders<Value: Sendable>(
        _ open: [Int], _ records: [MessageRecord], _ read: @escaping @Sendable (MessageHeader) -> Value?,
        _ values: inout [Value?]
    ) async throws(StoreError) {
        var rest = open[...]
        while !rest.isEmpty, !self.isOver() {
            let batch = Array(rest.prefix(Self.octetsBatch))
            let messages = try await self.mailbox.octets(
                of: batch.map { records[$0] }, limit: Self.octetsLimit)
            let made = try await self.threads.run { () throws(StoreError) -> [Value?] in
                var made: [Value?] = []
                for message in messages {
                    switch message {
                    case .success(let octets):
                        made.append(octets.withUnsafeBytes { read(.octets(Octets($0))) })
                    case .failure(let error) where error.code == .expunged || error.code == .damaged:
                        made.append(nil)
                    case .failure(let error): throw error
                    }
                }
                return made
            }
            for (position, value) in zip(batch, made) { values[position] = value }
            // A store that reads nothing must not make this loop for ever.
            rest = rest.dropFirst(max(1, messages.count))
        }
    }
}
