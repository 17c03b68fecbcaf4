/// A key of `:matches`: `*`, `?`, and a backslash before either (RFC 5228 section 2.7.1).
struct WildcardPattern {
    private enum Token {
        /// An octet of the canonical form.
        case octet(UInt8)
        case one
        case many
    }

    private var tokens: [Token] = []

    init(_ key: [UInt8], _ comparator: any SieveComparator) {
        var plain: [UInt8] = []
        var index = 0
        func flush(_ plain: inout [UInt8], into tokens: inout [Token]) {
            guard !plain.isEmpty else { return }
            for octet in comparator.canonical(plain) { tokens.append(.octet(octet)) }
            plain = []
        }
        while index < key.count {
            switch key[index] {
            case UInt8(ascii: "*"):
                flush(&plain, into: &self.tokens)
                self.tokens.append(.many)
            case UInt8(ascii: "?"):
                flush(&plain, into: &self.tokens)
                self.tokens.append(.one)
            case UInt8(ascii: "\\") where index + 1 < key.count:
                index += 1
                plain.append(key[index])
            default: plain.append(key[index])
            }
            index += 1
        }
        flush(&plain, into: &self.tokens)
    }

    /// Whether the pattern takes the whole value; then the match variables are set.
    ///
    /// Each star takes as little as possible (RFC 5229 section 3.2). Goes back to the last `*` only, which is enough,
    /// since an earlier one need never take more: the work is at most the product of both lengths, and is counted.
    func match(
        _ value: [UInt8], _ comparator: any SieveComparator, _ run: inout SieveRun
    ) throws(SieveRuntimeError) -> Bool {
        let (octets, sources) = comparator.canonicalWithSources(value)
        /// Behind the character that begins at `index`.
        func next(_ index: Int) -> Int {
            guard let sources else { return index + 1 }
            var end = index + 1
            while end < sources.count, sources[end] == sources[index] { end += 1 }
            return end
        }
        /// What each wildcard has taken, in canonical octets.
        var taken: [Range<Int>] = []
        var v = 0
        var p = 0
        /// Behind the last star, how many wildcards stood up to it, and the first octet that it has not taken.
        var starToken = -1
        var starCount = 0
        var starValue = 0
        var work = 0
        while v < octets.count || p < self.tokens.count {
            work += 1
            if work > 4096 {
                try run.spend(work)
                work = 0
            }
            if p < self.tokens.count {
                switch self.tokens[p] {
                case .many:
                    p += 1
                    taken.append(v..<v)
                    starToken = p
                    starCount = taken.count
                    starValue = v
                    continue
                case .one where v < octets.count:
                    let end = next(v)
                    taken.append(v..<end)
                    p += 1
                    v = end
                    continue
                case .octet(let octet) where v < octets.count && octets[v] == octet:
                    p += 1
                    v += 1
                    continue
                case .one, .octet: break
                }
            }
            guard starToken >= 0, starValue < octets.count else {
                try run.spend(work)
                return false
            }
            starValue = next(starValue)
            taken.removeLast(taken.count - starCount)
            taken[starCount - 1] = taken[starCount - 1].lowerBound..<starValue
            v = starValue
            p = starToken
        }
        try run.spend(work)
        if run.capturesMatches {
            var matches = [value]
            for range in taken.prefix(VariableReference.maximumMatch) {
                let start = Self.place(range.lowerBound, sources, value.count)
                matches.append(Array(value[start..<max(start, Self.place(range.upperBound, sources, value.count))]))
            }
            run.setMatches(matches)
        }
        return true
    }

    /// Where the character stands in the value that the canonical octet comes from.
    private static func place(_ index: Int, _ sources: [Int]?, _ count: Int) -> Int {
        guard let sources else { return min(index, count) }
        return index < sources.count ? sources[index] : count
    }
}
