public import IMAPCore
import MIMECore
public import MailStore

extension MailboxSearch {
    /// Puts places in the view, ascending, into the order that `criteria` say; what is equal by all of them stays in
    /// the order of sequence numbers (RFC 5256 section 3).
    ///
    /// `relevancies` are those of the places, in their order; without them all are equal. The keys are gathered from
    /// records and caches, the sorting is done on a storage thread. Ends early, with an
    /// order that means nothing, when `goesOn`, told how many headers have been read, says no.
    public func sorted(
        _ places: [Int], by criteria: [SortCommand.Criterion], relevancies: [UInt8] = [],
        goesOn: (Int) -> Bool = { _ in true }
    ) async throws(StoreError) -> [Int] {
        let memoKey = places.count >= SortMemo.minimum ? SortMemo.Key(criteria) : nil
        let memo = self.mailbox.memo
        if let memoKey, let known = memo?.value(memoKey, SortMemo.self) {
            let view = self.view
            let order = try await self.threads.run { () throws(StoreError) in known.order(of: places, in: view) }
            if let order { return order }
        }
        var isWhole = true
        let goesOn = { (done: Int) -> Bool in
            if !goesOn(done) { isWhole = false }
            return isWhole
        }
        var columns = SortColumns(criteria, count: places.count)
        let keys = criteria.map(\.key)
        if keys.allSatisfy(\.isOfRecord) {
            for place in places { columns.append(self.view[place], nil) }
        } else {
            let limit = columns.maximumText
            try await self.keys(
                of: places, goesOn: goesOn, { columns.append($0, $1) }, { SortFields($0, keys, limit) },
                { columns.append($0, $1) })
        }
        columns.take(relevancies: relevancies)
        let gathered = columns
        let order = try await self.threads.run { () throws(StoreError) -> [Int] in
            gathered.order().map { places[Int($0)] }
        }
        if isWhole, let memoKey { memo?.keep(SortMemo(order, of: self.view), memoKey) }
        return order
    }
}

/// What SORT reads of one header.
struct SortFields: Sendable {
    var sentDate: Int64?
    /// The texts of those keys that are texts, in the order of the criteria.
    var texts: [[UInt8]] = []

    /// `nil` when the header does not have all of it.
    init?(_ header: MessageHeader, _ keys: [SortCommand.Key], _ limit: Int) {
        for key in keys {
            var text: [UInt8]?
            if let unknown = Self.unconverted(header, key) {
                // Behind everything that could be converted, by its octets (RFC 5255 section 4.6).
                self.texts.append([0xFF] + unknown.prefix(max(0, limit - 1)))
                continue
            }
            switch key {
            case .arrival, .size, .relevancy: continue
            case .date:
                self.sentDate = header.sentDate
                continue
            case .subject: text = header.baseSubject?.subject
            case .cc: text = header.bodies("cc").map(Self.mailbox)
            case .from: text = header.bodies("from").map(Self.mailbox)
            case .to: text = header.bodies("to").map(Self.mailbox)
            case .displayFrom: text = header.bodies("from").map(Self.display)
            case .displayTo: text = header.bodies("to").map(Self.display)
            }
            guard let text else { return nil }
            var mapped: [UInt8] = []
            UnicodeCasemap.append(text, limit: limit, to: &mapped)
            self.texts.append(mapped)
        }
    }

    /// The text of a key, in its own octets, when it is in a charset that is unknown.
    private static func unconverted(_ header: MessageHeader, _ key: SortCommand.Key) -> [UInt8]? {
        switch key {
        case .arrival, .size, .relevancy, .date, .cc, .from, .to: return nil
        case .subject:
            return header.subject.flatMap { BaseSubject.unconverted($0, converter: .system) }
        case .displayFrom, .displayTo:
            guard let bodies = header.bodies(key == .displayFrom ? "from" : "to"),
                case .mailbox(.some(let name), _, _, _) = self.first(bodies)
            else { return nil }
            return name.withUnsafeBytes { EncodedWord.unconverted(Octets($0), converter: .system) }
        }
    }

    private static func first(_ bodies: [Octets]) -> Address? {
        for body in bodies {
            var parser = AddressParser(body)
            if let address = parser.next() { return address }
        }
        return nil
    }

    /// addr-mailbox of the first address, as ENVELOPE shows it: for a group that is its name.
    private static func mailbox(_ bodies: [Octets]) -> [UInt8] {
        switch self.first(bodies) {
        case .mailbox(_, _, let mailbox, _): mailbox ?? Address.missingMailbox
        case .groupStart(let name): name
        case .groupEnd, .none: []
        }
    }

    /// The first address's name, else its address (RFC 5957 section 3).
    private static func display(_ bodies: [Octets]) -> [UInt8] {
        switch self.first(bodies) {
        case .mailbox(let name, _, let mailbox, let host):
            if let name {
                let decoded = name.withUnsafeBytes { EncodedWord.decode(Octets($0), converter: .system) }
                if !decoded.isEmpty { return decoded }
            }
            return (mailbox ?? Address.missingMailbox) + [UInt8(ascii: "@")] + (host ?? Address.missingHost)
        case .groupStart(let name): return name
        case .groupEnd, .none: return []
        }
    }
}

extension SortCommand.Key {
    /// Whether a message's record alone has the key.
    var isOfRecord: Bool {
        switch self {
        case .arrival, .size, .relevancy: true
        case .date, .cc, .from, .subject, .to, .displayFrom, .displayTo: false
        }
    }

    var isText: Bool {
        switch self {
        case .arrival, .size, .date, .relevancy: false
        case .cc, .from, .subject, .to, .displayFrom, .displayTo: true
        }
    }
}
