import MIMECore
public import MailStore

extension MailboxSearch {
    /// How relevant the messages at some places in the view are to the FUZZY keys of a plan: 1 to 100 for each (RFC 6203
    /// section 4). Ends early, with 1 for the rest, when `goesOn`, told how many are done, says no.
    public func relevancies(
        of places: [Int], _ plan: SearchPlan, goesOn: (Int) -> Bool = { _ in true }
    ) async throws(StoreError) -> [UInt8] {
        var scores: [UInt8] = []
        scores.reserveCapacity(places.count)
        let node = plan.node
        while scores.count < places.count, goesOn(scores.count) {
            let batch = places[scores.count..<min(places.count, scores.count + Self.cacheBatch)]
            let candidates = batch.map { SearchCandidate(index: $0, record: self.view[$0]) }
            let found = try await self.ask(candidates, .cachesAndMessages) { _, evidence -> UInt8? in
                switch node.relevancy(evidence) {
                case .unknown: nil
                case .none: 100
                case .score(let score): UInt8(max(1, min(100, score)))
                }
            }
            scores.append(contentsOf: found.map { $0 ?? 1 })
            await Task.yield()
        }
        scores.append(contentsOf: repeatElement(1, count: places.count - scores.count))
        return scores
    }
}

/// What is known of a message's relevancy to a key.
enum SearchRelevancy: Equatable {
    /// Needs more than was looked at.
    case unknown
    /// The key says nothing about it.
    case none
    case score(Int)
}

extension SearchNode {
    /// Of keys that all must match the mean counts, of alternatives the best.
    func relevancy(_ evidence: SearchEvidence) -> SearchRelevancy {
        switch self {
        case .fuzzy(let needle): return needle.relevancy(evidence).map { .score($0) } ?? .unknown
        case .and(let nodes):
            var sum = 0
            var count = 0
            for node in nodes {
                switch node.relevancy(evidence) {
                case .unknown: return .unknown
                case .none: break
                case .score(let score):
                    sum += score
                    count += 1
                }
            }
            return count == 0 ? .none : .score(sum / count)
        case .or(let a, let b):
            switch (a.relevancy(evidence), b.relevancy(evidence)) {
            case (.unknown, _), (_, .unknown): return .unknown
            case (.none, .none): return .none
            case (.score(let a), .score(let b)): return .score(max(a, b))
            case (.score(let score), .none), (.none, .score(let score)): return .score(score)
            }
        case .not, .constant, .flags, .notFlags, .keyword, .recent, .indices, .modSeq, .internalDate, .savedDate,
            .emailID, .threadID, .sentDay, .size, .header, .body, .text:
            return .none
        }
    }
}
