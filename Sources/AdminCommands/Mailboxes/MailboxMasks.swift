import IMAPCore
import MailCore
import MailStore

/// Masks of mailbox names as doveadm and LIST have them: `*` stands for any text, `%` for any text within a level.
/// INBOX is meant in any case.
struct MailboxMasks {
    private let patterns: [ListPattern]

    /// - Parameter separator: what stands between the levels of names.
    init(_ masks: [String], separator: UInt8) {
        self.patterns = masks.map { mask in
            var octets = Array(mask.utf8)
            let isInbox = ASCII.equalsIgnoringCase(octets.prefix(5), "INBOX".utf8)
            if isInbox, octets.count == 5 || octets[5] == separator { octets.replaceSubrange(..<5, with: "INBOX".utf8) }
            return ListPattern(octets, separator: separator)
        }
    }

    init(_ masks: [String], _ account: any MailAccount) {
        self.init(masks, separator: account.spelling.separator)
    }

    /// Whether there are none, so that every name matches.
    var isEmpty: Bool { self.patterns.isEmpty }

    /// - Parameter name: as clients see it.
    func matches(_ name: String) -> Bool {
        let octets = Array(name.utf8)
        return self.patterns.isEmpty || self.patterns.contains { $0.matches(octets) }
    }
}
