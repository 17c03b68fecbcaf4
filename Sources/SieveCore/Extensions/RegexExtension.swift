extension SieveExtension {
    /// draft-murchison-sieve-regex: `:regex`, and `:quoteregex` of set.
    static let regex = SieveExtension(
        capability: "regex",
        matchTypes: [
            MatchTypeDefinition(name: "regex", capability: "regex", needsSubstrings: true) { _, _, comparator in
                RegexMatcher(ignoresCase: comparator.name != "i;octet")
            }
        ])
}

/// Keys are expressions. Those that are known are checked by the compiler.
struct RegexMatcher: SieveMatcher {
    let ignoresCase: Bool

    func matches(
        _ values: [[UInt8]], _ keys: [SieveText], _ run: inout SieveRun
    ) throws(SieveRuntimeError) -> Bool {
        guard !values.isEmpty else { return false }
        let keys = try keys.octets(&run)
        run.noteComparison(values, keys)
        var expressions: [Regex] = []
        for key in keys {
            try run.spend(key.count * 16)
            switch Regex.parse(key, ignoringCase: self.ignoresCase) {
            case .success(let regex):
                // A short key can stand for a long program.
                try run.spend(regex.program.count * 4)
                expressions.append(regex)
            case .failure(let problem):
                throw run.error("\(quoted(key)) is no regular expression: \(problem.text)")
            }
        }
        for value in values {
            for regex in expressions {
                guard let groups = try regex.match(value, &run) else { continue }
                if run.capturesMatches {
                    run.setMatches(groups.map { group in group.map { Array(value[$0]) } ?? [] })
                }
                return true
            }
        }
        return false
    }
}
