/// Compares the values that a test found with the keys of the script.
protocol SieveMatcher: Sendable {
    /// Whether it looks at the number of values only.
    var counts: Bool { get }

    func matches(
        _ values: [[UInt8]], _ keys: [SieveText], _ run: inout SieveRun
    ) throws(SieveRuntimeError) -> Bool
}

extension SieveMatcher {
    var counts: Bool { false }
}

/// A match type, such as `:contains`.
struct MatchTypeDefinition: Sendable {
    /// In lower case, without the colon.
    var name: String
    var capability: String?
    /// The type of the argument behind the tag.
    var argument: ArgumentType?
    var needsSubstrings: Bool
    /// The matcher, or `nil` after a noted error.
    var make: @Sendable (inout ScriptCompiler, ArgumentNode?, any SieveComparator) -> (any SieveMatcher)?

    /// RFC 5228 section 2.7.1.
    static let base = [
        MatchTypeDefinition(name: "is", needsSubstrings: false) { PairMatcher(kind: .is, comparator: $2) },
        MatchTypeDefinition(name: "contains", needsSubstrings: true) {
            PairMatcher(kind: .contains, comparator: $2)
        },
        MatchTypeDefinition(name: "matches", needsSubstrings: true) {
            PairMatcher(kind: .matches, comparator: $2)
        },
    ]

    init(
        name: String, capability: String? = nil, argument: ArgumentType? = nil, needsSubstrings: Bool,
        make:
            @escaping @Sendable (inout ScriptCompiler, ArgumentNode?, any SieveComparator) ->
            (any SieveMatcher)?
    ) {
        self.name = name
        self.capability = capability
        self.argument = argument
        self.needsSubstrings = needsSubstrings
        self.make = make
    }
}

/// True when any value matches any key.
struct PairMatcher: SieveMatcher {
    enum Kind: Sendable { case `is`, contains, matches }

    let kind: Kind
    let comparator: any SieveComparator

    func matches(
        _ values: [[UInt8]], _ keys: [SieveText], _ run: inout SieveRun
    ) throws(SieveRuntimeError) -> Bool {
        let keys = try keys.octets(&run)
        run.noteComparison(values, keys)
        switch self.kind {
        case .is:
            for value in values {
                for key in keys {
                    try run.spend(1 + min(value.count, key.count))
                    if self.comparator.isEqual(value, key) { return true }
                }
            }
        case .contains:
            let canonicalKeys = keys.map(self.comparator.canonical)
            for value in values {
                try run.spend(value.count)
                let canonical = self.comparator.canonical(value)
                for key in canonicalKeys where try SubstringSearch.isIn(canonical, key, &run) { return true }
            }
        case .matches:
            let patterns = keys.map { WildcardPattern($0, self.comparator) }
            for value in values {
                try run.spend(value.count)
                for pattern in patterns where try pattern.match(value, self.comparator, &run) { return true }
            }
        }
        return false
    }
}

/// `:contains`.
enum SubstringSearch {
    /// The work is at most the product of both lengths, and is counted.
    static func isIn(
        _ value: [UInt8], _ key: [UInt8], _ run: inout SieveRun
    ) throws(SieveRuntimeError) -> Bool {
        guard let first = key.first else { return true }
        guard key.count <= value.count else { return false }
        var work = 0
        var start = 0
        let last = value.count - key.count
        while start <= last {
            if value[start] == first {
                var offset = 1
                while offset < key.count, value[start + offset] == key[offset] { offset += 1 }
                if offset == key.count { return true }
                work += offset
                if work > 4096 {
                    try run.spend(work)
                    work = 0
                }
            }
            start += 1
        }
        try run.spend(work + value.count)
        return false
    }
}
