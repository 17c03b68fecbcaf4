import IMAPCore
import MailCore
import MailSearch
import MailStore
import ServerCore

extension Session {
    /// SORT (RFC 5256), ESORT and CONTEXT=SORT (RFC 5267).
    func sort(_ tag: Tag, _ command: SortCommand) async throws(ConnectionError) {
        guard self.mayUpdate(tag, command.search) else { return }
        let wantsScores =
            command.criteria.contains { $0.key == .relevancy } || command.search.returns?.contains(.relevancy) == true
        self.beginProgress(tag, stages: wantsScores ? 3 : 2)
        guard let found = try await self.find(tag, command.search) else { return }
        let expunges = ExpungeTelling(command.search)
        let order: [Int]
        do throws(StoreError) {
            order = try await self.sortAndAnswer(tag, command, found)
        } catch {
            return try await self.refuse(tag, error, expunges)
        }
        if command.search.returns?.contains(.update) == true {
            self.update(SearchUpdate(tag, command, found, order), found.view)
        }
        try await self.finish(tag, nil, "Sort completed", expunges)
    }

    private func sortAndAnswer(
        _ tag: Tag, _ command: SortCommand, _ found: Found
    ) async throws(StoreError) -> [Int] {
        var scores: [UInt8] = []
        if command.criteria.contains(where: { $0.key == .relevancy }) {
            self.beginStage(of: found.places.count)
            scores = try await found.search.relevancies(of: found.places, found.plan) { self.goesOn(after: $0) }
        }
        self.beginStage(of: found.places.count)
        let order = try await found.search.sorted(found.places, by: command.criteria, relevancies: scores) {
            self.goesOn(after: $0)
        }
        try self.checkGoesOn()
        guard let returns = command.search.returns else {
            let numbers = found.numbers(order, command.search.numbering)
            let modSeq = found.hasModSeq ? order.lazy.map { found.view[$0].modSeq }.max() : nil
            self.write { $0.sort(numbers, modSeq: modSeq) }
            return order
        }
        if !scores.isEmpty {
            // From the order of places into that of the answer.
            var scoreOf: [Int: UInt8] = [:]
            for (place, score) in zip(found.places, scores) { scoreOf[place] = score }
            scores = order.map { scoreOf[$0] ?? 1 }
        }
        let result = try await self.result(returns, command.search, order, found, scores)
        self.write { $0.extendedSearch(SearchCorrelator(tag), numbering: command.search.numbering, result) }
        return order
    }
}
