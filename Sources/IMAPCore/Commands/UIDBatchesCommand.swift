import MailCore

/// UIDBATCHES: which UIDs divide the mailbox into batches of so many messages (RFC 10022).
public struct UIDBatchesCommand: Hashable, Sendable {
    /// Which batches, as written: the first is that of the highest UIDs.
    public struct Wanted: Hashable, Sendable {
        public var first: UInt32
        public var last: UInt32

        public init(first: UInt32, last: UInt32) {
            self.first = first
            self.last = last
        }
    }

    /// Over 0.
    public var size: UInt32
    /// `nil` for all; both over 0, in either order.
    public var wanted: Wanted?

    public init(size: UInt32, wanted: Wanted? = nil) {
        self.size = size
        self.wanted = wanted
    }
}

extension Cursor {
    mutating func uidBatches() throws(SyntaxError) -> UIDBatchesCommand {
        try self.space()
        var command = UIDBatchesCommand(size: try self.positive("how many messages"))
        guard self.take(0x20) else { return command }
        let first = try self.positive("the number of a batch")
        guard self.take(UInt8(ascii: ":")) else { throw self.fail("\":\"") }
        command.wanted = UIDBatchesCommand.Wanted(
            first: first, last: try self.positive("the number of a batch"))
        return command
    }

    private mutating func positive(_ expected: StaticString) throws(SyntaxError) -> UInt32 {
        let start = self.position
        let value = try self.number(expected)
        guard value > 0 else { throw SyntaxError(offset: start, expected: "a number over 0") }
        return value
    }
}
