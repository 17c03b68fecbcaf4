import Accounts
import AdminCommands
import AdminServer
import Authentication
import Delivery
import Glibc
import IMAPServer
import LMTPServer
import Logging
import MailStore
import ManageSieveServer
import POP3Server
import SieveCore
import SieveStorage
import QuotaStatusServer
import ServerConfig
import ServerCore
import Synchronization
import Wiring

/// The protocols of the mail role, made from settings and given new ones at a reload.
final class MailServices: Sendable {
    private let store: any MailStore
    private let authenticator: any Authenticator
    private let contexts: TLSContexts
    private let output: LogOutput
    private let events: MailboxEvents
    private let imap: IMAPService
    private let pop3: POP3Service
    private let lmtp: LMTPService
    private let deliver: LMTPService
    private let sieve: ManageSieveService
    private let quotaStatus: QuotaStatusService
    private let admin: AdminService
    private let registry: SessionRegistry
    /// For users who are not logged in.
    private let sessionAccounts: Mutex<Accounts>

    init(
        _ configuration: Configuration, store: any MailStore, authenticator: any Authenticator,
        contexts: TLSContexts, registry: SessionRegistry, output: LogOutput, events: MailboxEvents
    ) {
        self.store = store
        self.authenticator = authenticator
        self.contexts = contexts
        self.output = output
        self.events = events
        self.imap = IMAPService(
            Self.imapOptions(configuration, store, authenticator, contexts, events, output.logger("")))
        self.pop3 = POP3Service(
            Self.pop3Options(configuration, store, authenticator, contexts, output.logger("")))
        let delivery = Self.lmtpOptions(configuration, store, authenticator, output.logger(""))
        self.lmtp = LMTPService(delivery)
        self.deliver = LMTPService(Self.forPrograms(delivery))
        self.sieve = ManageSieveService(
            Self.sieveOptions(configuration, store, authenticator, contexts, output.logger("")))
        self.quotaStatus = QuotaStatusService(
            Self.quotaStatusOptions(configuration, store, authenticator, output.logger("")))
        self.registry = registry
        self.sessionAccounts = Mutex(
            Self.accounts(store, configuration.settings(for: .imap), authenticator, .session, output.logger("")))
        self.admin = AdminService(
            Self.adminContext(configuration, store, authenticator, registry, events, output.logger("")),
            logger: output.logger("admin"))
    }

    func service(for service: RoleStart.Socket.Service) -> (any ConnectionService)? {
        switch service {
        case .imap: self.imap
        case .pop3: self.pop3
        case .lmtp: self.lmtp
        case .deliver: self.deliver
        case .sieve: self.sieve
        case .quotaStatus: self.quotaStatus
        case .admin: self.admin
        case .auth, .authMail, .submit: nil
        }
    }

    func reload(_ configuration: Configuration) {
        let accounts = Self.accounts(
            self.store, configuration.settings(for: .imap), self.authenticator, .session, self.output.logger(""))
        self.sessionAccounts.withLock { $0 = accounts }
        self.imap.reload(
            Self.imapOptions(
                configuration, self.store, self.authenticator, self.contexts, self.events, self.output.logger("")))
        self.pop3.reload(
            Self.pop3Options(
                configuration, self.store, self.authenticator, self.contexts, self.output.logger("")))
        let delivery = Self.lmtpOptions(configuration, self.store, self.authenticator, self.output.logger(""))
        self.lmtp.reload(delivery)
        self.deliver.reload(Self.forPrograms(delivery))
        self.sieve.reload(
            Self.sieveOptions(
                configuration, self.store, self.authenticator, self.contexts, self.output.logger("")))
        self.quotaStatus.reload(
            Self.quotaStatusOptions(configuration, self.store, self.authenticator, self.output.logger("")))
        self.admin.reload(
            Self.adminContext(
                configuration, self.store, self.authenticator, self.registry, self.events,
                self.output.logger("")))
    }

    /// The account of a user as a session of that user sees it.
    func resolve(_ user: String) async -> MailboxEvents.Resolution {
        let request = AuthenticationRequest(service: "imap", security: .local)
        switch await self.authenticator.lookup(user, request) {
        case .notFound: return .gone
        case .temporary(let reason): return .later("the user database does not answer: \(reason)")
        case .found(let record):
            let accounts = self.sessionAccounts.withLock { $0 }
            // Whatever the error, it says nothing of the user: the events wait until somebody has mended it.
            do throws(StoreError) {
                return .account(try await accounts.open(record))
            } catch {
                return .later("\(error)")
            }
        }
    }

    /// When the role began.
    private static let started = Int64(time(nil))

    private static func adminContext(
        _ configuration: Configuration, _ store: any MailStore, _ authenticator: any Authenticator,
        _ registry: SessionRegistry, _ events: MailboxEvents, _ logger: Logger
    ) -> AdminContext {
        let accounts = Self.accounts(store, configuration.settings, authenticator, .administration, logger)
        if accounts.hasDamagedLists {
            logger.error(
                "acl_global_path: \(configuration.settings.access.globalPath) cannot be read, or has lines that are no rows: until it is mended and Martlet reloaded, nobody but owners has rights"
            )
        }
        let delivery = SieveOptions(configuration.settings(for: .lmtp), logger)
        var context = AdminContext(
            store: store, accounts: accounts, authenticator: authenticator,
            sieve: AdminSieve(
                compiler: SieveCompiler(registry: delivery.registry, limits: delivery.limits),
                globalRegistry: delivery.globalRegistry,
                storage: SieveStorage.places(configuration.settings(for: .sieve), accounts)),
            sessions: RegisteredSessions(registry))
        context.sieve.filter = { removes in
            MailFilter.forAdministrator(configuration, removes: removes, logger)
        }
        context.started = Self.started
        context.junk = {
            let learned = events.learned
            return AdminJunk(
                spam: learned.spam, ham: learned.ham, waiting: learned.waiting, failures: learned.failures,
                lost: learned.lost)
        }
        return context
    }

    private static var owner: AccountIdentity.FileOwner {
        AccountIdentity.FileOwner(uid: getuid(), gid: getgid())
    }

    /// What was said of users' fields, by whichever protocol.
    private static let told = ToldOnce()

    private static func accounts(
        _ store: any MailStore, _ settings: Settings, _ authenticator: any Authenticator,
        _ purpose: Accounts.Purpose, _ logger: Logger
    ) -> Accounts {
        let quota = AccountQuota(settings) { if Self.told.isNew($0) { logger.warning("\($0)") } }
        return Accounts(
            store: store, mail: settings.mail, quota: quota, processOwner: Self.owner,
            namespaces: settings.namespaces,
            access: settings.access, authenticator: authenticator, purpose: purpose)
    }

    private static func imapOptions(
        _ configuration: Configuration, _ store: any MailStore, _ authenticator: any Authenticator,
        _ contexts: TLSContexts, _ events: MailboxEvents, _ logger: Logger
    ) -> IMAPOptions {
        var options = IMAPOptions(
            configuration: configuration, hostname: Self.hostname(configuration.settings),
            authenticator: authenticator,
            accounts: Self.accounts(store, configuration.settings(for: .imap), authenticator, .session, logger),
            store: store,
            contexts: contexts, logger: logger)
        options.events = events
        options.filter = MailFilter.imap(configuration, logger)
        return options
    }

    private static func pop3Options(
        _ configuration: Configuration, _ store: any MailStore, _ authenticator: any Authenticator,
        _ contexts: TLSContexts, _ logger: Logger
    ) -> POP3Options {
        POP3Options(
            configuration: configuration, hostname: Self.hostname(configuration.settings),
            authenticator: authenticator,
            accounts: Self.accounts(store, configuration.settings(for: .pop3), authenticator, .session, logger),
            contexts: contexts, logger: logger)
    }

    private static func sieveOptions(
        _ configuration: Configuration, _ store: any MailStore, _ authenticator: any Authenticator,
        _ contexts: TLSContexts, _ logger: Logger
    ) -> ManageSieveOptions {
        let settings = configuration.settings(for: .sieve)
        // Scripts are checked for where they run.
        let delivery = SieveOptions(configuration.settings(for: .lmtp), logger)
        let accounts = Self.accounts(store, settings, authenticator, .session, logger)
        return ManageSieveOptions(
            configuration: configuration, authenticator: authenticator, accounts: accounts, store: store,
            contexts: contexts, compiler: SieveCompiler(registry: delivery.registry, limits: delivery.limits),
            globalRegistry: delivery.globalRegistry,
            storage: SieveStorage.places(settings, accounts), logger: logger)
    }

    private static func lmtpOptions(
        _ configuration: Configuration, _ store: any MailStore, _ authenticator: any Authenticator,
        _ logger: Logger
    ) -> LMTPOptions {
        let settings = configuration.settings(for: .lmtp)
        var agentOptions = DeliveryAgent.Options()
        agentOptions.keep = Self.keep(settings)
        agentOptions.junkHeader = JunkHeader(settings.junk.header)
        var sieve = SieveOptions(settings, logger)
        sieve.hostname = Self.hostname(settings)
        sieve.policy.postmasterAddress = settings.postmaster(hostname: Self.hostname(settings))
        agentOptions.sieve = sieve
        var options = LMTPOptions(
            hostname: Self.hostname(settings), authenticator: authenticator,
            accounts: Self.accounts(store, configuration.settings(for: .lmtp), authenticator, .delivery, logger),
            agent: DeliveryAgent(store: store, options: agentOptions), store: store, logger: logger)
        options.maximumRecipients = settings.lmtp.maximumRecipients
        options.maximumMessageSize = settings.mail.maximumMessageSize
        options.recipientDelimiter = settings.delivery.recipientDelimiter
        options.addsReceivedField = settings.lmtp.addsReceivedHeader
        options.deliveredTo =
            switch settings.lmtp.deliveryAddressHeader {
            case .none: .none
            case .final: .final
            case .original: .original
            }
        options.inactivityTimeout = settings.lmtp.inactivityTimeout
        options.checksQuotaAtRecipient = settings.lmtp.checksQuotaAtRecipient
        options.failsFullTemporarily = settings.quota.failsTemporarily
        options.fullMessage = settings.quota.exceededMessage
        return options
    }

    /// The same deliveries on the socket for programs of this machine.
    private static func forPrograms(_ options: LMTPOptions) -> LMTPOptions {
        var options = options
        options.local = LocalProgramPolicy(privileged: [0, geteuid()])
        return options
    }

    private static func quotaStatusOptions(
        _ configuration: Configuration, _ store: any MailStore, _ authenticator: any Authenticator,
        _ logger: Logger
    ) -> QuotaStatusOptions {
        let settings = configuration.settings(for: .lmtp)
        let quota = settings.quota
        var options = QuotaStatusOptions(
            authenticator: authenticator,
            accounts: Self.accounts(store, configuration.settings(for: .lmtp), authenticator, .delivery, logger),
            logger: logger)
        options.recipientDelimiter = settings.delivery.recipientDelimiter
        options.keep = Self.keep(settings)
        options.success = quota.status.success
        options.noUser = quota.status.noUser
        let code = quota.failsTemporarily ? "452 4.2.2" : "552 5.2.2"
        options.overQuota = quota.status.overQuota.isEmpty ? "\(code) \(quota.exceededMessage)" : quota.status.overQuota
        if !quota.status.tooLarge.isEmpty { options.tooLarge = quota.status.tooLarge }
        return options
    }

    private static func keep(_ settings: Settings) -> ImplicitKeep {
        ImplicitKeep(
            savesToDetailMailbox: settings.lmtp.savesToDetailMailbox,
            createsMailboxes: settings.delivery.createsMailboxes)
    }

    static func hostname(_ settings: Settings) -> String {
        if !settings.general.hostname.isEmpty { return settings.general.hostname }
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "localhost" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
