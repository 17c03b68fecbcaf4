/// What the user database says about a user.
public struct UserRecord: Hashable, Sendable {
    /// The user's canonical name.
    public var user: String
    /// Owner of the user's files; never 0.
    public var uid: UInt32
    /// Group of the user's files; never 0.
    public var gid: UInt32
    /// An absolute path, or `nil` when the user has no home.
    public var home: String?
    /// Where the user's mail is, in place of the setting (`mail` field): `maildir:~/Maildir`.
    public var mailLocation: String?
    /// Every other field; a key may name any setting, which the value then overrides for this user.
    public var fields: [String: String]

    public init(
        user: String, uid: UInt32, gid: UInt32, home: String? = nil, mailLocation: String? = nil,
        fields: [String: String] = [:]
    ) {
        self.user = user
        self.uid = uid
        self.gid = gid
        self.home = home
        self.mailLocation = mailLocation
        self.fields = fields
    }
}

/// The answer to a user lookup.
public enum UserLookup: Hashable, Sendable {
    case found(UserRecord)
    case notFound
    /// The database did not answer; the text is for the log.
    case temporary(String)
}
