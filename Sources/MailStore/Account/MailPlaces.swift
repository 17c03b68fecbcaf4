/// How an account's mailboxes lie below its root, and what lies elsewhere: for formats that keep files as another
/// server did before. Others take no notice.
public struct MailPlaces: Hashable, Sendable {
    /// How names of mailboxes become directories.
    public enum Layout: UInt8, Hashable, Sendable {
        /// INBOX is the root, `A/B` is `.A.B` in it.
        case maildirPlusPlus = 0
        /// `A/B` is the directory `A/B` below the root.
        case directories = 1
    }

    public var layout = Layout.maildirPlusPlus
    /// The directory of INBOX, absolute; empty for where the layout has it.
    public var inboxPath = ""
    /// The root of the text files that must not be lost, absolute; empty: they are with the messages.
    public var controlPath = ""
    /// Where another server has its index, absolute; empty: with the messages. Only looked at.
    public var indexPath = ""
    /// In the layout of directories, the name of the one that holds a mailbox's messages below the mailbox's own,
    /// which has those of the children beside it; empty: messages and children are in one.
    public var directoryName = ""
    /// The name of the file of subscriptions; empty for `subscriptions`.
    public var subscriptionsName = ""

    public init() {}
}
