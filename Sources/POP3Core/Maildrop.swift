/// The messages of a session, by their numbers from 1: fixed at login (RFC 1939 section 5).
public struct Maildrop: Equatable, Sendable {
    /// Sizes in octets, by index from 0.
    public let sizes: [UInt32]
    /// By index; empty until the first DELE.
    private var deleted: [Bool] = []
    /// Messages that are not marked as deleted.
    public private(set) var count: Int
    /// Octets of the messages that are not marked as deleted.
    public private(set) var totalSize: UInt64
    /// Octets of all messages.
    public let initialSize: UInt64

    public init(sizes: [UInt32]) {
        self.sizes = sizes
        self.count = sizes.count
        let total = sizes.reduce(into: UInt64(0)) { $0 += UInt64($1) }
        self.totalSize = total
        self.initialSize = total
    }

    /// Messages that are marked as deleted.

    /// Whether the message at an index is marked as deleted.
    public func isDeleted(_ index: Int) -> Bool { index < self.deleted.count && self.deleted[index] }

    /// The indices that are marked as deleted, ascending.
    public var deletedIndices: [Int] { self.deleted.indices.filter { self.deleted[$0] } }

    /// Marks a message. Precondition: it exists and is not marked.
    mutating func delete(_ index: Int) {
        if self.deleted.isEmpty { self.deleted = [Bool](repeating: false, count: self.sizes.count) }
        self.deleted[index] = true
        self.count -= 1
        self.totalSize -= UInt64(self.sizes[index])
    }
}
