import IMAPCore
import MailCore
import MailStore

/// The order of messages by some criteria. What SORT compares of a message never changes, and what is equal stays in the
/// order of UIDs, so the order of some messages is also that of any of them, for as long as they are there.
struct SortMemo: Sendable {
    struct Key: Hashable, Sendable {
        var criteria: [SortCommand.Criterion]

        /// `nil` for criteria whose keys are not of the messages alone.
        init?(_ criteria: [SortCommand.Criterion]) {
            guard criteria.allSatisfy({ $0.key != .relevancy }) else { return nil }
            self.criteria = criteria
        }
    }

    /// Below these, sorting again is as quick.
    static let minimum = 256

    private let uids: ContiguousArray<UInt32>

    init(_ order: [Int], of view: MailboxSnapshot) {
        self.uids = ContiguousArray(order.map { view[$0].uid.rawValue })
    }

    /// The places, which ascend, in order; `nil` when not all of them are known.
    func order(of places: [Int], in view: MailboxSnapshot) -> [Int]? {
        guard let first = places.first, let last = places.last, last < view.count, places.count <= self.uids.count
        else {
            return nil
        }
        let lowest = view[first].uid.rawValue
        let highest = view[last].uid.rawValue
        guard highest >= lowest, Int(highest - lowest) <= 64 * places.count + 4096 else { return nil }
        var placeOf = ContiguousArray<Int32>(repeating: -1, count: Int(highest - lowest) + 1)
        var next = 0
        view.forEachRun(of: first..<last + 1) { start, records in
            var place = start
            for record in records {
                if next < places.count, places[next] == place {
                    placeOf[Int(record.uid.rawValue - lowest)] = Int32(truncatingIfNeeded: place)
                    next += 1
                }
                place += 1
            }
        }
        var order: [Int] = []
        order.reserveCapacity(places.count)
        for uid in self.uids where uid >= lowest && uid <= highest {
            let place = placeOf[Int(uid - lowest)]
            if place >= 0 { order.append(Int(place)) }
        }
        return order.count == places.count ? order : nil
    }
}
