public import IMAPCore
import MailCore
public import MailStore

extension MailboxSnapshot {
    /// The places in the view that a set means, ascending and disjoint. `nil` when a sequence number is
    /// over the count of messages.
    public func indices(of set: SequenceSet, _ numbering: MessageNumbering) -> [Range<Int>]? {
        switch numbering {
        case .sequenceNumber:
            guard let ranges = set.resolved(count: UInt32(clamping: self.count)) else { return nil }
            return ranges.map { Int($0.lowerBound) - 1..<Int($0.upperBound) }
        case .uid:
            var out: [Range<Int>] = []
            for range in set.resolved(largest: self.last?.uid.rawValue ?? 0) {
                guard let first = UID(rawValue: range.lowerBound) else { continue }
                let start = self.firstIndex(atOrAfter: first)
                var end = self.count
                if range.upperBound < .max, let next = UID(rawValue: range.upperBound + 1) {
                    end = self.firstIndex(atOrAfter: next)
                }
                if start < end { out.append(start..<end) }
            }
            return out
        }
    }
}

extension [Range<Int>] {
    /// Whether one of the ascending, disjoint ranges holds `index`.
    func containsIndex(_ index: Int) -> Bool {
        var low = 0
        var high = self.count
        while low < high {
            let middle = (low + high) / 2
            if self[middle].upperBound <= index { low = middle + 1 } else { high = middle }
        }
        return low < self.count && self[low].lowerBound <= index
    }
}
