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
        func ranges(_ places: some Sequence<Int>, _ numbering: MessageNumbering) -> NumberRanges {
            var numbers = NumberRanges()
            for place in places { numbers.append(self.number(place, numbering)) }
            return numbers
        }
    }
}
