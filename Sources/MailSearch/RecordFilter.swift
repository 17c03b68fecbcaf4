import MailCore
import MailStore

/// What a key asks of records alone, as bounds that are compared without looking at the key again.
struct RecordFilter {
    private var required: UInt8 = 0
    private var forbidden: UInt8 = 0
    private var dates: (low: Int64, high: Int64) = (.min, .max)
    private var sizes: (low: UInt64, high: UInt64) = (0, .max)
    private var modSeq: UInt64 = 0
    /// Whether a message that passes matches, because the key asks for nothing else.
    private(set) var isWhole = true
    /// Whether the key asks more of records than is here.
    private(set) var leavesRecords = false

    init(_ node: SearchNode) { self.add(node) }

    private mutating func add(_ node: SearchNode) {
        switch node {
        case .constant(true): break
        case .and(let nodes): for node in nodes { self.add(node) }
        case .flags(let flags): self.required |= flags.rawValue
        case .notFlags(let flags): self.forbidden |= flags.rawValue
        case .not(.flags(let flags)) where flags.rawValue.nonzeroBitCount == 1: self.forbidden |= flags.rawValue
        case .not(.notFlags(let flags)) where flags.rawValue.nonzeroBitCount == 1: self.required |= flags.rawValue
        case .internalDate(let range) where !range.isEmpty:
            self.dates = (max(self.dates.low, range.lowerBound), min(self.dates.high, range.upperBound - 1))
        case .size(let range) where !range.isEmpty:
            self.sizes = (max(self.sizes.low, range.lowerBound), min(self.sizes.high, range.upperBound - 1))
        case .modSeq(let modSeq): self.modSeq = max(self.modSeq, modSeq.rawValue)
        case .sentDay, .header, .body, .text, .fuzzy, .savedDate, .emailID, .threadID: self.isWhole = false
        case .constant, .or, .not, .keyword, .recent, .indices, .internalDate, .size:
            self.isWhole = false
            self.leavesRecords = true
        }
    }

    /// `false`: the message does not match.
    @inline(__always)
    func mayMatch(_ record: MessageRecord) -> Bool {
        let flags = record.flags.rawValue
        return flags & self.required == self.required && flags & self.forbidden == 0
            && record.internalDate >= self.dates.low && record.internalDate <= self.dates.high
            && UInt64(record.size) >= self.sizes.low && UInt64(record.size) <= self.sizes.high
            && record.modSeq.rawValue >= self.modSeq
    }
}
