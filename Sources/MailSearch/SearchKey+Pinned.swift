public import IMAPCore
import MailCore
public import MailStore

extension SearchKey {
    /// The key for as long as a search is kept up to date: what its message numbers mean in `view` they mean for ever
    /// (RFC 5267 section 4.3). A range of UIDs that ends with `*` also means messages to come.
    public func pinned(to view: MailboxSnapshot) -> SearchKey {
        let largest = view.last?.uid.rawValue ?? 0
        let pinned = self.replacing { key in
            switch key {
            case .sequence(let set):
                var uids = UIDSet()
                for range in view.indices(of: set, .sequenceNumber, .clamped) ?? [] {
                    view.forEach(from: range.lowerBound) { index, record in
                        guard index < range.upperBound else { return false }
                        uids.insert(record.uid)
                        return true
                    }
                }
                return .uid(SequenceSet(uids.ranges))
            case .uid(let set):
                return .uid(
                    SequenceSet(
                        set.elements.map { element in
                            let star = SequenceSet.Element.star
                            guard element.first == star || element.last == star, largest > 0 else { return element }
                            if element.first == element.last {
                                return SequenceSet.Element(first: largest, last: largest)
                            }
                            let bound = element.first == star ? element.last : element.first
                            return SequenceSet.Element(first: min(bound, largest), last: .max)
                        }))
            default: return key
            }
        }
        return pinned ?? self
    }
}
