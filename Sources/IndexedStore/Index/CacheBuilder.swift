internal import MIMECore
internal import MailStore

/// What the index keeps of a message that is made from its octets.
struct DerivedRows: Sendable {
    /// `MessageCache`; empty: none yet.
    var cache: [UInt8] = []
    /// `TextSignature`; empty: none yet.
    var signature: [UInt8] = []
    /// `HeaderKeys`; empty: none yet.
    var headerKeys: [UInt8] = []

    static let none = DerivedRows()

    var isEmpty: Bool { self.cache.isEmpty && self.signature.isEmpty && self.headerKeys.isEmpty }
    var count: Int { self.cache.count + self.signature.count + self.headerKeys.count }
}

/// Makes what the index keeps of a message.
enum CacheBuilder {
    static func build(_ octets: MessageOctets) -> DerivedRows {
        octets.withUnsafeBytes {
            let table = PartTable($0)
            let cache = MessageCache.build(from: $0, table: table, converter: .system)
            return DerivedRows(
                cache: cache, signature: TextSignature.build(from: $0, table: table, converter: .system),
                headerKeys: cache.withUnsafeBytes { self.headerKeys($0) } ?? [])
        }
    }

    /// From a cache; `nil` for one that is damaged or of another version.
    static func headerKeys(_ cache: UnsafeRawBufferPointer) -> [UInt8]? {
        MessageCache.View(cache).map { HeaderKeys.build(from: $0, converter: .system) }
    }
}
