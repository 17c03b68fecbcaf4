import IMAPCore
import MIMECore
import MailCore
import MailStore
import ServerCore

extension Session {
    /// Messages whose caches are read at once.
    private static let cacheBatch = 256
    /// Messages whose octets are asked for at once; the store gives as many as fit in `bodyLimit`.
    private static let bodyBatch = 64
    private static let bodyLimit = 1 << 20
    /// Octets of a body that are written at once.
    private static let slice = 64 * 1024

    /// How much of a FETCH could be answered.
    private struct FetchOutcome {
        var hasExpunged = false
        /// The first failure that is not about messages that are gone.
        var failure: StoreError?
        /// Why sections of BINARY could not be decoded; an unknown encoding weighs more.
        var undecoded: Transcoding.Failure?
    }

    /// FETCH (RFC 9051 section 6.4.5).
    ///
    /// Responses go out as they are made: record and cache items without opening a message, bodies slice
    /// by slice, each time waiting for a slow reader.
    func fetch(_ tag: Tag, _ command: FetchCommand) async throws(ConnectionError) {
        guard var (_, indices) = self.resolve(tag, command.messages, command.numbering) else { return }
        if let partial = command.partial { indices = partial.part(of: indices) }
        let plan = FetchPlan(command)
        if command.asksForVanished {
            guard self.knowsQuickResync else { return self.bad(tag, "QRESYNC has not been enabled") }
            do throws(StoreError) {
                try await self.tellVanished(command)
            } catch {
                return try await self.refuse(tag, error)
            }
        }
        if plan.asksForModSeq { self.enableCondStore() }
        var outcome = FetchOutcome()
        for range in indices {
            try await self.fetch(range, plan, &outcome)
        }
        let expunges = ExpungeTelling(command.numbering)
        if let failure = outcome.failure {
            return try await self.refuse(tag, failure.fetchCode, "Some messages could not be read", expunges)
        }
        if let failure = outcome.undecoded {
            let code: ResponseCode = failure == .unknownEncoding ? .unknownEncoding : .parse
            return try await self.refuse(tag, code, "Some parts could not be decoded", expunges)
        }
        if outcome.hasExpunged {
            return try await self.refuse(tag, .expungeIssued, "Some messages have been expunged", expunges)
        }
        try await self.finish(tag, nil, "Fetch completed", expunges)
    }

    /// Tells items of messages that the client has just been told of (NOTIFY).
    func tellItems(_ range: Range<Int>, _ plan: FetchPlan) async throws(ConnectionError) {
        var outcome = FetchOutcome()
        try await self.fetch(range, plan, &outcome)
    }

    private func fetch(
        _ range: Range<Int>, _ plan: FetchPlan, _ outcome: inout FetchOutcome
    ) async throws(ConnectionError) {
        var next = range.lowerBound
        while next < range.upperBound {
            guard let selected = self.selected else { return }
            let limit = plan.source == .message ? Self.bodyBatch : Self.cacheBatch
            var batch: [(index: Int, record: MessageRecord)] = []
            selected.view.forEach(from: next) { index, record in
                guard index < range.upperBound, batch.count < limit else { return false }
                next = index + 1
                if let changedSince = plan.changedSince, record.modSeq <= changedSince { return true }
                batch.append((index, record))
                return true
            }
            guard !batch.isEmpty else { continue }
            let becameSeen = plan.setsSeen ? await self.markSeen(&batch) : []
            guard let current = self.selected else { return }
            let writer = FetchWriter(plan, current)
            writer.becameSeen = becameSeen
            writer.tellsModSeq = self.knowsCondStore && !plan.asksForModSeq
            writer.tellsUID = (self.knowsCondStore || self.knowsRev2) && !plan.hasUID
            writer.charset = self.wireCharset
            if !plan.traits.isEmpty {
                await self.readTraits(&batch, writer, &outcome)
                if batch.isEmpty { continue }
            }
            if !becameSeen.isEmpty { self.tellKeywords() }
            switch plan.source {
            case .record: try await self.fetchRecords(batch, writer)
            case .cache: try await self.fetchCaches(batch, writer, &outcome)
            case .message: try await self.fetchMessages(batch[...], writer, &outcome)
            }
            self.statistics.headerCount += writer.statistics.headerCount
            self.statistics.headerBytes += writer.statistics.headerBytes
            // Others on this loop get their turn, also when the peer takes all that is sent.
            await Task.yield()
        }
    }

    /// Marks the messages \Seen that are not yet; answers which, with `batch` and the view brought up to date.
    private func markSeen(_ batch: inout [(index: Int, record: MessageRecord)]) async -> UIDSet {
        guard var selected = self.selected, !selected.isReadOnly else { return [] }
        // By what is there now: another session may have taken the flag away, which this client is still to be told.
        let latest = selected.mailbox.snapshot()
        let unseen = UIDSet(
            batch.lazy.map { latest.record(of: $0.record.uid) ?? $0.record }
                .filter { !$0.flags.contains(.seen) }.map(\.uid))
        guard !unseen.isEmpty else { return [] }
        do throws(StoreError) {
            _ = try await selected.mailbox.store(FlagChange(.add, .seen), unseen, unchangedSince: nil)
        } catch {
            // The client still gets its messages.
            self.logFault(error)
            return []
        }
        let now = selected.mailbox.snapshot()
        var changed: [MessageRecord] = []
        for position in batch.indices where unseen.contains(batch[position].record.uid) {
            guard let record = now.record(of: batch[position].record.uid) else { continue }
            batch[position].record = record
            changed.append(record)
        }
        selected.adopt(changed, keywords: now.keywords)
        self.selected = selected
        return UIDSet(changed.map(\.uid))
    }

    /// Reads what the index knows of the messages beside their records; those that are gone leave the batch.
    private func readTraits(
        _ batch: inout [(index: Int, record: MessageRecord)], _ writer: FetchWriter, _ outcome: inout FetchOutcome
    ) async {
        do throws(StoreError) {
            let traits = try await writer.selected.mailbox.traits(of: batch.map(\.record), writer.plan.traits)
            var kept: [(index: Int, record: MessageRecord)] = []
            for (message, traits) in zip(batch, traits) {
                guard let traits else {
                    outcome.hasExpunged = true
                    continue
                }
                writer.traits[message.record.uid] = traits
                kept.append(message)
            }
            batch = kept
        } catch {
            self.note(error, &outcome)
            batch = []
        }
    }

    private func fetchRecords(
        _ batch: [(index: Int, record: MessageRecord)], _ writer: FetchWriter
    ) async throws(ConnectionError) {
        for (index, record) in batch {
            _ = writer.write(record, at: index, nil, into: &self.connection.output)
        }
        try await self.connection.flushIfLarge()
    }

    private func fetchCaches(
        _ batch: [(index: Int, record: MessageRecord)], _ writer: FetchWriter,
        _ outcome: inout FetchOutcome
    ) async throws(ConnectionError) {
        var rest = batch[...]
        while !rest.isEmpty {
            let (written, isMissing) = await self.writeFromCaches(rest, writer, &outcome)
            rest = rest.dropFirst(written)
            if isMissing, let first = rest.first {
                try await self.fetchMessages([first], writer, &outcome)
                rest = rest.dropFirst()
            }
            try await self.connection.flushIfLarge()
        }
    }

    /// Writes responses from caches up to a slice of output, or to a message whose cache lacks something.
    private func writeFromCaches(
        _ batch: ArraySlice<(index: Int, record: MessageRecord)>, _ writer: FetchWriter,
        _ outcome: inout FetchOutcome
    ) async -> (written: Int, isMissing: Bool) {
        guard let mailbox = self.selected?.mailbox else { return (batch.count, false) }
        var output: [UInt8] = []
        swap(&output, &self.connection.output)
        var position = batch.startIndex
        var isMissing = false
        do throws(StoreError) {
            try await mailbox.caches(of: batch.map(\.record)) { record, cache in
                guard position < batch.endIndex else { return false }
                guard writer.write(record, at: batch[position].index, cache, into: &output) else {
                    isMissing = true
                    return false
                }
                position += 1
                return output.count < Self.slice
            }
        } catch {
            self.note(error, &outcome)
            position = batch.endIndex
        }
        swap(&output, &self.connection.output)
        let written = position - batch.startIndex
        // A store that visits nothing must not make this loop for ever.
        return (written, isMissing || written == 0)
    }

    private func fetchMessages(
        _ batch: ArraySlice<(index: Int, record: MessageRecord)>, _ writer: FetchWriter,
        _ outcome: inout FetchOutcome
    ) async throws(ConnectionError) {
        var rest = batch
        while !rest.isEmpty {
            guard let mailbox = self.selected?.mailbox else { return }
            let messages: [Result<MessageOctets, StoreError>]
            do throws(StoreError) {
                messages = try await mailbox.octets(of: rest.map(\.record), limit: Self.bodyLimit)
            } catch {
                self.note(error, &outcome)
                return
            }
            for (message, result) in zip(rest, messages) {
                let fetched: FetchedMessage
                do throws(StoreError) {
                    fetched = try await FetchedMessage(
                        try result.get(), writer.plan, self.options.store.threads)
                } catch {
                    self.note(error, &outcome)
                    continue
                }
                if let failure = fetched.failure {
                    if outcome.undecoded != .unknownEncoding { outcome.undecoded = failure }
                    writer.writeWithoutOctets(
                        message.record, at: message.index, into: &self.connection.output)
                    continue
                }
                try await self.write(fetched, message.record, at: message.index, writer)
            }
            // A store that reads nothing must not make this loop for ever.
            rest = rest.dropFirst(max(1, messages.count))
        }
    }

    private func note(_ error: StoreError, _ outcome: inout FetchOutcome) {
        self.logFault(error)
        if error.code == .expunged { outcome.hasExpunged = true } else { outcome.failure = outcome.failure ?? error }
    }

    /// Writes the response of a message from its octets.
    private func write(
        _ message: FetchedMessage, _ record: MessageRecord, at index: Int, _ writer: FetchWriter
    ) async throws(ConnectionError) {
        var response = FetchResponse(SequenceNumber(index: index), into: &self.connection.output)
        for item in writer.plan.items {
            guard item.source != .record else {
                writer.writeRecordItem(item.item, record, &response, &self.connection.output)
                continue
            }
            if case .preview = item.item {
                response.preview(message.preview, into: &self.connection.output)
                continue
            }
            if item.item.binaryPath != nil {
                try await self.writeBinary(message, item.item, &response)
                continue
            }
            guard let (section, partial) = item.item.section else {
                var wire: [UInt8] = []
                message.appendStructure(item.item, writer.charset, to: &wire)
                response.wire(item.item.structureName, wire, into: &self.connection.output)
                continue
            }
            response.beginOctets(item.item, into: &self.connection.output)
            switch message.content(section, writer.charset) {
            case .none: self.connection.output.append("NIL")
            case .octets(let octets):
                let range = partial.range(of: octets.count)
                self.connection.output.appendLiteral(octets[range])
                self.count(section, range.count)
            case .range(let range):
                let part = partial.range(of: range.count)
                let start = range.lowerBound + part.lowerBound
                try await self.stream(message.octets, start..<start + part.count)
                self.count(section, part.count)
            }
        }
        writer.writeNewFlags(record, &response, &self.connection.output)
        response.end(into: &self.connection.output)
        try await self.connection.flushIfLarge()
    }

    /// Writes octets of a message as a literal, slice by slice.
    private func stream(_ octets: MessageOctets, _ range: Range<Int>) async throws(ConnectionError) {
        self.connection.output.appendLiteralHeader(UInt64(range.count))
        var start = range.lowerBound
        while start < range.upperBound {
            let end = min(range.upperBound, start + Self.slice)
            octets.withUnsafeBytes {
                self.connection.output.appendSendable(UnsafeRawBufferPointer(rebasing: $0[start..<end]))
            }
            start = end
            try await self.connection.flushIfLarge()
        }
    }

    private func count(_ section: Section, _ octets: Int) {
        if section.isHeader {
            self.statistics.headerCount += 1
            self.statistics.headerBytes += UInt64(octets)
        } else {
            self.statistics.bodyCount += 1
            self.statistics.bodyBytes += UInt64(octets)
        }
    }
}

extension FetchItem {
    var structureName: StaticString {
        switch self {
        case .envelope: "ENVELOPE"
        case .body: "BODY"
        case .bodyStructure: "BODYSTRUCTURE"
        case .uid, .flags, .internalDate, .size, .modSeq, .saveDate, .emailID, .threadID, .preview, .rfc822,
            .rfc822Header, .rfc822Text, .section, .binary, .binarySize:
            preconditionFailure("not an item of structure")
        }
    }
}
