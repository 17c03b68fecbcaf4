/// A protocol's side of a listener: what to do with an accepted connection.
public protocol ConnectionService: Sendable {
    /// Runs one connection to its end. Called once per connection in a task that stays on the connection's
    /// event loop: everything nonisolated, and every actor whose `unownedExecutor` is
    /// `connection.executor.asUnownedSerialExecutor()`, runs there without thread hops. With an implicit
    /// TLS listener the handshake is done. The caller flushes and closes the connection afterwards, unless the session has
    /// asked for a `rest`.
    func serve(_ connection: Connection) async

    /// The line told to a peer that is turned away before `serve`; empty for none. Sent only where the
    /// peer can read it, so not ahead of a TLS handshake.
    func refusal(_ reason: Refusal) -> [UInt8]
}

extension ConnectionService {
    public func refusal(_: Refusal) -> [UInt8] { [] }
}

/// Why a listener turns a peer away.
public enum Refusal: Equatable, Sendable {
    /// The listener or the daemon holds as many connections as it may.
    case tooManyConnections
    /// This address does.
    case tooManyFromAddress
    /// The daemon is stopping.
    case shuttingDown
}
