public import IMAPCore
import MIMECore
public import MailCore
public import MailStore

/// What is known of whether a message matches.
enum SearchVerdict {
    case yes
    case no
    /// Needs more than was looked at.
    case unknown

    init(_ matches: Bool) { self = matches ? .yes : .no }

    var negated: SearchVerdict {
        switch self {
        case .yes: .no
        case .no: .yes
        case .unknown: .unknown
        }
    }
}

/// Where to look beside the record, from cheap to dear.
enum SearchEvidence {
    case record
    case keys(HeaderKeys.View)
    /// Can only say no.
    case signature(TextSignature.View)
    case cache(MessageCache.View)
    case message(SearchedMessage)
}

/// A message's octets, to be asked of many keys.
struct SearchedMessage {
    let octets: Octets
    let table: PartTable
    /// Whether nobody waits for the result any more: what is answered then does not count.
    let isOver: @Sendable () -> Bool

    var text: MessageText { MessageText(self.octets.buffer, self.table, converter: .system) }
}

/// A SEARCH key tied to one view of a mailbox: sets resolved, keywords numbered, strings folded.
///
/// Each message is asked first with its record alone, then with its cache, at last with its octets, as far
/// as the answer is not known.
public struct SearchPlan: Sendable {
    let node: SearchNode

    /// Ties `key` to `view`; `recent` are the messages that are \Recent to whoever asks, `now` seconds since
    /// 1970. `nil` when a sequence number in the key does not exist and that is a mistake.
    public init?(
        _ key: SearchKey, _ view: MailboxSnapshot, recent: UIDSet, now: Int64, bounds: SequenceBounds = .exact
    ) {
        guard let node = SearchNode(key, SearchContext(view: view, recent: recent, now: now, bounds: bounds)) else {
            return nil
        }
        self.node = node
    }
}

/// What keys are tied to.
struct SearchContext {
    var view: MailboxSnapshot
    var recent: UIDSet
    var now: Int64
    var bounds: SequenceBounds
    /// Whether strings are looked for word by word.
    var isFuzzy = false
}

indirect enum SearchNode: Sendable {
    case constant(Bool)
    case and([SearchNode])
    case or(SearchNode, SearchNode)
    case not(SearchNode)
    case flags(MessageFlags)
    case notFlags(MessageFlags)
    case keyword(UInt16, KeywordTable)
    case recent(UIDSet)
    /// Places in the view, ascending and disjoint.
    case indices([Range<Int>])
    case modSeq(ModSeq)
    /// INTERNALDATE from, up to and without, in seconds since 1970.
    case internalDate(Range<Int64>)
    /// The Date field's day as written, in days since 1970.
    case sentDay(Range<Int64>)
    case size(Range<UInt64>)
    case header([UInt8], SearchNeedle, TextProbe)
    case body(SearchNeedle, TextProbe)
    case text(SearchNeedle, TextProbe)
    case fuzzy(FuzzyNeedle)
    /// When the message came into its mailbox, as `internalDate`.
    case savedDate(Range<Int64>)
    case emailID(ObjectID)
    case threadID(ObjectID)

    /// `nil` when a sequence number in the key does not exist.
    init?(_ key: SearchKey, _ context: SearchContext) {
        let view = context.view
        let now = context.now
        switch key {
        case .all, .saveDateSupported: self = .constant(true)
        case .and(let keys):
            var plans: [SearchNode] = []
            for key in keys {
                guard let plan = SearchNode(key, context) else { return nil }
                plans.append(plan)
            }
            self = .and(plans)
        case .or(let a, let b):
            guard let a = SearchNode(a, context), let b = SearchNode(b, context) else { return nil }
            self = .or(a, b)
        case .not(let key):
            guard let plan = SearchNode(key, context) else { return nil }
            self = .not(plan)
        case .fuzzy(let key):
            var context = context
            context.isFuzzy = true
            guard let plan = SearchNode(key, context) else { return nil }
            self = plan
        case .flags(let flags): self = .flags(flags)
        case .notFlags(let flags): self = .notFlags(flags)
        case .recent: self = .recent(context.recent)
        case .keyword(let keyword):
            let table = view.keywords
            self = table.number(of: keyword).map { .keyword($0, table) } ?? .constant(false)
        case .sequence(let set):
            guard let indices = view.indices(of: set, .sequenceNumber, context.bounds) else { return nil }
            self = .indices(indices)
        case .uid(let set): self = .indices(view.indices(of: set, .uid) ?? [])
        case .modSeq(let modSeq): self = .modSeq(modSeq)
        case .before(let date): self = .internalDate(date.before)
        case .on(let date): self = .internalDate(date.within)
        case .since(let date): self = .internalDate(date.onwards)
        case .savedBefore(let date): self = .savedDate(date.before)
        case .savedOn(let date): self = .savedDate(date.within)
        case .savedSince(let date): self = .savedDate(date.onwards)
        // What this server never gave is the identifier of nothing.
        case .emailID(let text): self = ObjectID(.email, parsing: text).map { .emailID($0) } ?? .constant(false)
        case .threadID(let text): self = ObjectID(.thread, parsing: text).map { .threadID($0) } ?? .constant(false)
        // Whoever searches has put the filter's keys in its place, or there are none.
        case .filter: self = .constant(false)
        case .older(let seconds):
            self = .internalDate(.min..<now.advanced(by: 1 - Int(seconds)))
        case .younger(let seconds):
            self = .internalDate(now.advanced(by: -Int(seconds))..<Int64.max)
        case .sentBefore(let date): self = .sentDay(.min..<date.day)
        case .sentOn(let date): self = .sentDay(date.day..<date.day + 1)
        case .sentSince(let date): self = .sentDay(date.day..<Int64.max)
        case .larger(let size): self = .size(min(size, .max - 1) + 1..<UInt64.max)
        case .smaller(let size): self = .size(0..<size)
        case .header(let name, let string):
            guard !context.isFuzzy else {
                self = .fuzzy(FuzzyNeedle(string, in: .header(name)))
                return
            }
            let needle = SearchNeedle(string)
            self = .header(name, needle, TextProbe(needle, in: .header(name: name)))
        case .body(let string):
            guard !context.isFuzzy else {
                self = .fuzzy(FuzzyNeedle(string, in: .body))
                return
            }
            let needle = SearchNeedle(string)
            self = .body(needle, TextProbe(needle, in: .body))
        case .text(let string):
            guard !context.isFuzzy else {
                self = .fuzzy(FuzzyNeedle(string, in: .text))
                return
            }
            let needle = SearchNeedle(string)
            self = .text(needle, TextProbe(needle, in: .text))
        }
    }

    func verdict(_ candidate: SearchCandidate, _ evidence: SearchEvidence) -> SearchVerdict {
        let record = candidate.record
        switch self {
        case .constant(let value): return SearchVerdict(value)
        case .and(let plans):
            var verdict = SearchVerdict.yes
            for plan in plans {
                switch plan.verdict(candidate, evidence) {
                case .yes: break
                case .no: return .no
                case .unknown: verdict = .unknown
                }
            }
            return verdict
        case .or(let a, let b):
            let first = a.verdict(candidate, evidence)
            if first == .yes { return .yes }
            switch (first, b.verdict(candidate, evidence)) {
            case (_, .yes): return .yes
            case (.no, .no): return .no
            case (.unknown, _), (_, .unknown), (.yes, _): return .unknown
            }
        case .not(let plan): return plan.verdict(candidate, evidence).negated
        case .flags(let flags): return SearchVerdict(record.flags.isSuperset(of: flags))
        case .notFlags(let flags): return SearchVerdict(record.flags.isDisjoint(with: flags))
        case .keyword(let number, let table):
            return SearchVerdict(table.contains(number, in: record.keywords))
        case .recent(let uids): return SearchVerdict(uids.contains(record.uid))
        case .indices(let ranges): return SearchVerdict(ranges.containsIndex(candidate.index))
        case .modSeq(let modSeq): return SearchVerdict(record.modSeq >= modSeq)
        case .internalDate(let range): return SearchVerdict(range.contains(record.internalDate))
        case .size(let range): return SearchVerdict(range.contains(UInt64(record.size)))
        case .savedDate(let range):
            return candidate.traits.map { SearchVerdict(range.contains($0.saveDate)) } ?? .unknown
        case .emailID(let id): return candidate.traits.map { SearchVerdict($0.emailID == id) } ?? .unknown
        case .threadID(let id): return candidate.traits.map { SearchVerdict($0.threadID == id) } ?? .unknown
        case .sentDay(let range): return evidence.sentDay(range)
        case .header(let name, let needle, let probe): return evidence.header(name, needle, probe)
        case .body(let needle, let probe): return evidence.text(probe) { $0.bodyContains(needle) }
        case .text(let needle, let probe): return evidence.text(probe) { $0.textContains(needle) }
        case .fuzzy(let needle): return needle.relevancy(evidence).map { SearchVerdict($0 > 0) } ?? .unknown
        }
    }

    /// Whether a message may be looked at with this evidence for nothing: no key needs it.
    var needsOnlyRecords: Bool {
        switch self {
        case .and(let plans): plans.allSatisfy(\.needsOnlyRecords)
        case .or(let a, let b): a.needsOnlyRecords && b.needsOnlyRecords
        case .not(let plan): plan.needsOnlyRecords
        case .sentDay, .header, .body, .text, .fuzzy, .savedDate, .emailID, .threadID: false
        case .constant, .flags, .notFlags, .keyword, .recent, .indices, .modSeq, .internalDate, .size: true
        }
    }

    /// Whether a signature may say of a message that it does not match, or, under NOT, that it does.
    var usesSignatures: Bool {
        switch self {
        case .and(let plans): plans.contains(where: \.usesSignatures)
        case .or(let a, let b): a.usesSignatures || b.usesSignatures
        case .not(let plan): plan.usesSignatures
        case .header(_, _, let probe), .body(_, let probe), .text(_, let probe): probe.isSelective
        case .constant, .flags, .notFlags, .keyword, .recent, .indices, .modSeq, .internalDate, .size, .sentDay,
            .savedDate, .emailID, .threadID, .fuzzy:
            false
        }
    }

    /// Whether the keys of headers may say whether a message matches.
    var usesKeys: Bool {
        switch self {
        case .and(let plans): plans.contains(where: \.usesKeys)
        case .or(let a, let b): a.usesKeys || b.usesKeys
        case .not(let plan): plan.usesKeys
        case .sentDay: true
        case .header(let name, let needle, _): KeyTest(name, needle) != nil
        case .constant, .flags, .notFlags, .keyword, .recent, .indices, .modSeq, .internalDate, .size, .body, .text,
            .savedDate, .emailID, .threadID, .fuzzy:
            false
        }
    }

    /// Tests of which each must let a message pass that is to match.
    var requiredTests: [KeyTest] {
        switch self {
        case .and(let plans): plans.flatMap(\.requiredTests)
        case .header(let name, let needle, _): KeyTest(name, needle).map { [$0] } ?? []
        case .constant, .or, .not, .flags, .notFlags, .keyword, .recent, .indices, .modSeq, .internalDate, .size,
            .sentDay, .body, .text, .savedDate, .emailID, .threadID, .fuzzy:
            []
        }
    }

    /// Probes of which each must let a message pass that is to match.
    var requiredProbes: [TextProbe] {
        switch self {
        case .and(let plans): plans.flatMap(\.requiredProbes)
        case .header(_, _, let probe), .body(_, let probe), .text(_, let probe): probe.isSelective ? [probe] : []
        case .constant, .or, .not, .flags, .notFlags, .keyword, .recent, .indices, .modSeq, .internalDate, .size,
            .sentDay, .savedDate, .emailID, .threadID, .fuzzy:
            []
        }
    }

    /// Whether a cache may say whether a message matches.
    var usesCaches: Bool {
        switch self {
        case .and(let plans): plans.contains(where: \.usesCaches)
        case .or(let a, let b): a.usesCaches || b.usesCaches
        case .not(let plan): plan.usesCaches
        case .header, .sentDay, .fuzzy: true
        case .constant, .flags, .notFlags, .keyword, .recent, .indices, .modSeq, .internalDate, .size, .body, .text,
            .savedDate, .emailID, .threadID:
            false
        }
    }

    /// What must be asked of the index beside the records.
    var traits: MessageTraits.Selection {
        switch self {
        case .and(let plans): plans.reduce(into: []) { $0.formUnion($1.traits) }
        case .or(let a, let b): a.traits.union(b.traits)
        case .not(let plan): plan.traits
        case .savedDate, .emailID: .row
        case .threadID: [.row, .thread]
        case .constant, .flags, .notFlags, .keyword, .recent, .indices, .modSeq, .internalDate, .size, .sentDay,
            .header, .body, .text, .fuzzy:
            []
        }
    }
}

extension SearchEvidence {
    func sentDay(_ range: Range<Int64>) -> SearchVerdict {
        switch self {
        case .record, .signature: return .unknown
        case .keys(let keys):
            return SearchVerdict(keys.sentDate.map { range.contains($0.dayAsWritten) } ?? false)
        case .cache(let view):
            // A message without a date matches none of these keys.
            return SearchVerdict(view.sentDate.map { range.contains($0.dayAsWritten) } ?? false)
        case .message(let message):
            let header = message.octets[message.table.root.header]
            for field in HeaderScanner(header) where header[field.name].equals(lowercase: "date") {
                guard let date = MessageDate(parsing: header[field.body]) else { return .no }
                return SearchVerdict(range.contains(date.dayAsWritten))
            }
            return .no
        }
    }

    func header(_ name: [UInt8], _ needle: SearchNeedle, _ probe: TextProbe) -> SearchVerdict {
        switch self {
        case .record: return .unknown
        case .keys(let keys): return KeyTest(name, needle)?.matches(keys).map { SearchVerdict($0) } ?? .unknown
        case .signature(let signature): return probe.mayMatch(signature) ? .unknown : .no
        case .cache(let view):
            guard let bodies = view.fieldBodies(name) else { return .unknown }
            return SearchVerdict(bodies.contains { MessageText.field(name, $0, contains: needle, converter: .system) })
        case .message(let message):
            return SearchVerdict(!message.isOver() && message.text.headerContains(name, needle))
        }
    }

    func text(_ probe: TextProbe, _ body: (MessageText) -> Bool) -> SearchVerdict {
        switch self {
        case .record, .keys, .cache: .unknown
        case .signature(let signature): probe.mayMatch(signature) ? .unknown : .no
        case .message(let message): SearchVerdict(!message.isOver() && body(message.text))
        }
    }
}

extension CivilDate {
    fileprivate var before: Range<Int64> { .min..<self.secondsSince1970 }
    fileprivate var within: Range<Int64> { self.secondsSince1970..<self.secondsSince1970 + 86400 }
    fileprivate var onwards: Range<Int64> { self.secondsSince1970..<Int64.max }

    /// Days since 1970-01-01.
    fileprivate var day: Int64 { self.secondsSince1970 / 86400 - (self.secondsSince1970 % 86400 < 0 ? 1 : 0) }
}
