internal import MailCore

/// Tells one thing that a user's scripts did from all others: who was answered, which message was seen.
public struct RememberedKey: Hashable, Sendable {
    /// What it is that was done; the same words for two of them are two keys.
    public enum Kind: UInt8, Sendable {
        case vacation = 1
        case duplicate = 2
        case redirect = 3
    }

    /// 16 octets: a hash, so that what users correspond about does not stand in the index.
    public let octets: [UInt8]

    /// Octets of a key.
    public static let size = 16

    /// - Parameter parts: where one ends and the next begins counts.
    public init(_ kind: Kind, _ parts: [[UInt8]]) {
        var whole: [UInt8] = [kind.rawValue]
        for part in parts {
            whole.appendVarint(UInt64(part.count))
            whole += part
        }
        self.octets = Array(SHA256.digest(whole).prefix(Self.size))
    }

    /// `nil` when it is not a key's octets.
    public init?(octets: [UInt8]) {
        guard octets.count == Self.size else { return nil }
        self.octets = octets
    }
}

/// Something remembered until a time.
public struct Remembrance: Sendable {
    public var account: any MailAccount
    public var key: RememberedKey
    /// Seconds since 1970.
    public var expires: Int64

    public init(account: any MailAccount, key: RememberedKey, expires: Int64) {
        self.account = account
        self.key = key
        self.expires = expires
    }
}

/// What users' scripts remember of earlier deliveries.
///
/// Who asks holds the key until it is remembered with a delivery (`DeliveryEffects.remembered`) or given back, so that
/// of two deliveries at the same time one does the thing.
public protocol DeliveryMemory: Sendable {
    /// Takes the key; `false` when it is remembered or somebody else holds it. May wait for the disk.
    func claim(_ key: RememberedKey, of account: any MailAccount, at now: Int64) throws(StoreError) -> Bool

    /// Gives back a key that was taken. Without effect on one that is remembered by now.
    func release(_ key: RememberedKey, of account: any MailAccount)
}

/// Of a store that remembers nothing.
public struct ForgetfulMemory: DeliveryMemory {
    public init() {}
    public func claim(_ key: RememberedKey, of account: any MailAccount, at now: Int64) throws(StoreError) -> Bool {
        true
    }
    public func release(_ key: RememberedKey, of account: any MailAccount) {}
}
