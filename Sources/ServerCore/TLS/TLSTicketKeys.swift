import COpenSSL
import Synchronization

/// The keys of session tickets: shared by all contexts, threads and processes that were started from the
/// same secret, and renewed every few hours by a one-way step, so that an old key cannot be computed from
/// a stolen new one. Tickets of the previous key are still taken.
public final class TLSTicketKeys: Sendable {
    /// How long one key makes tickets, in seconds. Tickets live up to twice as long.
    public static let period: Int64 = 6 * 3600

    struct Key: Sendable {
        var name: [UInt8]
        var cipher: [UInt8]
        var mac: [UInt8]
    }

    private struct State {
        /// The secret of `epoch - 1`; the keys of both epochs follow from it.
        var secret: [UInt8]
        var epoch: Int64
        var current: Key
        var previous: Key
    }

    private let state: Mutex<State>

    /// A random start for one process.
    public convenience init() {
        var secret = [UInt8](repeating: 0, count: 32)
        // Without it everyone would know the keys of all sessions.
        precondition(RAND_bytes(&secret, 32) == 1, "No random numbers for the keys of TLS tickets")
        self.init(secret: secret, epoch: Self.epoch())
    }

    /// A start from another process's `export()`.
    public init(secret: [UInt8], epoch: Int64) {
        self.state = Mutex(Self.derive(secret, epoch))
    }

    /// What another process needs to make and take the same tickets. Secret.
    public func export() -> (secret: [UInt8], epoch: Int64) {
        self.state.withLock { state in
            Self.advance(&state)
            return (state.secret, state.epoch)
        }
    }

    var current: Key {
        self.state.withLock { state in
            Self.advance(&state)
            return state.current
        }
    }

    /// The key with this name, and whether the ticket should be renewed with the current one.
    func key(named name: UnsafeRawBufferPointer) -> (key: Key, renew: Bool)? {
        self.state.withLock { state in
            Self.advance(&state)
            if name.elementsEqual(state.current.name) { return (state.current, false) }
            if name.elementsEqual(state.previous.name) { return (state.previous, true) }
            return nil
        }
    }

    private static func epoch() -> Int64 { martlet_unix_time() / Self.period }

    private static func advance(_ state: inout State) {
        let now = Self.epoch()
        guard now > state.epoch else { return }
        // After a long sleep the steps between do not matter: nothing was issued with them.
        let steps = min(now - state.epoch, 4)
        var secret = state.secret
        for _ in 0..<steps { secret = Self.step(secret, "next") }
        state = Self.derive(secret, now)
    }

    private static func derive(_ secret: [UInt8], _ epoch: Int64) -> State {
        State(
            secret: secret, epoch: epoch, current: Self.key(Self.step(secret, "next")),
            previous: Self.key(secret))
    }

    private static func key(_ secret: [UInt8]) -> Key {
        Key(
            name: [UInt8](Self.step(secret, "name").prefix(16)), cipher: Self.step(secret, "cipher"),
            mac: Self.step(secret, "mac"))
    }

    private static func step(_ secret: [UInt8], _ label: String) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        let input = secret + [UInt8](label.utf8)
        EVP_Digest(input, input.count, &digest, nil, EVP_sha256(), nil)
        return digest
    }
}
