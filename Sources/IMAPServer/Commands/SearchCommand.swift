import IMAPCore
import MIMECore
import MailCore
import MailSearch
import MailStore
import ServerCore

extension Session {
    /// What SEARCH, SORT and THREAD found.
    struct Found {
        var search: MailboxSearch
        var plan: SearchPlan
        var key: SearchKey
        var view: MailboxSnapshot
        /// Places in the view, ascending.
        var places: [Int]
        /// Whether MODSEQ was among the keys.
        var hasModSeq: Bool

        func number(_ place: Int, _ numbering: MessageNumbering) -> UInt32 {
            switch numbering {
            case .sequenceNumber: SequenceNumber(index: place).rawValue
            case .uid: self.view[place].uid.rawValue
            }
        }

        /// Runs that ascend become ranges; all else keeps its place.
        func ranges(_ places: some Sequence<Int>, _ numbering: MessageNumbering) -> NumberRanges {
            var numbers = NumberRanges()
            for place in places { numbers.append(self.number(place, numbering)) }
            return numbers
        }
    }

    /// Searches the selected mailbox; `nil` when the command has been answered already, because of a mistake in it or a
    /// failure.
    func find(
        _ tag: Tag, _ command: SearchCommand, _ extent: SearchExtent = .all
    ) async throws(ConnectionError) -> Found? {
        let expunges = ExpungeTelling(command)
        guard let selected = self.selected else {
            self.bad(tag, "No mailbox selected")
            return nil
        }
        guard let key = try await self.searchKey(tag, command, expunges) else { return nil }
        guard
            let plan = SearchPlan(key, selected.view, recent: selected.recent, now: UnixTime.now().seconds)
        else {
            self.bad(tag, "No such message")
            return nil
        }
        let hasModSeq = key.hasModSeq
        if hasModSeq { self.enableCondStore() }
        do throws(StoreError) {
            let search = MailboxSearch(selected.mailbox, selected.view, self.options.store.threads)
            // Nobody waits for the answer any more once the session shall end.
            let places = try await search.matches(plan, extent) { self.connection.shutdownReason == nil }
            return Found(
                search: search, plan: plan, key: key, view: selected.view, places: places, hasModSeq: hasModSeq)
        } catch {
            self.forgetSavedResult(command)
            try await self.refuse(tag, error, expunges)
            return nil
        }
    }

    /// The command's key with its strings in UTF-8 and the keys of its filters; `nil` when the command has been refused
    /// because of its charset, of a text that is none in it, or of a filter.
    func searchKey(
        _ tag: Tag, _ command: SearchCommand, _ expunges: ExpungeTelling
    ) async throws(ConnectionError) -> SearchKey? {
        if command.key.hasFilters { return try await self.searchKey(withFilters: tag, command, expunges) }
        guard let charset = command.charset, !SearchCharset.isUTF8(charset) else { return command.key }
        guard CharsetConverter.system.knows(charset) else {
            self.forgetSavedResult(command)
            try await self.refuse(tag, .badCharset(SearchCharset.names), "Unknown charset", expunges)
            return nil
        }
        guard let key = command.key.replacingStrings({ SearchCharset.text($0, charset) }) else {
            self.forgetSavedResult(command)
            try await self.refuse(tag, nil, "A search text is not in its charset", expunges)
            return nil
        }
        return key
    }

    private func searchKey(
        withFilters tag: Tag, _ command: SearchCommand, _ expunges: ExpungeTelling
    ) async throws(ConnectionError) -> SearchKey? {
        // Filters are in UTF-8, and so must be what stands beside them (RFC 5466 section 3.1).
        if let charset = command.charset, !SearchCharset.isUTF8(charset) {
            self.forgetSavedResult(command)
            self.write { $0.tagged(tag, .bad, .badCharset(Array("US-ASCII UTF-8".utf8)), "Filters are in UTF-8") }
            return nil
        }
        var metadata: [Metadata] = []
        do throws(StoreError) {
            if self.settings.offersMetadata { metadata = try await self.account?.metadata(of: .server) ?? [] }
        } catch {
            self.forgetSavedResult(command)
            try await self.refuse(tag, error, expunges)
            return nil
        }
        do throws(SearchFilters.Failure) {
            let filters = SearchFilters(metadata, limits: self.settings.commandLimits)
            return try filters.replaced(in: command.key).replacingSavedResult(self.savedResult)
        } catch {
            self.forgetSavedResult(command)
            switch error {
            case .undefined(let name):
                try await self.refuse(tag, .undefinedFilter(name), "No such filter", expunges)
            case .tooComplex:
                try await self.refuse(tag, .limit, "Too many search keys in filters", expunges)
            }
            return nil
        }
    }

    /// Whether the command may have the charset that it has; else writes the BAD. To SORT and THREAD this does not apply:
    /// their grammar wants one.
    func mayNameCharset(_ tag: Tag, _ command: SearchCommand) -> Bool {
        // RFC 6855 section 3: all strings are UTF-8 by then.
        guard self.acceptsUTF8, command.charset != nil else { return true }
        self.bad(tag, "Expected no CHARSET after ENABLE UTF8=ACCEPT")
        return false
    }

    /// A SEARCH with SAVE that fails leaves nothing for `$` (RFC 5182 section 2.1).
    func forgetSavedResult(_ command: SearchCommand) {
        if command.returns?.contains(.save) == true { self.selected?.savedResult = [] }
    }

    /// SEARCH (RFC 9051 section 6.4.4), ESEARCH (RFC 4731), SAVE (RFC 5182), PARTIAL (RFC 9394), UPDATE (RFC 5267).
    func search(_ tag: Tag, _ command: SearchCommand) async throws(ConnectionError) {
        guard self.mayUpdate(tag, command), self.mayNameCharset(tag, command) else { return }
        var command = command
        // In IMAP4rev2 the answer is always ESEARCH (RFC 9051 section 6.4.4).
        if self.knowsRev2, command.returns == nil { command.returns = .all }
        guard let found = try await self.find(tag, command, command.extent) else { return }
        if command.returns?.contains(.save) == true { self.save(found, command) }
        do throws(StoreError) {
            try await self.answer(SearchCorrelator(tag), command, found.places, found, [])
        } catch {
            return try await self.refuse(tag, error, ExpungeTelling(command))
        }
        if command.returns?.contains(.update) == true {
            self.update(SearchUpdate(tag, command, inMailboxOrder: found), found.view)
        }
        try await self.finish(tag, nil, "Search completed", ExpungeTelling(command))
    }

    /// Keeps for `$` what was found: with MIN, MAX or PARTIAL and without COUNT and ALL, what these answer only (RFC
    /// 5182 section 2.4, RFC 9394 section 3.2).
    func save(_ found: Found, _ command: SearchCommand) {
        let returns = command.returns ?? []
        var places = found.places
        if returns.isDisjoint(with: [.count, .all]), !returns.isDisjoint(with: [.min, .max]) || command.partial != nil {
            places = []
            if let partial = command.partial {
                places.append(contentsOf: found.places[partial.positions(of: found.places.count)])
            }
            if returns.contains(.min), let first = found.places.first { places.append(first) }
            if returns.contains(.max), let last = found.places.last { places.append(last) }
        }
        self.selected?.savedResult = UIDSet(places.map { found.view[$0].uid })
    }

    /// What stands for `$` in a command.
    func savedResult(_ numbering: MessageNumbering) -> SequenceSet {
        guard let selected = self.selected else { return SequenceSet([ClosedRange<UInt32>]()) }
        switch numbering {
        case .uid: return SequenceSet(selected.savedResult.ranges)
        case .sequenceNumber:
            let places = selected.view.indices(of: SequenceSet(selected.savedResult.ranges), .uid) ?? []
            return SequenceSet(
                places.map { UInt32(clamping: $0.lowerBound + 1)...UInt32(clamping: $0.upperBound) })
        }
    }

    /// Writes the response to SEARCH.
    ///
    /// - Parameter scores: how relevant the places are, when that is known already.
    func answer(
        _ correlator: SearchCorrelator, _ command: SearchCommand, _ places: [Int], _ found: Found, _ scores: [UInt8]
    ) async throws(StoreError) {
        guard let returns = command.returns else {
            let modSeq = found.hasModSeq ? places.map { found.view[$0].modSeq }.max() : nil
            let ranges = found.ranges(places, command.numbering).ranges
            self.write { $0.search(ranges, modSeq: modSeq) }
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
            result.partial = .init(partial, found.ranges(places[part], numbering).ranges)
        }
        if found.hasModSeq { result.modSeq = Self.modSeq(returns, command.partial, places, found.view) }
        if returns.contains(.relevancy) {
            if scores.isEmpty {
                result.relevancy = try await found.search.relevancies(of: Array(places[part]), found.plan) {
                    self.connection.shutdownReason == nil
                }
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
        return found.map { view[$0].modSeq }.max()
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
