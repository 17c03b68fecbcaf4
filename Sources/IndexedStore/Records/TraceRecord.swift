internal import MailCore
internal import MailStore

/// An event as the log and the index have it: the same octets in both.
struct TraceRecord: Sendable {
    /// Messages in a mailbox, which is known by its number.
    struct Place: Sendable {
        var key: MailboxKey
        var name: MailboxName
        var uids: UIDSet

        init(_ key: MailboxKey, _ name: MailboxName, _ uids: UIDSet) {
            self.key = key
            self.name = name
            self.uids = uids
        }
    }

    enum What: Sendable {
        case delivered(DeliveryTrace, [Place])
        case appended(Place, messageID: String)
        case copied(Place, to: Place)
        case moved(Place, to: Place)
        case flagged(Place, change: String)
        case expunged(Place)

        /// The account in which something arrived, where that is another one.
        var target: UInt32? {
            switch self {
            case .copied(_, let place), .moved(_, let place): place.key.account
            case .delivered, .appended, .flagged, .expunged: nil
            }
        }

        fileprivate var number: UInt8 {
            switch self {
            case .delivered: 1
            case .appended: 2
            case .copied: 3
            case .moved: 4
            case .flagged: 5
            case .expunged: 6
            }
        }

        /// Source before target.
        var places: [Place] {
            switch self {
            case .delivered(_, let places): places
            case .copied(let source, let target), .moved(let source, let target): [source, target]
            case .appended(let place, _), .flagged(let place, _), .expunged(let place): [place]
            }
        }
    }

    var account: UInt32
    var time: Int64
    var actor: TraceEvent.Actor
    var what: What

    /// Texts of peers are cut to this many octets.
    static let maximumText = 512
    /// Lines of scripts that are noted.
    static let maximumDecisions = 40
    /// Runs of UIDs above which nothing is noted of a command.
    static let maximumRanges = 20_000

    init(account: UInt32, time: Int64, actor: TraceEvent.Actor, what: What) {
        self.account = account
        self.time = time
        self.actor = actor
        self.what = what
    }

    /// Whether it is small enough to be noted.
    var fits: Bool { self.what.places.allSatisfy { $0.uids.ranges.count <= Self.maximumRanges } }

    // MARK: Octets

    /// Both accounts come first, so that a search can pass over those of others.
    func encode() -> [UInt8] {
        var out: [UInt8] = []
        out.appendLittleEndian(self.account)
        out.appendLittleEndian(self.what.target ?? self.account)
        out.appendLittleEndian(self.time)
        out.append(self.what.number)
        for text in [self.actor.service, self.actor.session, self.actor.address, self.actor.client] {
            out.append(short: text)
        }
        switch self.what {
        case .delivered(let trace, _):
            out.append(trace.outcome.rawValue)
            for text in [trace.sender, trace.recipient, trace.messageID, trace.queueID, trace.detail] {
                out.append(short: text)
            }
            let decisions = trace.decisions.prefix(Self.maximumDecisions)
            out.appendVarint(UInt64(decisions.count))
            for decision in decisions { out.append(short: decision) }
        case .appended(_, let text), .flagged(_, let text): out.append(short: text)
        case .copied, .moved, .expunged: break
        }
        let places = self.what.places
        out.appendVarint(UInt64(places.count))
        for place in places {
            out.append(place.key)
            out.appendText(place.name.text)
            out.append(place.uids)
        }
        return out
    }

    init?(_ octets: UnsafeRawBufferPointer) {
        var reader = ByteReader(octets)
        guard let account = reader.readLittleEndian(UInt32.self), reader.readLittleEndian(UInt32.self) != nil,
            let time = reader.readLittleEndian(Int64.self), let kind = reader.readLittleEndian(UInt8.self),
            let service = reader.readText(), let session = reader.readText(), let address = reader.readText(),
            let client = reader.readText()
        else { return nil }
        self.account = account
        self.time = time
        self.actor = TraceEvent.Actor(service: service, session: session, address: address, client: client)
        switch kind {
        case 1:
            guard
                let outcome = reader.readLittleEndian(UInt8.self).flatMap(DeliveryTrace.Outcome.init(rawValue:)),
                let sender = reader.readText(), let recipient = reader.readText(), let messageID = reader.readText(),
                let queueID = reader.readText(), let detail = reader.readText(), let count = reader.readCount(of: 1)
            else { return nil }
            var trace = DeliveryTrace(
                actor: self.actor, sender: sender, recipient: recipient, messageID: messageID, queueID: queueID)
            trace.outcome = outcome
            trace.detail = detail
            for _ in 0..<count {
                guard let decision = reader.readText() else { return nil }
                trace.decisions.append(decision)
            }
            guard let places = reader.readTracePlaces() else { return nil }
            self.what = .delivered(trace, places)
        case 2, 5:
            guard let text = reader.readText(), let place = reader.readTracePlaces()?.first else { return nil }
            self.what = kind == 2 ? .appended(place, messageID: text) : .flagged(place, change: text)
        case 3, 4:
            guard let places = reader.readTracePlaces(), places.count == 2 else { return nil }
            self.what = kind == 3 ? .copied(places[0], to: places[1]) : .moved(places[0], to: places[1])
        case 6:
            guard let place = reader.readTracePlaces()?.first else { return nil }
            self.what = .expunged(place)
        default: return nil
        }
    }

    /// Whether octets of a record are about one of these accounts.
    static func isAbout(_ accounts: Set<UInt32>, _ octets: UnsafeRawBufferPointer) -> Bool {
        guard octets.count >= 8 else { return false }
        return accounts.contains(UInt32(littleEndian: octets.loadUnaligned(as: UInt32.self)))
            || accounts.contains(UInt32(littleEndian: octets.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
    }

    /// When the event of those octets was; 0 for octets that are none.
    static func time(_ octets: UnsafeRawBufferPointer) -> Int64 {
        guard octets.count >= 16 else { return 0 }
        return Int64(littleEndian: octets.loadUnaligned(fromByteOffset: 8, as: Int64.self))
    }
}

extension [UInt8] {
    /// A text of a peer, cut where it is long.
    fileprivate mutating func append(short text: String) {
        if text.utf8.count <= TraceRecord.maximumText { return self.appendText(text) }
        self.appendText(String(decoding: text.utf8.prefix(TraceRecord.maximumText), as: UTF8.self))
    }
}

extension ByteReader {
    fileprivate mutating func readTracePlaces() -> [TraceRecord.Place]? {
        guard let count = self.readCount(of: 10) else { return nil }
        var places: [TraceRecord.Place] = []
        for _ in 0..<count {
            guard let key = self.readKey(), let name = self.readName(), let uids = self.readUIDSet() else { return nil }
            places.append(TraceRecord.Place(key, name, uids))
        }
        return places
    }
}
