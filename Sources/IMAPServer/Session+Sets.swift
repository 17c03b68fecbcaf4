import IMAPCore
import MailCore
import MailStore
import ServerCore

extension SelectedMailbox {
    /// The places in the view that a set means, ascending and disjoint. `nil` when a sequence number is
    /// over the count of messages.
    func indices(_ set: SequenceSet, _ numbering: MessageNumbering) -> [Range<Int>]? {
        switch numbering {
        case .sequenceNumber:
            guard let ranges = set.resolved(count: UInt32(clamping: self.view.count)) else { return nil }
            return ranges.map { Int($0.lowerBound) - 1..<Int($0.upperBound) }
        case .uid:
            var out: [Range<Int>] = []
            for range in set.resolved(largest: self.view.last?.uid.rawValue ?? 0) {
                guard let first = UID(rawValue: range.lowerBound) else { continue }
                let start = self.view.firstIndex(atOrAfter: first)
                var end = self.view.count
                if range.upperBound < .max, let next = UID(rawValue: range.upperBound + 1) {
                    end = self.view.firstIndex(atOrAfter: next)
                }
                if start < end { out.append(start..<end) }
            }
            return out
        }
    }

    /// The UIDs at some places.
    func uids(_ indices: [Range<Int>]) -> UIDSet {
        var uids = UIDSet()
        for range in indices {
            self.view.forEach(from: range.lowerBound) { index, record in
                guard index < range.upperBound else { return false }
                uids.insert(record.uid)
                return true
            }
        }
        return uids
    }

    /// The sequence numbers or UIDs of messages, as ranges for the wire.
    func numbers(_ uids: UIDSet, _ numbering: MessageNumbering) -> [ClosedRange<UInt32>] {
        switch numbering {
        case .uid: return uids.ranges
        case .sequenceNumber:
            var ranges = NumberRanges()
            for uid in uids {
                if let index = self.view.index(of: uid) { ranges.append(SequenceNumber(index: index).rawValue) }
            }
            return ranges.ranges
        }
    }
}

/// Gathers ascending numbers into ranges.
struct NumberRanges {
    private(set) var ranges: [ClosedRange<UInt32>] = []
    private(set) var count = 0

    /// `number` is higher than all before.
    mutating func append(_ number: UInt32) {
        self.count += 1
        if let last = self.ranges.last, last.upperBound < .max, last.upperBound + 1 == number {
            self.ranges[self.ranges.count - 1] = last.lowerBound...number
        } else {
            self.ranges.append(number...number)
        }
    }
}

extension Session {
    /// The selected mailbox and the places in it that a set means. Writes the BAD for sequence numbers that
    /// do not exist.
    func resolve(
        _ tag: Tag, _ set: SequenceSet, _ numbering: MessageNumbering
    ) -> (selected: SelectedMailbox, indices: [Range<Int>])? {
        guard let selected = self.selected else {
            self.bad(tag, "No mailbox selected")
            return nil
        }
        guard let indices = selected.indices(set, numbering) else {
            self.bad(tag, "No such message")
            return nil
        }
        return (selected, indices)
    }
}
