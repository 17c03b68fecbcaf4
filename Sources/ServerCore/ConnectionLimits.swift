import Synchronization

/// Counts connections that have not logged in, by address. Shared by the protocols that have a login. From
/// any thread.
public final class WaitingLimit: Sendable {
    private let maximum: Int
    private let counts = Mutex<[[UInt8]: Int]>([:])

    /// The most from one IPv4 address or IPv6 /64; 0 is no limit. Unix sockets are not counted.
    public init(maximum: Int) { self.maximum = maximum > 0 ? maximum : .max }

    func acquire(_ address: PeerAddress) -> Bool {
        guard address.kind != .unix else { return true }
        return self.counts.withLock { counts in
            let count = counts[address.limitKey, default: 0]
            guard count < self.maximum else { return false }
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

/// Counts the connections of one protocol. From any thread.
public final class ConnectionLimits: Sendable {
    private let maximum: Int
    let waiting: WaitingLimit
    private let count = Mutex(0)
    private let refused = Mutex(0)

    /// Refused connections that may stay until their peers have read why. Those refused beyond are cut.
    private static let maximumRefused = 64

    /// `maximum`: the most connections at a time; 0 is no limit.
    public init(maximum: Int, waiting: WaitingLimit) {
        self.maximum = maximum > 0 ? maximum : .max
        self.waiting = waiting
    }

    /// With a limit of waiting connections of its own.
    public convenience init(maximum: Int, maximumWaiting: Int) {
        self.init(maximum: maximum, waiting: WaitingLimit(maximum: maximumWaiting))
    }

    /// Counts a connection in. Answers `nil` when it may stay; `waiting.release` and `release` follow.
    func acquire(_ address: PeerAddress) -> Refusal? {
        guard self.acquire() else { return .tooManyConnections }
        guard self.waiting.acquire(address) else {
            self.release()
            return .tooManyFromAddress
        }
        return nil
    }

    /// Counts in a connection whose client is not known yet; `release` follows.
    func acquire() -> Bool {
        self.count.withLock { count in
            guard count < self.maximum else { return false }
            count += 1
            return true
        }
    }

    func release() { self.count.withLock { $0 -= 1 } }

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
    public var total: Int { self.count.withLock { $0 } }
}
