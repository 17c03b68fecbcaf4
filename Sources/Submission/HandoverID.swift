/// Names a mail for as long as anybody may ask what became of it.
public struct HandoverID: Hashable, Sendable {
    /// Tells the queue apart from those of other volumes.
    public var queue: UInt64
    /// The mail's number in it.
    public var delivery: UInt64
    public var number: UInt32

    public init(queue: UInt64, delivery: UInt64, number: UInt32) {
        self.queue = queue
        self.delivery = delivery
        self.number = number
    }
}

/// What became of a mail that was handed over.
public enum HandoverFate: Hashable, Sendable {
    /// The MTA, or the program, answered: a status of sysexits.h (0: it has the mail), and what it said.
    case answered(status: UInt8, text: String)
    /// It was never given what it needs to take the mail: it does not have it.
    case notBegun
    /// It may have it: the answer was lost.
    case unknown
}
