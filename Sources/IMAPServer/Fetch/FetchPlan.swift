import IMAPCore
import MIMECore
import MailCore
import MailStore

/// What a FETCH needs of each message, found out once per command.
struct FetchPlan: Sendable {
    /// From where an item is answered.
    enum Source: Int, Comparable, Sendable {
        /// The record in the session's view.
        case record
        /// The cache that was written at delivery.
        case cache
        /// The message itself.
        case message

        static func < (a: Source, b: Source) -> Bool { a.rawValue < b.rawValue }
    }

    /// When messages become \Seen. What could not be sent has not been seen.
    enum Marking: Sendable {
        case never
        /// A batch before it is answered from what is known of the messages.
        case first
        /// Those whose octets could be read, and decoded where BINARY asks for that: as many at once as are read at once.
        case onceRead
    }

    struct Item: Sendable {
        let item: FetchItem
        let source: Source
        /// The header fields of a section that caches may have.
        let fields: CachedFields?
        /// What stands before the octets; empty for items that have none.
        let name: [UInt8]

        init(item: FetchItem, source: Source, fields: CachedFields? = nil) {
            self.item = item
            self.source = source
            self.fields = fields
            self.name = FetchResponse.octetsName(item)
        }
    }

    let items: [Item]
    /// The dearest source of all items.
    let source: Source
    let marking: Marking
    let hasFlags: Bool
    let hasUID: Bool
    let changedSince: ModSeq?
    /// What must be asked of the index beside the records; nearly always nothing.
    let traits: MessageTraits.Selection

    /// - Parameter answersUID: whether UID FETCH answers it unasked; UIDFETCH has it in front already.
    init(_ command: FetchCommand, answersUID: Bool = true) {
        self.init(
            items: command.items, answersUID ? command.numbering : .sequenceNumber, changedSince: command.changedSince)
    }

    init(items: [FetchItem], _ numbering: MessageNumbering, changedSince: ModSeq? = nil) {
        var items = items
        // UID FETCH answers the UID unasked (RFC 9051 section 6.4.9), CHANGEDSINCE the MODSEQ (RFC 7162
        // section 3.1.4.1).
        if numbering == .uid, !items.contains(.uid) { items.insert(.uid, at: 0) }
        if changedSince != nil, !items.contains(.modSeq) { items.append(.modSeq) }
        self.items = items.map { Self.plan($0) }
        self.source = self.items.map(\.source).max() ?? .record
        if items.contains(where: \.setsSeen) {
            self.marking = self.source == .message ? .onceRead : .first
        } else {
            self.marking = .never
        }
        self.hasFlags = items.contains(.flags)
        self.hasUID = items.contains(.uid)
        self.changedSince = changedSince
        var traits: MessageTraits.Selection = []
        if items.contains(.saveDate) || items.contains(.emailID) { traits.insert(.row) }
        if items.contains(.threadID) { traits.formUnion([.row, .thread]) }
        self.traits = traits
    }

    /// What several plans tell, and one item more if need be; each item once.
    init(joining plans: [FetchPlan], and more: FetchItem? = nil) {
        var wanted = plans.flatMap { $0.items.map(\.item) }
        if let more { wanted.append(more) }
        var items: [FetchItem] = []
        for item in wanted where !items.contains(item) { items.append(item) }
        self.init(items: items, .sequenceNumber)
    }

    /// Whether the command makes the session CONDSTORE-aware.
    var asksForModSeq: Bool { self.items.contains { $0.item == .modSeq } }

    private static func plan(_ item: FetchItem) -> Item {
        switch item {
        case .uid, .flags, .internalDate, .size, .modSeq, .saveDate, .emailID, .threadID:
            return Item(item: item, source: .record)
        case .envelope, .body, .bodyStructure, .preview: return Item(item: item, source: .cache)
        case .rfc822, .rfc822Header, .rfc822Text, .binary, .binarySize: return Item(item: item, source: .message)
        case .section(let section):
            guard section.section.path.isEmpty, case .headerFields(let names) = section.section.kind else {
                return Item(item: item, source: .message)
            }
            let fields = CachedFields(names)
            return Item(item: item, source: fields.isComplete ? .cache : .message, fields: fields)
        }
    }
}

extension FetchItem {
    /// The section an item of octets means.
    var section: (section: Section, partial: FetchSection.Partial?)? {
        switch self {
        case .rfc822: (Section(), nil)
        case .rfc822Header: (Section(kind: .header), nil)
        case .rfc822Text: (Section(kind: .text), nil)
        case .section(let section): (section.section, section.partial)
        case .uid, .flags, .internalDate, .size, .modSeq, .saveDate, .emailID, .threadID, .preview, .envelope,
            .body, .bodyStructure, .binary, .binarySize:
            nil
        }
    }
}

extension Section {
    /// Whether this is counted as a header in the statistics.
    var isHeader: Bool {
        switch self.kind {
        case .header, .headerFields, .headerFieldsNot, .mime: true
        case .full, .text: false
        }
    }
}
