public import Authentication
public import MailStore
public import ServerConfig

/// Turns a user of the user database into an open account of the store.
///
/// A value: settings of one moment. A reload makes a new one.
public struct Accounts: Sendable {
    private let store: any MailStore
    private let mail: MailSettings
    /// The ids of the process, for which no change of file owner is needed.
    private let processOwner: AccountIdentity.FileOwner
    /// `nil`: what accounts hold is not limited.
    private let quota: AccountQuota?

    public init(
        store: any MailStore, mail: MailSettings, quota: AccountQuota? = nil,
        processOwner: AccountIdentity.FileOwner
    ) {
        self.store = store
        self.mail = mail
        self.processOwner = processOwner
        self.quota = quota
    }

    /// Opens the user's account, making it at first sight.
    public func open(_ user: UserRecord) async throws(StoreError) -> any MailAccount {
        let account = try await self.store.account(self.identity(of: user))
        if let quota { account.apply(quota.rules(of: user)) }
        return account
    }

    /// Where the user's mail is and whose files it is in. `.cannot` when there is no path to it.
    public func identity(of user: UserRecord) throws(StoreError) -> AccountIdentity {
        let home = self.home(of: user)
        let path = Self.absolute(
            self.expand(
                user.fields["mail_path"] ?? Self.path(inLocation: user.mailLocation) ?? self.mail.path, user, home),
            home: home)
        guard let path, path.hasPrefix("/") else {
            throw StoreError(.cannot, "user \(user.user): mail_path needs a home, and the userdb gives none")
        }
        // Not even a configured template may leave its place by a user name such as `../x`.
        for component in path.split(separator: "/") where component == ".." {
            throw StoreError(.cannot, "user \(user.user): `..` in the mail path \(path)")
        }
        let owner = AccountIdentity.FileOwner(uid: user.uid, gid: user.gid)
        return AccountIdentity(
            name: user.user, home: home ?? "", mailPath: path, owner: owner == self.processOwner ? nil : owner,
            driver: try self.driver(of: user))
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
            throw StoreError(.cannot, "user \(user.user): mail_driver \(wanted) is unknown")
        }
        return driver.rawValue
    }

    /// The user's home directory, absolute, or `nil`.
    public func home(of user: UserRecord) -> String? {
        if let home = user.home, !home.isEmpty { return home }
        guard !self.mail.home.isEmpty else { return nil }
        return self.expand(self.mail.home, user, nil)
    }

    /// The path in a `mail` field such as `maildir:~/Maildir:LAYOUT=fs` or a plain path.
    private static func path(inLocation location: String?) -> String? {
        guard var location, !location.isEmpty else { return nil }
        for driver in MailDriver.allCases where location.hasPrefix("\(driver.rawValue):") {
            location.removeFirst(driver.rawValue.utf8.count + 1)
            break
        }
        let path = location.split(separator: ":", omittingEmptySubsequences: false).first.map(String.init)
        return path?.isEmpty == true ? nil : path
    }

    private static func absolute(_ path: String, home: String?) -> String? {
        if path == "~" { return home }
        guard path.hasPrefix("~/") else { return path }
        return home.map { $0 + path.dropFirst() }
    }

    private func expand(_ text: String, _ user: UserRecord, _ home: String?) -> String {
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
