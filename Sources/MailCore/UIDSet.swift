/// A set of UIDs as ascending, disjoint, non-adjacent closed ranges.
public struct UIDSet: Hashable, Sendable, ExpressibleByArrayLiteral {
    public private(set) var ranges: [ClosedRange<UInt32>]

    public init() { self.ranges = [] }

    public init(arrayLiteral elements: UID...) {
        self.ranges = []
        for uid in elements { self.insert(uid) }
    }

    public init(_ uids: some Sequence<UID>) {
        self.ranges = []
        for uid in uids { self.insert(uid) }
    }

    public init(_ range: ClosedRange<UID>) {
        self.ranges = [range.lowerBound.rawValue...range.upperBound.rawValue]
    }

    public var isEmpty: Bool { self.ranges.isEmpty }

    /// How many UIDs are in the set.
    public var count: Int { self.ranges.reduce(0) { $0 + $1.count } }

    public var first: UID? { self.ranges.first.flatMap { UID(rawValue: $0.lowerBound) } }
    public var last: UID? { self.ranges.last.flatMap { UID(rawValue: $0.upperBound) } }

    /// Whether it has the UID. Time is logarithmic in the number of ranges.
    public func contains(_ uid: UID) -> Bool {
        let i = self.firstRange(endingAtOrAfter: uid.rawValue)
        return i < self.ranges.count && self.ranges[i].lowerBound <= uid.rawValue
    }

    /// Constant time at the end of the set, linear in the number of ranges elsewhere.
    public mutating func insert(_ uid: UID) { self.insert(uid.rawValue...uid.rawValue) }

    /// Adds all of them; linear in the number of ranges.
    public mutating func insert(_ range: ClosedRange<UID>) {
        self.insert(range.lowerBound.rawValue...range.upperBound.rawValue)
    }

    private mutating func insert(_ new: ClosedRange<UInt32>) {
        guard let last = self.ranges.last else {
            self.ranges.append(new)
            return
        }
        if last.upperBound < .max, new.lowerBound > last.upperBound + 1 {
            self.ranges.append(new)
            return
        }
        var lower = new.lowerBound
        var upper = new.upperBound
        let start = self.firstRange(endingAtOrAfter: lower == 0 ? 0 : lower - 1)
        var end = start
        while end < self.ranges.count,
            self.ranges[end].lowerBound <= (upper == .max ? upper : upper + 1)
        {
            lower = Swift.min(lower, self.ranges[end].lowerBound)
            upper = Swift.max(upper, self.ranges[end].upperBound)
            end += 1
        }
        self.ranges.replaceSubrange(start..<end, with: CollectionOfOne(lower...upper))
    }

    private func firstRange(endingAtOrAfter value: UInt32) -> Int {
        var low = 0
        var high = self.ranges.count
        while low < high {
            let middle = (low + high) / 2
            if self.ranges[middle].upperBound < value { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Appends the set in wire form, such as `1:3,7` (sequence-set, RFC 9051 section 9).
    public func encode(into out: inout [UInt8]) {
        var first = true
        for range in self.ranges {
            if !first { out.append(UInt8(ascii: ",")) }
            first = false
            out.appendDecimal(UInt64(range.lowerBound))
            if range.count > 1 {
                out.append(UInt8(ascii: ":"))
                out.appendDecimal(UInt64(range.upperBound))
            }
        }
    }
}

extension UIDSet: Sequence {
    /// The UIDs, ascending.
    public struct Iterator: IteratorProtocol {
        let ranges: [ClosedRange<UInt32>]
        var range = 0
        var following: UInt64

        init(_ ranges: [ClosedRange<UInt32>]) {
            self.ranges = ranges
            self.following = UInt64(ranges.first?.lowerBound ?? 0)
        }

        public mutating func next() -> UID? {
            guard self.range < self.ranges.count else { return nil }
            let value = UInt32(self.following)
            if value == self.ranges[self.range].upperBound {
                self.range += 1
                if self.range < self.ranges.count {
                    self.following = UInt64(self.ranges[self.range].lowerBound)
                }
            } else {
                self.following += 1
            }
            return UID(rawValue: value)
        }
    }

    public func makeIterator() -> Iterator { Iterator(self.ranges) }
}
