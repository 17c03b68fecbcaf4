/// Whose mail it is and where it lies: what a user database answers, as far as the store needs it.
public struct AccountIdentity: Hashable, Sendable {
    /// The kernel ids under which an account's files are read and written.
    public struct FileOwner: Hashable, Sendable {
        public var uid: UInt32
        public var gid: UInt32

        public init(uid: UInt32, gid: UInt32) {
            self.uid = uid
            self.gid = gid
        }
    }

    /// The user name after normalization: the account's key in the store.
    public var name: String
    /// The home directory, absolute; empty when the user has none.
    public var home: String
    /// The root of the account's mail files, absolute.
    public var mailPath: String
    /// What is where below and beside it.
    public var places: MailPlaces
    /// `nil`: the ids of the process itself.
    public var owner: FileOwner?
    /// The body format that a new account gets, by its name in settings (`mail_driver`). An account that is there
    /// already stays in the format that it has.
    public var driver: String
    /// The volume that a new account gets, by its name in settings; empty for the usual one. An account that is there
    /// already stays in the volume that it is in, and of an open one it is that.
    public var volume = ""

    /// What names of accounts begin with that are no user's: public namespaces, and further ones of a user.
    public static let namespacePrefix = "namespace:"

    /// Whether the account is a namespace's own: it has no INBOX and no mailboxes by default.
    public var isOfNamespace: Bool { self.name.hasPrefix(Self.namespacePrefix) }

    /// What accounts are in that were made before there was a choice.
    public static let firstDriver = "maildir"

    public init(
        name: String, home: String, mailPath: String, owner: FileOwner? = nil, driver: String = Self.firstDriver,
        places: MailPlaces = MailPlaces()
    ) {
        self.name = name
        self.home = home
        self.mailPath = mailPath
        self.owner = owner
        self.driver = driver
        self.places = places
    }
}
