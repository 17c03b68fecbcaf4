import MailCore
import MailStore
import SieveCore

/// A message in a mailbox, as scripts get it.
struct FiledMessage: Sendable {
    let record: MessageRecord
    let keywords: [Keyword]
    let octets: IncomingMessage

    init(_ record: MessageRecord, _ table: KeywordTable, _ octets: MessageOctets) {
        self.record = record
        self.keywords = table.numbers(in: record.keywords).compactMap {
            Int($0) < table.keywords.count ? table.keywords[Int($0)] : nil
        }
        self.octets = IncomingMessage(octets)
    }

    /// The flags as scripts name them.
    var flagNames: [String] { self.record.flags.names + self.keywords.map(\.name) }
}

extension ScriptLibrary {
    convenience init(_ options: SieveOptions) {
        self.init(
            personal: SieveCompiler(registry: options.registry, limits: options.limits),
            global: SieveCompiler(registry: options.globalRegistry, limits: options.limits))
    }
}

extension SieveOptions {
    /// Whether scripts may ask for mailboxes by their ids, which take a look at each.
    var knowsMailboxIDs: Bool {
        self.registry.capabilities.contains("mailboxid") || self.globalRegistry.capabilities.contains("mailboxid")
    }
}
