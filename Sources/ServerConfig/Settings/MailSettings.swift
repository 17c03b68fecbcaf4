/// Where mail is and how it is written.
public struct MailSettings: Sendable, Equatable {
    public var driver: MailDriver = .maildir
    /// The root of an account's mail; unexpanded. `~/` is the user's home.
    public var path = "~/Maildir"
    /// The home of users whose userdb gives none; unexpanded, may be empty.
    public var home = ""
    /// The user, by name or number, that owns mail of accounts whose userdb gives no uid; may be empty.
    public var uid = ""
    /// As `uid`, for the group.
    public var gid = ""
    public var fsync: FsyncPolicy = .optimized
    public var places = MailPlacesSettings()
    /// One character that begins an escape in names of directories.
    public var escapeCharacter = "\\"
    /// Whether directories are named in UTF-8, modified UTF-7 otherwise.
    public var namesInUTF8 = false
    /// The directory of log and index; empty for the default, see `Settings.volumePath`.
    public var volumePath = ""
    /// The volume of new accounts whose userdb names none; empty for that of `volumePath`.
    public var volume = ""
    /// Further volumes, in the order of the files.
    public var volumes: [VolumeSettings] = []
    /// Octets a second that may be written for keeping the log short; 0: nothing is cleaned.
    public var backgroundRate: UInt64 = 20 << 20
    public var compression: VolumeCompression = .no
    /// From 1, fast, to 19, small.
    public var compressionLevel = 3
    /// For how long segments of the log that nothing needs any more stay where they are.
    public var logRetention: Duration = .seconds(3600)
    /// How often everything is read and compared; zero: never.
    public var scrubInterval: Duration = .seconds(30 * 86_400)
    /// Octets a second that may be read for it.
    public var scrubRate: UInt64 = 4 << 20
    /// Octets of the trace of what happened to mail; 0: none.
    public var traceSize: UInt64 = 64 << 20
    /// How long that is kept.
    public var traceAge: Duration = .seconds(30 * 86_400)
    /// The largest message in octets that APPEND and LMTP take; 0 for no limit.
    public var maximumMessageSize: UInt64 = 100 << 20
    /// How often mailboxes are looked through for messages that `autoexpunge` removes.
    public var autoExpungeInterval: Duration = .seconds(3600)

    public init() {}
}

/// How mailboxes lie below the root of an account's mail, and what lies elsewhere; paths are unexpanded, and `~/` is the
/// home.
public struct MailPlacesSettings: Sendable, Equatable {
    public var layout: MailboxListLayout = .maildirPlusPlus
    /// The directory of INBOX; empty for where the layout has it.
    public var inboxPath = ""
    /// The root of Dovecot's text files; empty: with the messages.
    public var controlPath = ""
    /// Where Dovecot had its index; empty: with the messages.
    public var indexPath = ""
    /// In the layout `fs`, the directory below a mailbox's own that holds its messages; empty: the mailbox's own does.
    public var directoryName = ""
    /// The name of the file of subscriptions.
    public var subscriptionsName = "subscriptions"

    public init() {}
}

/// A place for accounts: a directory with a log and an index of its own.
public struct VolumeSettings: Sendable, Equatable {
    public var name: String
    /// Absolute.
    public var path = ""

    public init(name: String) { self.name = name }

    /// Of the one that is always there.
    public static let usualName = "default"
}

/// The body format of accounts.
public enum MailDriver: String, SettingChoice {
    /// A file for each message.
    case maildir
    /// Messages stay in the volume's log.
    case pack
}

/// How bodies in a volume's log are made smaller.
public enum VolumeCompression: String, SettingChoice {
    case no, zstd
}

/// When changes are forced to the disk.
public enum FsyncPolicy: String, SettingChoice {
    /// Messages before the reply, flags within a second.
    case optimized
    /// Everything before the reply.
    case always
    /// When the system feels like it: acknowledged mail may be lost with the power.
    case never
}

/// How mailbox names become directories.
public enum MailboxListLayout: String, SettingChoice {
    /// `A/B` is the directory `.A.B` in the root.
    case maildirPlusPlus = "maildir++"
    /// `A/B` is the directory `A/B` in the root.
    case fs
}

/// The same for a namespace.
public enum NamespaceLayout: String, SettingChoice {
    /// What `mailbox_list_layout` says outside of all namespaces.
    case account
    case maildirPlusPlus = "maildir++"
    case fs
}

/// Which flags each user of a shared or public mailbox has of his own.
public enum NamespacePrivateFlags: String, SettingChoice {
    case none
    case seen
    case seenAndKeywords = "seen-and-keywords"
}

/// A namespace (RFC 2342).
public struct NamespaceSettings: Sendable, Equatable {
    public var name: String
    public var type: NamespaceType = .private
    /// What names in this namespace begin with, ending in the separator; may be empty. Unexpanded; in a shared one
    /// `$user`, `$username` and `$domain` stand for the owner.
    public var prefix = ""
    /// One character; empty in the files for the layout's own, `.`; never empty after loading.
    public var separator = "."
    /// Whether INBOX is here.
    public var holdsInbox = false
    public var listing: NamespaceListing = .yes
    /// Whether NAMESPACE leaves it out.
    public var isHidden = false
    /// Whether subscriptions of its mailboxes are kept in it; else in the namespace that has INBOX.
    public var keepsSubscriptions = true
    /// Of a shared or public one.
    public var privateFlags = NamespacePrivateFlags.seen
    /// The root of its mail, unexpanded; empty for that of the user. Not of a shared one.
    public var path = ""
    public var layout: NamespaceLayout = .account
    /// As `MailPlacesSettings` has them, for a namespace with a path of its own.
    public var controlPath = ""
    public var indexPath = ""
    /// In the order of the files.
    public var mailboxes: [MailboxSettings] = []

    public init(name: String) { self.name = name }
}

/// What is known of a mailbox before a user has it.
public struct MailboxSettings: Sendable, Equatable {
    /// The name below the namespace's prefix, in UTF-8, levels joined by the namespace's separator.
    public var name: String
    public var autoCreation: MailboxAutoCreation = .no
    /// Special-use attributes such as `\Sent` (RFC 6154), with the backslash.
    public var specialUse: [String] = []
    /// Other names by which clients may call it, in the same form.
    public var aliases: [String] = []
    /// After which time in the mailbox messages are removed; zero for never.
    public var autoExpunge: Duration = .zero
    /// Messages above this many are removed, the oldest first; 0 for no limit.
    public var autoExpungeMaximum = 0
    /// Whether what lies here does not count.
    public var ignoresQuota = false
    /// For messages going in: percent of the account's limits, and octets on top.
    public var quotaStoragePercentage = 100
    public var quotaMessagePercentage = 100
    public var quotaStorageExtra: UInt64 = 0

    public init(name: String) { self.name = name }
}

/// Whether a mailbox comes into being by itself.
public enum MailboxAutoCreation: String, SettingChoice {
    case no, create, subscribe
}
