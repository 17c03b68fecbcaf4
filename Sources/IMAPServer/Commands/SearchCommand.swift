import IMAPCore
import MailCore
import MailSearch
import MailStore
import ServerCore

extension Session {
    /// Searches the selected mailbox; `nil` when the command has been answered already, because of a mistake in it or a
    /// failure.
    func find(
        _ tag: Tag, _ command: SearchCommand, _ extent: SearchExtent = .all, excess: MessageExcess = .isRefused
    ) async throws(ConnectionError) -> Found? {
        let expunges = ExpungeTelling(command)
        guard let selected = self.selected else {
            self.bad(tag, "No mailbox selected")
            return nil
        }
        guard var key = try await self.searchKey(tag, command, expunges) else { return nil }
        var reached: LimitReached?
        if self.settings.messageLimit != nil {
            var candidates = key.candidates(selected.view)
            reached = self.limit(&candidates, in: selected.view)
        }
        if let reached {
            switch excess {
            case .isLeftOut: key = reached.limiting(key)
            case .isRefused:
                self.forgetSavedResult(command)
                let code = ResponseCode.messageLimit(reached.limit, nil)
                try await self.refuse(tag, code, "Too many messages to look at", expunges)
                return nil
            }
        }
        // Numbers beyond the end are no mistake in a search (RFC 7377 section 2).
        guard
            let plan = SearchPlan(
                key, selected.view, recent: selected.recent, now: UnixTime.now().seconds, bounds: .clamped)
        else {
            self.bad(tag, "No such message")
            return nil
        }
        let hasModSeq = key.hasModSeq
        if hasModSeq { self.enableCondStore() }
        do throws(StoreError) {
            let search = self.search(selected.mailbox, selected.view)
            self.beginStage(of: selected.view.count)
            let places = try await search.matches(plan, extent) { self.goesOn(after: $0) }
            try self.checkGoesOn()
            return Found(
                search: search, plan: plan, key: key, view: selected.view, places: places, hasModSeq: hasModSeq,
                reached: reached)
        } catch {
            self.forgetSavedResult(command)
            try await self.refuse(tag, error, expunges)
            return nil
        }
    }

    /// SEARCH (RFC 9051 section 6.4.4), ESEARCH (RFC 4731), SAVE (RFC 5182), PARTIAL (RFC 9394), UPDATE (RFC 5267).
    func search(_ tag: Tag, _ command: SearchCommand) async throws(ConnectionError) {
        guard self.mayUpdate(tag, command), self.mayNameCharset(tag, command) else { return }
        var command = command
        // In IMAP4rev2 the answer is always ESEARCH (RFC 9051 section 6.4.4).
        if self.knowsRev2, command.returns == nil { command.returns = .all }
        self.beginProgress(tag, stages: command.returns?.contains(.relevancy) == true ? 2 : 1)
        guard let found = try await self.find(tag, command, command.extent, excess: .isLeftOut) else { return }
        if command.returns?.contains(.save) == true { self.save(found, command) }
        do throws(StoreError) {
            try await self.answer(SearchCorrelator(tag), command, found.places, found, [])
        } catch {
            return try await self.refuse(tag, error, ExpungeTelling(command))
        }
        if command.returns?.contains(.update) == true {
            self.update(SearchUpdate(tag, command, inMailboxOrder: found), found.view)
        }
        try await self.finish(tag, self.code(nil, found.reached), "Search completed", ExpungeTelling(command))
    }

    /// Writes the response to SEARCH.
    ///
    /// - Parameter scores: how relevant the places are, when that is known already.
    func answer(
        _ correlator: SearchCorrelator, _ command: SearchCommand, _ places: [Int], _ found: Found, _ scores: [UInt8]
    ) async throws(StoreError) {
        guard let returns = command.returns else {
            let modSeq = found.hasModSeq ? places.lazy.map { found.view[$0].modSeq }.max() : nil
            let numbers = found.numbers(places, command.numbering)
            self.write { $0.search(numbers, modSeq: modSeq) }
            return
        }
        // SAVE alone asks for no answer (RFC 5182 section 2.4).
        if returns == .save, command.partial == nil { return }
        let result = try await self.result(returns, command, places, found, scores)
        self.write { $0.extendedSearch(correlator, numbering: command.numbering, result) }
    }

    /// What ESEARCH answers about places in the view, which are in the order asked for.
    func result(
        _ returns: SearchCommand.Return, _ command: SearchCommand, _ places: [Int], _ found: Found, _ scores: [UInt8]
    ) async throws(StoreError) -> ExtendedSearchResult {
        var result = ExtendedSearchResult()
        let numbering = command.numbering
        if returns.contains(.min) { result.min = places.first.map { found.number($0, numbering) } }
        if returns.contains(.max) { result.max = places.last.map { found.number($0, numbering) } }
        if returns.contains(.all) { result.all = found.ranges(places, numbering).ranges }
        if returns.contains(.count) { result.count = UInt64(places.count) }
        var part = 0..<places.count
        if let partial = command.partial {
            part = partial.positions(of: places.count)
            result.partial = .init(partial, found.ranges(Array(places[part]), numbering).ranges)
        }
        if found.hasModSeq { result.modSeq = Self.modSeq(returns, command.partial, places, found.view) }
        if returns.contains(.relevancy) {
            if scores.isEmpty {
                self.beginStage(of: part.count)
                result.relevancy = try await found.search.relevancies(of: Array(places[part]), found.plan) {
                    self.goesOn(after: $0)
                }
                try self.checkGoesOn()
            } else {
                result.relevancy = Array(scores[part])
            }
        }
        return result
    }

    /// The highest MODSEQ of what is answered: with MIN or MAX alone, of these messages only (RFC 4731
    /// section 3.2).
    private static func modSeq(
        _ returns: SearchCommand.Return, _ partial: PartialRange?, _ found: [Int], _ view: MailboxSnapshot
    ) -> ModSeq? {
        guard let first = found.first, let last = found.last else { return nil }
        if partial == nil {
            let ends = returns.intersection([.min, .max, .all, .count])
            if ends == .min { return view[first].modSeq }
            if ends == .max { return view[last].modSeq }
            if ends == [.min, .max] { return max(view[first].modSeq, view[last].modSeq) }
        }
        return found.lazy.map { view[$0].modSeq }.max()
    }
}

extension SearchCommand {
    /// How much of the result the answer needs.
    var extent: SearchExtent {
        guard let returns, !self.key.hasModSeq, !self.key.hasFilters,
            returns.isDisjoint(with: [.all, .count, .update, .relevancy])
        else { return .all }
        let ends = returns.intersection([.min, .max])
        if let partial = self.partial {
            guard ends.isEmpty else { return .all }
            switch partial.side {
            case .first: return .first(partial.reach)
            case .last: return .last(partial.reach)
            }
        }
        if ends == .min { return .first(1) }
        return ends == .max ? .last(1) : .all
    }
}
