public import IMAPCore
import MailCore
public import MailStore

/// What sequence numbers over the count of messages are.
public enum SequenceBounds: Sendable, Hashable {
    /// A mistake.
    case exact
    /// Numbers of no message.
    case clamped
}

extension MailboxSnapshot {
    /// The places in the view that a set means, ascending and disjoint. `nil` when a sequence number, or a lone `*`, is
    /// that of no message and that is a mistake.
    public func indices(
        of set: SequenceSet, _ numbering: MessageNumbering, _ bounds: SequenceBounds = .exact
    ) -> [Range<Int>]? {
        switch numbering {
        case .sequenceNumber:
            let count = UInt32(clamping: self.count)
            let ranges: [ClosedRange<UInt32>]
            switch bounds {
            case .exact:
                guard let exact = set.resolved(count: count) else { return nil }
                ranges = exact
            case .clamped:
                ranges = set.resolved(largest: count).compactMap { range in
                    range.lowerBound <= count ? range.lowerBound...min(range.upperBound, count) : nil
                }
            }
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
