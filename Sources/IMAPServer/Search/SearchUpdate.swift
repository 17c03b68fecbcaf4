import IMAPCore
import MailCore
import MailSearch
import MailStore
import ServerCore

/// A search whose result the client is told changes of (UPDATE, RFC 5267 section 4.3).
struct SearchUpdate: Sendable {
    /// The order of a SORT's result.
    struct Sorting: Sendable {
        var order: [UID]
        var criteria: [SortCommand.Criterion]
    }

    /// Sorted results longer than this are not kept up to date.
    private static let maximumSorted = 50_000

    let tag: Tag
    /// Whether its responses name the mailbox, as all of ESEARCH do (RFC 7377 section 2.1).
    var namesMailbox = false
    let numbering: MessageNumbering
    /// Tied to what the numbers in it meant when the command came.
    let key: SearchKey
    /// What the client knows to be in the result.
    var members: UIDSet
    /// `nil`: the mailbox's order, in which positions need not be told.
    var sorting: Sorting?
    /// Whether the server can keep the result up to date.
    let isPossible: Bool
    /// Ages, in seconds, at which a message may come into the result or leave it though nothing happens to it.
    let ages: [Int64]
    /// When the result was looked at last, in seconds since 1970.
    private var looked = UnixTime.now().seconds
    /// What is told of new messages that come into the result; `nil` for nothing.
    let newMessages: FetchPlan?

    init(_ tag: Tag, _ command: SearchCommand, inMailboxOrder found: Session.Found) {
        self.tag = tag
        self.numbering = command.numbering
        self.newMessages = command.updateItems.isEmpty ? nil : FetchPlan(items: command.updateItems, .uid)
        self.key = found.key.pinned(to: found.view)
        self.ages = self.key.ages
        self.members = UIDSet(found.places.map { found.view[$0].uid })
        self.isPossible = true
    }

    /// - Parameter order: places in the view.
    init(_ tag: Tag, _ command: SortCommand, _ found: Session.Found, _ order: [Int]) {
        self.tag = tag
        self.numbering = command.search.numbering
        let items = command.search.updateItems
        self.newMessages = items.isEmpty ? nil : FetchPlan(items: items, .uid)
        self.key = found.key.pinned(to: found.view)
        self.ages = self.key.ages
        self.members = UIDSet(found.places.map { found.view[$0].uid })
        self.isPossible =
            order.count <= Self.maximumSorted && !command.criteria.contains { $0.key == .relevancy }
        if self.isPossible {
            self.sorting = Sorting(order: order.map { found.view[$0].uid }, criteria: command.criteria)
        }
    }

    /// The messages that have come to one of the ages since this was asked last: their places, ascending.
    mutating func aged(in view: MailboxSnapshot, now: Int64) -> [Int] {
        guard !self.ages.isEmpty, now > self.looked else { return [] }
        // By a second more at both ends: OLDER and YOUNGER both match at the very second.
        let spans = self.ages.map { self.looked - $0 - 1...now - $0 + 1 }
        self.looked = now
        var places: [Int] = []
        view.forEach { index, record in
            if spans.contains(where: { $0.contains(record.internalDate) }) { places.append(index) }
            return true
        }
        return places
    }

    /// Takes messages out of the result: answers what to tell, `nil` when none was in it. `number` answers a message's
    /// number as the client knows it.
    mutating func remove(_ gone: [UID], number: (UID) -> UInt32?) -> SearchResultChange? {
        let removed = UIDSet(gone.filter { self.members.contains($0) })
        guard !removed.isEmpty else { return nil }
        self.members = self.members.subtracting(removed)
        var entries: [SearchResultChange.Entry] = []
        if let sorting = self.sorting {
            // From the end, so that no position depends on an earlier one.
            for (position, uid) in sorting.order.enumerated().reversed() where removed.contains(uid) {
                if let number = number(uid) {
                    entries.append(.init(UInt32(clamping: position + 1), [number...number]))
                }
            }
            self.sorting?.order = sorting.order.filter { !removed.contains($0) }
        } else {
            var numbers = NumberRanges()
            for uid in removed { if let number = number(uid) { numbers.append(number) } }
            if !numbers.ranges.isEmpty { entries.append(.init(0, numbers.ranges)) }
        }
        return entries.isEmpty ? nil : .removed(entries)
    }

    /// Puts messages, which are not in it, into a result in the mailbox's order; `numbers` are theirs.
    mutating func add(_ new: [UID], _ numbers: NumberRanges) -> SearchResultChange {
        for uid in new { self.members.insert(uid) }
        return .added([.init(0, numbers.ranges)])
    }

    /// Puts a message, which is not in it, at a 0-based position of a sorted result.
    mutating func add(_ uid: UID, at position: Int, _ number: UInt32) -> SearchResultChange.Entry {
        self.members.insert(uid)
        self.sorting?.order.insert(uid, at: position)
        return .init(UInt32(clamping: position + 1), [number...number])
    }
}

extension SearchKey {
    /// The intervals of OLDER and YOUNGER (RFC 5032).
    fileprivate var ages: [Int64] {
        var ages: [Int64] = []
        _ = self.contains { key in
            switch key {
            case .older(let seconds), .younger(let seconds): ages.append(Int64(seconds))
            default: break
            }
            return false
        }
        return ages
    }
}
