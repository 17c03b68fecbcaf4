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
    }

    /// Searches the selected mailbox; `nil` when the command has been answered already, because of a mistake in it or a
    /// failure.
    ///
    /// - Parameter tellsOrder: for SORT and THREAD, whose grammar wants a charset.
    func find(
        _ tag: Tag, _ command: SearchCommand, tellsOrder: Bool = false
    ) async throws(ConnectionError) -> Found? {
        let expunges = ExpungeTelling(command)
        guard let selected = self.selected else {
            self.bad(tag, "No mailbox selected")
            return nil
        }
        // RFC 6855 section 3: all strings are UTF-8 by then.
        if self.acceptsUTF8, command.charset != nil, !tellsOrder {
            self.bad(tag, "Expected no CHARSET after ENABLE UTF8=ACCEPT")
            return nil
        }
        guard Self.knowsCharset(command.charset) else {
            if command.returns?.contains(.save) == true { self.selected?.savedResult = [] }
            try await self.refuse(tag, .badCharset, "Unknown charset", expunges)
            return nil
        }
        guard
            let plan = SearchPlan(
                command.key, selected.view, recent: selected.recent, now: UnixTime.now().seconds)
        else {
            self.bad(tag, "No such message")
            return nil
        }
        let hasModSeq = command.key.hasModSeq
        if hasModSeq { self.enableCondStore() }
        do throws(StoreError) {
            let search = MailboxSearch(selected.mailbox, selected.view, self.options.store.threads)
            // Nobody waits for the answer any more once the session shall end.
            let places = try await search.matches(plan) { self.connection.shutdownReason == nil }
            return Found(search: search, view: selected.view, places: places, hasModSeq: hasModSeq)
        } catch {
            if command.returns?.contains(.save) == true { self.selected?.savedResult = [] }
            try await self.refuse(tag, error, expunges)
            return nil
        }
    }

    /// SEARCH (RFC 9051 section 6.4.4), ESEARCH (RFC 4731), SAVE (RFC 5182).
    func search(_ tag: Tag, _ command: SearchCommand) async throws(ConnectionError) {
        guard let found = try await self.find(tag, command) else { return }
        var command = command
        // In IMAP4rev2 the answer is always ESEARCH (RFC 9051 section 6.4.4).
        if self.knowsRev2, command.returns == nil { command.returns = .all }
        let saves = command.returns?.contains(.save) == true
        command.returns?.remove(.save)
        if saves { self.save(found, command.returns ?? []) }
        // SAVE alone asks for no answer (RFC 5182 section 2.4).
        if !saves || command.returns?.isEmpty == false {
            self.answer(tag, command, found.places, found.view, found.hasModSeq)
        }
        try await self.finish(tag, nil, "Search completed", ExpungeTelling(command))
    }

    /// Keeps for `$` what was found: with MIN or MAX and nothing else, these messages only (RFC 5182 section 2.4).
    private func save(_ found: Found, _ returns: SearchCommand.Return) {
        var places = found.places
        if !returns.isEmpty, returns.isSubset(of: [.min, .max]) {
            places = []
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

    private static func knowsCharset(_ name: [UInt8]?) -> Bool {
        guard let name else { return true }
        return name.elementsEqual("UTF-8".utf8) || name.elementsEqual("US-ASCII".utf8)
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
    static func modSeq(
        _ returns: SearchCommand.Return, _ found: [Int], _ view: MailboxSnapshot
    ) -> ModSeq? {
        guard let first = found.first, let last = found.last else { return nil }
        if returns == .min { return view[first].modSeq }
        if returns == .max { return view[last].modSeq }
        if returns == [.min, .max] { return max(view[first].modSeq, view[last].modSeq) }
        return found.map { view[$0].modSeq }.max()
    }
}
