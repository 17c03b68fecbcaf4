internal import MIMECore
internal import MailStore

/// What the index keeps of a message that is made from its octets.
struct DerivedRows: Sendable {
    /// `MessageCache`; empty: none yet.
    var cache: [UInt8] = []
    /// `TextSignature`; empty: none yet.
    var signature: [UInt8] = []

    static let none = DerivedRows()

    var isEmpty: Bool { self.cache.isEmpty && self.signature.isEmpty }
    var count: Int { self.cache.count + self.signature.count }
}

/// Makes what the index keeps of a message.
enum CacheBuilder {
    static func build(_ octets: MessageOctets) -> DerivedRows {
        octets.withUnsafeBytes {
            let table = PartTable($0)
            return DerivedRows(
                cache: MessageCache.build(from: $0, table: table, converter: .system),
                signature: TextSignature.build(from: $0, table: table, converter: .system))
        }
    }

    /// The signature alone.
    static func signature(_ octets: MessageOctets) -> [UInt8] {
        octets.withUnsafeBytes { TextSignature.build(from: $0, table: PartTable($0), converter: .system) }
    }
}
