public import Accounts
public import Authentication
public import Delivery
public import Logging
import MailStore
public import ServerConfig
import SieveCore
public import SieveStorage

extension SieveOptions {
    /// What the settings say of scripts at delivery; faults that are not the users' own go to `logger`.
    public init(_ settings: Settings, _ logger: Logger) {
        self.init()
        let sieve = settings.sieve
        self.limits.scriptSize = Int(clamping: sieve.maximumScriptSize)
        self.limits.actions = sieve.maximumActions
        self.limits.redirects = sieve.maximumRedirects
        self.policy.recipientDelimiter = settings.delivery.recipientDelimiter
        self.takeLanguage(settings)
        func paths(_ type: SieveScriptType) -> [String] { sieve.scripts(of: type).map(\.path) }
        self.before = paths(.before)
        self.after = paths(.after)
        self.discard = paths(.discard)
        self.global = paths(.global)
        let fallback = sieve.scripts(of: .default).first
        self.fallback = fallback?.path
        self.fallbackName = fallback?.scriptName ?? ""
        // Without a link `path` is the script itself.
        let personal = sieve.personal
        self.personal = personal.activePath.isEmpty ? personal.path : personal.activePath
        self.personalDirectory = personal.path
        self.userLog = sieve.userLog
        // A script may be used both at delivery and for events (RFC 6785 section 4.2).
        if !settings.events.url.isEmpty { self.registry = self.registry.knowingEvents }
        self.canSend = settings.canSend
        if !self.canSend { self.limits.redirects = 0 }
        self.take(settings.scriptMail)
        self.maximumQueued = settings.outgoingQueue.maximumCount
        self.maximumQueuedOctets = settings.outgoingQueue.maximumSize
        self.expand = { text, recipient in
            let identity = recipient.account.identity
            return Expansion.expand(text) { name in
                switch name {
                case "user": identity.name
                case "home": recipient.home
                case "uid": identity.owner.map { String($0.uid) }
                case "gid": identity.owner.map { String($0.gid) }
                default: nil
                }
            }
        }
        self.report = { logger.error("\($0)") }
    }
}

extension SieveStorage {
    /// Where the settings say that users' own scripts are; `nil` for a user who can have none.
    public static func places(
        _ settings: Settings, _ accounts: Accounts
    ) -> @Sendable (UserRecord) -> SieveStorage? {
        let personal = settings.sieve.personal
        return { user in
            guard let directory = accounts.path(personal.path, of: user),
                let link = accounts.path(personal.activePath, of: user)
            else { return nil }
            var storage = SieveStorage(directory: directory, activePath: link)
            storage.global = settings.sieve.scripts(of: .global).compactMap { accounts.path($0.path, of: user) }
            if let fallback = settings.sieve.scripts(of: .default).first, !fallback.scriptName.isEmpty,
                let path = accounts.path(fallback.path, of: user)
            {
                storage.fallback = SieveStorage.Fallback(name: fallback.scriptName, path: path)
            }
            return storage
        }
    }
}
