public import AdminCommands
public import Logging
public import ServerCore
import Synchronization

/// Answers `martlet` on the admin socket: one command a connection (see `AdminLine` for the lines).
///
/// Who may connect is decided by the permissions of the socket.
public final class AdminService: ConnectionService {
    private let context: Mutex<AdminContext>
    private let logger: Logger

    public init(_ context: AdminContext, logger: Logger) {
        self.context = Mutex(context)
        self.logger = logger
    }

    /// Gives later commands other settings.
    public func reload(_ context: AdminContext) { self.context.withLock { $0 = context } }

    public func serve(_ connection: Connection) async {
        await AdminSession(connection, self.context.withLock { $0 }, self.logger).run()
    }
}

/// The daemon's sessions as `who` and `kick` want them.
public struct RegisteredSessions: AdminSessions {
    private let registry: SessionRegistry

    public init(_ registry: SessionRegistry) { self.registry = registry }

    public func list() -> [AdminCommands.AdminSession] { self.registry.list().compactMap(Self.session) }

    public func kick(where matches: (AdminCommands.AdminSession) -> Bool) -> Int {
        self.registry.kick { info in Self.session(info).map(matches) ?? false }
    }

    public func endMoved(where matches: (AdminCommands.AdminSession) -> Bool) {
        _ = self.registry.kick(.moved) { info in Self.session(info).map(matches) ?? false }
    }

    private static func session(_ info: SessionInfo) -> AdminCommands.AdminSession? {
        info.user.map {
            AdminCommands.AdminSession(
                user: $0, service: info.service, remoteAddress: info.remoteAddress.description,
                sessionID: info.sessionID)
        }
    }
}
