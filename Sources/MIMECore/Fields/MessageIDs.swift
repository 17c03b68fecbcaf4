/// Message identifiers in `Message-ID`, `In-Reply-To` and `References` (RFC 5322 section 3.6.4).
public enum MessageIDs {
    /// Longer identifiers are passed over: what one header may cost in THREAD is bounded.
    public static let maximumLength = 1000

    /// Calls `body` with each identifier, without `<` and `>` and white space, until it answers `false`.
    /// Text between identifiers is passed over. Linear time.
    public static func forEach(in field: Octets, _ body: ([UInt8]) -> Bool) {
        var position = 0
        // The next `>`, or the field's end; looked for once, however many `<` stand before it.
        var end = -1
        while let start = field.index(of: UInt8(ascii: "<"), from: position) {
            if end <= start { end = field.index(of: UInt8(ascii: ">"), from: start + 1) ?? field.count }
            // The usual one has nothing in it to pass over.
            if end < field.count, end - start <= self.maximumLength,
                !field[start + 1..<end].buffer.contains(where: {
                    HeaderBody.isSpace($0) || $0 == 0 || $0 == UInt8(ascii: "<")
                })
            {
                position = end + 1
                if end > start + 1, !body(Array(field[start + 1..<end].buffer)) { return }
                continue
            }
            var id: [UInt8] = []
            var i = start + 1
            var isWhole = false
            var length = 0
            while i < field.count {
                let byte = field[i]
                if byte == UInt8(ascii: "<") { break }
                i += 1
                if byte == UInt8(ascii: ">") {
                    isWhole = true
                    break
                }
                if HeaderBody.isSpace(byte) || byte == 0 { continue }
                length += 1
                if length <= self.maximumLength { id.append(byte) }
            }
            position = i
            if isWhole, !id.isEmpty, length <= self.maximumLength, !body(id) { return }
        }
    }

    /// The first identifier of a field; `nil` when it has none.
    public static func first(in field: Octets) -> [UInt8]? {
        var found: [UInt8]?
        self.forEach(in: field) {
            found = $0
            return false
        }
        return found
    }

    /// The identifiers in order. Of more than `maximum` the first one and the last ones: the thread's root
    /// and the nearest ancestors (RFC 5256 section 3, REFERENCES).
    public static func all(in field: Octets, maximum: Int) -> [[UInt8]] {
        guard maximum > 0 else { return [] }
        var first: [UInt8]?
        var rest: [[UInt8]] = []
        var next = 0
        self.forEach(in: field) { id in
            if first == nil {
                first = id
            } else if rest.count < maximum - 1 {
                rest.append(id)
            } else if maximum > 1 {
                // A ring: the oldest of the rest gives way.
                rest[next] = id
                next = (next + 1) % (maximum - 1)
            }
            return true
        }
        guard let first else { return [] }
        return [first] + rest[next...] + rest[..<next]
    }
}
