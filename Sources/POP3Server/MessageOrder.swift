import MailCore
import MailStore

/// The messages of a session as their numbers have them: in the order of UIDs, or in the one in which a former
/// server listed them to POP3 clients.
struct MessageOrder {
    let snapshot: MailboxSnapshot
    /// Positions in the snapshot by number; `nil`: the same.
    private let positions: [Int]?

    /// - Parameter orders: what a former server gave to some messages; those come first, by it, the others behind.
    init(_ snapshot: MailboxSnapshot, orders: [UID: UInt32]) {
        self.snapshot = snapshot
        guard !orders.isEmpty else {
            self.positions = nil
            return
        }
        var listed: [(order: UInt64, position: Int)] = []
        listed.reserveCapacity(snapshot.count)
        for position in 0..<snapshot.count {
            // Above every order.
            let order = orders[snapshot[position].uid].map { UInt64($0) } ?? UInt64(UInt32.max) + 1
            listed.append((order, position))
        }
        listed.sort { $0 < $1 }
        self.positions = listed.map(\.position)
    }

    var count: Int { self.snapshot.count }
    var uidValidity: UIDValidity { self.snapshot.uidValidity }

    /// The message of a number less 1.
    subscript(index: Int) -> MessageRecord { self.snapshot[self.positions?[index] ?? index] }
}
