public import MailCore

/// What a client knows of the mailbox that it selects: the QRESYNC parameter (RFC 7162 section 3.2.5).
///
///     (QRESYNC (67890007 90060115194045000 1:29997 (5000,7500 15000,22500)))
public struct QuickResync: Hashable, Sendable {
    /// Messages that the client knows by both numbers: the two sets, without `*` and ascending, have as many numbers
    /// and pair up.
    public struct Match: Hashable, Sendable {
        public var sequenceNumbers: SequenceSet
        public var uids: SequenceSet

        public init(sequenceNumbers: SequenceSet, uids: SequenceSet) {
            self.sequenceNumbers = sequenceNumbers
            self.uids = uids
        }
    }

    public var uidValidity: UIDValidity
    public var modSeq: ModSeq
    /// Without `*`; `nil` for all.
    public var knownUIDs: SequenceSet?
    public var match: Match?

    public init(
        uidValidity: UIDValidity, modSeq: ModSeq, knownUIDs: SequenceSet? = nil, match: Match? = nil
    ) {
        self.uidValidity = uidValidity
        self.modSeq = modSeq
        self.knownUIDs = knownUIDs
        self.match = match
    }
}

extension Cursor {
    /// What follows QRESYNC.
    mutating func quickResync() throws(SyntaxError) -> QuickResync {
        try self.space()
        try self.open()
        guard let uidValidity = UIDValidity(rawValue: try self.number("a UIDVALIDITY")) else {
            throw self.fail("a UIDVALIDITY over 0")
        }
        try self.space()
        let modSeq = try self.number64("a mod-sequence")
        guard modSeq > 0 else { throw self.fail("a mod-sequence over 0") }
        var resync = QuickResync(uidValidity: uidValidity, modSeq: ModSeq(rawValue: modSeq))
        if self.take(0x20) {
            var hasMatch = self.peek() == UInt8(ascii: "(")
            if !hasMatch {
                resync.knownUIDs = try self.setWithoutStar()
                hasMatch = self.take(0x20)
            }
            if hasMatch { resync.match = try self.sequenceMatch() }
        }
        try self.close()
        return resync
    }

    private mutating func sequenceMatch() throws(SyntaxError) -> QuickResync.Match {
        try self.open()
        let numbers = try self.ascendingSet()
        try self.space()
        let uids = try self.ascendingSet()
        guard numbers.numberCount == uids.numberCount else {
            throw self.fail("as many UIDs as sequence numbers")
        }
        try self.close()
        return QuickResync.Match(sequenceNumbers: numbers, uids: uids)
    }

    private mutating func setWithoutStar() throws(SyntaxError) -> SequenceSet {
        if self.peek() == UInt8(ascii: "$") { throw self.fail("a set of numbers") }
        let set = try self.sequenceSet()
        for element in set.elements
        where element.first == SequenceSet.Element.star || element.last == SequenceSet.Element.star {
            throw self.fail("a set without \"*\"")
        }
        return set
    }

    private mutating func ascendingSet() throws(SyntaxError) -> SequenceSet {
        let set = try self.setWithoutStar()
        var last: UInt32 = 0
        for element in set.elements {
            guard element.first > last, element.last >= element.first else {
                throw self.fail("ascending numbers")
            }
            last = element.last
        }
        return set
    }
}

extension SequenceSet {
    /// How many numbers an ascending set without `*` has.
    fileprivate var numberCount: UInt64 {
        self.elements.reduce(0) { $0 + UInt64($1.last - $1.first) + 1 }
    }
}
