extension UIDSet {
    /// Whether any UID of `range` is in the set.
    public func intersects(_ range: ClosedRange<UID>) -> Bool {
        var low = 0
        var high = self.ranges.count
        while low < high {
            let middle = (low + high) / 2
            if self.ranges[middle].upperBound < range.lowerBound.rawValue {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low < self.ranges.count && self.ranges[low].lowerBound <= range.upperBound.rawValue
    }
}
