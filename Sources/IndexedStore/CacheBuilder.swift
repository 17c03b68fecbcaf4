internal import MIMECore
internal import MailStore

/// Makes the cache of a message.
enum CacheBuilder {
    static func build(_ octets: MessageOctets) -> [UInt8] {
        octets.withUnsafeBytes { MessageCache.build(from: $0, converter: .system) }
    }
}
