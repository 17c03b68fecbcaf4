import IMAPCore
import MIMECore
import MailCore
import MailStore
import ServerCore

extension Session {
    /// Messages looked at before others on the loop get their turn.
    private static let recordBatch = 4096
    private static let cacheBatch = 256
    private static let bodyBatch = 64
    private static let bodyLimit = 4 << 20

    /// SEARCH (RFC 9051 section 6.4.4), ESEARCH (RFC 4731).
    func search(_ tag: Tag, _ command: SearchCommand) async throws(ConnectionError) {
        let expunges = ExpungeTelling(command.numbering)
        guard let selected = self.selected else { return self.bad(tag, "No mailbox selected") }
        guard Self.knowsCharset(command.charset) else {
            return try await self.refuse(tag, .badCharset, "Unknown charset", expunges)
        }
        guard let plan = SearchPlan(command.key, selected) else { return self.bad(tag, "No such message") }
        let hasModSeq = command.key.hasModSeq
        if hasModSeq { self.enableCondStore() }
        let found: [Int]
        do throws(StoreError) {
            found = try await self.matches(plan, selected)
        } catch {
            return try await self.refuse(tag, error, expunges)
        }
        self.answer(tag, command, found, selected.view, hasModSeq)
        try await self.finish(tag, nil, "Search completed", expunges)
    }

    private static func knowsCharset(_ name: [UInt8]?) -> Bool {
        guard let name else { return true }
        return name.elementsEqual("UTF-8".utf8) || name.elementsEqual("US-ASCII".utf8)
    }

    /// The places in the view of the messages that match, ascending.
    private func matches(_ plan: SearchPlan, _ selected: SelectedMailbox) async throws(StoreError) -> [Int] {
        var found: [Int] = []
        var next = 0
        while next < selected.view.count {
            let batch = plan.needsOnlyRecords ? Self.recordBatch : Self.cacheBatch
            let stop = min(selected.view.count, next + batch)
            var open: [(index: Int, record: MessageRecord)] = []
            let before = found.count
            selected.view.forEach(from: next) { index, record in
                guard index < stop else { return false }
                switch plan.verdict(index, record, .record) {
                case .yes: found.append(index)
                case .no: break
                case .unknown: open.append((index, record))
                }
                return true
            }
            if !open.isEmpty {
                found.append(contentsOf: try await self.matches(plan, open, selected.mailbox))
                found[before...].sort()
            }
            next = stop
            await Task.yield()
            // Nobody waits for the answer any more.
            if self.connection.shutdownReason != nil { break }
        }
        return found
    }

    /// Those of `open` that match by their caches or, where these do not say, by their octets.
    private func matches(
        _ plan: SearchPlan, _ open: [(index: Int, record: MessageRecord)], _ mailbox: any Mailbox
    ) async throws(StoreError) -> [Int] {
        var found: [Int] = []
        var deep: [(index: Int, record: MessageRecord)] = []
        var position = 0
        try await mailbox.caches(of: open.map(\.record)) { record, cache in
            guard position < open.count else { return false }
            let index = open[position].index
            position += 1
            switch cache.map({ plan.verdict(index, record, .cache($0)) }) ?? .unknown {
            case .yes: found.append(index)
            case .no: break
            case .unknown: deep.append((index, record))
            }
            return true
        }
        deep.append(contentsOf: open[min(position, open.count)...])
        var rest = deep[...]
        while !rest.isEmpty {
            let batch = Array(rest.prefix(Self.bodyBatch))
            let messages = try await mailbox.octets(of: batch.map(\.record), limit: Self.bodyLimit)
            found.append(contentsOf: try await self.matches(plan, batch, messages))
            rest = rest.dropFirst(max(1, messages.count))
        }
        return found
    }

    /// Looks into messages on a storage thread.
    private func matches(
        _ plan: SearchPlan, _ batch: [(index: Int, record: MessageRecord)],
        _ messages: [Result<MessageOctets, StoreError>]
    ) async throws(StoreError) -> [Int] {
        var readable: [(index: Int, record: MessageRecord, octets: MessageOctets)] = []
        for (message, result) in zip(batch, messages) {
            switch result {
            case .success(let octets): readable.append((message.index, message.record, octets))
            // What is gone matches nothing any more.
            case .failure(let error) where error.code == .expunged: break
            case .failure(let error): throw error
            }
        }
        let candidates = readable
        return try await self.service.store.threads.run { () throws(StoreError) -> [Int] in
            var found: [Int] = []
            for (index, record, octets) in candidates {
                octets.withUnsafeBytes { bytes in
                    let evidence = SearchEvidence.message(Octets(bytes), PartTable(bytes))
                    switch plan.verdict(index, record, evidence) {
                    case .yes: found.append(index)
                    case .no, .unknown: break
                    }
                }
            }
            return found
        }
    }

    private func answer(
        _ tag: Tag, _ command: SearchCommand, _ found: [Int], _ view: MailboxSnapshot, _ hasModSeq: Bool
    ) {
        var numbers = NumberRanges()
        for index in found {
            switch command.numbering {
            case .sequenceNumber: numbers.append(SequenceNumber(index: index).rawValue)
            case .uid: numbers.append(view[index].uid.rawValue)
            }
        }
        guard let returns = command.returns else {
            let modSeq = hasModSeq ? found.map { view[$0].modSeq }.max() : nil
            self.write { $0.search(numbers.ranges, modSeq: modSeq) }
            return
        }
        var result = ExtendedSearchResult()
        if returns.contains(.min) { result.min = numbers.ranges.first?.lowerBound }
        if returns.contains(.max) { result.max = numbers.ranges.last?.upperBound }
        if returns.contains(.all) { result.all = numbers.ranges }
        if returns.contains(.count) { result.count = UInt64(numbers.count) }
        if hasModSeq { result.modSeq = Self.modSeq(returns, found, view) }
        self.write { $0.extendedSearch(tag, numbering: command.numbering, result) }
    }

    /// The highest MODSEQ of what is answered: with MIN or MAX alone, of these messages only (RFC 4731
    /// section 3.2).
    private static func modSeq(
        _ returns: SearchCommand.Return, _ found: [Int], _ view: MailboxSnapshot
    ) -> ModSeq? {
        guard let first = found.first, let last = found.last else { return nil }
        if returns == .min { return view[first].modSeq }
        if returns == .max { return view[last].modSeq }
        if returns == [.min, .max] { return max(view[first].modSeq, view[last].modSeq) }
        return found.map { view[$0].modSeq }.max()
    }
}
