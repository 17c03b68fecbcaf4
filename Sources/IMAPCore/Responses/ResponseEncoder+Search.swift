public import MailCore

/// What ESEARCH answers (RFC 4731); each `nil` item was not asked for or has no value.
public struct ExtendedSearchResult: Hashable, Sendable {
    /// A part of the result (RFC 9394); without ranges there is none so far.
    public struct Partial: Hashable, Sendable {
        public var range: PartialRange
        public var numbers: [ClosedRange<UInt32>]

        public init(_ range: PartialRange, _ numbers: [ClosedRange<UInt32>]) {
            self.range = range
            self.numbers = numbers
        }
    }

    public var min: UInt32?
    public var max: UInt32?
    /// Ranges, each ascending; `nil` or empty leaves ALL out.
    public var all: [ClosedRange<UInt32>]?
    public var partial: Partial?
    public var count: UInt64?
    public var modSeq: ModSeq?
    /// 1 to 100 for each result, in their order.
    public var relevancy: [UInt8]?

    public init() {}
}

/// To which search an ESEARCH response belongs, and to which mailbox (RFC 7377 section 2.1).
public struct SearchCorrelator: Hashable, Sendable {
    public var tag: Tag
    /// `nil` for the selected mailbox of a command that is only about that.
    public var mailbox: WireMailboxName?
    public var uidValidity: UIDValidity?

    public init(_ tag: Tag, mailbox: WireMailboxName? = nil, uidValidity: UIDValidity? = nil) {
        self.tag = tag
        self.mailbox = mailbox
        self.uidValidity = uidValidity
    }
}

/// How the result of a search changed (RFC 5267 section 4.3).
public enum SearchResultChange: Hashable, Sendable {
    /// Position, or 0 for the mailbox's order, and what begins there now.
    case added([Entry])
    /// Position, or 0 for wherever they stand, and what began there.
    case removed([Entry])

    /// Messages that stand, or stood, at a position one after the other.
    public struct Entry: Hashable, Sendable {
        public var position: UInt32
        public var numbers: [ClosedRange<UInt32>]

        public init(_ position: UInt32, _ numbers: [ClosedRange<UInt32>]) {
            self.position = position
            self.numbers = numbers
        }
    }
}

extension ResponseEncoder {
    /// `* SEARCH 2 84 882`, with `(MODSEQ n)` behind it when `modSeq` is given and something was found.
    public mutating func search(_ numbers: [UInt32], modSeq: ModSeq? = nil) {
        self.bytes.append("* SEARCH")
        let isEmpty = numbers.isEmpty
        self.bytes.appendWords(numbers)
        if let modSeq, !isEmpty {
            self.bytes.append(" (MODSEQ ")
            self.bytes.appendDecimal(modSeq.rawValue)
            self.bytes.append(UInt8(ascii: ")"))
        }
        self.endLine()
    }

    /// `* SORT 5 3 4 1 2`, with `(MODSEQ n)` as in SEARCH.
    public mutating func sort(_ numbers: [UInt32], modSeq: ModSeq? = nil) {
        self.bytes.append("* SORT")
        let isEmpty = numbers.isEmpty
        self.bytes.appendWords(numbers)
        if let modSeq, !isEmpty {
            self.bytes.append(" (MODSEQ ")
            self.bytes.appendDecimal(modSeq.rawValue)
            self.bytes.append(UInt8(ascii: ")"))
        }
        self.endLine()
    }

    /// `* ESEARCH (TAG "a1") UID COUNT 3 ALL 2,10:11`
    public mutating func extendedSearch(
        _ correlator: SearchCorrelator, numbering: MessageNumbering, _ result: ExtendedSearchResult
    ) {
        self.beginExtendedSearch(correlator, numbering)
        func item(_ name: StaticString, _ value: UInt64?) {
            guard let value else { return }
            self.bytes.append(name)
            self.bytes.appendDecimal(value)
        }
        item(" MIN ", result.min.map(UInt64.init))
        item(" MAX ", result.max.map(UInt64.init))
        if let all = result.all, !all.isEmpty {
            self.bytes.append(" ALL ")
            self.bytes.appendRanges(all)
        }
        if let partial = result.partial {
            self.bytes.append(" PARTIAL (")
            partial.range.encode(into: &self.bytes)
            self.bytes.append(0x20)
            if partial.numbers.isEmpty {
                self.bytes.append("NIL")
            } else {
                self.bytes.appendRanges(partial.numbers)
            }
            self.bytes.append(UInt8(ascii: ")"))
        }
        item(" COUNT ", result.count)
        item(" MODSEQ ", result.modSeq?.rawValue)
        if let relevancy = result.relevancy {
            self.bytes.append(" RELEVANCY (")
            for (index, score) in relevancy.enumerated() {
                if index > 0 { self.bytes.append(0x20) }
                self.bytes.appendDecimal(UInt64(score))
            }
            self.bytes.append(UInt8(ascii: ")"))
        }
        self.endLine()
    }

    /// `* ESEARCH (TAG "B01") UID ADDTO (0 32768:32769)`, or REMOVEFROM.
    public mutating func extendedSearch(
        _ correlator: SearchCorrelator, numbering: MessageNumbering, _ change: SearchResultChange
    ) {
        self.beginExtendedSearch(correlator, numbering)
        let entries: [SearchResultChange.Entry]
        switch change {
        case .added(let added):
            self.bytes.append(" ADDTO (")
            entries = added
        case .removed(let removed):
            self.bytes.append(" REMOVEFROM (")
            entries = removed
        }
        for (index, entry) in entries.enumerated() {
            if index > 0 { self.bytes.append(0x20) }
            self.bytes.appendDecimal(UInt64(entry.position))
            self.bytes.append(0x20)
            self.bytes.appendRanges(entry.numbers)
        }
        self.bytes.append(UInt8(ascii: ")"))
        self.endLine()
    }

    private mutating func beginExtendedSearch(_ correlator: SearchCorrelator, _ numbering: MessageNumbering) {
        self.bytes.append("* ESEARCH (TAG ")
        self.bytes.appendIMAPString(correlator.tag.bytes)
        if let mailbox = correlator.mailbox {
            self.bytes.append(" MAILBOX ")
            self.bytes.appendMailbox(mailbox)
        }
        if let uidValidity = correlator.uidValidity {
            self.bytes.append(" UIDVALIDITY ")
            self.bytes.appendDecimal(UInt64(uidValidity.rawValue))
        }
        self.bytes.append(UInt8(ascii: ")"))
        switch numbering {
        case .uid: self.bytes.append(" UID")
        case .sequenceNumber: break
        }
    }
}

extension [UInt8] {
    /// Appends numbers with a space before each.
    fileprivate mutating func appendWords(_ numbers: [UInt32]) {
        // Eleven octets each at most.
        let room = numbers.count * 11
        let start = self.count
        self.append(contentsOf: repeatElement(0, count: room))
        var end = start
        self.withUnsafeMutableBufferPointer { out in
            for number in numbers {
                out[end] = 0x20
                var digits = 1
                var limit: UInt32 = 10
                while digits < 10, number >= limit {
                    digits &+= 1
                    limit = digits < 10 ? limit &* 10 : limit
                }
                var rest = number
                var place = end &+ digits
                while place > end {
                    out[place] = UInt8(truncatingIfNeeded: rest % 10) &+ 0x30
                    rest /= 10
                    place &-= 1
                }
                end &+= digits &+ 1
            }
        }
        self.removeLast(start + room - end)
    }
}
