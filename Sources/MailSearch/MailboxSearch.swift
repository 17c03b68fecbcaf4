import MIMECore
import MailCore
public import MailStore

/// Searches one view of a mailbox: by the records alone where that decides, then by caches, at last by the
/// messages themselves, on storage threads in bounded slices.
public struct MailboxSearch {
    let mailbox: any Mailbox
    let view: MailboxSnapshot
    let threads: StorageThreads

    /// Messages looked at before others on the event loop get their turn.
    private static let recordBatch = 4096
    private static let cacheBatch = 256
    private static let bodyBatch = 64
    private static let bodyLimit = 4 << 20

    public init(_ mailbox: any Mailbox, _ view: MailboxSnapshot, _ threads: StorageThreads) {
        self.mailbox = mailbox
        self.view = view
        self.threads = threads
    }

    /// The places in the view of the messages that match, ascending. Stops early, with what it has, when `goesOn`
    /// says no.
    public func matches(_ plan: SearchPlan, goesOn: () -> Bool = { true }) async throws(StoreError) -> [Int] {
        let plan = plan.node
        var found: [Int] = []
        var next = 0
        while next < self.view.count {
            let batch = plan.needsOnlyRecords ? Self.recordBatch : Self.cacheBatch
            let stop = min(self.view.count, next + batch)
            var open: [(index: Int, record: MessageRecord)] = []
            let before = found.count
            self.view.forEach(from: next) { index, record in
                guard index < stop else { return false }
                switch plan.verdict(index, record, .record) {
                case .yes: found.append(index)
                case .no: break
                case .unknown: open.append((index, record))
                }
                return true
            }
            if !open.isEmpty {
                found.append(contentsOf: try await self.matches(plan, open))
                found[before...].sort()
            }
            next = stop
            await Task.yield()
            if !goesOn() { break }
        }
        return found
    }

    /// Those of `open` that match by their caches or, where these do not say, by their octets.
    private func matches(
        _ plan: SearchNode, _ open: [(index: Int, record: MessageRecord)]
    ) async throws(StoreError) -> [Int] {
        var found: [Int] = []
        var deep: [(index: Int, record: MessageRecord)] = []
        var position = 0
        try await self.mailbox.caches(of: open.map(\.record)) { record, cache in
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
            let messages = try await self.mailbox.octets(of: batch.map(\.record), limit: Self.bodyLimit)
            found.append(contentsOf: try await self.matches(plan, batch, messages))
            rest = rest.dropFirst(max(1, messages.count))
        }
        return found
    }

    /// Looks into messages on a storage thread.
    private func matches(
        _ plan: SearchNode, _ batch: [(index: Int, record: MessageRecord)],
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
        return try await self.threads.run { () throws(StoreError) -> [Int] in
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
}
