import Accounts
import AdminCommands
import Authentication
import Delivery
import Glibc
import Logging
import MailStore
import ServerConfig
import SieveCore
import SieveStorage
import Wiring

/// The store opened by this process, while no daemon has it.
enum DirectStore {
    static func run(
        _ command: AdminCommand, _ configuration: Configuration, _ output: inout some AdminOutput
    ) async throws(AdminError) -> AdminExit {
        let needsMail: Bool
        switch command {
        case .who, .kick:
            throw AdminError(.unavailable, "the daemon is not running, so nobody is connected")
        case .sieveFilter: throw AdminError(.unavailable, "the daemon is not running, and only it filters mailboxes")
        case .junk: throw AdminError(.unavailable, "the daemon is not running, so nothing is learned")
        case .user, .authTest, .sieve: needsMail = false
        case .mailboxList, .mailboxStatus, .mailboxCreate, .mailboxDelete, .mailboxRename, .mailboxSubscribe,
            .mailboxMetadata, .search, .fetch, .expunge, .transfer, .flags, .forceResync, .quotaGet, .quotaRecalculate,
            .quotaSet,
            .accountMove, .accountBeginAnew, .access, .queue, .upkeep, .verify, .scrub, .status, .why:
            needsMail = true
        }
        let settings = configuration.settings
        let authenticator: DirectAuthenticator
        do throws(WiringError) {
            let log: @Sendable (AuthLogLevel, String) -> Void = { level, text in
                if level == .warning || level == .error { Terminal.complain(text) }
            }
            authenticator = DirectAuthenticator(
                configuration: try AuthConfiguration(settings, log: log), log: log)
        } catch {
            throw AdminError(.configuration, error.text)
        }
        let store: any MailStore = needsMail ? try Self.open(settings) : ClosedStore()
        let told = ToldOnce()
        let quota = AccountQuota(settings) { if told.isNew($0) { Terminal.complain($0) } }
        let accounts = Accounts(
            store: store, mail: settings.mail, quota: quota,
            processOwner: AccountIdentity.FileOwner(uid: getuid(), gid: getgid()),
            namespaces: settings.namespaces, access: settings.access, authenticator: authenticator,
            purpose: .administration)
        let delivery = SieveOptions(configuration.settings(for: .lmtp), Self.logger)
        let context = AdminContext(
            store: store, accounts: accounts, authenticator: authenticator,
            sieve: AdminSieve(
                compiler: SieveCompiler(registry: delivery.registry, limits: delivery.limits),
                globalRegistry: delivery.globalRegistry,
                storage: SieveStorage.places(configuration.settings(for: .sieve), accounts)),
            sessions: nil)
        let result: Result<AdminExit, AdminError>
        do throws(AdminError) {
            result = .success(try await command.run(context, &output))
        } catch {
            result = .failure(error)
        }
        await store.close()
        if needsMail {
            for volume in settings.volumes { Self.giveBack(volume.path) }
        }
        return try result.get()
    }

    private static var logger: Logger {
        var logger = Logger(label: "store") { StandardErrorHandler(label: $0) }
        logger.logLevel = .warning
        return logger
    }

    private static func open(_ settings: Settings) throws(AdminError) -> any MailStore {
        // Before its first start the daemon has not made the directory above the volume.
        for volume in settings.volumes {
            var prefix = ""
            for component in volume.path.split(separator: "/").dropLast() {
                prefix += "/" + component
                mkdir(prefix, 0o755)
            }
        }
        do throws(StoreError) {
            return try MailStoreWiring.open(settings, logger: Self.logger)
        } catch {
            switch error.code {
            case .inUse:
                throw AdminError(
                    .temporary, "another process has the store, yet no daemon answers: \(error.detail)")
            case .noPermission:
                throw AdminError(
                    .noPermission,
                    "cannot open the store in \(settings.volumePaths): run martlet as root")
            case .notFound, .alreadyExists, .expunged, .overQuota, .tooBig, .limit, .diskFull, .temporary, .cannot,
                .damaged:
                throw AdminError(.temporary, "cannot open the store in \(settings.volumePaths): \(error)")
            }
        }
    }

    /// Root may have made files that the mail role must be able to write: they get the directory's owner.
    /// A volume that root has just made gets its owner when the daemon starts.
    private static func giveBack(_ directory: String) {
        var status = stat()
        guard stat(directory, &status) == 0 else { return }
        VolumeOwner.give(directory, uid: status.st_uid, gid: status.st_gid)
    }
}

/// Log lines of the store as complaints.
private struct StandardErrorHandler: LogHandler {
    let label: String
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .warning

    init(label: String) { self.label = label }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        Terminal.complain("\(self.label): \(event.level): \(event.message)")
    }
}
