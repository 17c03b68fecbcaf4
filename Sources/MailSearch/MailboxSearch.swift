import MIMECore
import MailCore
public import MailStore

/// How much of a result must be found.
public enum SearchExtent: Sendable, Hashable {
    case all
    /// The first so many in the mailbox's order; more may be found.
    case first(Int)
    /// The last so many.
    case last(Int)
}

/// A message that may match.
struct SearchCandidate: Sendable {
    /// Its place in the view.
    var index: Int
    var record: MessageRecord
    /// `nil` when no key needs them.
    var traits: MessageTraits?
}

/// Where a question about messages may be answered.
enum SearchSources { case cachesAndMessages, messages }

/// Searches one view of a mailbox: by the records alone where that decides, then by signatures, which rule most messages
/// out, then by caches, at last by the messages themselves, on storage threads in bounded slices.
public struct MailboxSearch {
    let mailbox: any Mailbox
    let view: MailboxSnapshot
    let threads: StorageThreads
    let isOver: @Sendable () -> Bool

    /// Messages looked at before others on the event loop get their turn.
    private static let recordBatch = 4096
    static let cacheBatch = 256
    private static let bodyBatch = 64
    private static let bodyLimit = 4 << 20

    /// - Parameter isOver: asked on storage threads, between two messages and two keys: whether nobody waits for the result
    ///   any more. What is answered then is not the result.
    public init(
        _ mailbox: any Mailbox, _ view: MailboxSnapshot, _ threads: StorageThreads,
        isOver: @escaping @Sendable () -> Bool = { false }
    ) {
        self.mailbox = mailbox
        self.view = view
        self.threads = threads
        self.isOver = isOver
    }

    /// The places in the view of the messages that match, ascending: all of them, or at least those that `extent` asks
    /// for. Stops early, with what it has, when `goesOn` says no, which hears how many messages have been looked at.
    public func matches(
        _ plan: SearchPlan, _ extent: SearchExtent = .all, goesOn: (Int) -> Bool = { _ in true }
    ) async throws(StoreError) -> [Int] {
        let isQuick = plan.node.needsOnlyRecords || plan.node.usesKeys || plan.node.usesSignatures
        let batch = isQuick ? Self.recordBatch : Self.cacheBatch
        switch extent {
        case .all: return try await self.forward(plan.node, batch, .max, goesOn)
        case .first(let count): return try await self.forward(plan.node, min(batch, Self.cacheBatch), count, goesOn)
        case .last(let count): return try await self.backward(plan.node, min(batch, Self.cacheBatch), count, goesOn)
        }
    }

    /// Those of some places, ascending, whose messages match.
    public func matches(
        _ plan: SearchPlan, among places: [Int], goesOn: (Int) -> Bool = { _ in true }
    ) async throws(StoreError) -> [Int] {
        var found: [Int] = []
        var next = 0
        while next < places.count, goesOn(next) {
            let stop = min(places.count, next + Self.cacheBatch)
            var sieve = Sieve(plan.node)
            for place in places[next..<stop] where place < self.view.count { sieve.take(place, self.view[place]) }
            found.append(contentsOf: try await self.matches(sieve))
            next = stop
            await Task.yield()
        }
        return found
    }

    private func forward(
        _ node: SearchNode, _ batch: Int, _ enough: Int, _ goesOn: (Int) -> Bool
    ) async throws(StoreError) -> [Int] {
        var found: [Int] = []
        var next = 0
        while next < self.view.count, found.count < enough {
            let stop = min(self.view.count, next + batch)
            found.append(contentsOf: try await self.matches(self.sieve(node, next..<stop)))
            next = stop
            await Task.yield()
            if !goesOn(next) { break }
        }
        return found
    }

    private func backward(
        _ node: SearchNode, _ batch: Int, _ enough: Int, _ goesOn: (Int) -> Bool
    ) async throws(StoreError) -> [Int] {
        var found: [[Int]] = []
        var count = 0
        var end = self.view.count
        while end > 0, count < enough {
            let start = max(0, end - batch)
            let matches = try await self.matches(self.sieve(node, start..<end))
            count += matches.count
            found.append(matches)
            end = start
            await Task.yield()
            if !goesOn(self.view.count - end) { break }
        }
        return Array(found.reversed().joined())
    }

    // MARK: Records

    /// The messages at some places, ascending.
    func records(at places: ArraySlice<Int>) -> [MessageRecord] {
        guard let first = places.first, let last = places.last else { return [] }
        if last - first + 1 > 4 * places.count { return places.map { self.view[$0] } }
        var records: [MessageRecord] = []
        records.reserveCapacity(places.count)
        var next = places.startIndex
        self.view.forEachRun(of: first..<last + 1) { start, run in
            let end = start + run.count
            while next < places.endIndex, places[next] < end {
                records.append(run[run.startIndex + places[next] - start])
                next += 1
            }
        }
        return records
    }

    /// Messages of which the record says that they match, and those of which it does not say whether they do.
    private struct Sieve {
        let node: SearchNode
        private let filter: RecordFilter
        var found: [Int] = []
        /// Those of which the record does not say it, with their places.
        var open: [MessageRecord] = []
        var openPlaces: [Int] = []

        init(_ node: SearchNode) {
            self.node = node
            self.filter = RecordFilter(node)
        }

        /// Takes the messages from `index` on.
        mutating func take(_ index: Int, _ records: ContiguousArray<MessageRecord>.SubSequence) {
            var index = index
            for record in records {
                self.take(index, record)
                index += 1
            }
        }

        @inline(__always)
        mutating func take(_ index: Int, _ record: MessageRecord) {
            guard self.filter.mayMatch(record) else { return }
            if self.filter.isWhole {
                self.found.append(index)
                return
            }
            guard self.filter.leavesRecords else {
                self.open.append(record)
                self.openPlaces.append(index)
                return
            }
            self.ask(index, record)
        }

        private mutating func ask(_ index: Int, _ record: MessageRecord) {
            let candidate = SearchCandidate(index: index, record: record)
            switch self.node.verdict(candidate, .record) {
            case .yes: self.found.append(index)
            case .no: break
            case .unknown:
                self.open.append(record)
                self.openPlaces.append(index)
            }
        }
    }

    private func sieve(_ node: SearchNode, _ range: Range<Int>) -> Sieve {
        var sieve = Sieve(node)
        self.view.forEachRun(of: range) { sieve.take($0, $1) }
        return sieve
    }

    // MARK: Caches and messages

    private func matches(_ sieve: Sieve) async throws(StoreError) -> [Int] {
        guard !sieve.open.isEmpty else { return sieve.found }
        let node = sieve.node
        var sieve = sieve
        if node.usesKeys {
            try await self.askKeys(&sieve)
            guard !sieve.open.isEmpty else { return sieve.found.sorted() }
        }
        var found = sieve.found
        var open: [SearchCandidate] = []
        if node.usesSignatures {
            let probes = node.requiredProbes
            try await self.mailbox.signatures(of: sieve.open) { position, signature in
                guard position < sieve.open.count else { return false }
                var verdict = SearchVerdict.unknown
                let candidate: SearchCandidate
                if let signature {
                    // Most messages go here, so nothing is made of them before.
                    for probe in probes where !probe.mayMatch(signature) { return true }
                    candidate = SearchCandidate(index: sieve.openPlaces[position], record: sieve.open[position])
                    verdict = node.verdict(candidate, .signature(signature))
                } else {
                    candidate = SearchCandidate(index: sieve.openPlaces[position], record: sieve.open[position])
                }
                switch verdict {
                case .yes: found.append(candidate.index)
                case .no: break
                case .unknown: open.append(candidate)
                }
                return true
            }
        } else {
            open = zip(sieve.openPlaces, sieve.open).map { SearchCandidate(index: $0, record: $1) }
        }
        if !node.traits.isEmpty {
            open = try await self.withTraits(open, node.traits).filter { candidate in
                switch node.verdict(candidate, .record) {
                case .yes: found.append(candidate.index)
                case .no: break
                case .unknown: return true
                }
                return false
            }
        }
        let sources = node.usesCaches ? SearchSources.cachesAndMessages : .messages
        var next = 0
        while next < open.count, !self.isOver() {
            let batch = Array(open[next..<min(open.count, next + Self.cacheBatch)])
            let verdicts = try await self.ask(batch, sources) { candidate, evidence -> Bool? in
                switch node.verdict(candidate, evidence) {
                case .yes: true
                case .no: false
                case .unknown: nil
                }
            }
            for (candidate, matches) in zip(batch, verdicts) where matches == true { found.append(candidate.index) }
            next += batch.count
            if next < open.count { await Task.yield() }
        }
        found.sort()
        return found
    }

    /// Leaves open what the keys of headers do not say.
    private func askKeys(_ sieve: inout Sieve) async throws(StoreError) {
        let node = sieve.node
        let tests = node.requiredTests
        // Where the whole key is one test, its answer is the answer.
        var isTest = false
        if case .header = node { isTest = tests.count == 1 }
        let (records, places) = (sieve.open, sieve.openPlaces)
        var found: [Int] = []
        var open: [Int] = []
        var asked = 0
        try await self.mailbox.headerKeys(of: records) { position, keys in
            guard position == asked else { return false }
            asked += 1
            guard let keys else {
                open.append(position)
                return true
            }
            var isKnown = true
            for test in tests {
                switch test.matches(keys) {
                // Most messages go here, so nothing is made of them before.
                case .some(false): return true
                case .some(true): break
                case .none: isKnown = false
                }
            }
            if isTest {
                if isKnown { found.append(places[position]) } else { open.append(position) }
                return true
            }
            switch node.verdict(SearchCandidate(index: places[position], record: records[position]), .keys(keys)) {
            case .yes: found.append(places[position])
            case .no: break
            case .unknown: open.append(position)
            }
            return true
        }
        open.append(contentsOf: asked..<max(asked, records.count))
        sieve.found.append(contentsOf: found)
        sieve.open = open.map { records[$0] }
        sieve.openPlaces = open.map { places[$0] }
    }

    /// The candidates that are still there, with what the index knows of them beside their records.
    func withTraits(
        _ candidates: [SearchCandidate], _ selection: MessageTraits.Selection
    ) async throws(StoreError) -> [SearchCandidate] {
        var known: [SearchCandidate] = []
        var next = 0
        while next < candidates.count {
            let batch = candidates[next..<min(candidates.count, next + Self.cacheBatch)]
            let traits = try await self.mailbox.traits(of: batch.map(\.record), selection)
            for (candidate, traits) in zip(batch, traits) {
                guard let traits else { continue }
                var candidate = candidate
                candidate.traits = traits
                known.append(candidate)
            }
            next += batch.count
            if next < candidates.count { await Task.yield() }
        }
        return known
    }

    /// What `question` answers of each candidate, in their order: asked with the cache, unless that is known to be of no
    /// use, and, where it answers `nil` then, with the message, on a storage thread. `nil` for what it answers of
    /// neither, and of messages that are gone.
    func ask<Value: Sendable>(
        _ candidates: [SearchCandidate], _ sources: SearchSources,
        _ question: @escaping @Sendable (SearchCandidate, SearchEvidence) -> Value?
    ) async throws(StoreError) -> [Value?] {
        var answers = [Value?](repeating: nil, count: candidates.count)
        var open: [Int] = []
        var position = 0
        switch sources {
        case .messages: break
        case .cachesAndMessages:
            try await self.mailbox.caches(of: candidates.map(\.record)) { _, cache in
                guard position < candidates.count else { return false }
                answers[position] = cache.flatMap { question(candidates[position], .cache($0)) }
                if answers[position] == nil { open.append(position) }
                position += 1
                return true
            }
        }
        open.append(contentsOf: position..<max(position, candidates.count))
        var rest = open[...]
        let isOver = self.isOver
        while !rest.isEmpty, !isOver() {
            let batch = Array(rest.prefix(Self.bodyBatch))
            let messages = try await self.mailbox.octets(
                of: batch.map { candidates[$0].record }, limit: Self.bodyLimit)
            let made = try await self.threads.run { () throws(StoreError) -> [Value?] in
                var made: [Value?] = []
                for (position, result) in zip(batch, messages) {
                    switch result {
                    case .success(let octets):
                        made.append(
                            octets.withUnsafeBytes {
                                let message = SearchedMessage(octets: Octets($0), table: PartTable($0), isOver: isOver)
                                return question(candidates[position], .message(message))
                            })
                    // What is gone matches nothing any more.
                    case .failure(let error) where error.code == .expunged || error.code == .damaged:
                        // One that cannot be read matches nothing, and must not fail the search of all others.
                        made.append(nil)
                    case .failure(let error): throw error
                    }
                }
                return made
            }
            for (position, answer) in zip(batch, made) { answers[position] = answer }
            // A store that reads nothing must not make this loop for ever.
            rest = rest.dropFirst(max(1, messages.count))
        }
        return answers
    }
}
