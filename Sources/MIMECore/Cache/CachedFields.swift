import MailCore

/// Which header fields a message cache keeps, as a set.
///
/// Resolve the names of a FETCH once and ask every message's cache with the set.
public struct CachedFields: Equatable, Sendable {
    /// The names of blob version 1, in lower case: what Thunderbird, mutt and mobile clients list, and what
    /// SEARCH, SORT, THREAD and Sieve's duplicate test read. At most 64; changing them needs a new version.
    static let names: [StaticString] = [
        "from", "to", "cc", "bcc", "subject", "date", "message-id", "in-reply-to", "references",
        "reply-to", "sender", "content-type", "received", "priority", "x-priority", "newsgroups",
        "content-description", "lines", "list-post", "list-subscribe", "list-unsubscribe", "x-label",
        "x-original-to", "list-id", "importance", "mime-version", "content-transfer-encoding",
        "return-path", "delivered-to", "disposition-notification-to", "x-spam-flag", "x-spam-status",
        "x-spam-level", "x-spam-score", "x-spam", "precedence", "auto-submitted", "user-agent", "x-mailer",
        "mail-followup-to", "followup-to", "list-help", "list-archive", "list-unsubscribe-post",
        "resent-from", "resent-to", "resent-date", "content-language", "thread-topic", "thread-index",
        "envelope-to", "x-uniform-type-identifier", "x-universally-unique-identifier",
        "x-mozilla-draft-info", "content-disposition", "x-forwarded-message-id",
    ]

    let mask: UInt64
    /// Whether every name asked for is one that caches keep. When not, the body must be read.
    public let isComplete: Bool

    /// Names in any case.
    public init(_ names: some Sequence<[UInt8]>) {
        var mask: UInt64 = 0
        var isComplete = true
        for name in names {
            if let index = name.withUnsafeBytes({ Self.index(of: Octets($0)) }) {
                mask |= 1 << UInt64(index)
            } else {
                isComplete = false
            }
        }
        self.mask = mask
        self.isComplete = isComplete
    }

    static func index(of name: Octets) -> Int? {
        for (index, known) in Self.names.enumerated() where name.equals(lowercase: known) { return index }
        return nil
    }
}

/// Fields of a cache that are asked for by themselves, by their places in `CachedFields.names`.
public enum CachedField: Int, Sendable {
    case subject = 4
    case messageID = 6
    case inReplyTo = 7
    case references = 8
}
