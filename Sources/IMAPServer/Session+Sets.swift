import IMAPCore
import MailCore
import MailSearch
import MailStore
import ServerCore

extension SelectedMailbox {
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
                if let index = self.view.index(of: uid) {
                    ranges.append(SequenceNumber(index: index).rawValue)
                }
            }
            return ranges.ranges
        }
    }
}

/// Gathers numbers into ranges where they follow each other.
struct NumberRanges {
    private(set) var ranges: [ClosedRange<UInt32>] = []
    private(set) var count = 0

    mutating func append(_ number: UInt32) {
        self.count += 1
        if let last = self.ranges.last, last.upperBound < .max, last.upperBound + 1 == number {
            self.ranges[self.ranges.count - 1] = last.lowerBound...number
        } else {
            self.ranges.append(number...number)
        }
    }
}

extension PartialRange {
    /// Of the messages at some places, ascending and disjoint, those that the range means.
    func part(of places: [Range<Int>]) -> [Range<Int>] {
        let positions = self.positions(of: places.reduce(0) { $0 + $1.count })
        var part: [Range<Int>] = []
        var before = 0
        for range in places {
            let low = max(positions.lowerBound - before, 0)
            let high = min(positions.upperBound - before, range.count)
            if low < high { part.append(range.lowerBound + low..<range.lowerBound + high) }
            before += range.count
        }
        return part
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
        guard let indices = selected.view.indices(of: set, numbering) else {
            self.bad(tag, "No such message")
            return nil
        }
        return (selected, indices)
    }
}
