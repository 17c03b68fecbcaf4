/// A text to search for: UTF-8, folded once, then looked for in many messages.
public struct SearchNeedle: Sendable {
    /// The folded text.
    public let folded: [UInt8]
    /// How far the search may jump for the octet under the needle's end (Horspool).
    private let jumps: [Int]
    /// Lengths of the longest border of each prefix (Knuth, Morris, Pratt).
    private let borders: [Int]

    /// - Parameter text: UTF-8 in any case. The empty text is found everywhere.
    public init(_ text: some Collection<UInt8>) {
        var folded: [UInt8] = []
        CaseFolding.appendFolded(text, to: &folded)
        var jumps = [Int](repeating: Swift.max(1, folded.count), count: 256)
        for (index, byte) in folded.dropLast().enumerated() { jumps[Int(byte)] = folded.count - 1 - index }
        var borders = [Int](repeating: 0, count: folded.count)
        var border = 0
        for i in folded.indices.dropFirst() {
            while border > 0, folded[i] != folded[border] { border = borders[border - 1] }
            if folded[i] == folded[border] { border += 1 }
            borders[i] = border
        }
        self.folded = folded
        self.jumps = jumps
        self.borders = borders
    }

    /// Whether the needle is in `text`, which is already folded. Linear in the text whatever the needle:
    /// text that makes the fast search slow is handed on to one with a guarantee.
    public func isFound(inFolded text: [UInt8]) -> Bool {
        let length = self.folded.count
        guard length > 0 else { return true }
        let last = self.folded[length - 1]
        var budget = 4 * text.count
        var end = length
        while end <= text.count {
            let byte = text[end - 1]
            if byte == last {
                var i = 0
                while i < length - 1, text[end - length + i] == self.folded[i] { i += 1 }
                if i == length - 1 { return true }
                budget -= i
                if budget < 0 { return self.isFoundLinearly(in: text[(end - length)...]) }
            }
            end += self.jumps[Int(byte)]
        }
        return false
    }

    private func isFoundLinearly(in text: ArraySlice<UInt8>) -> Bool {
        var matched = 0
        for byte in text {
            while matched > 0, byte != self.folded[matched] { matched = self.borders[matched - 1] }
            if byte == self.folded[matched] { matched += 1 }
            if matched == self.folded.count { return true }
        }
        return false
    }

    /// Whether the needle is in `text`, UTF-8 in any case.
    public func isFound(in text: [UInt8]) -> Bool {
        guard !self.folded.isEmpty else { return true }
        var folded: [UInt8] = []
        CaseFolding.appendFolded(text, to: &folded)
        return self.isFound(inFolded: folded)
    }
}
