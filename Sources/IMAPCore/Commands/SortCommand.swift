/// SORT and UID SORT (RFC 5256), with RETURN of ESORT (RFC 5267 section 3.1).
public struct SortCommand: Hashable, Sendable {
    /// By what messages are compared.
    public enum Key: Hashable, Sendable, CaseIterable {
        case arrival, cc, date, from, size, subject, to
        /// SORT=DISPLAY (RFC 5957 section 4).
        case displayFrom, displayTo
        /// The most relevant first; only with FUZZY (RFC 6203 section 6).
        case relevancy

        var wireName: StaticString {
            switch self {
            case .arrival: "ARRIVAL"
            case .cc: "CC"
            case .date: "DATE"
            case .from: "FROM"
            case .size: "SIZE"
            case .subject: "SUBJECT"
            case .to: "TO"
            case .displayFrom: "DISPLAYFROM"
            case .displayTo: "DISPLAYTO"
            case .relevancy: "RELEVANCY"
            }
        }
    }

    /// Of one criterion; `descending` is REVERSE.
    public enum Order: Hashable, Sendable { case ascending, descending }

    /// What is compared, and which way.
    public struct Criterion: Hashable, Sendable {
        public var key: Key
        public var order: Order

        public init(_ key: Key, _ order: Order = .ascending) {
            self.key = key
            self.order = order
        }
    }

    /// The first one counts most. No key stands here twice: a later one could not decide anything.
    public var criteria: [Criterion]
    public var search: SearchCommand

    public init(_ criteria: [Criterion], _ search: SearchCommand) {
        self.criteria = criteria
        self.search = search
    }
}

extension Cursor {
    mutating func sort(_ numbering: MessageNumbering) throws(SyntaxError) -> SortCommand {
        try self.space()
        var options = SearchCommand(numbering: numbering, key: .all)
        if self.peek() != UInt8(ascii: "(") {
            let word = self.word()
            guard self.matches(word, "RETURN") else { throw self.unexpected(word, "sort criteria or RETURN") }
            try self.space()
            try self.searchReturn(into: &options, saving: .forbidden)
            try self.space()
        }
        let criteria = try self.sortCriteria()
        try self.space()
        var search = try self.searchCriteria(numbering)
        search.returns = options.returns
        search.partial = options.partial
        search.updateItems = options.updateItems
        try self.checkRelevancy(search)
        if criteria.contains(where: { $0.key == .relevancy }), !search.key.isFuzzy {
            throw self.fail("FUZZY with RELEVANCY")
        }
        return SortCommand(criteria, search)
    }

    private mutating func sortCriteria() throws(SyntaxError) -> [SortCommand.Criterion] {
        try self.open()
        var criteria: [SortCommand.Criterion] = []
        repeat {
            var order = SortCommand.Order.ascending
            var word = self.word()
            if self.matches(word, "REVERSE") {
                order = .descending
                try self.space()
                word = self.word()
            }
            guard let key = SortCommand.Key.allCases.first(where: { self.matches(word, $0.wireName) }) else {
                throw self.unexpected(word, "a sort criterion such as DATE")
            }
            if !criteria.contains(where: { $0.key == key }) {
                criteria.append(SortCommand.Criterion(key, order))
            }
        } while self.take(0x20)
        try self.close()
        return criteria
    }

    /// search-criteria of RFC 5256 section 5: a charset, which must be there, and keys.
    mutating func searchCriteria(_ numbering: MessageNumbering) throws(SyntaxError) -> SearchCommand {
        let charset = try self.astring("a charset").map { Self.upper($0) }
        try self.space()
        var budget = self.limits.searchKeys
        let key = try self.searchKeys(&budget)
        return SearchCommand(numbering: numbering, charset: charset, key: key)
    }
}
