public import MailCore

/// What ESEARCH answers (RFC 4731); each `nil` item was not asked for or has no value.
public struct ExtendedSearchResult: Hashable, Sendable {
    public var min: UInt32?
    public var max: UInt32?
    /// Ranges, each ascending; `nil` or empty leaves ALL out.
    public var all: [ClosedRange<UInt32>]?
    public var count: UInt64?
    public var modSeq: ModSeq?

    public init() {}
}

extension ResponseEncoder {
    /// `* SEARCH 2 84 882`, with `(MODSEQ n)` behind it when `modSeq` is given and something was found.
    public mutating func search(_ ranges: some Sequence<ClosedRange<UInt32>>, modSeq: ModSeq? = nil) {
        self.bytes.append("* SEARCH")
        var isEmpty = true
        for range in ranges {
            isEmpty = false
            for number in range {
                self.bytes.append(0x20)
                self.bytes.appendDecimal(UInt64(number))
            }
        }
        if let modSeq, !isEmpty {
            self.bytes.append(" (MODSEQ ")
            self.bytes.appendDecimal(modSeq.rawValue)
            self.bytes.append(UInt8(ascii: ")"))
        }
        self.endLine()
    }

    /// `* SORT 5 3 4 1 2`, with `(MODSEQ n)` as in SEARCH.
    public mutating func sort(_ numbers: some Sequence<UInt32>, modSeq: ModSeq? = nil) {
        self.bytes.append("* SORT")
        var isEmpty = true
        for number in numbers {
            isEmpty = false
            self.bytes.append(0x20)
            self.bytes.appendDecimal(UInt64(number))
        }
        if let modSeq, !isEmpty {
            self.bytes.append(" (MODSEQ ")
            self.bytes.appendDecimal(modSeq.rawValue)
            self.bytes.append(UInt8(ascii: ")"))
        }
        self.endLine()
    }

    /// `* ESEARCH (TAG "a1") UID COUNT 3 ALL 2,10:11`
    public mutating func extendedSearch(
        _ tag: Tag, numbering: MessageNumbering, _ result: ExtendedSearchResult
    ) {
        self.bytes.append("* ESEARCH (TAG ")
        self.bytes.appendIMAPString(tag.bytes)
        self.bytes.append(UInt8(ascii: ")"))
        switch numbering {
        case .uid: self.bytes.append(" UID")
        case .sequenceNumber: break
        }
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
        item(" COUNT ", result.count)
        item(" MODSEQ ", result.modSeq?.rawValue)
        self.endLine()
    }
}
