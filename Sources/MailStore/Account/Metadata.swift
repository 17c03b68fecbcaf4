public import MailCore

/// The name of a metadata entry such as `/private/comment` (RFC 5464 section 3.2), in lower case: names are compared
/// without regard to case.
public struct MetadataEntry: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Octets of the longest name.
    public static let maximumLength = 400

    public let text: String

    /// `nil` for what is no entry name: without `/private/` or `/shared/` at its front, with an empty component, with
    /// `*`, `%`, control characters or octets above 0x7E, or longer than `maximumLength`.
    public init?(_ name: some Collection<UInt8>) {
        guard name.count <= Self.maximumLength else { return nil }
        var lower: [UInt8] = []
        lower.reserveCapacity(name.count)
        for byte in name {
            switch byte {
            case 0x2F:
                if lower.last == 0x2F { return nil }
            case 0x00...0x1F, 0x7F..., UInt8(ascii: "*"), UInt8(ascii: "%"): return nil
            default: break
            }
            lower.append(ASCII.lowercased(byte))
        }
        guard lower.last != 0x2F else { return nil }
        let text = String(decoding: lower, as: UTF8.self)
        guard text.hasPrefix("/private/") || text.hasPrefix("/shared/") else { return nil }
        self.text = text
    }

    public init?(_ name: String) { self.init(name.utf8) }

    /// The special use of a mailbox (RFC 6154 section 4).
    public static let specialUse = MetadataEntry(known: "/private/specialuse")

    private init(known text: String) { self.text = text }

    private static let internalPrefixes = [
        "/private/vendor/vendor.dovecot/pvt", "/shared/vendor/vendor.dovecot/pvt",
    ]

    /// Whether servers keep their own things there, which no client may see or change; Dovecot has them below the
    /// same names.
    public var isInternal: Bool {
        Self.internalPrefixes.contains { self.text == $0 || self.text.hasPrefix($0 + "/") }
    }

    /// Whether other users of a mailbox see it.
    public var isShared: Bool { self.text.hasPrefix("/shared/") }

    /// The name without `/private/` or `/shared/`.
    public var suffix: Substring { self.text.dropFirst(self.isShared ? 8 : 9) }

    public var description: String { self.text }

    public static func < (a: MetadataEntry, b: MetadataEntry) -> Bool { a.text < b.text }
}

/// What metadata belongs to.
public enum MetadataOwner: Hashable, Sendable {
    /// The account as a whole: server entries, kept for each user.
    case server
    case mailbox(MailboxName)
}

/// A metadata entry with its value.
public struct Metadata: Hashable, Sendable {
    public var entry: MetadataEntry
    public var value: [UInt8]

    public init(_ entry: MetadataEntry, _ value: [UInt8]) {
        self.entry = entry
        self.value = value
    }
}

/// A change of one entry; without a value the entry is removed.
public struct MetadataChange: Hashable, Sendable {
    public var entry: MetadataEntry
    public var value: [UInt8]?

    public init(_ entry: MetadataEntry, _ value: [UInt8]?) {
        self.entry = entry
        self.value = value
    }
}

/// What an account may keep; RFC 5464 section 4.1 asks for 1024 octets and 10 entries at least.
public enum MetadataLimits {
    /// Octets of one value.
    public static let maximumValue = 32_768
    /// Entries of one mailbox, and of the server.
    public static let maximumEntries = 200
}

extension MailAccount {
    public func metadata(of owner: MetadataOwner) async throws(StoreError) -> [Metadata] {
        throw StoreError(.cannot, "no metadata here")
    }

    public func setMetadata(_ changes: [MetadataChange], of owner: MetadataOwner) async throws(StoreError) {
        throw StoreError(.cannot, "no metadata here")
    }

    public func secret(
        _ entry: MetadataEntry, of owner: MetadataOwner, orElse value: [UInt8]?
    ) async throws(StoreError) -> [UInt8]? { throw StoreError(.cannot, "no secrets here") }

    public func setSecret(
        _ entry: MetadataEntry, _ value: [UInt8]?, of owner: MetadataOwner
    ) async throws(StoreError) { throw StoreError(.cannot, "no secrets here") }
}
