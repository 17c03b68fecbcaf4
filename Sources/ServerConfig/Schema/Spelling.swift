/// Guesses what a misspelt name was meant to be.
package enum Spelling {
    /// The candidate with the least edit distance to `word`, when that is at most a third of its length.
    package static func nearest(to word: String, among candidates: [String]) -> String? {
        let wanted = Array(SettingSyntax.lowercased(word.prefix(100)).utf8)
        let limit = max(1, min(4, wanted.count / 3))
        var best: (name: String, distance: Int)?
        for candidate in candidates {
            let other = Array(SettingSyntax.lowercased(candidate).utf8)
            guard abs(other.count - wanted.count) <= limit else { continue }
            let distance = self.distance(wanted, other)
            if distance <= limit, distance < best?.distance ?? .max { best = (candidate, distance) }
        }
        return best?.name
    }

    /// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`.
    package static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        if a.isEmpty { return b.count }
        if b.isEmpty { return a.count }
        var beforeLast: [Int] = []
        var last = Array(0...b.count)
        for i in 1...a.count {
            var row = [i]
            row.reserveCapacity(b.count + 1)
            for j in 1...b.count {
                let same = a[i - 1] == b[j - 1]
                var cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1))
                if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
                    cost = min(cost, beforeLast[j - 2] + 1)
                }
                row.append(cost)
            }
            beforeLast = last
            last = row
        }
        return last[b.count]
    }
}
