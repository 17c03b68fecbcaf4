import MailCore
import MailStore

/// Follows one message through what happened to an account's mail: from where it came to all places where it went.
struct MessageStory {
    /// What the story begins with.
    enum Beginning {
        /// The deliveries, or what a client stored, with this Message-ID or queue id.
        case identifier(String)
        /// A message that is or was there.
        case place(mailboxID: String, UID)
    }

    /// In their order; places show this message alone.
    private(set) var events: [TraceEvent] = []
    /// Where the message is, as far as is known: by mailbox.
    private(set) var places: [TraceEvent.Place] = []

    private var tracked: [String: (place: TraceEvent.Place, uids: Set<UInt32>)] = [:]

    /// - Parameter all: everything that happened in the account.
    init(_ all: [TraceEvent], _ beginning: Beginning) {
        var origin: Int?
        var identifier: String?
        switch beginning {
        case .identifier(let text): identifier = text
        case .place(let mailbox, let uid):
            let roots: [String: Set<UInt32>]
            (origin, roots) = Self.ancestors(of: (mailbox, uid.rawValue), in: all)
            for (mailbox, uids) in roots {
                self.tracked[mailbox] = (TraceEvent.Place(user: "", mailboxID: mailbox, mailbox: "", uids: []), uids)
            }
        }
        for (index, event) in all.enumerated() {
            self.take(event, begins: index == origin || identifier.map { Self.is(event, $0) } ?? false)
        }
        self.places = self.tracked.values.filter { !$0.uids.isEmpty }.map { entry in
            var place = entry.place
            place.uids = Self.set(entry.uids)
            return place
        }
        .sorted { $0.mailbox < $1.mailbox }
    }

    /// Where a message came from: the event that brought it and, when there is none, the places that it was first seen
    /// in.
    private static func ancestors(
        of target: (mailbox: String, uid: UInt32), in all: [TraceEvent]
    ) -> (origin: Int?, roots: [String: Set<UInt32>]) {
        var current = target
        for (index, event) in all.enumerated().reversed() {
            switch event.what {
            case .delivered(_, let places):
                if places.contains(where: { Self.holds($0, current) }) { return (index, [:]) }
            case .appended(let place, _):
                if Self.holds(place, current) { return (index, [:]) }
            case .copied(let source, let goal), .moved(let source, let goal):
                guard Self.holds(goal, current) else { continue }
                for (from, to) in zip(source.uids, goal.uids) where to.rawValue == current.uid {
                    current = (source.mailboxID, from.rawValue)
                    break
                }
            case .flagged, .expunged: break
            }
        }
        return (nil, [current.mailbox: [current.uid]])
    }

    private static func holds(_ place: TraceEvent.Place, _ message: (mailbox: String, uid: UInt32)) -> Bool {
        place.mailboxID == message.mailbox && UID(rawValue: message.uid).map { place.uids.contains($0) } ?? false
    }

    private static func `is`(_ event: TraceEvent, _ identifier: String) -> Bool {
        switch event.what {
        case .delivered(let delivery, _): delivery.messageID == identifier || delivery.queueID == identifier
        case .appended(_, let messageID): messageID == identifier
        case .copied, .moved, .flagged, .expunged: false
        }
    }

    private mutating func take(_ event: TraceEvent, begins: Bool) {
        var event = event
        switch event.what {
        case .delivered(_, let places):
            guard begins else { return }
            for place in places { self.track(place, place.uids.map(\.rawValue)) }
        case .appended(let place, _):
            guard begins else { return }
            self.track(place, place.uids.map(\.rawValue))
        case .copied(let source, let target), .moved(let source, let target):
            let isMove = if case .moved = event.what { true } else { false }
            guard let known = self.tracked[source.mailboxID]?.uids else { return }
            let pairs = zip(source.uids, target.uids).filter { known.contains($0.0.rawValue) }
            guard !pairs.isEmpty else { return }
            var (from, to) = (source, target)
            from.uids = UIDSet(pairs.map(\.0))
            to.uids = UIDSet(pairs.map(\.1))
            if isMove { self.tracked[source.mailboxID]?.uids.subtract(pairs.map(\.0.rawValue)) }
            self.track(to, pairs.map(\.1.rawValue))
            event.what = isMove ? .moved(from, to: to) : .copied(from, to: to)
        case .flagged(let place, let change):
            guard let place = self.narrowed(place) else { return }
            event.what = .flagged(place, change: change)
        case .expunged(let place):
            guard let place = self.narrowed(place) else { return }
            self.tracked[place.mailboxID]?.uids.subtract(place.uids.map(\.rawValue))
            event.what = .expunged(place)
        }
        self.events.append(event)
    }

    private mutating func track(_ place: TraceEvent.Place, _ uids: [UInt32]) {
        let known = self.tracked[place.mailboxID]?.uids ?? []
        self.tracked[place.mailboxID] = (place, known.union(uids))
    }

    /// What of a place is this message; `nil`: nothing.
    private mutating func narrowed(_ place: TraceEvent.Place) -> TraceEvent.Place? {
        guard let known = self.tracked[place.mailboxID]?.uids, !known.isEmpty else { return nil }
        let uids = known.filter { number in UID(rawValue: number).map { place.uids.contains($0) } ?? false }
        guard !uids.isEmpty else { return nil }
        // The newest name.
        self.tracked[place.mailboxID]?.place = place
        var place = place
        place.uids = Self.set(uids)
        return place
    }

    private static func set(_ numbers: Set<UInt32>) -> UIDSet {
        UIDSet(numbers.sorted().compactMap(UID.init(rawValue:)))
    }
}
