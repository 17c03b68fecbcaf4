extension SearchKey {
    /// The keys inside an operator; none for all others.
    private var operands: [SearchKey] {
        switch self {
        case .and(let keys): keys
        case .or(let a, let b): [a, b]
        case .not(let key), .fuzzy(let key): [key]
        case .all, .flags, .notFlags, .recent, .keyword, .sequence, .uid, .modSeq, .before, .on, .since, .older,
            .younger, .sentBefore, .sentOn, .sentSince, .savedBefore, .savedOn, .savedSince, .saveDateSupported,
            .larger, .smaller, .header, .body, .text, .emailID, .threadID, .filter:
            []
        }
    }

    /// Whether `matches` says so of this key or of one inside. Depth is bounded by the parser's limit on nesting.
    public func contains(where matches: (SearchKey) -> Bool) -> Bool {
        matches(self) || self.operands.contains { $0.contains(where: matches) }
    }

    /// How many keys there are, operators and this one included.
    public var count: Int { self.operands.reduce(1) { $0 + $1.count } }

    /// The key with each key that is no operator replaced by what `change` makes of it; `nil` when it made nothing of
    /// one.
    public func replacing(_ change: (SearchKey) -> SearchKey?) -> SearchKey? {
        switch self {
        case .and(let keys):
            var changed: [SearchKey] = []
            for key in keys {
                guard let key = key.replacing(change) else { return nil }
                changed.append(key)
            }
            return .and(changed)
        case .or(let a, let b):
            guard let a = a.replacing(change), let b = b.replacing(change) else { return nil }
            return .or(a, b)
        case .not(let key): return key.replacing(change).map { .not($0) }
        case .fuzzy(let key): return key.replacing(change).map { .fuzzy($0) }
        case .all, .flags, .notFlags, .recent, .keyword, .sequence, .uid, .modSeq, .before, .on, .since, .older,
            .younger, .sentBefore, .sentOn, .sentSince, .savedBefore, .savedOn, .savedSince, .saveDateSupported,
            .larger, .smaller, .header, .body, .text, .emailID, .threadID, .filter:
            return change(self)
        }
    }

    /// The key with its strings as `change` makes them; `nil` when it made nothing of one.
    public func replacingStrings(_ change: ([UInt8]) -> [UInt8]?) -> SearchKey? {
        self.replacing { key in
            switch key {
            case .header(let name, let string): change(string).map { .header(name: name, contains: $0) }
            case .body(let string): change(string).map { .body($0) }
            case .text(let string): change(string).map { .text($0) }
            default: key
            }
        }
    }

    /// Whether sequence numbers stand in here: then not even a UID command may tell of EXPUNGE (RFC 7162 section
    /// 3.2.10.2).
    public var hasSequenceNumbers: Bool {
        self.contains { if case .sequence = $0 { true } else { false } }
    }

    /// Whether `$` stands in here.
    public var hasSavedResult: Bool {
        self.contains { key in
            switch key {
            case .sequence(let set), .uid(let set): set.isSavedResult
            default: false
            }
        }
    }

    /// Whether MODSEQ stands in here: then the answer carries the highest MODSEQ found.
    public var hasModSeq: Bool {
        self.contains { if case .modSeq = $0 { true } else { false } }
    }

    /// Whether FUZZY stands in here: only then messages have a relevancy (RFC 6203 section 4).
    public var isFuzzy: Bool {
        self.contains { if case .fuzzy = $0 { true } else { false } }
    }
}
