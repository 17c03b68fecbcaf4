/// The system flags of a message (RFC 9051 section 2.3.2). The bits are those that Dovecot's index uses.
public struct MessageFlags: OptionSet, Hashable, Sendable {
    public let rawValue: UInt8
    @inlinable
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let answered = MessageFlags(rawValue: 0x01)
    public static let flagged = MessageFlags(rawValue: 0x02)
    public static let deleted = MessageFlags(rawValue: 0x04)
    public static let seen = MessageFlags(rawValue: 0x08)
    public static let draft = MessageFlags(rawValue: 0x10)

    /// Every system flag that a client may change.
    public static let all: MessageFlags = [.answered, .flagged, .deleted, .seen, .draft]
}

/// A keyword: a flag that users and clients name, such as `$Forwarded` (RFC 9051 section 2.3.2).
///
/// An IMAP atom of 1 to 250 octets that does not begin with `\`. Compared without regard to ASCII case,
/// kept in the spelling first seen.
public struct Keyword: Sendable, Hashable, CustomStringConvertible {
    public let name: String

    /// `nil` when `name` is not an atom, begins with `\`, or is longer than 250 octets.
    public init?(_ name: String) {
        let bytes = name.utf8
        guard !bytes.isEmpty, bytes.count <= 250 else { return nil }
        for byte in bytes where !ASCII.isAtomCharacter(byte) { return nil }
        self.name = name
    }

    public var description: String { self.name }

    public static func == (a: Keyword, b: Keyword) -> Bool {
        ASCII.equalsIgnoringCase(a.name.utf8, b.name.utf8)
    }

    public func hash(into hasher: inout Hasher) {
        for byte in self.name.utf8 { hasher.combine(ASCII.lowercased(byte)) }
    }
}
