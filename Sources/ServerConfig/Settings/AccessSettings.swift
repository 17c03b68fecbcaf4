/// Access control lists.
public struct AccessSettings: Sendable, Equatable {
    public var driver: AccessDriver = .none
    /// Whether users may share with everybody.
    public var allowsAnyone = false
    /// Groups of users whose userdb gives no `acl_groups`.
    public var groups: [String] = []
    /// Whether mailboxes of users without an own list have that of INBOX.
    public var defaultsFromInbox = false

    /// A file of rows about mailboxes of all users; empty for none.
    public var globalPath = ""
    /// Whether mailboxes' own lists mean nothing.
    public var globalsOnly = false

    public init() {}
}

/// Whether access control lists are enforced, and where they are.
public enum AccessDriver: String, SettingChoice {
    /// Users have their own mail and no one else's.
    case none
    /// In each mailbox, the file `dovecot-acl` of a Maildir.
    case vfile
}

/// Whose mail is in a namespace.
public enum NamespaceType: String, SettingChoice {
    /// The user's own.
    case `private`
    /// That of other users, as far as they share it.
    case shared
    /// Nobody's in particular.
    case `public`
}

/// Whether the names of a namespace show in lists.
public enum NamespaceListing: String, SettingChoice {
    case yes
    /// Only to clients that ask for the namespace by its prefix.
    case no
    /// The prefix itself only when there is something below.
    case children
}
