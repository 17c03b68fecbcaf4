import IMAPCore
import MailCore

/// A client's filter with its names decoded: which mailboxes of the account it means.
enum DecodedMailboxFilter {
    case personal
    case subscribed
    case subtree([MailboxName])
    case subtreeOne([MailboxName])
    case mailboxes([MailboxName])

    /// `nil` for the selected mailbox, which a name does not tell.
    ///
    /// - Parameter decode: the mailbox that a client means; names that none can have are passed over.
    init?(_ filter: MailboxFilter, _ decode: (WireMailboxName) -> MailboxName?) {
        switch filter {
        case .selected: return nil
        // A script may file mail into any mailbox, so all are inboxes (RFC 5465 section 6.3).
        case .inboxes, .personal: self = .personal
        case .subscribed: self = .subscribed
        case .subtree(let names): self = .subtree(names.compactMap(decode))
        case .subtreeOne(let names): self = .subtreeOne(names.compactMap(decode))
        case .mailboxes(let names): self = .mailboxes(names.compactMap(decode))
        }
    }

    func matches(_ name: MailboxName, isSubscribed: @autoclosure () -> Bool) -> Bool {
        switch self {
        case .personal: true
        case .subscribed: isSubscribed()
        case .subtree(let roots): roots.contains { $0 == name || name.isDescendant(of: $0) }
        case .subtreeOne(let roots): roots.contains { $0 == name || $0 == name.parent }
        case .mailboxes(let names): names.contains(name)
        }
    }
}
