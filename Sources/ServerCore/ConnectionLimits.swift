import Glibc
import Synchronization

/// Counts connections that have not logged in, by address. Shared by the protocols that have a login. From
/// any thread.
public final class WaitingLimit: Sendable {
    private let maximum: Mutex<Int>
    private let counts = Mutex<[[UInt8]: Int]>([:])

    /// The most from one IPv4 address or IPv6 /64; 0 is no limit. Unix sockets are not counted.
    public init(maximum: Int) { self.maximum = Mutex(maximum > 0 ? maximum : .max) }

    /// Another limit for connections to come; 0 is none.
    public func replace(maximum: Int) { self.maximum.withLock { $0 = maximum > 0 ? maximum : .max } }

    func acquire(_ address: PeerAddress) -> Bool {
        guard address.kind != .unix else { return true }
        let maximum = self.maximum.withLock { $0 }
        return self.counts.withLock { counts in
            let count = counts[address.limitKey, default: 0]
            guard count < maximum else { return false }
            counts[address.limitKey] = count + 1
            return true
        }
    }

    func release(_ address: PeerAddress) {
        guard address.kind != .unix else { return }
        self.counts.withLock { counts in
            let count = counts[address.limitKey, default: 1]
            counts[address.limitKey] = count > 1 ? count - 1 : nil
        }
    }
}

/// Counts the connections of all protocols that share it, so that descriptors are left for files. From any thread.
public final class DescriptorLimit: Sendable {
    private struct State {
        var count = 0
        var withoutLogin = WaitingConnections()
    }

    fileprivate enum Place {
        case free
        /// In place of one that is to be cut.
        case cutting(Connection)
        case none
    }

    private let maximum: Int
    private let state = Mutex(State())
    /// Connections above the maximum while those cut for them are ending.
    fileprivate static let maximumCut = 64

    /// Of the limit of open files (RLIMIT_NOFILE) an eighth is left, at least 512 or the half.
    public init() {
        var limit = rlimit()
        let isKnown = getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0
        let files = isKnown ? Int(clamping: limit.rlim_cur) : 1024
        self.maximum = max(files - max(files / 8, min(files / 2, 512)), 1)
    }

    /// `maximum`: the most connections at a time.
    public init(maximum: Int) { self.maximum = maximum }

    /// Counts one in, when there is a place, or one that has not logged in makes room.
    fileprivate func acquire() -> Place {
        self.state.withLock { state in
            if state.count < self.maximum {
                state.count += 1
                return .free
            }
            guard state.count - self.maximum < Self.maximumCut, let oldest = state.withoutLogin.popFirst() else {
                return .none
            }
            state.count += 1
            return .cutting(oldest)
        }
    }

    /// Counts one in for which another of its protocol is to be cut.
    fileprivate func acquireForCut() -> Bool {
        self.state.withLock { state in
            guard state.count - self.maximum < Self.maximumCut else { return false }
            state.count += 1
            return true
        }
    }

    fileprivate func release() { self.state.withLock { $0.count -= 1 } }

    fileprivate func waits(_ connection: Connection) { self.state.withLock { $0.withoutLogin.insert(connection) } }
    fileprivate func stopsWaiting(_ connection: Connection) {
        self.state.withLock { $0.withoutLogin.remove(connection) }
    }
}

/// Counts the connections of one protocol. From any thread.
///
/// In a protocol with a login a new connection that finds all places taken gets that of the one which has waited longest
/// for its login, so that nobody can keep users out by connections that say nothing.
public final class ConnectionLimits: Sendable {
    private struct State {
        var maximum: Int
        var count = 0
        var withoutLogin = WaitingConnections()
        /// Whether one was cut that nobody was told of, and when somebody was last, in seconds since 1970.
        var hasCut = false
        var told: Int64 = 0
    }

    private let hasLogin: Bool
    private let descriptors: DescriptorLimit
    let waiting: WaitingLimit
    private let state: Mutex<State>
    private let refused = Mutex(0)

    /// Refused connections that may stay until their peers have read why. Those refused beyond are cut.
    private static let maximumRefused = 64
    /// `maximum`: the most connections at a time; 0 is no limit. `hasLogin`: those that have not logged in make room.
    /// `descriptors`: shared by all protocols.
    public init(
        maximum: Int, waiting: WaitingLimit, hasLogin: Bool = false,
        descriptors: DescriptorLimit = DescriptorLimit(maximum: .max / 2)
    ) {
        self.descriptors = descriptors
        self.state = Mutex(State(maximum: maximum > 0 ? maximum : .max))
        self.waiting = waiting
        self.hasLogin = hasLogin
    }

    /// Another limit for connections to come; 0 is none.
    public func replace(maximum: Int) { self.state.withLock { $0.maximum = maximum > 0 ? maximum : .max } }

    /// With a limit of waiting connections of its own.
    public convenience init(maximum: Int, maximumWaiting: Int) {
        self.init(maximum: maximum, waiting: WaitingLimit(maximum: maximumWaiting))
    }

    /// Counts a connection in. Answers `nil` when it may stay; `waiting.release` and `release` follow.
    func acquire(_ address: PeerAddress) -> Refusal? {
        // The address first: one that has too many must not have others cut.
        guard self.waiting.acquire(address) else { return .tooManyFromAddress }
        guard self.acquire() else {
            self.waiting.release(address)
            return .tooManyConnections
        }
        return nil
    }

    /// Counts in a connection whose client is not known yet; `release` follows. May cut one that has not logged in.
    func acquire() -> Bool {
        let (isIn, oldest) = self.state.withLock { state -> (Bool, Connection?) in
            if state.count < state.maximum {
                switch self.descriptors.acquire() {
                case .free:
                    state.count += 1
                    return (true, nil)
                case .cutting(let oldest):
                    state.count += 1
                    state.hasCut = true
                    return (true, oldest)
                case .none: return (false, nil)
                }
            }
            guard state.count - state.maximum < DescriptorLimit.maximumCut, !state.withoutLogin.isEmpty,
                self.descriptors.acquireForCut()
            else { return (false, nil) }
            state.count += 1
            state.hasCut = true
            return (true, state.withoutLogin.popFirst())
        }
        oldest?.makeRoom()
        return isIn
    }

    func release() {
        self.state.withLock { $0.count -= 1 }
        self.descriptors.release()
    }

    /// From now on it may be cut to make room, until `stopsWaiting`.
    func waits(_ connection: Connection) {
        guard self.hasLogin else { return }
        self.state.withLock { $0.withoutLogin.insert(connection) }
        self.descriptors.waits(connection)
    }

    func stopsWaiting(_ connection: Connection) {
        guard self.hasLogin else { return }
        self.state.withLock { $0.withoutLogin.remove(connection) }
        self.descriptors.stopsWaiting(connection)
    }

    /// Whether it is time to tell that connections are cut: once a minute. `now` in seconds since 1970.
    func mayTell(_ now: Int64) -> Bool {
        self.state.withLock { state in
            guard state.hasCut, now - state.told >= 60 || now < state.told else { return false }
            state.hasCut = false
            state.told = now
            return true
        }
    }

    /// Whether a refused connection may stay for its refusal; `releaseRefused` follows.
    func acquireRefused() -> Bool {
        self.refused.withLock { count in
            guard count < Self.maximumRefused else { return false }
            count += 1
            return true
        }
    }

    func releaseRefused() { self.refused.withLock { $0 -= 1 } }

    /// Connections counted in now.
    public var total: Int { self.state.withLock { $0.count } }
}
