import Synchronization

/// What is known of one connection: what `martlet who` prints.
public struct SessionInfo: Sendable, Identifiable {
    public let id: UInt64
    public let sessionID: String
    /// `imap`, `pop3`, `lmtp`, ...
    public let service: String
    /// `nil` before the login.
    public var user: String?
    public let remoteAddress: PeerAddress
    /// Seconds since 1970 at which the connection came.
    public let since: Int64
}

/// All connections of this process: for `who`, `kick`, the end of the daemon and the limit of connections
/// per user. From any thread.
public final class SessionRegistry: Sendable {
    private struct Entry {
        var info: SessionInfo
        let connection: Connection
    }

    private struct UserKey: Hashable {
        let service: String
        let user: String
        let address: [UInt8]
    }

    private struct State {
        var entries: [UInt64: Entry] = [:]
        var byUser: [UserKey: Int] = [:]
        var shutdown: ShutdownReason?
        var emptyWaiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    public init() {}

    /// `false`: the daemon is stopping, and the connection may not stay.
    func add(_ connection: Connection, service: String, since: Int64) -> Bool {
        let info = SessionInfo(
            id: connection.id, sessionID: connection.sessionID, service: service, user: nil,
            remoteAddress: connection.remoteAddress, since: since)
        return self.state.withLock { state in
            guard state.shutdown == nil else { return false }
            state.entries[info.id] = Entry(info: info, connection: connection)
            return true
        }
    }

    func remove(_ connection: Connection) {
        let waiters = self.state.withLock { state -> [CheckedContinuation<Void, Never>] in
            guard let entry = state.entries.removeValue(forKey: connection.id) else { return [] }
            if let user = entry.info.user { Self.release(&state, entry.info, user) }
            guard state.entries.isEmpty else { return [] }
            defer { state.emptyWaiters = [] }
            return state.emptyWaiters
        }
        for waiter in waiters { waiter.resume() }
    }

    private static func release(_ state: inout State, _ info: SessionInfo, _ user: String) {
        let key = UserKey(service: info.service, user: user, address: info.remoteAddress.limitKey)
        let count = state.byUser[key, default: 1]
        state.byUser[key] = count > 1 ? count - 1 : nil
    }

    /// Writes a connection down as the user's; `false` when the user already has `limit` of them.
    func login(_ connection: Connection, user: String, limit: Int) -> Bool {
        self.state.withLock { state in
            guard var entry = state.entries[connection.id] else { return false }
            if let earlier = entry.info.user { Self.release(&state, entry.info, earlier) }
            let key = UserKey(
                service: entry.info.service, user: user, address: entry.info.remoteAddress.limitKey)
            let count = state.byUser[key, default: 0]
            entry.info.user = count < limit ? user : nil
            state.entries[connection.id] = entry
            guard count < limit else { return false }
            state.byUser[key] = count + 1
            return true
        }
    }

    /// Writes a connection down as nobody's.
    func logout(_ connection: Connection) {
        self.state.withLock { state in
            guard var entry = state.entries[connection.id], let user = entry.info.user else { return }
            Self.release(&state, entry.info, user)
            entry.info.user = nil
            state.entries[connection.id] = entry
        }
    }

    /// All sessions, oldest first.
    public func list() -> [SessionInfo] {
        self.state.withLock { $0.entries.values.map(\.info) }.sorted { $0.id < $1.id }
    }

    public var count: Int { self.state.withLock { $0.entries.count } }

    /// Asks the sessions for which `matches` says so to end; returns how many that were.
    public func kick(_ reason: ShutdownReason = .kicked, where matches: (SessionInfo) -> Bool) -> Int {
        // `matches` is not ours: it runs without the lock.
        let chosen = self.state.withLock { Array($0.entries.values) }.filter { matches($0.info) }
        for entry in chosen { entry.connection.requestShutdown(reason) }
        return chosen.count
    }

    /// Asks all sessions to end; connections to come are refused.
    public func shutdown(_ reason: ShutdownReason) {
        let connections = self.state.withLock { state in
            state.shutdown = reason
            return state.entries.values.map(\.connection)
        }
        for connection in connections { connection.requestShutdown(reason) }
    }

    /// Breaks what is still connected.
    public func disconnectAll() {
        for entry in self.state.withLock({ Array($0.entries.values) }) { entry.connection.disconnect() }
    }

    /// Returns when no connection is left.
    public func waitUntilEmpty() async {
        await withCheckedContinuation { continuation in
            let isEmpty = self.state.withLock { state in
                if !state.entries.isEmpty { state.emptyWaiters.append(continuation) }
                return state.entries.isEmpty
            }
            if isEmpty { continuation.resume() }
        }
    }
}
