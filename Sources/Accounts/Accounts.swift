public import Authentication
public import MailStore
public import ServerConfig

/// Turns a user of the user database into an open account of the store.
///
/// A value: settings of one moment. A reload makes a new one.
public struct Accounts: Sendable {
    /// What accounts are opened for.
    public enum Purpose: Sendable, Hashable {
        /// A user's session: access control lists say what may be done.
        case session
        /// Mail for a user: the right to post counts.
        case delivery
        /// The administrator, who may do everything.
        case administration
    }

    let store: any MailStore
    let mail: MailSettings
    let access: AccessSettings
    let purpose: Purpose
    /// Rows about mailboxes of all users; `nil`: there are none.
    let globalLists: GlobalAccessList?
    let namespaces: [NamespaceSettings]
    private let authenticator: (any Authenticator)?
    /// The ids of the process, for which no change of file owner is needed.
    private let processOwner: AccountIdentity.FileOwner
    /// `nil`: what accounts hold is not limited.
    let quota: AccountQuota?

    /// - Parameters:
    ///   - namespaces: where mailboxes appear; empty for the user's own with nothing before them.
    ///   - authenticator: knows the users who share mailboxes.
    public init(
        store: any MailStore, mail: MailSettings, quota: AccountQuota? = nil,
        processOwner: AccountIdentity.FileOwner,
        namespaces: [NamespaceSettings] = [], access: AccessSettings = AccessSettings(),
        authenticator: (any Authenticator)? = nil, purpose: Purpose = .session
    ) {
        self.store = store
        self.mail = mail
        self.processOwner = processOwner
        self.quota = quota
        self.namespaces = namespaces
        self.access = access
        self.authenticator = authenticator
        self.purpose = purpose
        let path = access.driver == .none ? "" : access.globalPath
        self.globalLists = path.isEmpty ? nil : GlobalAccessList.read(path)
    }

    /// Opens the user's account, making it at first sight: what the user can see of all mail, under the prefixes of
    /// the namespaces.
    public func open(_ user: UserRecord) async throws(StoreError) -> any MailAccount {
        let own = try await self.store.account(self.identity(of: user))
        await self.applyQuota(of: user, to: own)
        guard self.needsView else { return own }
        let home = self.home(of: user)
        let spaces = self.namespaces.map { settings in
            // `$user` and its like stand for owners and stay; they are no variables of the user.
            MailSpace(settings, prefix: self.expand(settings.prefix, user, home))
        }
        .sorted { $0.settings.holdsInbox && !$1.settings.holdsInbox }
        return UserMail(own: own, accounts: self, user: user, spaces: spaces)
    }

    /// The account of the store that has a user's mail in a namespace, private or public, without prefixes and lists; of
    /// the one with INBOX when `namespace` is `nil`. `.notFound` for a name of none, `.cannot` for a shared one.
    public func kept(_ namespace: String?, of user: UserRecord) async throws(StoreError) -> any MailAccount {
        let identity = try self.identity(ofNamespace: namespace, for: user)
        let account = try await self.store.account(identity)
        if identity.name == user.user { await self.applyQuota(of: user, to: account) }
        return account
    }

    /// The names of private namespaces beside that of INBOX, each of which has an account of its own for each user.
    public var furtherNamespaces: [String] {
        self.namespaces.filter(\.isFurther).map(\.name)
    }

    /// Has the account begin anew that `kept` would open, when nothing of its mail is where it should be. `false`: there
    /// is some.
    public func beginAnew(_ namespace: String?, of user: UserRecord) async throws(StoreError) -> Bool {
        try await self.store.beginAnew(self.identity(ofNamespace: namespace, for: user))
    }

    private func identity(
        ofNamespace namespace: String?, for user: UserRecord
    ) throws(StoreError) -> AccountIdentity {
        guard let namespace else { return try self.identity(of: user) }
        guard let settings = self.namespaces.first(where: { $0.name == namespace }) else {
            throw StoreError(.notFound, "namespace \(namespace)")
        }
        if settings.holdsInbox { return try self.identity(of: user) }
        guard settings.type != .shared else {
            throw StoreError(.cannot, "namespace \(namespace) has the mail of other users; name them")
        }
        return try self.identity(of: settings, for: user)
    }

    /// Opens the account of another user as that user sees it; `nil` when there is no such user, or one whose account
    /// the store has never seen: nothing is made for a name that somebody wrote.
    public func open(named name: String) async throws(StoreError) -> (any MailAccount)? {
        guard let record = try await self.record(of: name), try await self.store.hasAccount(record.user) else {
            return nil
        }
        return try await self.open(record)
    }

    /// Whether `acl_global_path` names a file that cannot be read or has lines that are no rows.
    public var hasDamagedLists: Bool { self.globalLists?.isDamaged ?? false }

    /// Whether a user's mail is more than the user's account, or looks otherwise.
    private var needsView: Bool {
        guard let first = self.namespaces.first else { return false }
        return self.access.driver != .none || self.namespaces.count > 1 || !first.prefix.isEmpty
    }

    /// The record of a user who shares mailboxes; `nil` when there is none.
    func record(of name: String) async throws(StoreError) -> UserRecord? {
        guard let authenticator = self.authenticator else { return nil }
        let request = AuthenticationRequest(service: "share", security: .local)
        switch await authenticator.lookup(name, request) {
        case .found(let record): return record
        case .notFound: return nil
        case .temporary(let reason): throw StoreError(.temporary, "lookup of user \(name): \(reason)")
        }
    }

    /// The name of the account that a user has in a further private namespace.
    static func accountName(of namespace: NamespaceSettings, for user: UserRecord) -> String {
        AccountIdentity.namespacePrefix + user.user + ":" + namespace.name
    }

    /// The account of a namespace that is not the user's main one.
    func identity(of namespace: NamespaceSettings, for user: UserRecord) throws(StoreError) -> AccountIdentity {
        let home = self.home(of: user)
        let text = self.expand(namespace.path, user, home)
        guard let path = Self.absolute(text, home: home), path.hasPrefix("/") else {
            throw StoreError(
                .cannot, "namespace \(namespace.name): mail_path \(text) needs a home, or is no absolute path")
        }
        try Self.check(path, "namespace \(namespace.name)")
        let isOwn = namespace.type == .private
        let owner = AccountIdentity.FileOwner(uid: user.uid, gid: user.gid)
        var identity = AccountIdentity(
            name: isOwn ? Self.accountName(of: namespace, for: user) : AccountIdentity.namespacePrefix + path,
            home: isOwn ? home ?? "" : "", mailPath: path,
            owner: !isOwn || owner == self.processOwner ? nil : owner,
            driver: isOwn ? try self.driver(of: user) : self.mail.driver.rawValue,
            places: try self.places(of: namespace, for: user))
        identity.volume = isOwn ? self.volume(of: user) : self.mail.volume
        return identity
    }

    /// Where the user's mail is and whose files it is in. `.cannot` when there is no path to it.
    public func identity(of user: UserRecord) throws(StoreError) -> AccountIdentity {
        // First: of a `mail` field in another format there is no path.
        let driver = try self.driver(of: user)
        let home = self.home(of: user)
        let path = try self.mailPath(of: user, home: home)
        try Self.check(path, "user \(user.user)")
        let owner = AccountIdentity.FileOwner(uid: user.uid, gid: user.gid)
        var identity = AccountIdentity(
            name: user.user, home: home ?? "", mailPath: path, owner: owner == self.processOwner ? nil : owner,
            driver: driver, places: try self.places(of: user))
        identity.volume = self.volume(of: user)
        return identity
    }

    /// The absolute path of a user's mail.
    private func mailPath(of user: UserRecord, home: String?) throws(StoreError) -> String {
        let whose = "user \(user.user)"
        let text = self.expand(
            user.fields["mail_path"] ?? Self.path(inLocation: user.mailLocation) ?? self.mail.path, user, home)
        guard let path = Self.absolute(text, home: home) else {
            throw StoreError(.cannot, "\(whose): mail_path \(text) needs a home, and the userdb gives none")
        }
        if path.hasPrefix("/") { return path }
        if let home, !home.hasPrefix("/"), path != text || text.hasPrefix(home) {
            throw StoreError(.cannot, "\(whose): the home \(home) is not an absolute path; it has to begin with /")
        }
        throw StoreError(.cannot, "\(whose): mail_path \(text) is not an absolute path; it has to begin with / or ~/")
    }

    /// The volume that the user's account gets.
    private func volume(of user: UserRecord) -> String {
        let wanted = user.fields["mail_volume"] ?? user.fields["volume"]
        return wanted.flatMap { $0.isEmpty ? nil : $0 } ?? self.mail.volume
    }

    /// The body format that the user's account gets: the field `mail_driver`, the word before the colon in `mail`,
    /// or the setting.
    private func driver(of user: UserRecord) throws(StoreError) -> String {
        var wanted = user.fields["mail_driver"]
        if wanted == nil, let location = user.mailLocation, let colon = location.firstIndex(of: ":") {
            wanted = String(location[..<colon])
        }
        // A path may have a colon in it.
        guard let wanted, !wanted.isEmpty, !wanted.contains("/") else { return self.mail.driver.rawValue }
        guard let driver = MailDriver(rawValue: wanted) else {
            let field = user.fields["mail_driver"] == nil ? "mail=\(user.mailLocation ?? "")" : "mail_driver=\(wanted)"
            let known = MailDriver.allCases.map(\.rawValue).joined(separator: " and ")
            throw StoreError(
                .cannot,
                "user \(user.user): \(field) from the userdb: the format \(wanted) is not there; known are \(known)")
        }
        return driver.rawValue
    }

    /// Not even a configured template may leave its place by a user name such as `../x`.
    static func check(_ path: String, _ whose: String) throws(StoreError) {
        for component in path.split(separator: "/") where component == ".." {
            throw StoreError(.cannot, "\(whose): `..` in the mail path \(path)")
        }
    }

    /// The user's home directory, absolute, or `nil`.
    public func home(of user: UserRecord) -> String? {
        if let home = user.home, !home.isEmpty { return home }
        guard !self.mail.home.isEmpty else { return nil }
        return self.expand(self.mail.home, user, nil)
    }

    /// The path in a `mail` field such as `maildir:~/Maildir:LAYOUT=fs` or a plain path.
    private static func path(inLocation text: String?) -> String? {
        guard let text, !text.isEmpty else { return nil }
        let path = Self.location(text)?.path ?? text.split(separator: ":").first.map(String.init)
        return path?.isEmpty == true ? nil : path
    }

    static func location(_ text: String?) -> MailLocation? {
        guard let text, let location = MailLocation(text), MailDriver(rawValue: location.driver) != nil else {
            return nil
        }
        return location
    }

    /// A path of the settings for one user, `~/` being the home; `nil` when it needs a home and there is none, is not
    /// absolute, or leads upwards.
    public func path(_ text: String, of user: UserRecord) -> String? {
        let home = self.home(of: user)
        guard let path = Self.absolute(self.expand(text, user, home), home: home), path.hasPrefix("/"),
            !path.split(separator: "/").contains("..")
        else { return nil }
        return path
    }

    static func absolute(_ path: String, home: String?) -> String? {
        if path == "~" { return home }
        guard path.hasPrefix("~/") else { return path }
        return home.map { $0 + path.dropFirst() }
    }

    func expand(_ text: String, _ user: UserRecord, _ home: String?) -> String {
        Expansion.expand(text) { name in
            switch name {
            case "user": user.user
            case "home": home
            case "uid": String(user.uid)
            case "gid": String(user.gid)
            default:
                name.hasPrefix("userdb:") ? user.fields[String(name.dropFirst("userdb:".count))] : nil
            }
        }
    }
}
