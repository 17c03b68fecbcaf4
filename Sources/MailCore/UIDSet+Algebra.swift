extension UIDSet {
    /// The UIDs that are in both sets. Linear in the number of ranges.
    public func intersection(_ other: UIDSet) -> UIDSet {
        var out = UIDSet()
        var i = 0
        var j = 0
        while i < self.ranges.count, j < other.ranges.count {
            let (a, b) = (self.ranges[i], other.ranges[j])
            out.insertRaw(Swift.max(a.lowerBound, b.lowerBound), Swift.min(a.upperBound, b.upperBound))
            if a.upperBound < b.upperBound { i += 1 } else { j += 1 }
        }
        return out
    }

    /// The UIDs that are in one of the sets or in both. Linear in the number of ranges.
    public func union(_ other: UIDSet) -> UIDSet {
        var out = UIDSet()
        var i = 0
        var j = 0
        while i < self.ranges.count || j < other.ranges.count {
            // What begins first comes first, so that each is put at the end.
            let isOwn =
                j == other.ranges.count
                || i < self.ranges.count && self.ranges[i].lowerBound <= other.ranges[j].lowerBound
            let range = isOwn ? self.ranges[i] : other.ranges[j]
            if isOwn { i += 1 } else { j += 1 }
            out.insertRaw(range.lowerBound, range.upperBound)
        }
        return out
    }

    /// The UIDs that are not in `other`. Linear in the number of ranges.
    public func subtracting(_ other: UIDSet) -> UIDSet {
        var out = UIDSet()
        var j = 0
        for range in self.ranges {
            var lower = UInt64(range.lowerBound)
            while j < other.ranges.count, other.ranges[j].upperBound < range.lowerBound { j += 1 }
            var k = j
            while k < other.ranges.count, other.ranges[k].lowerBound <= range.upperBound {
                let removed = other.ranges[k]
                if UInt64(removed.lowerBound) > lower {
                    out.insertRaw(UInt32(truncatingIfNeeded: lower), removed.lowerBound - 1)
                }
                lower = UInt64(removed.upperBound) + 1
                k += 1
            }
            j = Swift.max(j, k - 1)
            if lower <= UInt64(range.upperBound) {
                out.insertRaw(UInt32(truncatingIfNeeded: lower), range.upperBound)
            }
        }
        return out
    }

    /// Nothing when the bounds are not in order.
    private mutating func insertRaw(_ lower: UInt32, _ upper: UInt32) {
        guard lower <= upper, let first = UID(rawValue: lower), let last = UID(rawValue: upper) else {
            return
        }
        self.insert(first...last)
    }
}
