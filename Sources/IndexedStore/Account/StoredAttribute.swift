internal import MailCore
internal import MailStore

/// A metadata entry as plain files keep it: by the GUID of its mailbox, so that it follows a renamed one. The
/// server's entries are INBOX's, below a name of their own, as Dovecot has them.
public struct StoredAttribute: Hashable, Sendable {
    /// 32 lower-case hexadecimal digits.
    public var guid: String
    public var isShared: Bool
    /// Without `/private/` or `/shared/`.
    public var name: String
    /// `nil`, in a change: to be removed.
    public var value: [UInt8]?

    public init(guid: String, isShared: Bool, name: String, value: [UInt8]?) {
        self.guid = guid
        self.isShared = isShared
        self.name = name
        self.value = value
    }

    /// The special use that a mailbox is made for.
    init(_ use: SpecialUse, guid: String) {
        self.init(guid: guid, isShared: false, name: "specialuse", value: Array(use.rawValue.utf8))
    }

    private static let serverPrefix = "vendor/vendor.dovecot/pvt/server/"

    /// Changes of a mailbox's metadata, or of the server's with the GUID of INBOX.
    static func changes(_ changes: [MetadataChange], guid: String, isServer: Bool) -> [StoredAttribute] {
        changes.map { change in
            StoredAttribute(
                guid: guid, isShared: change.entry.isShared,
                name: (isServer ? Self.serverPrefix : "") + change.entry.suffix, value: change.value)
        }
    }

    /// Whether it is one of the server's.
    var isServers: Bool { self.name.hasPrefix(Self.serverPrefix) }

    /// The entry that clients know; `nil` for a name that they cannot.
    var entry: MetadataEntry? {
        let suffix = self.isServers ? self.name.dropFirst(Self.serverPrefix.count) : self.name[...]
        return MetadataEntry((self.isShared ? "/shared/" : "/private/") + suffix)
    }
}
