public import MailCore

/// What a session needs of every message in an open mailbox. 32 octets.
public struct MessageRecord: Sendable, Hashable {
    public var modSeq: ModSeq
    /// INTERNALDATE, seconds since 1970 (UTC).
    public var internalDate: Int64
    public var uid: UID
    /// RFC822.SIZE in octets.
    public var size: UInt32
    /// The keywords, by number in the mailbox's `KeywordTable`.
    public var keywords: KeywordTable.SetID
    public var flags: MessageFlags

    public init(
        uid: UID, flags: MessageFlags, keywords: KeywordTable.SetID, modSeq: ModSeq, internalDate: Int64,
        size: UInt32
    ) {
        self.uid = uid
        self.flags = flags
        self.keywords = keywords
        self.modSeq = modSeq
        self.internalDate = internalDate
        self.size = size
    }
}

/// The keywords of a mailbox and the sets of them that occur on its messages. Grows only, so that a `SetID`
/// keeps its meaning; a value type, cheap to copy.
public struct KeywordTable: Sendable {
    /// A set of keywords; 0 is the empty set.
    public struct SetID: RawRepresentable, Hashable, Sendable {
        public let rawValue: UInt32
        @inlinable
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        public static let empty = SetID(rawValue: 0)
    }

    /// The keywords in the order in which they were first seen; the index is the keyword's number.
    public private(set) var keywords: [Keyword] = []
    /// Ascending keyword numbers, by `SetID`.
    private var sets: [[UInt16]] = [[]]
    private var numbers: [Keyword: UInt16] = [:]
    private var setIDs: [[UInt16]: UInt32] = [[]: 0]

    /// The most keywords of one mailbox.
    public static let maximumKeywords = 4096

    public init() {}

    /// The number of `keyword`, or `nil` when the mailbox has never seen it.
    public func number(of keyword: Keyword) -> UInt16? { self.numbers[keyword] }

    /// The number of `keyword`, added when new; `nil` when the table is full.
    public mutating func add(_ keyword: Keyword) -> UInt16? {
        if let known = self.numbers[keyword] { return known }
        guard self.keywords.count < Self.maximumKeywords else { return nil }
        let number = UInt16(self.keywords.count)
        self.keywords.append(keyword)
        self.numbers[keyword] = number
        return number
    }

    /// The id of the set of these keyword numbers (any order, duplicates allowed).
    public mutating func set(of numbers: [UInt16]) -> SetID {
        var sorted = numbers.sorted()
        var write = 0
        for (index, number) in sorted.enumerated() where index == 0 || number != sorted[index - 1] {
            sorted[write] = number
            write += 1
        }
        sorted.removeLast(sorted.count - write)
        if let known = self.setIDs[sorted] { return SetID(rawValue: known) }
        let id = UInt32(self.sets.count)
        self.sets.append(sorted)
        self.setIDs[sorted] = id
        return SetID(rawValue: id)
    }

    /// The ascending keyword numbers in a set; empty for an id this table never gave.
    public func numbers(in set: SetID) -> [UInt16] {
        Int(set.rawValue) < self.sets.count ? self.sets[Int(set.rawValue)] : []
    }

    /// Whether `set` holds the keyword of that number.
    public func contains(_ number: UInt16, in set: SetID) -> Bool { self.numbers(in: set).contains(number) }
}
