import Accounts
import Authentication
import Glibc
import IndexedStore
import MailCore
import MailStore
import MaildirFormat
import ServerConfig
import Synchronization
import TemporaryFiles
import Testing

/// One quota for all private namespaces of a user.
@Suite struct PrivateQuotaTests {
    /// Users, a further private and a public namespace.
    private final class Site: Sendable {
        let place: TemporaryDirectory
        let store: IndexedStore
        let problems: Problems
        let accounts: Accounts

        final class Problems: Sendable {
            let lines = Mutex<[String]>([])
        }

        init(_ change: (inout Settings) -> Void = { _ in }, reopening earlier: Site? = nil) throws {
            self.place = try earlier?.place ?? TemporaryDirectory()
            let problems = Problems()
            self.problems = problems
            var options = MaildirOptions()
            options.syncTextFiles = false
            var configuration = IndexedStore.Configuration(
                directory: self.place.path + "/volume", bodyFormat: MaildirFormat(options),
                clock: { 1_800_000_000 })
            configuration.threadCount = 2
            configuration.watchesFiles = false
            configuration.log = { _, line in problems.lines.withLock { $0.append(line) } }
            self.store = try IndexedStore.open(configuration)
            var settings = Settings()
            settings.mail.path = "~/Maildir"
            settings.quota.storageSize = 1000
            var inbox = NamespaceSettings(name: "inbox")
            inbox.holdsInbox = true
            inbox.separator = "/"
            var archive = NamespaceSettings(name: "archive")
            archive.prefix = "Archive/"
            archive.separator = "/"
            archive.path = "~/archive"
            var junk = MailboxSettings(name: "Junk")
            junk.ignoresQuota = true
            archive.mailboxes = [junk]
            var shown = NamespaceSettings(name: "public")
            shown.type = .public
            shown.prefix = "Public/"
            shown.separator = "/"
            shown.path = self.place.path + "/public"
            settings.namespaces = [inbox, archive, shown]
            change(&settings)
            self.accounts = Accounts(
                store: self.store, mail: settings.mail, quota: AccountQuota(settings),
                processOwner: AccountIdentity.FileOwner(uid: getuid(), gid: getgid()),
                namespaces: settings.namespaces)
        }

        func user(_ name: String, _ fields: [String: String] = [:]) -> UserRecord {
            let home = "\(self.place.path)/\(name)"
            mkdir(home, 0o700)
            return UserRecord(user: name, uid: getuid(), gid: getgid(), home: home, fields: fields)
        }

        /// Runs `body` and closes the store.
        static func with(_ site: Site, _ body: (Site) async throws -> Void) async throws {
            do {
                try await body(site)
                await site.store.close()
            } catch {
                await site.store.close()
                throw error
            }
        }

        func put(_ octets: Int, _ account: any MailAccount, _ mailbox: MailboxName) async throws -> StoreError.Code? {
            var text = "Subject: x\r\n\r\n"
            text += String(repeating: "a", count: max(0, octets - text.utf8.count - 2)) + "\r\n"
            let message = IncomingMessage(MessageOctets(Array(text.utf8)))
            let deposit = Deposit(
                message: message, account: account, mailbox: mailbox, missingMailbox: .create, strictness: .exact)
            switch try #require(await self.store.deposit([deposit]).first) {
            case .success: return nil
            case .failure(let error): return error.code
            }
        }
    }

    private let old: MailboxName
    private let junk: MailboxName
    private let shown: MailboxName

    init() throws {
        self.old = try #require(MailboxName("Archive/Old"))
        self.junk = try #require(MailboxName("Archive/Junk"))
        self.shown = try #require(MailboxName("Public/News"))
    }

    @Test func allCountTogether() async throws {
        try await Site.with(try Site()) { site in
            let anna = try await site.accounts.open(site.user("anna"))
            #expect(try await site.put(700, anna, self.old) == nil)
            #expect(try await site.put(2000, anna, self.junk) == nil)
            #expect(try await site.put(2000, anna, self.shown) == nil)
            #expect(try await site.put(301, anna, .inbox) == .overQuota)
            #expect(try await site.put(300, anna, .inbox) == nil)
            #expect(try await anna.quota().usage == QuotaUsage(storage: 1000, messages: 2))
            #expect(try await anna.recalculateQuota().usage == QuotaUsage(storage: 1000, messages: 2))
            for (name, counts) in [(self.old, true), (.inbox, true), (self.junk, false), (self.shown, false)] {
                #expect(anna.countsForQuota(name) == counts, "\(name)")
            }
            await #expect(throws: StoreError.self) { try await anna.checkQuota(octets: 1, in: self.old, .exact) }
            try await anna.checkQuota(octets: 1, in: self.junk, .exact)
            // Others have quotas of their own.
            let ben = try await site.accounts.open(site.user("ben"))
            #expect(try await ben.quota().usage == .zero)
            #expect(try await site.put(900, ben, self.old) == nil)
        }
    }

    /// After a start nobody has opened the namespace, and its mail counts.
    @Test func nobodyHasOpenedIt() async throws {
        let first = try Site()
        try await Site.with(first) { site in
            let anna = try await site.accounts.open(site.user("anna"))
            #expect(try await site.put(700, anna, self.old) == nil)
        }
        try await Site.with(try Site(reopening: first)) { site in
            let anna = try await site.accounts.open(site.user("anna"))
            #expect(anna.quotaNow.usage == QuotaUsage(storage: 700, messages: 1))
            await #expect(throws: StoreError.self) { try await anna.checkQuota(octets: 301, in: .inbox, .exact) }
        }
        // Without limits it counts for whoever asks, and nothing is opened before.
        try await Site.with(try Site({ $0.quota.storageSize = 0 }, reopening: first)) { site in
            let anna = try await site.accounts.open(site.user("anna"))
            #expect(anna.quotaNow.usage == .zero)
            #expect(anna.countsForQuota(self.old) && !anna.countsForQuota(self.junk))
            #expect(try await anna.quota().usage == QuotaUsage(storage: 700, messages: 1))
            try await anna.setQuotaLimits(QuotaLimits(storage: 800))
            #expect(try await site.put(101, anna, .inbox) == .overQuota)
        }
    }

    /// One warning, and mail is taken.
    @Test func itsPlaceIsAway() async throws {
        let away: (inout Settings) -> Void = { settings in
            settings.namespaces[1].path = "archive"
        }
        try await Site.with(try Site(away)) { site in
            for _ in 0..<4 {
                let anna = try await site.accounts.open(site.user("anna"))
                #expect(try await site.put(200, anna, .inbox) == nil)
                #expect(anna.quotaNow.limits.storage == 1000)
            }
            let told = site.problems.lines.withLock { $0.count { $0.contains("does not count for the quota") } }
            #expect(told == 1)
        }
    }

    /// Rules in the user database have names as clients see them.
    @Test func rulesOfTheUser() async throws {
        var settings = Settings()
        settings.namespaces = [NamespaceSettings(name: "inbox"), NamespaceSettings(name: "archive")]
        settings.namespaces[0].holdsInbox = true
        settings.namespaces[0].mailboxes = [MailboxSettings(name: "Spam")]
        settings.namespaces[0].mailboxes[0].ignoresQuota = true
        settings.namespaces[1].prefix = "Archive/"
        settings.namespaces[1].separator = "/"
        let quota = AccountQuota(settings)
        let user = UserRecord(
            user: "anna", uid: 1, gid: 1,
            fields: [
                "quota_rule": "*:storage=5M", "quota_rule2": "Archive/Old/*:ignore",
                "quota_rule3": "Trash:storage=+10%",
                "quota_mail_size": "1k",
            ])
        let own = quota.rules(of: user)
        #expect(own.limits.storage == 5 << 20)
        #expect(own.mailboxRules.map(\.pattern) == ["Trash", "Spam"])
        let further = quota.rules(of: user, inNamespace: "archive")
        #expect(further.limits.isUnlimited && further.maximumMessageSize == 1024)
        #expect(further.mailboxRules.map(\.pattern) == ["INBOX", "Old/*"])
        #expect(further.rule(of: try #require(MailboxName("Old/2020")))?.isIgnored == true)
        #expect(further.rule(of: try #require(MailboxName("Spam"))) == nil)
    }
}
