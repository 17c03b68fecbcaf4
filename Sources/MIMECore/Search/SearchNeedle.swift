/// A text to search for: UTF-8, mapped by i;unicode-casemap once, then looked for in many messages (RFC 5255 section
/// 4.2: the comparator of I18NLEVEL=1).
public struct SearchNeedle: Sendable {
    /// The mapped text.
    public let mapped: [UInt8]
    /// How far the search may jump for the octet under the needle's end (Horspool).
    private let jumps: [Int]
    /// Lengths of the longest border of each prefix (Knuth, Morris, Pratt).
    private let borders: [Int]

    /// - Parameter text: UTF-8 in any case; what is not UTF-8 is found as it is. The empty text is found everywhere.
    public init(_ text: some Collection<UInt8>) {
        var mapped: [UInt8] = []
        UnicodeCasemap.append(Array(text), to: &mapped)
        var jumps = [Int](repeating: Swift.max(1, mapped.count), count: 256)
        for (index, byte) in mapped.dropLast().enumerated() { jumps[Int(byte)] = mapped.count - 1 - index }
        var borders = [Int](repeating: 0, count: mapped.count)
        var border = 0
        for i in mapped.indices.dropFirst() {
            while border > 0, mapped[i] != mapped[border] { border = borders[border - 1] }
            if mapped[i] == mapped[border] { border += 1 }
            borders[i] = border
        }
        self.mapped = mapped
        self.jumps = jumps
        self.borders = borders
    }

    /// Whether the needle is in `text`, which is already mapped. Linear in the text whatever the needle:
    /// text that makes the fast search slow is handed on to one with a guarantee.
    public func isFound(inMapped text: [UInt8]) -> Bool {
        let length = self.mapped.count
        guard length > 0 else { return true }
        let last = self.mapped[length - 1]
        var budget = 4 * text.count
        var end = length
        while end <= text.count {
            let byte = text[end - 1]
            if byte == last {
                var i = 0
                while i < length - 1, text[end - length + i] == self.mapped[i] { i += 1 }
                if i == length - 1 { return true }
                budget -= i
                if budget < 0 { return self.isFoundLinearly(in: text[(end - length)...]) }
            }
            end += self.jumps[Int(byte)]
        }
        return false
    }

    /// The same of a mapped text of at most some hundred octets.
    func isFound(inShort text: UnsafeRawBufferPointer) -> Bool {
        self.mapped.withUnsafeBytes { needle in
            guard let first = needle.first else { return true }
            guard needle.count <= text.count else { return false }
            for start in 0...text.count - needle.count where text[start] == first {
                var i = 1
                while i < needle.count, text[start &+ i] == needle[i] { i &+= 1 }
                if i == needle.count { return true }
            }
            return false
        }
    }

    private func isFoundLinearly(in text: ArraySlice<UInt8>) -> Bool {
        var matched = 0
        for byte in text {
            while matched > 0, byte != self.mapped[matched] { matched = self.borders[matched - 1] }
            if byte == self.mapped[matched] { matched += 1 }
            if matched == self.mapped.count { return true }
        }
        return false
    }

    /// Whether the needle is in `text`, UTF-8 in any case.
    public func isFound(in text: [UInt8]) -> Bool {
        guard !self.mapped.isEmpty else { return true }
        var mapped: [UInt8] = []
        UnicodeCasemap.append(text, to: &mapped)
        return self.isFound(inMapped: mapped)
    }
}
