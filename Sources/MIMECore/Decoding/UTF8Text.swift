/// Validity and pieces of UTF-8 (RFC 3629).
public enum UTF8Text {
    /// The length of the sequence that begins at `index`: 1 to 4, or 0 when it is not valid there.
    @inlinable
    static func sequenceLength(_ text: Octets, at index: Int) -> Int {
        let first = text[index]
        func isTail(_ offset: Int) -> Bool { text[index &+ offset] & 0xC0 == 0x80 }
        switch first {
        case 0x00...0x7F: return 1
        case 0xC2...0xDF: return isTail(1) ? 2 : 0
        case 0xE0...0xEF:
            guard isTail(1), isTail(2) else { return 0 }
            let second = text[index &+ 1]
            if first == 0xE0, second < 0xA0 { return 0 }
            if first == 0xED, second > 0x9F { return 0 }
            return 3
        case 0xF0...0xF4:
            guard isTail(1), isTail(2), isTail(3) else { return 0 }
            let second = text[index &+ 1]
            if first == 0xF0, second < 0x90 { return 0 }
            if first == 0xF4, second > 0x8F { return 0 }
            return 4
        default: return 0
        }
    }

    static func isValid(_ text: Octets) -> Bool {
        var i = 0
        while true {
            i = text.endOfASCII(from: i)
            guard i < text.count else { return true }
            // Where there is one such character there are more.
            while i < text.count, text[i] >= 0x80 {
                let length = self.sequenceLength(text, at: i)
                if length == 0 { return false }
                i += length
            }
        }
    }

    /// Whether all of it is UTF-8.
    public static func isValid(_ text: [UInt8]) -> Bool {
        text.withUnsafeBytes { self.isValid(Octets($0)) }
    }

    /// Appends `text` with U+FFFD in place of each octet that is not UTF-8.
    static func appendRepaired(_ text: Octets, to out: inout [UInt8]) {
        var i = 0
        // What is valid is appended as a whole.
        var start = 0
        while true {
            i = text.endOfASCII(from: i)
            guard i < text.count else { break }
            let length = self.sequenceLength(text, at: i)
            if length == 0 {
                out.append(contentsOf: text[start..<i].buffer)
                out.append(0xEF)
                out.append(0xBF)
                out.append(0xBD)
                i += 1
                start = i
            } else {
                i += length
            }
        }
        out.append(contentsOf: text[start..<i].buffer)
    }

    static func append(_ scalar: UInt32, to out: inout [UInt8]) {
        switch scalar {
        case 0..<0x80: out.append(UInt8(truncatingIfNeeded: scalar))
        case 0x80..<0x800:
            out.append(0xC0 | UInt8(truncatingIfNeeded: scalar >> 6))
            out.append(0x80 | UInt8(truncatingIfNeeded: scalar & 0x3F))
        case 0x800..<0x10000:
            out.append(0xE0 | UInt8(truncatingIfNeeded: scalar >> 12))
            out.append(0x80 | UInt8(truncatingIfNeeded: scalar >> 6 & 0x3F))
            out.append(0x80 | UInt8(truncatingIfNeeded: scalar & 0x3F))
        default:
            out.append(0xF0 | UInt8(truncatingIfNeeded: scalar >> 18 & 7))
            out.append(0x80 | UInt8(truncatingIfNeeded: scalar >> 12 & 0x3F))
            out.append(0x80 | UInt8(truncatingIfNeeded: scalar >> 6 & 0x3F))
            out.append(0x80 | UInt8(truncatingIfNeeded: scalar & 0x3F))
        }
    }

    /// The length of the longest prefix with at most `scalars` characters.
    static func prefixLength(_ text: [UInt8], scalars: Int) -> Int {
        var seen = 0
        for (index, byte) in text.enumerated() where byte & 0xC0 != 0x80 {
            if seen == scalars { return index }
            seen += 1
        }
        return text.count
    }
}
