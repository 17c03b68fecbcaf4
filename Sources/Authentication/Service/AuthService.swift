import SASLCore
import Synchronization

/// A listening unix socket of the auth role and what its clients may ask.
public struct AuthListener: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        /// An MTA: SASL only.
        case client
        /// Lookups of users, no passwords.
        case userdb
        /// The mail role: SASL with the user's record, and lookups.
        case mail
    }

    /// Bound and listening; stays the caller's.
    public var descriptor: Int32
    public var kind: Kind

    public init(descriptor: Int32, kind: Kind) {
        self.descriptor = descriptor
        self.kind = kind
    }
}

/// The auth role: answers Dovecot's auth protocol on unix sockets.
///
/// One thread owns all connections and requests. Slow hashes and blocking databases run on a bounded thread
/// pool, PAM in worker processes, delays as timers: nothing that waits delays anything else.
public final class AuthService: Sendable {
    let log: @Sendable (AuthLogLevel, String) -> Void
    let mailbox: AuthServiceMailbox

    /// `log` gets lines without a secret in them, on any thread.
    public init(configuration: AuthConfiguration, log: @escaping @Sendable (AuthLogLevel, String) -> Void) {
        self.log = log
        self.mailbox = AuthServiceMailbox(configuration)
    }

    /// Serves until `stop`. Blocks. To be called once.
    public func run(listeners: [AuthListener]) {
        guard let wakePipe = self.mailbox.wakePipe else {
            self.log(.error, "auth: no descriptor for the service")
            return
        }
        let loop = AuthServiceLoop(
            listeners: listeners, mailbox: self.mailbox, wakePipe: wakePipe, log: self.log)
        loop.run()
    }

    /// New requests see the new configuration, open ones end under the old. Any thread.
    public func reload(_ configuration: AuthConfiguration) {
        self.mailbox.state.withLock { $0.configuration = configuration }
        self.mailbox.wakePipe?.wake()
    }

    /// Ends `run` and all connections. Any thread.
    public func stop() {
        self.mailbox.state.withLock { $0.isStopped = true }
        self.mailbox.wakePipe?.wake()
    }
}

/// What other threads hand to the service's thread.
final class AuthServiceMailbox: Sendable {
    struct State {
        /// A configuration that the loop has not taken yet.
        var configuration: AuthConfiguration?
        var isStopped = false
        var completions: [AuthCompletion] = []
    }

    let state: Mutex<State>
    let wakePipe = WakePipe()

    init(_ configuration: AuthConfiguration) { self.state = Mutex(State(configuration: configuration)) }

    func post(_ completion: AuthCompletion) {
        let isFirst = self.state.withLock { state in
            state.completions.append(completion)
            return state.completions.count == 1
        }
        if isFirst { self.wakePipe?.wake() }
    }
}

/// A result of the thread pool. `serial` names an authentication; connection and id a lookup.
enum AuthCompletion: Sendable {
    case verified(serial: UInt64, PasswordCheck, PasswordCheck.Step)
    case keys(serial: UInt64, Verifier.KeyLookup)
    case token(serial: UInt64, SASLToken, Verifier.TokenCheck)
    case resolved(serial: UInt64, UserLookup)
    case reply(connection: UInt64, [UInt8])
}
