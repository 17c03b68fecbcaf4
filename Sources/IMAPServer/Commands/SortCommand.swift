import IMAPCore
import MailCore
import MailSearch
import MailStore
import ServerCore

extension Session {
    /// SORT (RFC 5256), ESORT (RFC 5267 section 3.1).
    func sort(_ tag: Tag, _ command: SortCommand) async throws(ConnectionError) {
        guard let found = try await self.find(tag, command.search, tellsOrder: true) else { return }
        let expunges = ExpungeTelling(command.search)
        let order: [Int]
        do throws(StoreError) {
            order = try await found.search.sorted(found.places, by: command.criteria) {
                self.connection.shutdownReason == nil
            }
        } catch {
            return try await self.refuse(tag, error, expunges)
        }
        try await self.answer(tag, command.search, order, found)
        try await self.finish(tag, nil, "Sort completed", expunges)
    }

    private func answer(
        _ tag: Tag, _ command: SearchCommand, _ order: [Int], _ found: Found
    ) async throws(ConnectionError) {
        let numbers = order.map { found.number($0, command.numbering) }
        guard let returns = command.returns else {
            let modSeq = found.hasModSeq ? order.map { found.view[$0].modSeq }.max() : nil
            self.write { $0.sort(numbers, modSeq: modSeq) }
            return
        }
        var result = ExtendedSearchResult()
        if returns.contains(.min) { result.min = numbers.first }
        if returns.contains(.max) { result.max = numbers.last }
        if returns.contains(.all) {
            // Runs that ascend become ranges; all else keeps its place.
            var ranges = NumberRanges()
            for number in numbers { ranges.append(number) }
            result.all = ranges.ranges
        }
        if returns.contains(.count) { result.count = UInt64(numbers.count) }
        if found.hasModSeq { result.modSeq = Self.modSeq(returns, order, found.view) }
        self.write { $0.extendedSearch(tag, numbering: command.numbering, result) }
    }
}
