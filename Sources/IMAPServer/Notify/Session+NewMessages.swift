import IMAPCore
import MailCore
import MailStore
import ServerCore

/// What is wanted of some new messages.
struct NewMessageItems {
    var plan: FetchPlan
    /// Places in the view.
    var places: Set<Int>
}

extension Session {
    /// Tells items of new messages: those that NOTIFY wants, but not of messages that this session made, and those that
    /// searches want, in one response for each message (RFC 5465 section 5.2).
    func tellNewMessages(_ new: Range<Int>, _ searches: [NewMessageItems]) async throws(ConnectionError) {
        guard let view = self.selected?.view else { return }
        var wanted = searches
        if let plan = self.notifications?.newMessages {
            let own = self.notifications?.own ?? []
            let places = Set(new.filter { !own.contains(view[$0].uid) })
            wanted.insert(NewMessageItems(plan: plan, places: places), at: 0)
        }
        self.notifications?.own = []
        var start = new.lowerBound
        while start < new.upperBound {
            let plans = wanted.indices.filter { wanted[$0].places.contains(start) }
            var end = start + 1
            while end < new.upperBound, wanted.indices.filter({ wanted[$0].places.contains(end) }) == plans { end += 1 }
            if !plans.isEmpty { try await self.tellItems(start..<end, plans.map { wanted[$0].plan }) }
            start = end
        }
    }
}
