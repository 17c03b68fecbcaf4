import IMAPCore
import MailCore
import MailSearch
import MailStore

extension Session {
    /// What SEARCH, SORT and THREAD found.
    struct Found {
        var search: MailboxSearch
        var plan: SearchPlan
        var key: SearchKey
        var view: MailboxSnapshot
        /// Places in the view, ascending.
        var places: [Int]
        /// Whether MODSEQ was among the keys.
        var hasModSeq: Bool
        /// Where MESSAGELIMIT ended the search.
        var reached: LimitReached?

        func number(_ place: Int, _ numbering: MessageNumbering) -> UInt32 {
            switch numbering {
            case .sequenceNumber: SequenceNumber(index: place).rawValue
            case .uid: self.view[place].uid.rawValue
            }
        }

        /// Runs that ascend become ranges; all else keeps its place.
        func ranges(_ places: [Int], _ numbering: MessageNumbering) -> NumberRanges {
            var numbers = NumberRanges()
            for number in self.numbers(places, numbering) { numbers.append(number) }
            return numbers
        }

        /// The numbers of places, in their order.
        func numbers(_ places: [Int], _ numbering: MessageNumbering) -> [UInt32] {
            switch numbering {
            case .sequenceNumber: return places.map { SequenceNumber(index: $0).rawValue }
            case .uid: return self.view.uids(at: places)
            }
        }
    }
}
