/// A message's unique identifier in one mailbox: never 0, only ascends (RFC 9051 section 2.3.1.1).
public struct UID: RawRepresentable, Hashable, Comparable, Sendable {
    public let rawValue: UInt32

    /// `nil` for 0, which no message may have.
    @inlinable
    public init?(rawValue: UInt32) {
        guard rawValue != 0 else { return nil }
        self.rawValue = rawValue
    }

    /// Invariant: `rawValue` is not 0. For values read back from where a `UID` was written.
    @inlinable
    public init(nonZero rawValue: UInt32) {
        precondition(rawValue != 0, "a UID is never 0")
        self.rawValue = rawValue
    }

    public static let first = UID(nonZero: 1)

    @inlinable
    public static func < (a: UID, b: UID) -> Bool { a.rawValue < b.rawValue }
}

/// The value that makes a mailbox's UIDs comparable over time: never 0 (RFC 9051 section 2.3.1.1).
public struct UIDValidity: RawRepresentable, Hashable, Comparable, Sendable {
    public let rawValue: UInt32

    /// `nil` for 0.
    public init?(rawValue: UInt32) {
        guard rawValue != 0 else { return nil }
        self.rawValue = rawValue
    }

    public static func < (a: UIDValidity, b: UIDValidity) -> Bool { a.rawValue < b.rawValue }
}

/// A modification sequence: ascends with every change in a mailbox, below 2^63 (RFC 7162 section 3.1).
public struct ModSeq: RawRepresentable, Hashable, Comparable, Sendable {
    public let rawValue: UInt64

    @inlinable
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    public static let zero = ModSeq(rawValue: 0)

    @inlinable
    public static func < (a: ModSeq, b: ModSeq) -> Bool { a.rawValue < b.rawValue }
}

/// A message's position in a session's view of a mailbox, counted from 1 (RFC 9051 section 2.3.1.2).
public struct SequenceNumber: RawRepresentable, Hashable, Comparable, Sendable {
    public let rawValue: UInt32

    /// `nil` for 0.
    @inlinable
    public init?(rawValue: UInt32) {
        guard rawValue != 0 else { return nil }
        self.rawValue = rawValue
    }

    /// The number of the message at a 0-based `index`.
    @inlinable
    public init(index: Int) { self.rawValue = UInt32(truncatingIfNeeded: index) &+ 1 }

    @inlinable
    public var index: Int { Int(self.rawValue) - 1 }

    @inlinable
    public static func < (a: SequenceNumber, b: SequenceNumber) -> Bool { a.rawValue < b.rawValue }
}
