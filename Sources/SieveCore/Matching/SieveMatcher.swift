/// Compares the values that a test found with the keys of the script.
protocol SieveMatcher: Sendable {
    func matches(
        _ values: [[UInt8]], _ keys: [SieveText], _ run: inout SieveRun
    ) throws(SieveRuntimeError) -> Bool
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
        guard !values.isEmpty else { return false }
        let canonicalKeys: [[UInt8]] =
            self.kind == .is ? [] : keys.map { self.comparator.canonical($0.octets) }
        for value in values {
            if self.kind == .is {
                for key in keys {
                    try run.spend(1 + min(value.count, key.octets.count))
                    if self.comparator.isEqual(value, key.octets) { return true }
                }
                continue
            }
            try run.spend(value.count)
            let canonical = self.comparator.canonical(value)
            for key in canonicalKeys {
                let isMatch =
                    self.kind == .contains
                    ? try SubstringSearch.isIn(canonical, key, &run)
                    : try Wildcards.match(canonical, key, &run)
                if isMatch { return true }
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

/// `:matches`: `*`, `?`, and a backslash before either (RFC 5228 section 2.7.1).
enum Wildcards {
    /// Goes back to the last `*` only, which is enough, since an earlier one need never take more: the work is
    /// at most the product of both lengths, and is counted.
    static func match(
        _ value: [UInt8], _ pattern: [UInt8], _ run: inout SieveRun
    ) throws(SieveRuntimeError) -> Bool {
        var v = 0
        var p = 0
        /// Behind the last star, and the first octet that it has not taken.
        var starPattern = -1
        var starValue = 0
        var work = 0
        while v < value.count {
            work += 1
            if work > 4096 {
                try run.spend(work)
                work = 0
            }
            if p < pattern.count {
                let byte = pattern[p]
                if byte == UInt8(ascii: "*") {
                    p += 1
                    starPattern = p
                    starValue = v
                    continue
                }
                if byte == UInt8(ascii: "?") {
                    p += 1
                    v += 1
                    continue
                }
                let escapes = byte == UInt8(ascii: "\\") && p + 1 < pattern.count
                if value[v] == (escapes ? pattern[p + 1] : byte) {
                    p += escapes ? 2 : 1
                    v += 1
                    continue
                }
            }
            guard starPattern >= 0 else { return false }
            starValue += 1
            v = starValue
            p = starPattern
        }
        while p < pattern.count, pattern[p] == UInt8(ascii: "*") { p += 1 }
        try run.spend(work)
        return p == pattern.count
    }
}
