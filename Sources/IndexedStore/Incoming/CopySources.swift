internal import MailCore

/// Message files that must stay because copies of them may not be on the disk: in the log a copy has no octets of its own.
///
/// A disk that loses power may have the removal of a file and lack the link that was made before it. So a file is removed
/// only after a sync that came after all copies of it.
struct CopySources: Sendable {
    /// One COPY or MOVE under way.
    struct Hold: Sendable {
        fileprivate let key: MailboxKey
        fileprivate let number: UInt64
    }

    private var holds: [MailboxKey: [UInt64: UIDSet]] = [:]
    private var last: UInt64 = 0
    /// Those whose copies are in place.
    private(set) var placed: [Hold] = []

    mutating func hold(_ key: MailboxKey, _ uids: UIDSet) -> Hold {
        self.last += 1
        self.holds[key, default: [:]][self.last] = uids
        return Hold(key: key, number: self.last)
    }

    /// The copies will not be made, or are on the disk.
    mutating func letGo(_ hold: Hold) {
        self.holds[hold.key]?[hold.number] = nil
        if self.holds[hold.key]?.isEmpty == true { self.holds[hold.key] = nil }
    }

    mutating func letGoAfterSync(_ hold: Hold) { self.placed.append(hold) }

    /// A sync has ended that began when `placed` began with these.
    mutating func synced(_ placed: [Hold]) {
        for hold in placed { self.letGo(hold) }
        self.placed.removeFirst(min(placed.count, self.placed.count))
    }

    func isHeld(_ key: MailboxKey) -> Bool { self.holds[key] != nil }

    /// The messages of a mailbox whose files must stay.
    func held(_ key: MailboxKey) -> [UIDSet] { self.holds[key].map { Array($0.values) } ?? [] }
}
