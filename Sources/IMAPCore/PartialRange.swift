import MailCore

/// Which of a list of results are asked for: `1:500` the first ones, `-1:-100` the last ones (RFC 9394 section 3.1).
public struct PartialRange: Hashable, Sendable {
    /// From where positions count.
    public enum Side: Hashable, Sendable { case first, last }

    public let side: Side
    /// As written: over 0, in either order.
    private let one: UInt32
    private let other: UInt32

    /// Precondition: no bound is 0.
    public init(_ side: Side, _ one: UInt32, _ other: UInt32) {
        precondition(one > 0 && other > 0, "positions begin at 1")
        self.side = side
        self.one = one
        self.other = other
    }

    /// The 0-based positions that are meant among `count` results; empty when there are none so far.
    public func positions(of count: Int) -> Range<Int> {
        let low = Int(min(self.one, self.other)) - 1
        let high = Int(max(self.one, self.other))
        switch self.side {
        case .first: return min(low, count)..<min(high, count)
        case .last: return max(0, count - high)..<max(0, count - low)
        }
    }

    /// How many results it means at most.
    public var count: Int { Int(max(self.one, self.other)) - Int(min(self.one, self.other)) + 1 }

    /// How many results from its side must be known.
    public var reach: Int { Int(max(self.one, self.other)) }

    /// Appends the range as it was written.
    func encode(into out: inout [UInt8]) {
        for (index, bound) in [self.one, self.other].enumerated() {
            if index > 0 { out.append(UInt8(ascii: ":")) }
            if self.side == .last { out.append(UInt8(ascii: "-")) }
            out.appendDecimal(UInt64(bound))
        }
    }
}

extension Cursor {
    /// partial-range.
    mutating func partialRange() throws(SyntaxError) -> PartialRange {
        let side: PartialRange.Side = self.take(UInt8(ascii: "-")) ? .last : .first
        let one = try self.partialBound()
        guard self.take(UInt8(ascii: ":")) else { throw self.fail("\":\"") }
        switch side {
        case .first: break
        case .last: guard self.take(UInt8(ascii: "-")) else { throw self.fail("\"-\"") }
        }
        return PartialRange(side, one, try self.partialBound())
    }

    private mutating func partialBound() throws(SyntaxError) -> UInt32 {
        let start = self.position
        let bound = try self.number("a position")
        guard bound > 0 else { throw SyntaxError(offset: start, expected: "a position over 0") }
        return bound
    }
}
