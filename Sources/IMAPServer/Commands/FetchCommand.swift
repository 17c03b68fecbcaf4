import Delivery
import IMAPCore
import MIMECore
import MailCore
import MailStore
import ServerConfig
import ServerCore

extension Session {
    /// Messages whose caches are read at once.
    private static let cacheBatch = 256
    /// Messages whose octets are asked for at once; the store gives as many as fit in `bodyLimit`.
    private static let bodyBatch = 64

    /// FETCH (RFC 9051 section 6.4.5).
    ///
    /// Responses go out as they are made: record and cache items without opening a message, bodies slice
    /// by slice, each time waiting for a slow reader.
    func fetch(_ tag: Tag, _ command: FetchCommand) async throws(ConnectionError) {
        guard let (selected, meant) = self.resolve(tag, command.messages, command.numbering) else { return }
        var indices = meant
        var reached: LimitReached?
        if let partial = command.partial {
            // The part is what the client wants; it can ask for a smaller one (RFC 9738 section 3.1).
            if let limit = self.settings.messageLimit, partial.count > Int(limit) {
                return try await self.refuse(tag, .messageLimit(limit, nil), "Too many messages in PARTIAL")
            }
            indices = partial.part(of: indices)
        } else {
            reached = self.limit(&indices, in: selected.view)
        }
        let plan = FetchPlan(command, answersUID: !self.usesUIDsOnly)
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
        if reached == nil {
            for range in indices { try await self.fetch(range, plan, &outcome) }
        } else {
            for range in indices.reversed() { try await self.fetchDown(range, plan, &outcome) }
        }
        let expunges = ExpungeTelling(command.numbering)
        if let failure = outcome.failure {
            guard self.settings.fetchFailure == .refusal else {
                return self.end(failure.fetchCode, "Some messages could not be read")
            }
            return try await self.refuse(
                tag, self.code(failure.fetchCode, reached), "Some messages could not be read", expunges)
        }
        if let failure = outcome.undecoded {
            let code: ResponseCode = failure == .unknownEncoding ? .unknownEncoding : .parse
            return try await self.refuse(
                tag, self.code(code, reached), "Some parts could not be decoded", expunges)
        }
        if outcome.hasExpunged {
            return try await self.refuse(
                tag, self.code(.expungeIssued, reached), "Some messages have been expunged", expunges)
        }
        try await self.finish(tag, self.code(nil, reached), "Fetch completed", expunges)
    }

    /// Tells the items of some plans of messages that the client has just been told of (NOTIFY). The MODSEQ goes along,
    /// since no FETCH asks for them (RFC 7162 section 3.2.4).
    func tellItems(_ range: Range<Int>, _ plans: [FetchPlan]) async throws(ConnectionError) {
        var outcome = FetchOutcome()
        let plan = FetchPlan(joining: plans, and: self.knowsCondStore ? .modSeq : nil)
        try await self.fetch(range, plan, &outcome)
    }

    /// Answers from the highest UID down, as a client expects that is told where MESSAGELIMIT stopped it.
    private func fetchDown(
        _ range: Range<Int>, _ plan: FetchPlan, _ outcome: inout FetchOutcome
    ) async throws(ConnectionError) {
        var end = range.upperBound
        while end > range.lowerBound {
            let start = max(range.lowerBound, end - Self.bodyBatch)
            try await self.fetch(start..<end, plan, isDescending: true, &outcome)
            end = start
        }
    }

    /// - Parameter isDescending: of `bodyBatch` messages at most, the last comes first.
    private func fetch(
        _ range: Range<Int>, _ plan: FetchPlan, isDescending: Bool = false, _ outcome: inout FetchOutcome
    ) async throws(ConnectionError) {
        var next = range.lowerBound
        while next < range.upperBound {
            guard let selected = self.selected, !self.endsAtOnce(outcome) else { return }
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
            let writer = FetchWriter(plan, selected)
            if plan.marking == .first { await self.markSeen(batch.map(\.record.uid), in: &batch, writer) }
            if isDescending { batch.reverse() }
            writer.tellsModSeq = self.knowsCondStore && !plan.asksForModSeq
            writer.tellsUID = (self.knowsCondStore || self.knowsRev2) && !plan.hasUID && !selected.tellsUIDsOnly
            writer.charset = self.wireCharset
            if !plan.traits.isEmpty {
                await self.readTraits(&batch, writer, &outcome)
                if batch.isEmpty { continue }
            }
            switch plan.source {
            case .record: try await self.fetchRecords(batch, writer)
            case .cache: try await self.fetchCaches(batch, writer, &outcome)
            case .message: try await self.fetchMessages(batch[...], writer, &outcome)
            }
            self.statistics.headerCount += writer.statistics.headerCount
            self.statistics.headerBytes += writer.statistics.headerBytes
            // Others on this loop get their turn, also when the peer takes all that is sent.
            outcome.sinceTurn += batch.count
            if outcome.sinceTurn >= Self.bodyBatch {
                outcome.sinceTurn = 0
                await Task.yield()
            }
        }
    }

    /// Marks messages of a batch \Seen that are not yet, and brings the batch, the view and the writer up to date.
    func markSeen(
        _ uids: [UID], in batch: inout [(index: Int, record: MessageRecord)], _ writer: FetchWriter
    ) async {
        guard var selected = self.selected, !selected.isReadOnly else { return }
        // By what is there now: another session may have taken the flag away, which this client is still to be told.
        let latest = selected.mailbox.snapshot()
        let unseen = UIDSet(uids.filter { latest.record(of: $0)?.flags.contains(.seen) == false })
        guard !unseen.isEmpty else { return }
        let mailbox = selected.mailbox
        let note = self.eventNote(.flag, mailbox.name)
        do throws(StoreError) {
            _ = try await EventNote.noting(note) { () async throws(StoreError) in
                try await mailbox.store(FlagChange(.add, .seen), unseen, unchangedSince: nil)
            }
        } catch {
            // The client still gets its messages.
            self.logFault(error)
            return
        }
        self.postFlags(note, mailbox.name)
        let now = selected.mailbox.snapshot()
        for position in batch.indices where unseen.contains(batch[position].record.uid) {
            guard let record = now.record(of: batch[position].record.uid) else { continue }
            batch[position].record = record
            writer.becameSeen.insert(record.uid)
        }
        selected.adopt(unseen.compactMap { now.record(of: $0) }, keywords: now.keywords)
        self.selected = selected
        writer.selected = selected
        self.tellKeywords()
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

    /// Whether no more is to be answered after a message that cannot be read.
    func endsAtOnce(_ outcome: FetchOutcome) -> Bool {
        outcome.failure != nil && self.settings.fetchFailure == .disconnection
    }

    func note(_ error: StoreError, _ outcome: inout FetchOutcome) {
        self.logFault(error)
        outcome.add(error)
    }
}
