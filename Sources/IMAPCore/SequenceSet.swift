import MailCore

/// Whether a command's numbers are sequence numbers or UIDs.
public enum MessageNumbering: Hashable, Sendable {
    case sequenceNumber
    case uid
}

/// sequence-set: message numbers as a client wrote them, `*` not yet resolved (RFC 9051 section 9).
///
///     2,4:7,9,12:*
public struct SequenceSet: Hashable, Sendable {
    /// One number or range. A bound is `star` or 1...2^32-1; bounds stand in the order written.
    public struct Element: Hashable, Sendable {
        /// Stands for `*`, the largest number in use.
        public static let star: UInt32 = 0

        public var first: UInt32
        public var last: UInt32

        public init(first: UInt32, last: UInt32) {
            self.first = first
            self.last = last
        }
    }

    /// Empty only where the saved result stands for the set, and where it was empty.
    public var elements: [Element]
    /// `$`: the messages that the last SEARCH with SAVE found (RFC 5182). To be replaced before the set is resolved.
    public private(set) var isSavedResult = false

    public init(_ elements: [Element]) { self.elements = elements }

    /// Ascending, disjoint ranges.
    public init(_ ranges: [ClosedRange<UInt32>]) {
        self.elements = ranges.map { Element(first: $0.lowerBound, last: $0.upperBound) }
    }

    /// `$`
    public static let savedResult: SequenceSet = {
        var set = SequenceSet([Element]())
        set.isSavedResult = true
        return set
    }()

    /// Ascending disjoint ranges, with `*` as `largest`. With `largest` 0 (nothing is there) an element
    /// with `*` is empty.
    ///
    /// A range may reach over `largest`: among UIDs that is legal, for sequence numbers see
    /// `resolved(count:)`.
    public func resolved(largest: UInt32) -> [ClosedRange<UInt32>] {
        var ranges: [ClosedRange<UInt32>] = []
        ranges.reserveCapacity(self.elements.count)
        var isAscending = true
        for element in self.elements {
            let hasStar = element.first == Element.star || element.last == Element.star
            if hasStar, largest == 0 { continue }
            let a = element.first == Element.star ? largest : element.first
            let b = element.last == Element.star ? largest : element.last
            let range = min(a, b)...max(a, b)
            if let previous = ranges.last, range.lowerBound <= previous.upperBound { isAscending = false }
            ranges.append(range)
        }
        return isAscending ? ranges : Self.merged(ranges)
    }

    /// Ascending disjoint ranges of sequence numbers in a mailbox of `count` messages, or `nil` when a
    /// number is over `count`, which a server answers with BAD, or a lone `*` where there is no message (RFC 9051
    /// section 9, seq-number).
    ///
    /// A range to `*` is cut at `count` instead: `5:*` is a common question after an expunge, and `1:*` means all
    /// messages to clients, which ask it of empty mailboxes too.
    public func resolved(count: UInt32) -> [ClosedRange<UInt32>]? {
        for element in self.elements {
            switch (element.first, element.last) {
            case (Element.star, Element.star): guard count > 0 else { return nil }
            case (Element.star, _), (_, Element.star): break
            case (let first, let last): guard first <= count, last <= count else { return nil }
            }
        }
        var ranges = self.resolved(largest: count)
        guard let last = ranges.last else { return ranges }
        if last.upperBound > count {
            // Only through `n:*` with n over `count`.
            ranges.removeAll { $0.lowerBound > count }
            if let cut = ranges.popLast() { ranges.append(cut.lowerBound...min(cut.upperBound, count)) }
        }
        return ranges
    }

    private static func merged(_ ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
        var out: [ClosedRange<UInt32>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = out.last, range.lowerBound <= last.upperBound {
                out[out.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                out.append(range)
            }
        }
        return out
    }

    /// Appends the set as it is written on the wire.
    public func encode(into out: inout [UInt8]) {
        if self.isSavedResult { out.append(UInt8(ascii: "$")) }
        func append(_ bound: UInt32) {
            if bound == Element.star {
                out.append(UInt8(ascii: "*"))
            } else {
                out.appendDecimal(UInt64(bound))
            }
        }
        for (index, element) in self.elements.enumerated() {
            if index > 0 { out.append(UInt8(ascii: ",")) }
            append(element.first)
            if element.first != element.last {
                out.append(UInt8(ascii: ":"))
                append(element.last)
            }
        }
    }
}

extension Cursor {
    mutating func sequenceSet() throws(SyntaxError) -> SequenceSet {
        if self.take(UInt8(ascii: "$")) { return .savedResult }
        var elements: [SequenceSet.Element] = []
        repeat {
            if elements.count == self.limits.setRanges { throw self.tooComplex("Too many ranges in the set") }
            let first = try self.setBound()
            let last = self.take(UInt8(ascii: ":")) ? try self.setBound() : first
            elements.append(SequenceSet.Element(first: first, last: last))
        } while self.take(UInt8(ascii: ","))
        return SequenceSet(elements)
    }

    private mutating func setBound() throws(SyntaxError) -> UInt32 {
        if self.take(UInt8(ascii: "*")) { return SequenceSet.Element.star }
        let start = self.position
        let value = try self.number("a message number or \"*\"")
        guard value != 0 else { throw SyntaxError(offset: start, expected: "a message number over 0") }
        return value
    }
}
