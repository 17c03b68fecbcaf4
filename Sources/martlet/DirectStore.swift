import Accounts
import AdminCommands
import Authentication
import Glibc
import Logging
import MailStore
import ServerConfig
import Wiring

/// The store opened by this process, while no daemon has it.
enum DirectStore {
    static func run(
        _ command: AdminCommand, _ configuration: Configuration, _ output: inout some AdminOutput
    ) async throws(AdminError) -> AdminExit {
        switch command {
        case .who, .kick:
            throw AdminError(.unavailable, "the daemon is not running, so nobody is connected")
        case .user, .authTest, .mailboxList, .mailboxStatus, .mailboxCreate, .mailboxDelete, .mailboxRename,
            .mailboxSubscribe, .search, .fetch, .expunge, .forceResync:
            break
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
        var logger = Logger(label: "store") { StandardErrorHandler(label: $0) }
        logger.logLevel = .warning
        let store: any MailStore
        do throws(StoreError) {
            store = try MailStoreWiring.open(settings, logger: logger)
        } catch {
            if error.code == .inUse {
                throw AdminError(
                    .temporary, "another process has the store, yet no daemon answers: \(error.detail)")
            }
            throw AdminError(.temporary, "cannot open the store in \(settings.volumePath): \(error)")
        }
        let accounts = Accounts(
            store: store, mail: settings.mail,
            processOwner: AccountIdentity.FileOwner(uid: getuid(), gid: getgid()))
        let context = AdminContext(
            store: store, accounts: accounts, authenticator: authenticator, sessions: nil)
        let result: Result<AdminExit, AdminError>
        do throws(AdminError) {
            result = .success(try await command.run(context, &output))
        } catch {
            result = .failure(error)
        }
        await store.close()
        Self.giveBack(settings.volumePath)
        return try result.get()
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
